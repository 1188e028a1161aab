import Glibc
import Testing
import Toro
import ToroNet

@testable import Demo

/// The daemon as a child process, with the demo's client.
@Suite("The work queue daemon")
struct WorkQueueTests {
  @Test("Items leave lowest first, equal ones in order of arrival, one at a time")
  func order() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("WorkQueue")
      let client = try await Client(address)
      for item in ["5 e", "1 a", "3 c", "1 b", "-2 first"] { try await client.say("put \(item)", expecting: "ok") }
      try await client.say("take 0", expecting: "item -2 first")
      try await client.say("take 0", expecting: "error an item is in hand: done first")
      try await client.say("stats", expecting: "stats queued=4 inhand=1 waiting=0 done=0 clients=1")
      for item in ["1 a", "1 b", "3 c", "5 e"] {
        try await client.say("done", expecting: "ok")
        try await client.say("take 0", expecting: "item \(item)")
      }
      try await client.say("done", expecting: "ok")
      try await client.say("done", expecting: "error nothing in hand")
      try await client.say("take 20", expecting: "none")
      try await client.say("quit", expecting: "bye")
      #expect(try await client.connection.readLine() == nil)
      daemon.send(SIGINT)
      #expect(try await daemon.waitForExit() == 0)
    }
  }

  @Test("No more than 10,000 items wait; then there is room again when one is taken")
  func bound() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("WorkQueue")
      let client = try await Client(address)
      let filling = Reactor.current.spawn {
        try await client.connection.write(String(repeating: "put 1 a\n", count: 10_001))
      }
      for _ in 1...10_000 { #expect(try await client.connection.readLine() == "ok") }
      #expect(try await client.connection.readLine() == "error 10000 items wait already: take some")
      try await filling.value
      try await client.say("take 0", expecting: "item 1 a")
      try await client.say("put 1 b", expecting: "ok")
      daemon.send(SIGINT)
      client.connection.close()
      #expect(try await daemon.waitForExit() == 0)
    }
  }

  @Test("No more than 64 MiB wait; then there is room again when an item is taken, or none if it comes back")
  func byteBound() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("WorkQueue")
      let client = try await Client(address)
      let text = String(repeating: "x", count: 1 << 15)
      let filling = Reactor.current.spawn {
        for _ in 0...2_048 { try await client.connection.write("put 1 \(text)\n", deadline: soon(20_000)) }
      }
      for _ in 1...2_048 { #expect(try await client.connection.readLine(deadline: soon(20_000)) == "ok") }
      let refusal = "error 67108864 bytes wait already, of 67108864: take some"
      #expect(try await client.connection.readLine(deadline: soon(20_000)) == refusal)
      try await filling.value
      let taker = try await Client(address)
      try await taker.say("take 0", expecting: "item 1 \(text)")
      try await client.say("put 1 b", expecting: "ok")
      taker.connection.close()
      while try await client.say("stats").contains("inhand=1") {}
      try await client.say("put 1 c", expecting: "error 67108865 bytes wait already, of 67108864: take some")
      withExtendedLifetime(daemon) {}
    }
  }

  @Test("A take of a client that has ended its side goes on for a while, and ends then, and its place is free")
  func linger() throws {
    try onReactor { _ in
      let (daemon, address) = try await start("WorkQueue", "--linger", "1")
      let client = try await Client(address)
      // One that still reads gets its item, as with nc -N.
      let half = try await Client(address)
      try await half.connection.write("take 3600000\n")
      half.connection.closeWrite()
      while try await client.say("stats").contains("waiting=0") {}
      try await client.say("put 1 a", expecting: "ok")
      #expect(try await half.connection.readLine(deadline: soon(5_000)) == "item 1 a")
      #expect(try await half.connection.readLine(deadline: soon(5_000)) == nil)
      try await client.say("take 1000", expecting: "item 1 a")
      try await client.say("done", expecting: "ok")
      for end in [{ $0.close() }, { $0.reset() }, { $0.closeWrite() }] as [(Connection) -> Void] {
        let other = try await Client(address)
        try await other.connection.write("take 3600000\n")
        while try await client.say("stats").contains("waiting=0") {}
        end(other.connection)
        while try await client.say("stats").hasSuffix("clients=2") {}
        try await client.say("stats", expecting: "stats queued=0 inhand=0 waiting=0 done=1 clients=1")
        withExtendedLifetime(other) {}
      }
      // Who stays has what it waits for, however often it was looked after.
      let patient = try await Client(address)
      try await patient.connection.write("take 3600000\n")
      await #expect(throws: TimeoutError.self) { try await patient.connection.readLine(deadline: soon(2_500)) }
      try await client.say("put 2 b", expecting: "ok")
      #expect(try await patient.connection.readLine(deadline: soon(5_000)) == "item 2 b")
      withExtendedLifetime((daemon, half)) {}
    }
  }

  @Test("What a client that goes had in hand comes back where it was", arguments: [true, false])
  func vanishingTaker(isReset: Bool) throws {
    try onReactor { _ in
      let (daemon, address) = try await start("WorkQueue")
      let client = try await Client(address)
      let rogue = try await Client(address)
      for item in ["1 a", "1 b"] { try await client.say("put \(item)", expecting: "ok") }
      try await rogue.say("take 0", expecting: "item 1 a")
      if isReset { rogue.connection.reset() } else { rogue.connection.close() }
      // One that goes while it waits takes nothing with it either.
      let other = try await Client(address)
      for item in ["1 a", "1 b"] {
        while try await client.say("stats").contains("inhand=1") {}
        try await client.say("take 1000", expecting: "item \(item)")
        try await client.say("done", expecting: "ok")
      }
      try await other.connection.write("take 60000\n")
      while try await client.say("stats").contains("waiting=0") {}
      other.connection.close()
      try await client.say("put 7 g", expecting: "ok")
      while try await client.say("stats").contains("inhand=1") {}
      try await client.say("take 1000", expecting: "item 7 g")
      withExtendedLifetime(daemon) {}
    }
  }

  @Test("Bad lines and lines that are too long are answered, in little memory, and the connection lives on")
  func badLines() throws {
    try onReactor { reactor in
      let (daemon, address) = try await start("WorkQueue")
      let client = try await Client(address)
      for line in ["", "nonsense", "put", "take soon", "done now"] {
        #expect(try await client.say(line).hasPrefix("error "))
      }
      try await client.connection.write([112, 117, 116, 32, 49, 32, 0xff, 10])
      #expect(try await client.connection.readLine() == "error a line that is not UTF-8")
      let before = peakMemory(of: daemon.pid)
      let block = [UInt8](repeating: 120, count: 1 << 20)
      for _ in 0..<64 { try await client.connection.write(block) }
      #expect(try await client.say("").hasPrefix("error a line is longer than 65536 bytes"))
      // What is freed is kept for a while by the address sanitizer: up to 256 MiB.
      let allowance = isAddressSanitized ? 256 << 10 : 0
      #expect(peakMemory(of: daemon.pid) - before < (16 << 10) + allowance)
      try await client.say("put 1 " + String(repeating: "y", count: 65_530), expecting: "ok")
      #expect(try await client.say("take 0").utf8.count == 65_537)
    }
  }

  @Test("Further clients than are served at a time wait until one leaves")
  func maxClients() throws {
    try onReactor { reactor in
      let (daemon, address) = try await start("WorkQueue", "--max-clients", "2")
      let first = try await Client(address)
      let second = try await Client(address)
      for client in [first, second] { #expect(try await client.say("stats").hasPrefix("stats")) }
      let third = try await Client(address)
      try await third.connection.write("stats\n")
      await #expect(throws: TimeoutError.self) { try await third.connection.readLine(deadline: soon(100)) }
      first.connection.close()
      #expect(try await third.connection.readLine(deadline: soon(5_000))?.hasSuffix("clients=2") == true)
      withExtendedLifetime((daemon, second)) {}
    }
  }

  @Test("After a signal work in hand ends, takes that wait are told, and the daemon exits with 0")
  func gracefulEnd() throws {
    try onReactor { reactor in
      let (daemon, address) = try await start("WorkQueue", "--grace", "20")
      let worker = try await Client(address)
      let waiter = try await Client(address)
      try await worker.say("put 1 a", expecting: "ok")
      try await worker.say("take 0", expecting: "item 1 a")
      try await waiter.connection.write("take 60000\n")
      while try await worker.say("stats").contains("waiting=0") {}
      daemon.send(SIGTERM)
      #expect(try await waiter.connection.readLine(deadline: soon(5_000)) == "error stopping")
      #expect(try await waiter.connection.readLine(deadline: soon(5_000)) == nil)
      await #expect(throws: SocketError.self) { try await Client(address) }
      try await worker.say("put 1 b", expecting: "error stopping")
      try await worker.say("done", expecting: "ok")
      #expect(try await daemon.waitForExit() == 0)
    }
  }

  @Test("Work that outlasts the grace period is not waited for, and its client is told")
  func graceEnds() throws {
    try onReactor { reactor in
      let (daemon, address) = try await start("WorkQueue", "--grace", "1")
      let worker = try await Client(address)
      try await worker.say("put 1 a", expecting: "ok")
      try await worker.say("put 2 b", expecting: "ok")
      try await worker.say("take 0", expecting: "item 1 a")
      daemon.send(SIGTERM)
      #expect(try await daemon.readLine() == "stopping: work in hand has 1.0 seconds")
      try await worker.say("stats", expecting: "stats queued=1 inhand=1 waiting=0 done=0 clients=1")
      #expect(try await worker.connection.readLine(deadline: soon(5_000)) == "error the time for work in hand is over")
      #expect(try await worker.connection.readLine(deadline: soon(5_000)) == nil)
      #expect(try await daemon.waitForExit(within: .seconds(5)) == 0)
      #expect(try await daemon.readLine() == "stopped: 2 items not done")
    }
  }

  @Test("A second signal ends it at once")
  func secondSignal() throws {
    try onReactor { reactor in
      let (daemon, address) = try await start("WorkQueue", "--grace", "60")
      let worker = try await Client(address)
      try await worker.say("put 1 a", expecting: "ok")
      try await worker.say("take 0", expecting: "item 1 a")
      daemon.send(SIGINT)
      #expect(try await daemon.readLine()?.hasPrefix("stopping") == true)
      daemon.send(SIGINT)
      #expect(try await daemon.waitForExit(within: .seconds(5)) == 128 + SIGINT)
    }
  }

  @Test(
    "Bad arguments are one clear line and status 64",
    arguments: [
      ["--port", "70000"], ["--port", "x"], ["--port"], ["--host", "nowhere"], ["--max-clients", "0"],
      ["--grace", "-1"], ["--grace", "nan"], ["--linger", "0"], ["--what"], ["extra"],
    ])
  func badArguments(arguments: [String]) throws {
    try onReactor { _ in
      let (line, status) = try await refusal(of: "WorkQueue", arguments)
      #expect(line?.hasPrefix("Error: ") == true)
      #expect(status == 64)
    }
  }

  @Test("It tells how it is used, and when an address is taken")
  func helpAndTakenPort() throws {
    try onReactor { _ in
      for option in ["--help", "-h"] {
        let (line, status) = try await refusal(of: "WorkQueue", [option])
        #expect(line?.hasPrefix("OVERVIEW: ") == true)
        #expect(status == 0)
      }
      let (daemon, address) = try await start("WorkQueue")
      let (line, status) = try await refusal(of: "WorkQueue", ["--port", "\(address.port)"])
      #expect(line == "Error: bind \(address): Address already in use")
      #expect(status == 1)
      withExtendedLifetime(daemon) {}
    }
  }
}

/// Whether the tests, and so the daemon that was built with them, run under the address sanitizer.
private let isAddressSanitized = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "__asan_init") != nil

/// The most memory that a process has used, in KiB.
private func peakMemory(of pid: pid_t) -> Int {
  var text = [UInt8](repeating: 0, count: 8192)
  let file = open("/proc/\(pid)/status", O_RDONLY)
  let count = read(file, &text, text.count)
  close(file)
  let lines = String(decoding: text[..<max(0, count)], as: UTF8.self).split(separator: "\n")
  return lines.first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
}
