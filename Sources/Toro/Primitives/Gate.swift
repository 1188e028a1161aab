/// Counts work in hand, and can be closed: then no work enters any more, and ``join(file:line:)`` waits for what is left.
/// The heart of a graceful shutdown. (Seastar's gate.)
public final class Gate: Sendable, CustomStringConvertible {
  /// The reactor that the gate belongs to.
  public let reactor: Reactor
  let core: GateCore

  /// - Parameters: As for ``Lock/init(name:on:deferred:)``.
  public init(name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    self.reactor = reactor
    core = GateCore(name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  /// Enters the gate: one more piece of work is in hand, until ``leave(file:line:)``.
  ///
  /// - Throws: ``ClosedError`` if the gate is closed.
  /// - Isolation: On the reactor's thread.
  public func enter() throws {
    guard core.isHere("enter()") else { throw ReactorClosedError() }
    guard core.tryEnter() else { throw ClosedError(core.subject) }
  }

  /// Enters the gate unless it is closed. On the reactor's thread.
  public func tryEnter() -> Bool { core.isHere("tryEnter()") && core.tryEnter() }

  /// Leaves the gate.
  ///
  /// - Precondition: Somebody is in it.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func leave(file: StaticString = #fileID, line: UInt = #line) {
    let core = core
    // A closure would have to be allocated.
    if reactor.isCurrent { core.leave(file, line) } else { core.forward { core.leave(file, line) } }
  }

  /// Runs `body` inside the gate.
  ///
  /// - Throws: ``ClosedError`` if the gate is closed; what `body` throws.
  /// - Isolation: May be awaited from any thread.
  public func withGate<Result>(
    file: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> Result
  ) async throws -> Result {
    let core = core
    guard try await reactor.perform({ core.tryEnter() }) else { throw ClosedError(core.subject) }
    defer { leave(file: file, line: line) }
    return try await body()
  }

  /// Lets nobody enter any more.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.isClosed = true }
  }

  /// Waits until nobody is in the gate, closed or not.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first; ``ReactorClosedError``.
  /// - Isolation: May be awaited from any thread.
  public func join(file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await reactor.wait(on: core, .join, until: .max, WaitSite(file, line))
  }

  /// Waits until nobody is in the gate, unless the deadline passes first.
  ///
  /// - Returns: Whether it was empty before the deadline.
  /// - Throws: As ``join(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func join(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    try await reactor.wait(on: core, .join, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until nobody is in the gate, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult
  public func join(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: reactor.wait(on: core, .join, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Whether the gate is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// How many are in the gate. On the reactor's thread.
  public var count: Int { core.isHere("count") ? core.count : 0 }

  /// How many wait for it to be empty. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<Gate "clients" count=3 closed waiters=1>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }
}

/// Invariant: waiters exist only while somebody is in the gate.
package final class GateCore: WaitSource, @unchecked Sendable {
  @exclusivity(unchecked) package var count = 0

  override class var typeName: String { "Gate" }

  override var stateDescription: String { "count=\(count)\(isClosed ? " closed" : "")" }

  package func tryEnter() -> Bool {
    if isClosed { return false }
    count += 1
    return true
  }

  /// A closed gate can be waited for: that is what it is closed for.
  override func admit(_ role: WaitRole, _ amount: Int) -> Admission { count == 0 ? .granted : .wait }

  package func leave(_ file: StaticString = #fileID, _ line: UInt = #line) {
    require(count > 0, "\(subject).leave(): nobody is in the gate", file: file, line: line)
    count -= 1
    guard count == 0 else { return }
    while let waiter = waiters.popFirst() { decide(waiter, .granted) }
    settle()
  }
}
