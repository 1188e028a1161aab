/// Waits that end when somebody notifies: the wait / notify pattern at its plainest.
///
/// Notifications are not kept: one that finds nobody waiting is lost. A condition has no lock of its own; between two
/// suspensions nothing else runs on the reactor.
public final class Condition: Sendable, CustomStringConvertible {
  /// The reactor that the condition belongs to.
  public let reactor: Reactor
  @usableFromInline let core: ConditionCore

  /// - Parameters: As for ``Lock/init(name:on:deferred:)``.
  public init(name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    self.reactor = reactor
    core = ConditionCore(name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  /// Waits for a notification.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the condition is closed,
  ///   ``ReactorClosedError`` if the reactor is. No notification is used up then.
  /// - Isolation: May be awaited from any thread.
  public func wait(file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await reactor.wait(on: core, .wait, until: .max, WaitSite(file, line))
  }

  /// Waits for a notification, unless the deadline passes first.
  ///
  /// - Returns: Whether it was notified. After a time-out no notification is used up.
  /// - Throws: As ``wait(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func wait(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    try await reactor.wait(on: core, .wait, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until `predicate` holds, which is looked at first and after each notification.
  ///
  /// - Returns: Whether it held before the deadline.
  /// - Throws: As ``wait(file:line:)``, and what `predicate` throws.
  /// - Isolation: May be awaited from any thread; the predicate runs where the caller is.
  public func wait(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line, until predicate: () throws -> Bool
  ) async throws -> Bool {
    let due = reactor.resolve(deadline)
    while !(try predicate()) {
      guard
        try await reactor.wait(on: core, .wait, until: due == .max ? due : reactor.stillDue(due), WaitSite(file, line))
      else {
        return try predicate()
      }
    }
    return true
  }

  /// Waits for a notification, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public func wait(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: reactor.wait(on: core, .wait, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Wakes those who have waited longest.
  ///
  /// - Parameter count: How many at most, at least 0.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  /// - Complexity: O(1) for each that it wakes.
  @inlinable
  public func notify(_ count: Int = 1) {
    if reactor.isCurrent { core.notify(count) } else { notifyElsewhere(count) }
  }

  @usableFromInline func notifyElsewhere(_ count: Int) {
    require(count >= 0, "\(core.subject).notify(\(count)): a negative count")
    let core = core
    core.forward { core.notify(count) }
  }

  /// Wakes all who wait now.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func notifyAll() {
    let core = core
    core.forward { core.notify(.max) }
  }

  /// Ends every wait with ``ClosedError``, also later ones.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Whether the condition is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// How many wait. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<Condition "ready" waiters=3>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }
}

@usableFromInline
package final class ConditionCore: WaitSource, @unchecked Sendable {
  override class var typeName: String { "Condition" }

  @usableFromInline
  package func notify(_ count: Int) {
    require(count >= 0, "\(subject).notify(\(count)): a negative count")
    // Nobody joins the line meanwhile: callbacks run afterwards, tasks on later turns.
    var left = count
    while left > 0, let waiter = waiters.popFirst() {
      left &-= 1
      decide(waiter, .granted)
    }
    settle()
  }

  package func close() {
    closeAll()
    settle()
  }
}
