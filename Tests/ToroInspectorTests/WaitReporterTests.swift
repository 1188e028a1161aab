import Glibc
import Testing
import Toro
import ToroInspector
import ToroNet
import ToroTestSupport

import class Toro.Lock

// In real time: signals are the system's.
@Suite("Waits on a signal", .timeLimit(.minutes(10)))
struct WaitReporterTests {
  @Test("A signal has the waits written, with who holds the locks, and the circle that they make")
  func report() async throws {
    try await onReactorThread { reactor in
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      defer { for end in ends { close(end) } }
      let reporter = try WaitReporter(on: SIGURG, to: ends[1])
      reporter.watch(reactor, name: "main")
      while !reactor.notesHolders { try await reactor.sleep(for: .milliseconds(5)) }
      let lock = Lock(name: "cache")
      let task = reactor.spawn(name: "twice") { try await lock.withLock { try await lock.withLock {} } }
      await reactor.yield()
      kill(getpid(), SIGURG)
      let (descriptor, end) = (ends[0], "which \"twice\" holds\n")
      let text = try await reactor.runBlocking {
        var text = ""
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while !text.hasSuffix(end) {
          let count = read(descriptor, &bytes, bytes.count)
          if count <= 0 { break }
          text += String(decoding: bytes[..<count], as: UTF8.self)
        }
        return text
      }
      #expect(text.hasPrefix("main: "))
      #expect(text.contains(#"  Lock "cache".acquire by "twice" at ToroInspectorTests/WaitReporterTests.swift:"#))
      #expect(text.contains(#", held by "twice" at ToroInspectorTests/WaitReporterTests.swift:"#))
      #expect(text.contains(#"in a circle: "twice" waits for Lock "cache", which "twice" holds"#))
      task.cancel()
      _ = await task.result
      withExtendedLifetime(reporter) {}
    }
  }

  @Test("A signal that the program has a handler for is refused")
  func taken() throws {
    signal(SIGWINCH) { _ in }
    defer { signal(SIGWINCH, SIG_DFL) }
    #expect(throws: SystemError.self) { try WaitReporter(on: SIGWINCH) }
  }
}
