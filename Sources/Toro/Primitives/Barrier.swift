/// A meeting point: waits end when so many have come, and it starts over.
///
/// One who gives up waiting, by time-out or cancellation, has not come: the others go on waiting for the full number.
public final class Barrier: Sendable, CustomStringConvertible {
  /// The reactor that the barrier belongs to.
  public let reactor: Reactor
  let core: BarrierCore

  /// - Parameters:
  ///   - parties: How many have to come, at least 1.
  ///   - name: What descriptions call the barrier.
  ///   - reactor: Whose it is. Any thread may make it.
  ///   - deferred: Whether callbacks run on the next turn rather than before the last one's call returns.
  public init(parties: Int, name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    require(parties >= 1, "Barrier(parties: \(parties)): at least one")
    self.reactor = reactor
    core = BarrierCore(parties: parties, name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  /// How many have to come.
  public var parties: Int { core.parties }

  /// Waits until all have come.
  ///
  /// - Returns: Whether this was the last to come: true for one of the parties.
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the barrier is closed,
  ///   ``ReactorClosedError`` if the reactor is.
  /// - Isolation: May be awaited from any thread.
  @discardableResult
  public func wait(file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    try await core.arrive(on: reactor, until: .max, WaitSite(file, line)) ?? false
  }

  /// Waits until all have come, unless the deadline passes first.
  ///
  /// - Returns: `nil` after a time-out, otherwise whether this was the last to come.
  /// - Throws: As ``wait(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func wait(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool? {
    try await core.arrive(on: reactor, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until all have come, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult
  public func wait(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: reactor.wait(on: core, .arrive, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Ends every wait with ``ClosedError``, also later ones.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Whether the barrier is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// How many have come and wait. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<Barrier "phase" parties=4 waiters=3>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }
}

/// Invariant: fewer wait than there are parties.
package final class BarrierCore: WaitSource, @unchecked Sendable {
  package let parties: Int

  package init(parties: Int, name: String?, on reactor: Reactor, deferred: Bool) {
    self.parties = parties
    super.init(name: name, on: reactor, deferred: deferred)
  }

  override class var typeName: String { "Barrier" }

  override var stateDescription: String { "parties=\(parties)\(isClosed ? " closed" : "")" }

  /// The last to come does not wait, and lets the others go before it goes on itself.
  override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    if isClosed { return .closed }
    guard waiters.count + 1 == parties else { return .wait }
    while let waiter = waiters.popFirst() { decide(waiter, .granted) }
    return .granted
  }

  func arrive(on reactor: Reactor, until due: Int64, _ site: WaitSite) async throws -> Bool? {
    let wait = try reactor.startTaskWait(self, .arrive, 0, due, site, #isolation)
    switch wait {
    case .granted:
      return true
    case .elsewhere:
      return try await reactor.home.arrive(at: self, on: reactor, until: due, site)
    case .decided, .parked, .passed, .guarded:
      guard let waiter = await reactor.parkOtherwise(wait) else { return nil }
      return try reactor.finish(waiter, on: self) ? false : nil
    }
  }

  package func close() {
    closeAll()
    settle()
  }
}

extension ReactorHome {
  fileprivate func arrive(
    at barrier: BarrierCore, on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Bool? {
    visit()
    try reactor.expectArrival()
    return try await barrier.arrive(on: reactor, until: due, site)
  }
}
