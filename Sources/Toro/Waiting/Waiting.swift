import CToroShims

/// How a wait begins and ends, in the task form: the same for every source. On the reactor rather than the source, since
/// handles have a strong reference to it: the path is free of retains.
extension Reactor {
  /// Waits in the task form.
  ///
  /// - Parameters:
  ///   - source: What to wait on.
  ///   - role: Which kind of wait.
  ///   - amount: How much it asks for.
  ///   - due: Until when, as ``Reactor/resolve(_:)`` says.
  ///   - grantedAtOnce: Set if it did not have to wait.
  /// - Returns: Whether it was granted before the deadline.
  /// - Throws: `CancellationError`, ``ClosedError``, ``ReactorClosedError``. Nothing is owned then.
  @usableFromInline
  package func wait(
    on source: WaitSource, _ role: WaitRole, _ amount: Int = 0, until due: Int64, _ site: WaitSite,
    grantedAtOnce: Marker? = nil
  ) async throws -> Bool {
    guard isInside else {
      try expectOpen(source.subject)
      return try await home.wait(source, role, amount, on: self, until: due, site, grantedAtOnce: grantedAtOnce)
    }
    switch try startTaskWait(source, role, amount, due, site, #isolation) {
    case .granted:
      grantedAtOnce?.isSet = true
      return true
    case .passed:
      await yield()
      return false
    case .decided(let waiter):
      return try finish(waiter, on: source)
    case .recorded(let waiter):
      await suspend()
      return try finish(waiter, on: source)
    case .unrecorded(let waiter):
      await park(.unrecorded(waiter))
      return try finish(waiter, on: source)
    }
  }

  /// What a task that waits has to do next. All of the beginning that does not suspend is in one call that is not async.
  @inline(never)
  private func startTaskWait(
    _ source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite,
    _ isolation: (any Actor)?
  ) throws -> TaskWait {
    switch source.admit(role, amount) {
    case .granted:
      settle()
      return .granted
    case .closed: throw closedError(source)
    case .wait: break
    }
    let record = try recordOfWaitingTask()
    if due == .min {
      lastNow = readMonotonicClock()  // what is due as well has waited longer: this turn ends it
      return .passed
    }
    let waiter = begin(on: source, role, amount, due, site, record)
    return prepareToPark(waiter, as: record, isolation)
  }

  /// Puts a new waiter in line, to be parked or given a callback by the caller.
  func begin(
    on source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite?, _ record: TaskReference?
  ) -> WaiterPointer {
    let waiter = pool.take(for: source)
    waiter.pointee.payload.0 = UInt(bitPattern: amount)
    start(waiter, on: source, role, due, site, record)
    return waiter
  }

  /// Puts a waiter in line whose payload is set.
  @usableFromInline
  func start(
    _ waiter: WaiterPointer, on source: WaitSource, _ role: WaitRole, _ due: Int64, _ site: WaitSite?,
    _ record: TaskReference?
  ) {
    waiter.pointee.role = role
    waiter.pointee.receiver = .task
    waiter.pointee.state = .waiting
    source.link(waiter)
    pendingWaits &+= 1
    addTimer(waiter, due)
    if let site {
      let name = noting && record == nil ? Task.name : nil
      pool.note(
        waiter, .init(since: lastNow, file: site.file, line: site.line, record: record, isNamed: name != nil))
      if let name { pool.name(waiter, name) }
    }
  }

  /// Tells what came of a task's wait, wherever the task is now, and gives the waiter back.
  @usableFromInline
  func finish(_ waiter: WaiterPointer, on source: WaitSource) throws -> Bool {
    let outcome = waiter.pointee.outcome
    recycle(waiter)
    if outcome == .granted { return true }
    return try conclude(outcome, on: source)
  }

  @usableFromInline
  func conclude(_ outcome: WaitOutcome, on source: WaitSource) throws -> Bool {
    switch outcome {
    case .granted: return true
    case .timedOut: return false
    case .cancelled: throw CancellationError()
    case .closed: throw closedError(source)
    }
  }

  /// The reactor closes its sources as it closes: then that is the reason.
  @usableFromInline
  func closedError(_ source: WaitSource) -> any Error {
    isClosing ? ReactorClosedError() : ClosedError(source.subject)
  }
}

