#if HTTP
import Glibc
import Testing
import Toro
import ToroNet
import ToroTestSupport

@testable import ToroInspect
@testable import ToroInspector

import class Toro.Lock

// In real time: an inspector has a thread of its own.
@Suite("Inspector", .timeLimit(.minutes(10)))
struct InspectorThreadsTests {
  /// A reactor that is watched, and its inspector, while `body` runs on it.
  private func withInspector(
    _ configuration: Inspector.Configuration = .init(),
    _ body: @escaping @Sendable (Reactor, Inspector) async throws -> Void
  ) async throws {
    try await onReactorThread { reactor in
      let inspector = try Inspector(at: SocketAddress(host: "127.0.0.1", port: 0), configuration: configuration)
      defer { inspector.close() }
      inspector.watch(reactor, name: "main")
      try await body(reactor, inspector)
    }
  }

  /// The snapshot, once it contains these texts.
  private func snapshot(_ inspector: Inspector, _ path: String = "/snapshot.json", with texts: String...) async throws
    -> String
  {
    var answer = ""
    for _ in 0..<100 {
      answer = try await ask(inspector.address, for: path)
      if texts.allSatisfy(answer.contains) { break }
      try await Reactor.current.sleep(for: .milliseconds(100))
    }
    for text in texts { #expect(answer.contains(text)) }
    return answer
  }

  @Test("A snapshot tells each wait: what, who, where, since when, until when")
  func waits() async throws {
    try await withInspector { reactor, inspector in
      let jobs = Queue<Int>(name: "jobs")
      let line = #line + 1
      reactor.spawn(name: "worker") { _ = try await jobs.get(deadline: .after(.seconds(60))) }
      let text = try await snapshot(inspector, with: #""subject":"Queue \"jobs\"""#)
      let wait = try #require(text.split(separator: "{").first { $0.contains(#""Queue \"jobs\"""#) })
      for part in [
        #""reactor":"main""#, #""call":"get""#, #""task":"worker""#, "\"line\":\(line)",
        #""file":"ToroInspectorTests/InspectorThreadsTests.swift""#, #""left":59."#, #""age":0"#,
      ] { #expect(wait.contains(part)) }
      let since = try #require(Double(wait.split(separator: #""since":"#)[1].prefix { $0 != "," }))
      let until = try #require(Double(wait.split(separator: #""until":"#)[1].prefix { $0 != "," }))
      #expect(abs(since - Double(time(nil))) < 30 && abs(until - since - 60) < 1)
      _ = try await snapshot(inspector, with: #""waitsByPrimitive":{"#, #""Queue":1"#)
      jobs.close()
    }
  }

  @Test("Numbers move: turns, jobs, lag, history")
  func numbers() async throws {
    try await withInspector(.init { $0.interval = .milliseconds(5) }) { reactor, inspector in
      let spinning = reactor.spawn { while !Task.isCancelled { await reactor.yield() } }
      defer { spinning.cancel() }
      // They are numbers of a second, of a machine that may be busy: in the end both are there.
      while true {
        let text = try await snapshot(inspector, "/snapshot.json", with: #""history":[{"lagMean":"#)
        let jobs = try #require(Double(text.split(separator: #""jobsPerSecond":"#)[1].prefix { $0 != "," }))
        let lags = try #require(Int(text.split(separator: #""count":"#)[1].prefix { $0 != "," }))
        if jobs > 1_000 && lags > 20 { break }
        try await Reactor.current.sleep(for: .milliseconds(100))
      }
    }
  }

  @Test("Tasks that hold what the other wants are a cycle, also where the locks are of two reactors")
  func cycle() async throws {
    let group = try ReactorGroup(count: 2)
    let inspector = try Inspector(at: SocketAddress(host: "127.0.0.1", port: 0))
    inspector.watch(group)
    let (a, b) = (Lock(name: "a", on: group[0]), Lock(name: "b", on: group[1]))
    let texts = Shared<[String]>([])
    try await group.run { reactor in
      // Locks note their holders from now on.
      while try await !reactor.perform({ reactor.notesHolders }) { try await reactor.sleep(for: .milliseconds(5)) }
      let (mine, other) = reactor === group[0] ? (a, b) : (b, a)
      let task = reactor.spawn(name: reactor === group[0] ? "zero" : "one") {
        try await mine.withLock {
          while try await !other.reactor.perform({ other.isLocked }) { try await reactor.sleep(for: .milliseconds(5)) }
          try await other.withLock {}
        }
      }
      if reactor === group[0] {
        texts.value.append(try await snapshot(inspector, with: #""circles":["in a circle"#))
        texts.value.append(try await snapshot(inspector, "/snapshot.txt", with: "in a circle: "))
        a.close()
        b.close()
      }
      _ = try? await task.value
    }
    inspector.close()
    let json = try #require(texts.value.first)
    #expect(json.contains(#"waits for Lock \"b\", which \"one\" holds"#))
    #expect(json.contains(#"waits for Lock \"a\", which \"zero\" holds"#))
    #expect(json.ranges(of: #""cycle":0}"#).count == 2)
  }

  @Test("While a reactor is stuck the inspector answers, and says for how long it has been")
  func stuck() async throws {
    try await onReactorThread { reactor in
      let inspector = try Inspector(at: SocketAddress(host: "127.0.0.1", port: 0))
      defer { inspector.close() }
      let other = try ReactorGroup(count: 1, name: "stuck")
      inspector.watch(other)
      inspector.watch(reactor, name: "well")
      async let run: [Void] = other.run { _ in
        _ = usleep(3_000_000)  // what no program should do on a reactor
      }
      let text = try await snapshot(
        inspector, "/snapshot.txt", with: "stuck-0 has not answered for ", "it is stuck in something")
      #expect(text.contains("well"))
      _ = try await run
      _ = try await snapshot(inspector, with: #""reactors":[{"name":"well""#)
    }
  }

  @Test("Of many waits the oldest are listed, and those in a cycle whatever their age")
  func limit() async throws {
    try await withInspector(.init { $0.maxWaits = 10 }) { reactor, inspector in
      while !reactor.notesHolders { try await reactor.sleep(for: .milliseconds(5)) }
      let event = Event(name: "crowd")
      for number in 0..<1_000 { reactor.spawn(name: "\(number)") { try await event.wait() } }
      await reactor.yield()
      try await reactor.sleep(for: .milliseconds(5))
      let lock = Lock(name: "self")
      let late = reactor.spawn(name: "late") { try await lock.withLock { try await lock.withLock {} } }
      let text = try await snapshot(inspector, with: #""subject":"Lock \"self\"""#)
      #expect(text.ranges(of: #""subject":"#).count == 10)
      let count = try #require(Int(text.split(separator: #""waitCount":"#)[2].prefix { $0 != "," }))
      #expect((1_001...1_010).contains(count))
      #expect(text.contains(#""cycles":[[0]]"#) && text.contains(#""task":"0""#) && !text.contains(#""task":"999""#))
      late.cancel()
      event.set()
    }
  }

  @Test("A page of another site cannot ask under a name of its own; other methods and paths are refused")
  func access() async throws {
    try await withInspector { _, inspector in
      for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: evil.example", "421"), ("GET / HTTP/1.1\r\nHost: 10.0.0.1:80", "421"),
        ("GET / HTTP/1.1\r\nHost: localhost:1", "200"), ("GET / HTTP/1.1\r\nHost: 127.0.0.1:1", "200"),
        ("HEAD / HTTP/1.1\r\nHost: [::1]", "200"), ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0", "405"),
        ("GET /else HTTP/1.1\r\nHost: localhost", "404"),
        ("GET /x://localhost/snapshot.json HTTP/1.1\r\nHost: evil.example", "421"),
        ("GET /?u=http://localhost/snapshot.txt HTTP/1.1\r\nHost: evil.example", "421"),
        ("GET //localhost/snapshot.txt HTTP/1.1\r\nHost: evil.example", "421"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost", "421"),
        ("GET http://localhost:1/snapshot.txt HTTP/1.1\r\nHost: localhost:1", "200"),
        ("GET /snapshot.txt?columns=80&u=http://evil.example/ HTTP/1.1\r\nHost: localhost", "200"),
      ] {
        let connection = try await Connection.connect(to: inspector.address)
        try await connection.write(request + "\r\nConnection: close\r\n\r\n")
        let answer = String(decoding: try await connection.readAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
      }
    }
  }

  @Test("The page is one file, which names no other site")
  func page() async throws {
    try await withInspector { _, inspector in
      let page = try await ask(inspector.address, for: "/")
      #expect(page.hasPrefix("<!doctype html>"))
      let rest = page.replacing("http://www.w3.org/2000/svg", with: "")
      for text in ["http:", "https:", "src=", "@import", "url(/"] { #expect(!rest.contains(text)) }
    }
  }

  @Test("An address that others can reach is refused")
  func addresses() throws {
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
      #expect(throws: AddressError.self) { try Inspector(at: SocketAddress(host: host, port: 0)) }
    }
  }

  @Test("A Unix socket is its owner's alone, and gone when the inspector is closed")
  func unixSocket() async throws {
    try await onReactorThread { reactor in
      let path = "/tmp/toro-inspector-\(getpid()).sock"
      let inspector = try Inspector(at: SocketAddress(unixPath: path))
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
      inspector.watch(reactor, name: "over there")
      #expect(try await ask(inspector.address, for: "/snapshot.txt").contains("over there"))
      inspector.close()
      inspector.close()
      #expect(stat(path, &status) != 0)
    }
  }

  @Test(
    "Locks note their holders as soon as their reactor is watched, from its thread; no more when it ends, unless they did before"
  )
  func noting() async throws {
    for before in [false, true] {
      try await onReactorThread { reactor in
        reactor.notesHolders = before
        let inspector = try Inspector(at: SocketAddress(host: "127.0.0.1", port: 0))
        inspector.watch(reactor)
        #expect(reactor.notesHolders)
        _ = try await ask(inspector.address, for: "/snapshot.json")
        inspector.close()
        try await reactor.sleep(for: .milliseconds(50))
        #expect(reactor.notesHolders == before)
      }
    }
  }

  @Test("A reactor that is closed is not listed, and a deadlock is found though it is watched")
  func ends() async throws {
    try await onReactorThread { here in
      let inspector = try Inspector(at: SocketAddress(host: "127.0.0.1", port: 0))
      defer { inspector.close() }
      try await here.runBlocking {
        let reactor = try Reactor()
        inspector.watch(reactor, name: "short")
        #expect(throws: DeadlockError.self) {
          try reactor.run(detectsDeadlock: true) {
            try await reactor.sleep(for: .milliseconds(300))
            try await Event(name: "never").wait()
          }
        }
        reactor.close()
      }
      #expect(try await !ask(inspector.address, for: "/snapshot.json").contains("short"))
    }
  }
}
#endif
