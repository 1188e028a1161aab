import Glibc
import HTTPTypes
import Testing
import Toro
import ToroHTTP
import ToroNet

@testable import Demo

@Suite("The guest book")
struct GuestBookTests {
  /// The daemon, and its URL.
  private static func start(_ file: String, _ arguments: String...) async throws -> (ChildProcess, url: String) {
    let daemon = try ChildProcess(
      ChildProcess.neighbour("GracefulShutdown"), ["--port", "0"] + arguments + [file])
    let line = try #require(try await daemon.readLine(within: .seconds(30)))
    return (daemon, String(line.dropFirst("listening on ".count)))
  }

  /// What is in the book when it has as much as that.
  private static func contents(of file: String, atLeast count: Int = 0) async throws -> String {
    for _ in 0..<1_000 {
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let descriptor = open(file, O_RDONLY)
      let length = max(0, read(descriptor, &bytes, bytes.count))
      close(descriptor)
      if length >= count { return String(decoding: bytes[..<length], as: UTF8.self) }
      try await Reactor.current.sleep(for: .milliseconds(10))  // another process writes it
    }
    throw Failure("the book does not grow")
  }

  @Test("Entries that are in hand when the guest book is stopped are written whole")
  func guestBook() throws {
    try onReactor { reactor in
      let directory = try TemporaryDirectory()
      let file = "\(directory.path)/book"
      let daemon = try ChildProcess(
        ChildProcess.neighbour("GracefulShutdown"), ["--port", "0", "--pause", "100", file])
      let line = try #require(try await daemon.readLine(within: .seconds(30)))
      let url = String(line.dropFirst("listening on ".count))
      let client = HTTPClient()
      defer { client.close() }
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<6 {
          group.addTask {
            let entry = try HTTPClient.Request(method: .post, url, body: .text("entry \(number)"))
            return try await client.withResponse(to: entry) { $0.status.code }
          }
        }
        try await reactor.sleep(for: .milliseconds(150))
        daemon.send(SIGTERM)
        for try await status in group { #expect(status == 201) }
      }
      #expect(try await daemon.waitForExit() == 0)
      let cat = try ChildProcess("/bin/cat", [file])
      var entries: Set<String> = []
      while let entry = try await cat.readLine() { entries.insert(entry) }
      #expect(entries == Set((0..<6).map { "[entry \($0)]" }))
    }
  }

  @Test("An entry that was cut is told as a request, and stays in a line of its own")
  func cutEntry() throws {
    try onReactor { reactor in
      let directory = try TemporaryDirectory()
      let file = "\(directory.path)/book"
      let client = HTTPClient()
      defer { client.close() }
      let (cut, url) = try await Self.start(file, "--pause", "60000", "--grace", "0.1")
      let entry = try HTTPClient.Request(method: .post, url, body: .text("first"))
      let posting = reactor.spawn { try await client.withResponse(to: entry) { $0.status.code } }
      #expect(try await Self.contents(of: file, atLeast: 1) == "[")
      cut.send(SIGTERM)
      #expect(try await cut.readLine() == "stopping: requests in hand have 0.1 seconds")
      #expect(try await cut.readLine() == "stopped: 1 request cut short")
      #expect(try await cut.waitForExit() == 1)
      _ = await posting.result
      for number in 1...2 {
        let (daemon, url) = try await Self.start(file, "--pause", "1")
        let answer = try await client.execute(HTTPClient.Request(method: .post, url, body: .text("\(number)")))
        #expect(answer.status == .created)
        daemon.send(SIGTERM)
        #expect(try await daemon.waitForExit() == 0)
      }
      #expect(try await Self.contents(of: file) == "[\n[1]\n[2]\n")
    }
  }

  @Test("An entry in hand is written whole, though nobody reads what the daemon prints any more")
  func closedOutput() throws {
    try onReactor { reactor in
      let directory = try TemporaryDirectory()
      let file = "\(directory.path)/book"
      let (daemon, url) = try await Self.start(file, "--pause", "200")
      let client = HTTPClient()
      defer { client.close() }
      let entry = try HTTPClient.Request(method: .post, url, body: .text("first"))
      let posting = reactor.spawn { try await client.withResponse(to: entry) { $0.status.code } }
      #expect(try await Self.contents(of: file, atLeast: 1) == "[")
      daemon.closeOutput()
      daemon.send(SIGTERM)
      #expect(try await posting.value == 201)
      #expect(try await daemon.waitForExit() == 0)
      #expect(try await Self.contents(of: file) == "[first]\n")
    }
  }

  @Test("All of a large book is shown, and who asks for another method is told which there are")
  func methods() throws {
    try onReactor { _ in
      let directory = try TemporaryDirectory()
      let file = "\(directory.path)/book"
      let lines = [UInt8](repeating: 10, count: 3 << 20)
      let descriptor = open(file, O_WRONLY | O_CREAT, 0o600)
      #expect(write(descriptor, lines, lines.count) == lines.count)
      close(descriptor)
      let (daemon, url) = try await Self.start(file)
      let client = HTTPClient()
      defer { client.close() }
      #expect(try await client.get(url).body.collect(upTo: 4 << 20) == lines)
      let head = try await client.execute(HTTPClient.Request(method: .head, url))
      #expect(head.status == .ok)
      for method in [HTTPRequest.Method.delete, .put, .options] {
        let answer = try await client.execute(HTTPClient.Request(method: method, url))
        #expect(answer.status == .methodNotAllowed)
        #expect(answer[.allow] == "GET, HEAD, POST")
      }
      daemon.send(SIGTERM)
      #expect(try await daemon.waitForExit() == 0)
    }
  }
}
