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
  /// - Returns: Whether it was granted before the deadline.
  /// - Throws: `CancellationError`, ``ClosedError``, ``ReactorClosedError``. Nothing is owned then.
  @inlinable @inline(__always)
  package func wait(
    on source: WaitSource, _ role: WaitRole, _ amount: Int = 0, until due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    try await goOn(startTaskWait(source, role, amount, due, site, #isolation), source, role, amount, due, site)
  }

  /// Does what a task that has begun to wait has to do next.
  @inlinable @inline(__always)
  func goOn(
    _ wait: TaskWait, _ source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    switch wait {
    case .granted:
      return true
    case .decided(let waiter):
      return try finish(waiter, on: source)
    case .parked(let waiter):
      await suspend()
      return try finish(waiter, on: source)
    case .passed, .guarded, .elsewhere:
      return try await waitOtherwise(wait, source, role, amount, due, site)
    }
  }

  /// What a task that waits has to do next. All of the beginning that does not suspend is in one call that is not async.
  @usableFromInline @inline(never)
  func startTaskWait(
    _ source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite,
    _ isolation: (any Actor)?
  ) throws -> TaskWait {
    try startTaskWait(source, role, amount, due, site, isolation) {
      source.admit(role, amount)
    } linking: {
      source.link($0)
    }
  }

  /// The same, where the source's policy is known.
  @inline(__always)
  func startTaskWait(
    _ source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite,
    _ isolation: (any Actor)?, admitting admit: () -> Admission, linking link: (WaiterPointer) -> Void
  ) throws -> TaskWait {
    guard isInside else {
      try expectOpen(source.subject)
      return .elsewhere
    }
    switch admit() {
    case .granted:
      settle()
      return .granted
    case .closed: throw closedError(source)
    case .wait: break
    }
    let record = try recordOfWaitingTask()
    if due == .min { return passed() }
    let waiter = pool.take(for: source)
    waiter.pointee.payload.0 = UInt(bitPattern: amount)
    start(waiter, role, due, site, record, linking: link)
    return prepareToPark(waiter, record, isolation)
  }

  /// The same for a wait that brings or takes something: it was not admitted, and `prepare` is what the waiter needs.
  @usableFromInline @inline(never)
  func startTaskWait(
    _ source: WaitSource, _ role: WaitRole, _ due: Int64, _ site: WaitSite, _ isolation: (any Actor)?,
    preparing prepare: (WaiterPointer) -> Void
  ) throws -> TaskWait {
    if source.isClosed { throw closedError(source) }
    let record = try recordOfWaitingTask()
    if due == .min { return passed() }
    let waiter = pool.take(for: source)
    prepare(waiter)
    start(waiter, role, due, site, record) { source.link($0) }
    return prepareToPark(waiter, record, isolation)
  }

  /// The ways that are rare.
  @usableFromInline @inline(never)
  func waitOtherwise(
    _ wait: TaskWait, _ source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    if case .elsewhere = wait {
      return try await home.wait(source, role, amount, on: self, until: due, site)
    }
    guard let waiter = await parkOtherwise(wait) else { return false }
    return try finish(waiter, on: source)
  }

  /// A wait whose deadline had passed at the call.
  @inline(never)
  func passed() -> TaskWait {
    lastNow = readMonotonicClock()  // what is due as well has waited longer: this turn ends it
    return .passed
  }

  /// Puts a new waiter in line, to be parked or given a callback by the caller.
  @inline(__always)
  func begin(
    on source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64, _ site: WaitSite, _ record: TaskReference?
  ) -> WaiterPointer {
    let waiter = pool.take(for: source)
    waiter.pointee.payload.0 = UInt(bitPattern: amount)
    start(waiter, on: source, role, due, site, record)
    return waiter
  }

  /// Puts a waiter in line whose payload is set.
  @usableFromInline
  func start(
    _ waiter: WaiterPointer, on source: WaitSource, _ role: WaitRole, _ due: Int64, _ site: WaitSite,
    _ record: TaskReference?
  ) {
    start(waiter, role, due, site, record) { source.link($0) }
  }

  @inline(__always)
  private func start(
    _ waiter: WaiterPointer, _ role: WaitRole, _ due: Int64, _ site: WaitSite, _ record: TaskReference?,
    linking link: (WaiterPointer) -> Void
  ) {
    waiter.pointee.role = role
    waiter.pointee.receiver = .task
    waiter.pointee.state = .waiting
    link(waiter)
    pendingWaits &+= 1
    addTimer(waiter, due)
    if site.isKnown {
      pool.note(waiter, since: lastNow, site)
      if noting { pool.noteTask(of: waiter, hasRecord: record != nil) }
    }
  }

  /// Tells what came of a task's wait, wherever the task is now, and gives the waiter back.
  @usableFromInline @inline(never)
  func finish(_ waiter: WaiterPointer, on source: WaitSource) throws -> Bool {
    if isCurrent && waiter.pointee.outcome == .granted {
      pool.give(waiter)
      return true
    }
    let outcome = waiter.pointee.outcome
    recycle(waiter)
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
    isClosing ? ReactorClosedError() : source.closedError
  }
}

extension WaitSource {
  /// Waits in the task form: ``Reactor/wait(on:_:_:until:_:)``.
  @inlinable @inline(__always)
  package final func wait(
    _ role: WaitRole, _ amount: Int = 0, until due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    try await reactor.wait(on: self, role, amount, until: due, site)
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
  package func wait(
    on source: WaitSource, _ role: WaitRole, _ amount: Int = 0, until deadline: Deadline, _ site: WaitSite,
    _ callback: consuming @escaping @Sendable (WaitOutcome) -> Void
  ) -> UInt64 {
    startCallbackWait(source, role, amount, deadline, site, callback) {
      source.admit(role, amount)
    } linking: {
      source.link($0)
    }
  }

  /// The same, where the source's policy is known.
  @inline(__always)
  func startCallbackWait(
    _ source: WaitSource, _ role: WaitRole, _ amount: Int, _ deadline: Deadline, _ site: WaitSite,
    _ callback: consuming @escaping @Sendable (WaitOutcome) -> Void, admitting admit: () -> Admission,
    linking link: (WaiterPointer) -> Void
  ) -> UInt64 {
    guard isHere(for: source, role) else {
      callback(.closed)
      return 0
    }
    let due = deadline.isNever ? .max : resolve(deadline)
    let outcome = outcomeAtOnce(due, admit)
    let waiter = pool.take(for: source)
    if let outcome {
      waiter.storeCallback(OutcomeCallback(callback))
      tellAtOnce(waiter, outcome)
      return 0
    }
    waiter.pointee.payload.0 = UInt(bitPattern: amount)
    start(waiter, role, due, site, nil, linking: link)
    waiter.storeCallback(OutcomeCallback(callback))
    return waiter.pointee.id
  }

  /// Callback waits begin on the reactor's thread: false if it is closed; elsewhere the program stops with a message.
  @inlinable @inline(__always)
  func isHere(for source: WaitSource, _ role: WaitRole) -> Bool { isCurrent || isElsewhere(for: source, role) }

  @usableFromInline @inline(never)
  func isElsewhere(for source: WaitSource, _ role: WaitRole) -> Bool {
    if isClosed { return false }
    expectCurrent("\(source.subject).\(role.verb)(deadline:callback:)")
    return false
  }

  /// What a callback wait ends as at the call, or `nil` if it has to wait.
  @usableFromInline
  func outcomeAtOnce(on source: WaitSource, _ role: WaitRole, _ amount: Int, _ due: Int64) -> WaitOutcome? {
    outcomeAtOnce(due) { source.admit(role, amount) }
  }

  @inline(__always)
  private func outcomeAtOnce(_ due: Int64, _ admit: () -> Admission) -> WaitOutcome? {
    if isClosing { return .closed }
    switch admit() {
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
      takeInbox()  // what came before goes first
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
  /// Go on: it was decided while others ran.
  case decided(WaiterPointer)
  /// Suspend, by ``Reactor/suspend()``.
  case parked(WaiterPointer)
  /// Let a turn pass: the deadline had passed at the call.
  case passed
  /// Suspend in a way that costs more: the task needs a cancellation handler, or a switch back to its isolation.
  case guarded(WaiterPointer, handler: Bool)
  /// Begin again on the reactor.
  case elsewhere
}

/// Set on the reactor, read by the task afterwards.
@usableFromInline
package final class Marker: @unchecked Sendable {
  var isSet = false
}

extension ReactorHome {
  fileprivate func wait(
    _ source: WaitSource, _ role: WaitRole, _ amount: Int, on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    visit()
    try reactor.expectArrival()
    return try await reactor.wait(on: source, role, amount, until: due, site)
  }
}

extension Reactor {
  /// Looks at the task that is about to wait: the record it waits under, `nil` if it needs a cancellation handler of its
  /// own.
  ///
  /// - Throws: `CancellationError` if it is cancelled, ``ReactorClosedError`` if the reactor is closing.
  @inline(__always)
  func recordOfWaitingTask() throws -> TaskReference? {
    if isClosing { throw ReactorClosedError() }
    guard let task = toro_current_task() else { return nil }
    if let record = context.record, record.task == task {
      if record.isCancelled { throw CancellationError() }
      return record
    }
    return try findRecord(task)
  }

  @inline(never)
  private func findRecord(_ task: UnsafeMutableRawPointer) throws -> TaskReference? {
    if toro_task_is_cancelled(task) { throw CancellationError() }
    guard let record = liveTasks.find(task) else { return nil }
    if task == running { context = context.with(record) }
    return record
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
