/// A flag that tasks and callbacks wait for.
public final class Event: Sendable, CustomStringConvertible {
  /// The reactor that the event belongs to.
  public let reactor: Reactor
  @usableFromInline let core: EventCore

  /// - Parameters: As for ``Lock/init(name:on:deferred:)``.
  public init(name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    self.reactor = reactor
    core = EventCore(name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  /// Waits until the event is set; returns at once if it is.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the event is closed,
  ///   ``ReactorClosedError`` if the reactor is.
  /// - Isolation: May be awaited from any thread.
  public func wait(file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await reactor.wait(on: core, .wait, until: .max, WaitSite(file, line))
  }

  /// Waits until the event is set, unless the deadline passes first.
  ///
  /// - Returns: Whether it was set.
  /// - Throws: As ``wait(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func wait(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    try await reactor.wait(on: core, .wait, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until the event is set, in the callback form.
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

  /// Sets the event and wakes all who wait now, even if it is cleared before they run.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func set() {
    let core = core
    core.forward { core.set() }
  }

  /// Clears the event: who waits from now on waits until it is set again.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func clear() {
    let core = core
    core.forward { core.isSet = false }
  }

  /// Ends every wait with ``ClosedError``, also later ones.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Whether the event is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// Whether the event is set. On the reactor's thread.
  public var isSet: Bool { core.isHere("isSet") && core.isSet }

  /// How many wait. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<Event "loaded" set waiters=0>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }
}

/// Invariant: waiters exist only while the event is clear.
@usableFromInline
package final class EventCore: WaitSource, @unchecked Sendable {
  @exclusivity(unchecked) package var isSet = false

  override class var typeName: String { "Event" }

  override var stateDescription: String { (isSet ? "set" : "clear") + (isClosed ? " closed" : "") }

  override func admit(_ role: WaitRole, _ amount: Int) -> Admission { isClosed ? .closed : isSet ? .granted : .wait }

  package func set() {
    isSet = true
    while let waiter = waiters.popFirst() { decide(waiter, .granted) }
    settle()
  }

  package func close() {
    closeAll()
    settle()
  }
}
