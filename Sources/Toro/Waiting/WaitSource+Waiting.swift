import CToroShims

/// How a wait begins and ends, in both forms: the same for every source.
extension WaitSource {
  /// Waits in the task form.
  ///
  /// - Parameters:
  ///   - role: Which kind of wait.
  ///   - amount: How much it asks for.
  ///   - due: Until when, as ``Reactor/resolve(_:)`` says.
  ///   - grantedAtOnce: Set if it did not have to wait.
  /// - Returns: Whether it was granted before the deadline.
  /// - Throws: `CancellationError`, ``ClosedError``, ``ReactorClosedError``. Nothing is owned then.
  @usableFromInline
  package final func wait(
    _ role: WaitRole, _ amount: Int = 0, until due: Int64, _ site: WaitSite, grantedAtOnce: Marker? = nil
  ) async throws -> Bool {
    guard reactor.isCurrent else {
      try reactor.expectOpen(subject)
      return try await reactor.home.wait(self, role, amount, until: due, site, grantedAtOnce: grantedAtOnce)
    }
    switch admit(role, amount) {
    case .granted:
      grantedAtOnce?.isSet = true
      reactor.settle()
      return true
    case .closed: throw ClosedError(subject)
    case .wait: break
    }
    let record = try reactor.recordOfWaitingTask()
    if due == .min {
      await reactor.yield()
      return false
    }
    let waiter = begin(role, amount, due, site, record)
    await reactor.park(waiter, as: record)
    return try finish(waiter)
  }

  /// Puts a new waiter in line, to be parked or given a callback by the caller.
  @usableFromInline
  final func begin(_ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite?, _ record: TaskRecord?)
    -> WaiterPointer
  {
    let waiter = reactor.pool.take(for: self)
    waiter.pointee.payload.0 = UInt(bitPattern: amount)
    start(waiter, role, due, site, record)
    return waiter
  }

  /// Puts a waiter in line whose payload is set.
  @usableFromInline
  final func start(_ waiter: WaiterPointer, _ role: WaitRole, _ due: Int64, _ site: WaitSite?, _ record: TaskRecord?) {
    waiter.pointee.role = role
    waiter.pointee.receiver = .task
    waiter.pointee.state = .waiting
    link(waiter)
    reactor.pendingWaits &+= 1
    reactor.addTimer(waiter, due)
    if let site {
      reactor.pool.note(waiter, .init(since: reactor.lastNow, file: site.file, line: site.line, record: record))
    }
  }

  /// Tells what came of a task's wait, wherever the task is now, and gives the waiter back.
  @usableFromInline
  final func finish(_ waiter: WaiterPointer) throws -> Bool {
    let outcome = waiter.pointee.outcome
    reactor.recycle(waiter)
    return try conclude(outcome)
  }

  @usableFromInline
  final func conclude(_ outcome: WaitOutcome) throws -> Bool {
    switch outcome {
    case .granted: return true
    case .timedOut: return false
    case .cancelled: throw CancellationError()
    case .closed: throw closedError()
    }
  }

  @usableFromInline
  final func closedError() -> any Error {
    reactor.closePhase == .open || reactor.closePhase == .requested ? ClosedError(subject) : ReactorClosedError()
  }

  // MARK: The callback form

  /// Waits in the callback form.
  @usableFromInline
  final func wait(
    _ role: WaitRole, _ amount: Int = 0, until deadline: Deadline, _ site: WaitSite,
    _ callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    reactor.expectCurrent("\(subject).\(role.verb)(deadline:callback:)")
    let callback = OutcomeCallback(callback)
    let due = reactor.resolve(deadline)
    if let outcome = outcomeAtOnce(role, amount, due) {
      let waiter = reactor.pool.take(for: self)
      waiter.storeCallback(callback)
      return tellAtOnce(waiter, outcome)
    }
    let waiter = begin(role, amount, due, site, nil)
    waiter.storeCallback(callback)
    return Wait(reactor: reactor, id: waiter.pointee.id)
  }

  /// What a callback wait ends as at the call, or `nil` if it has to wait.
  @usableFromInline
  final func outcomeAtOnce(_ role: WaitRole, _ amount: Int, _ due: Int64) -> WaitOutcome? {
    switch admit(role, amount) {
    case .granted: return .granted
    case .closed: return .closed
    case .wait:
      if reactor.closePhase != .open && reactor.closePhase != .requested { return .closed }
      return due == .min ? .timedOut : nil
    }
  }

  /// Tells a callback whose wait ended at the call: before the call returns, a time-out on the next turn.
  @usableFromInline
  final func tellAtOnce(_ waiter: WaiterPointer, _ outcome: WaitOutcome) -> Wait {
    waiter.pointee.state = .decided
    waiter.pointee.outcome = outcome
    if outcome == .timedOut {
      reactor.enqueueReady(.callback(waiter))
    } else {
      reactor.tellLater(waiter)
    }
    reactor.settle()
    return Wait(reactor: reactor, id: 0)
  }

  // MARK: From other threads

  /// Does `body` here if this is the reactor's thread, else there, in the order in which it was asked for. On a closed
  /// reactor nothing happens.
  @usableFromInline
  final func forward(_ body: @escaping @Sendable () -> Void) {
    if reactor.isCurrent { body() } else { reactor.post(.call(body)) }
  }

  /// For calls that answer at once: true on the reactor's thread; false if the reactor is closed, where the answer is
  /// "no" or "nothing"; stops the program with a message elsewhere.
  @usableFromInline
  final func isHere(_ call: StaticString) -> Bool {
    if reactor.isCurrent { return true }
    if reactor.isClosed { return false }
    reactor.expectCurrent("\(subject).\(call)")
    return false
  }
}

/// Set on the reactor, read by the task afterwards.
@usableFromInline
package final class Marker: @unchecked Sendable {
  var isSet = false
}

extension ReactorHome {
  fileprivate func wait(
    _ source: WaitSource, _ role: WaitRole, _ amount: Int, until due: Int64, _ site: WaitSite, grantedAtOnce: Marker?
  ) async throws -> Bool {
    visit()
    try source.reactor.expectArrival()
    return try await source.wait(role, amount, until: due, site, grantedAtOnce: grantedAtOnce)
  }
}

extension Reactor {
  /// Looks at the task that is about to wait: the record it waits under, `nil` if it needs a cancellation handler of its
  /// own.
  ///
  /// - Throws: `CancellationError` if it is cancelled, ``ReactorClosedError`` if the reactor is closing.
  @usableFromInline
  func recordOfWaitingTask() throws -> TaskRecord? {
    if closePhase != .open && closePhase != .requested { throw ReactorClosedError() }
    if Task.isCancelled { throw CancellationError() }
    guard let task = toro_current_task() else { return nil }
    if let record = context.record, record.task == task { return record }
    if let record = TaskRecord.inherited, record.reactor == ObjectIdentifier(self), record.task == task {
      return record
    }
    return nil
  }

  /// For a wait that begins elsewhere.
  @usableFromInline
  func expectOpen(_ subject: @autoclosure () -> String) throws {
    if isClosed { throw ReactorClosedError() }
    expectNoFork(subject())
  }

  /// For a wait that came here from elsewhere: the reactor may have been closed on the way.
  @usableFromInline
  func expectArrival() throws {
    if !isCurrent { throw ReactorClosedError() }
  }
}
