#if Metrics
import CoreMetrics
import Toro

extension Reactor {
  /// Reports what happens on the reactor to swift-metrics, until the task is cancelled: then once more.
  ///
  ///     reactor.spawn { try await reactor.reportMetrics() }
  ///
  /// | Label | Kind | What |
  /// |---|---|---|
  /// | `toro_connections_opened` | counter | connections accepted and made |
  /// | `toro_connections_open` | gauge | those that are open |
  /// | `toro_received_bytes`, `toro_sent_bytes` | counters | what the system moved for connections |
  /// | `toro_loop_lag` | timer | how much later than asked for a timer fires, once a second: how busy the loop is |
  /// | `toro_waits` | gauge | waits that have not ended, by `primitive`: `Lock`, `Queue`, `Descriptor` and so on |
  ///
  /// Each has the dimension `reactor`. What happened before the call counts to the first report.
  ///
  /// - Parameters:
  ///   - name: The dimension `reactor`.
  ///   - interval: How often: more than 0.
  ///   - factory: Whom to; what the program has bootstrapped, if nothing is given.
  /// - Throws: `CancellationError` if the task is cancelled; `ReactorClosedError`.
  /// - Isolation: May be awaited from any thread.
  public func reportMetrics(
    name: String = "reactor", every interval: Duration = .seconds(10),
    to factory: any MetricsFactory = MetricsSystem.factory
  ) async throws {
    require(interval > .zero, "Reactor.reportMetrics(every: \(interval)): more than 0")
    try await visit { try await MetricsReporter(self, name, factory).run(every: interval) }
  }
}

extension ReactorGroup {
  /// Reports what happens on each of the group's reactors, as `Reactor.reportMetrics(name:every:to:)` does, until the group ends.
  ///
  /// - Isolation: From any thread, also before the group runs.
  public func reportMetrics(
    every interval: Duration = .seconds(10), to factory: any MetricsFactory = MetricsSystem.factory
  ) {
    for (index, reactor) in reactors.enumerated() {
      let label = "\(name)-\(index)"
      reactor.spawn(name: "metrics") {
        try await reactor.reportMetrics(name: label, every: interval, to: factory)
      }
    }
  }
}

/// What was reported of a reactor, and what is to be. On its thread.
private final class MetricsReporter {
  private let reactor: Reactor
  private let name: String
  private let factory: any MetricsFactory
  private let opened: Counter
  private let open: Gauge
  private let received: Counter
  private let sent: Counter
  private let lag: Timer
  private var waits: [String: Gauge] = [:]
  private var reported = (opened: 0, received: 0, sent: 0)

  init(_ reactor: Reactor, _ name: String, _ factory: any MetricsFactory) {
    self.reactor = reactor
    self.name = name
    self.factory = factory
    let dimensions = [("reactor", name)]
    opened = Counter(label: "toro_connections_opened", dimensions: dimensions, factory: factory)
    open = Gauge(label: "toro_connections_open", dimensions: dimensions, factory: factory)
    received = Counter(label: "toro_received_bytes", dimensions: dimensions, factory: factory)
    sent = Counter(label: "toro_sent_bytes", dimensions: dimensions, factory: factory)
    lag = Timer(label: "toro_loop_lag", dimensions: dimensions, factory: factory)
  }

  deinit {
    opened.destroy()
    open.destroy()
    received.destroy()
    sent.destroy()
    lag.destroy()
    for gauge in waits.values { gauge.destroy() }
  }

  func run(every interval: Duration) async throws {
    defer { report() }
    var next = reactor.now.advanced(by: interval)
    while true {
      let due = min(next, reactor.now.advanced(by: .seconds(1)))
      try await reactor.sleep(until: .at(due))
      lag.recordNanoseconds(reactor.now.nanoseconds - due.nanoseconds)
      guard due == next else { continue }
      report()
      next = reactor.now.advanced(by: interval)
    }
  }

  private func report() {
    let traffic = reactor.traffic
    let now = (
      opened: traffic.connectionsOpened.load(ordering: .relaxed),
      received: traffic.bytesReceived.load(ordering: .relaxed),
      sent: traffic.bytesSent.load(ordering: .relaxed)
    )
    opened.increment(by: now.opened - reported.opened)
    open.record(now.opened - traffic.connectionsClosed.load(ordering: .relaxed))
    received.increment(by: now.received - reported.received)
    sent.increment(by: now.sent - reported.sent)
    reported = now
    guard reactor.isCurrent else { return }  // closed: nobody waits there
    let counts = reactor.waitCounts
    for primitive in counts.keys where waits[primitive] == nil {
      waits[primitive] = Gauge(
        label: "toro_waits", dimensions: [("reactor", name), ("primitive", primitive)], factory: factory)
    }
    for (primitive, gauge) in waits { gauge.record(counts[primitive] ?? 0) }
  }
}
#endif
