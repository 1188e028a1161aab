#if Logging
import Glibc
import InMemoryLogging
import Logging
import Testing
import Toro

@testable import ToroNet

private struct Broken: Error {}

@Suite("Trait Logging")
struct LoggingTests {
  @Test("A logger that is passed in hears of a group's life, and of the error that ended it")
  func group() async throws {
    let handler = InMemoryLogHandler()
    let logger = Logger(label: "test") { _ in handler }
    let group = try ReactorGroup(count: 2, name: "pool")
    group.log(to: logger)
    try await group.run { reactor in
      if reactor === group[0] { group.stop(deadline: .after(.seconds(60))) }
      try await group.stopping().wait()
    }
    #expect(handler.entries.map { "\($0.message)" } == ["reactors run", "reactors stop", "reactors ended"])
    #expect(handler.entries.first?.metadata["count"] == "2")
    let failing = try ReactorGroup(count: 2)
    handler.clear()
    failing.log(to: logger)
    await #expect(throws: Broken.self) { try await failing.run { _ in throw Broken() } }
    #expect(
      handler.entries.map { "\($0.level) \($0.message)" }
        == ["info reactors run", "error a reactor's body failed", "info reactors ended"])
    let cut = try ReactorGroup(count: 1)
    handler.clear()
    cut.log(to: logger)
    await #expect(throws: StoppedError.self) {
      try await cut.run { reactor in
        cut.stop(deadline: .after(.zero))
        try await reactor.sleep(for: .seconds(60))
      }
    }
    #expect(handler.entries.contains { $0.level == .warning && $0.message == "work was cancelled" })
  }

  @Test("A listener out of descriptors is told of once a second at most, and what else hears it still does")
  func exhaustion() {
    let handler = InMemoryLogHandler()
    let logger = Logger(label: "test") { _ in handler }
    let heard = Locked(0)
    var options = Listener.Options { $0.onExhaustion = { _ in heard.withLock { $0 += 1 } } }
    options.log(to: logger)
    let copy = options
    for _ in 0..<100 {
      options.onExhaustion?(SocketError("accept", errno: EMFILE))
      copy.onExhaustion?(SocketError("accept", errno: EMFILE))
    }
    #expect(heard.withLock { $0 } == 200)
    // Hundreds in a moment: one line; two if a second has passed on a machine that is held up.
    #expect((1...2).contains(handler.entries.count))
    #expect(handler.entries.first?.level == .warning)
    #expect(handler.entries.first?.metadata["error"] == "accept: Too many open files")
  }
}
#endif

#if Metrics
import CoreMetrics
import MetricsTestKit

@Suite("Trait Metrics")
struct MetricsTests {
  @Test("Connections, bytes, lag and waits of a reactor are reported, and once more at the end")
  func reactor() throws {
    let metrics = TestMetrics()
    try onReactor { reactor in
      let reporting = reactor.spawn {
        try await reactor.reportMetrics(name: "r", every: .milliseconds(5), to: metrics)
      }
      let (client, server) = try await connectedPair()
      try await client.write("hello\n")
      #expect(try await server.readLine() == "hello")
      let lock = Lock()
      #expect(lock.tryAcquire())
      let waiting = reactor.spawn { try await lock.acquire() }
      let waits = [("reactor", "r"), ("primitive", "Lock")]
      while (try? metrics.expectRecorder("toro_waits", waits).lastValue) != 1 {
        try await reactor.sleep(for: .milliseconds(1))
      }
      let of = [("reactor", "r")]
      #expect(try metrics.expectRecorder("toro_connections_open", of).lastValue == 2)
      #expect(metrics.counterTotal(label: "toro_connections_opened") == 2)
      #expect(metrics.counterTotal(label: "toro_received_bytes") == 6)
      #expect(metrics.counterTotal(label: "toro_sent_bytes") == 6)
      let lags = try metrics.expectTimer("toro_loop_lag", of).values
      #expect(!lags.isEmpty && lags.allSatisfy { $0 >= 0 })
      client.close()
      server.close()
      lock.release()
      try await waiting.value
      try await server.reactor.sleep(for: .milliseconds(1))
      reporting.cancel()
      await #expect(throws: CancellationError.self) { try await reporting.value }
    }
  }

  @Test("Each reactor of a group reports under its own name until the group ends")
  func group() async throws {
    let metrics = TestMetrics()
    let group = try ReactorGroup(count: 3, name: "pool")
    group.reportMetrics(every: .milliseconds(1), to: metrics)
    try await group.run { reactor in
      let own = [("reactor", "pool-\(group.index(of: reactor, ""))")]
      while (try? metrics.expectTimer("toro_loop_lag", own).values.isEmpty) ?? true {
        try await reactor.sleep(for: .milliseconds(1))
      }
    }
    #expect(group.reactors.allSatisfy { $0.isClosed })
  }
}
#endif

#if ServiceLifecycle
import ServiceLifecycle
import ServiceLifecycleTestKit

@Suite("Trait ServiceLifecycle")
struct ServiceLifecycleTests {
  @Test("The graceful shutdown stops a group in order: what is in hand is served to its end")
  func graceful() async throws {
    let group = try ReactorGroup(count: 2)
    let listener = try GroupListener(host: "127.0.0.1", port: 0, on: group)
    let service = ReactorService(group, grace: .seconds(30)) { _ in
      try await listener.serve { connection in
        while let line = try? await connection.readLine() { try? await connection.write(line + "\n") }
      }
    }
    let clients = try ReactorGroup(count: 1)
    try await testGracefulShutdown { trigger in
      async let running: Void = service.run()
      try await clients.run { _ in
        let connection = try await Connection.connect(to: listener.localAddress)
        try await connection.write("a\n")
        #expect(try await connection.readLine() == "a")
        trigger.triggerGracefulShutdown()
        try await connection.write("b\n")
        #expect(try await connection.readLine() == "b")
        connection.close()
      }
      try await running
    }
    #expect(group.reactors.allSatisfy { $0.isClosed })
  }

  @Test("What has not ended after the grace is cancelled, and a cancelled service at once")
  func cutting() async throws {
    let slow = ReactorService(try ReactorGroup(count: 2), grace: .milliseconds(5)) { reactor in
      try await reactor.sleep(for: .seconds(60))
    }
    await #expect(throws: StoppedError.self) {
      try await testGracefulShutdown { trigger in
        async let running: Void = slow.run()
        trigger.triggerGracefulShutdown()
        try await running
      }
    }
    let begun = Locked(false)
    let cancelled = ReactorService(try ReactorGroup(count: 1)) { reactor in
      begun.withLock { $0 = true }
      try await reactor.sleep(for: .seconds(60))
    }
    let running = Task { try await cancelled.run() }
    while !begun.withLock({ $0 }) { await Task.yield() }
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
  }
}
#endif
