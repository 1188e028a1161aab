import Toro

/// A workload in the forms in which it is offered.
public struct Workload: Sendable {
  public let name: String
  /// What one operation is.
  public let summary: String
  /// How many operations take some tenths of a second.
  let operations: (task: Int, callback: Int)
  /// Runs about so many operations as a task of the reactor.
  let task: @Sendable (Reactor, Int) async throws -> Measurement
  /// Runs the reactor itself. `nil` where callbacks have no like of it.
  let callback: (@Sendable (Reactor, Int) throws -> Measurement)?

  /// All of them.
  public static let all =
    lockWorkloads + queueWorkloads + deadlineWorkloads + taskWorkloads + parserWorkloads + inspectionWorkloads

  init(
    _ name: String, _ summary: String, operations: (task: Int, callback: Int),
    task: @escaping @Sendable (Reactor, Int) async throws -> Measurement,
    callback: (@Sendable (Reactor, Int) throws -> Measurement)? = nil
  ) {
    self.name = name
    self.summary = summary
    self.operations = operations
    self.task = task
    self.callback = callback
  }

  public func isOffered(_ form: Form) -> Bool { form == .task || callback != nil }

  /// Runs once, on a reactor of its own.
  ///
  /// - Parameter operations: About how many. `nil` for as many as take some tenths of a second.
  public func run(_ form: Form, operations: Int?) throws -> Measurement {
    let reactor = try Reactor()
    defer { reactor.close() }
    switch form {
    case .task:
      let count = operations ?? self.operations.task
      return try reactor.run { try await task(reactor, count) }
    case .callback:
      guard let callback else { preconditionFailure("\(name) has no callback form") }
      return try callback(reactor, operations ?? self.operations.callback)
    }
  }
}

/// How a workload waits.
public enum Form: String, Sendable {
  case task, callback
}