extension WaitSource {
  /// Waits in the task form: ``Reactor/wait(on:_:_:until:_:grantedAtOnce:)``.
  @usableFromInline
  package final func wait(
    _ role: WaitRole, _ amount: Int = 0, until due: Int64, _ site: WaitSite, grantedAtOnce: Marker? = nil
  ) async throws -> Bool {
    try await reactor.wait(on: self, role, amount, until: due, site, grantedAtOnce: grantedAtOnce)
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

extension Reactor {
  /// Waits in the callback form.
  ///
  /// - Returns: The wait's identity, 0 if it has ended.
  @usableFromInline
  func wait(
    on source: WaitSource, _ role: WaitRole, _ amount: Int = 0, until deadline: Deadline, _ site: WaitSite,
    _ callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> UInt64 {
    let callback = OutcomeCallback(callback)
    guard isHere(for: source, role) else {
      callback.call(.closed)
      return 0
    }
    let due = deadline.isNever ? .max : resolve(deadline)
    if let outcome = outcomeAtOnce(on: source, role, amount, due) {
      let waiter = pool.take(for: source)
      waiter.storeCallback(callback)
      tellAtOnce(waiter, outcome)
      return 0
    }
    let waiter = begin(on: source, role, amount, due, site, nil)
    waiter.storeCallback(callback)
    return waiter.pointee.id
  }

  /// Callback waits begin on the reactor's thread: false if it is closed; elsewhere the program stops with a message.
  @usableFromInline
  func isHere(for source: WaitSource, _ role: WaitRole) -> Bool {
    if isCurrent { return true }
    if isClosed { return false }
    expectCurrent("\(source.subject).\(role.verb)(deadline:callback:)")
    return false
  }

  /// What a callback wait ends as at the call, or `nil` if it has to wait.
  @usableFromInline
  func outcomeAtOnce(on source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64) -> WaitOutcome? {
    if isClosing { return .closed }
    switch source.admit(role, amount) {
    case .granted: return .granted
    case .closed: return .closed
    case .wait: return due == .min ? .timedOut : nil
    }
  }

  /// Tells a callback whose wait ended at the call: before the call returns, a time-out on the next turn. Then the put that
  /// it let in, if it is a get.
  @usableFromInline
  func tellAtOnce(_ waiter: WaiterPointer, _ outcome: WaitOutcome, _ letIn: WaiterPointer? = nil) {
    waiter.pointee.state = .decided
    waiter.pointee.outcome = outcome
    if outcome == .timedOut {
      enqueueReady(.callback(waiter))
      enqueueReady(.keep(waiter.pointee.source))  // the last handle may go before the callback has run
    } else {
      tellLater(waiter)
    }
    if let letIn { decide(letIn, .granted) }
    settle()
  }
}

/// What a task that begins to wait has to do next.
@usableFromInline
enum TaskWait {
  /// Go on.
  case granted
  /// Let a turn pass: the deadline had passed at the call.
  case passed
  /// Go on: it was decided while others ran.
  case decided(WaiterPointer)
  /// Be parked: `await parkingLot.park()`.
  case recorded(WaiterPointer)
  /// Be parked with a cancellation handler of its own.
  case unrecorded(WaiterPointer)
}

/// Set on the reactor, read by the task afterwards.
@usableFromInline
package final class Marker: @unchecked Sendable {
  var isSet = false
}

extension ReactorHome {
  fileprivate func wait(
    _ source: WaitSource, _ role: WaitRole, _ amount: Int, on reactor: Reactor, until due: Int64, _ site: WaitSite,
    grantedAtOnce: Marker?
  ) async throws -> Bool {
    visit()
    try reactor.expectArrival()
    return try await reactor.wait(on: source, role, amount, until: due, site, grantedAtOnce: grantedAtOnce)
  }
}

extension Reactor {
  /// Looks at the task that is about to wait: the record it waits under, `nil` if it needs a cancellation handler of its
  /// own.
  ///
  /// - Throws: `CancellationError` if it is cancelled, ``ReactorClosedError`` if the reactor is closing.
  @usableFromInline
  func recordOfWaitingTask() throws -> TaskReference? {
    if isClosing { throw ReactorClosedError() }
    guard let task = toro_current_task() else { return nil }
    if toro_task_is_cancelled(task) { throw CancellationError() }
    if let record = context.record, record.task == task { return record }
    return liveTasks.find(task)
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
    if !isInside { throw ReactorClosedError() }
  }
}
