#if ServiceLifecycle
import ServiceLifecycle
import Toro

/// A group of reactors, which may be one, as a service of swift-service-lifecycle.
///
///     let group = try ReactorGroup(count: 1)
///     let listener = try GroupListener(host: "127.0.0.1", port: 7000, on: group)
///     let service = ReactorService(group, grace: .seconds(10)) { _ in
///       try await listener.serve { connection in await echo(connection) }
///     }
///     try await ServiceGroup(services: [service], gracefulShutdownSignals: [.sigterm], logger: logger).run()
///
/// At the graceful shutdown the group is asked to stop (``ReactorGroup/stop(deadline:)``); what has not ended after the grace is
/// cancelled. If the service's task is cancelled, it is cancelled at once.
public struct ReactorService: Service {
  /// The reactors.
  public let group: ReactorGroup
  private let grace: Duration
  private let body: @Sendable (Reactor) async throws -> Void

  /// - Parameters:
  ///   - group: The reactors. They run once, and so does the service.
  ///   - grace: How long work may take to end by itself after the graceful shutdown.
  ///   - body: What to run on each reactor. It should return when it has ended its work after ``ReactorGroup/stopping(on:)``.
  public init(
    _ group: ReactorGroup, grace: Duration = .seconds(30), _ body: @escaping @Sendable (Reactor) async throws -> Void
  ) {
    self.group = group
    self.grace = grace
    self.body = body
  }

  /// Runs the group until its bodies have returned. What a service group calls.
  ///
  /// - Throws: As `ReactorGroup.run(_:)`: `StoppedError` if work was cancelled after the grace.
  public func run() async throws {
    try await withGracefulShutdownHandler {
      _ = try await group.run(body)
    } onGracefulShutdown: {
      group.stop(deadline: .after(grace))
    }
  }
}
#endif
