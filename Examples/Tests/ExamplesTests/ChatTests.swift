import Glibc
import Testing
import Toro
import ToroNet

@testable import Demo

@Suite("The chat room")
struct ChatTests {
  /// Somebody who has come in and been greeted.
  private static func enter(_ address: SocketAddress, as name: String) async throws -> Connection {
    let connection = try await Connection.connect(to: address, deadline: soon(5_000))
    #expect(try await connection.readLine(deadline: soon(5_000)) == "Who are you?")
    try await connection.write(name + "\n")
    #expect(try await connection.readLine(deadline: soon(5_000)) == "* \(name) is here")
    return connection
  }

  @Test("Everybody hears what is said, in the same order, and a letter reaches one alone")
  func talk() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("Chat")
      let ada = try await Self.enter(address, as: "ada")
      let bob = try await Self.enter(address, as: "bob")
      #expect(try await ada.readLine(deadline: soon(5_000)) == "* bob is here")
      try await ada.write("hello\n/msg bob psst\n/who\n")
      for member in [ada, bob] { #expect(try await member.readLine(deadline: soon(5_000)) == "ada: hello") }
      #expect(try await bob.readLine(deadline: soon(5_000)) == "ada, to you alone: psst")
      #expect(try await ada.readLine(deadline: soon(5_000)) == "* ada bob")
      for number in 0..<200 { try await (number % 2 == 0 ? ada : bob).write("\(number)\n") }
      var heard: [[String]] = []
      for member in [ada, bob] {
        var lines: [String] = []
        for _ in 0..<200 { lines.append(try await member.readLine(deadline: soon(5_000)) ?? "") }
        heard.append(lines)
      }
      #expect(heard[0] == heard[1])
      try await bob.write("/quit\n")
      #expect(try await bob.readLine(deadline: soon(5_000)) == nil)
      #expect(try await ada.readLine(deadline: soon(5_000)) == "* bob has gone")
      withExtendedLifetime(daemon) {}
    }
  }

  @Test("A name that is taken, or none, is refused")
  func names() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("Chat")
      let ada = try await Self.enter(address, as: "ada")
      for (name, answer) in [("ada", "That name is taken."), ("", "Letters and digits, please."), ("a b", nil)] {
        let other = try await Connection.connect(to: address, deadline: soon(5_000))
        _ = try await other.readLine(deadline: soon(5_000))
        try await other.write(name + "\n")
        #expect(try await other.readLine(deadline: soon(5_000)) == answer ?? "Letters and digits, please.")
        #expect(try await other.readLine(deadline: soon(5_000)) == nil)
      }
      withExtendedLifetime((daemon, ada)) {}
    }
  }

  @Test("A name that is too long is refused; a line that is too long is not heard, and its member stays")
  func tooLong() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("Chat")
      let ada = try await Self.enter(address, as: "ada")
      let other = try await Connection.connect(to: address, deadline: soon(5_000))
      _ = try await other.readLine(deadline: soon(5_000))
      try await other.write(String(repeating: "x", count: 10_000) + "\n")
      #expect(try await other.readLine(deadline: soon(5_000)) == "That name is longer than 32 bytes.")
      #expect(try await other.readLine(deadline: soon(5_000)) == nil)
      try await ada.write(String(repeating: "x", count: 10_000) + "\nhello\n")
      var heard: Set<String?> = []
      for _ in 0..<2 { heard.insert(try await ada.readLine(deadline: soon(5_000))) }
      #expect(heard == ["* nobody hears a line of more than 1000 bytes", "ada: hello"])
      withExtendedLifetime(daemon) {}
    }
  }

  @Test("A member who does not read keeps nobody waiting, and is told what it missed")
  func slowMember() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("Chat")
      let slow = try await Self.enter(address, as: "slow")
      let ada = try await Self.enter(address, as: "ada")
      let text = String(repeating: "x", count: 900)
      for number in 0..<20_000 {
        try await ada.write("\(number) \(text)\n", deadline: soon(10_000))
        #expect(try await ada.readLine(deadline: soon(10_000))?.hasPrefix("ada: \(number) ") == true)
      }
      var missed = false
      while let line = try await slow.readLine(deadline: soon(10_000)), !line.hasPrefix("ada: 19999 ") {
        if line.hasPrefix("* you missed ") { missed = true }
      }
      #expect(missed)
      withExtendedLifetime(daemon) {}
    }
  }

  @Test("A signal lets everybody go, and it exits with 0", arguments: [SIGINT, SIGTERM])
  func end(signal: Int32) throws {
    try onReactor { _ in
      let (daemon, address) = try await start("Chat")
      let ada = try await Self.enter(address, as: "ada")
      daemon.send(signal)
      while try await ada.readLine(deadline: soon(5_000)) != nil {}
      #expect(try await daemon.waitForExit() == 0)
    }
  }

  @Test("Bad arguments are told, with status 64", arguments: [["--port", "70000"], ["--host", "nowhere"], ["extra"]])
  func badArguments(arguments: [String]) throws {
    try onReactor { _ in
      let (line, status) = try await refusal(of: "Chat", arguments)
      #expect(line?.hasPrefix("Error: ") == true)
      #expect(status == 64)
    }
  }
}
