import CToroShims

/// Where tasks are parked: an actor whose executor does not run a job but stores it with the waiter that the task is to
/// wait as.
///
/// `await park()` switches to this actor, and the runtime hands the rest of the task, as a job, to ``ParkingExecutor``.
/// Deciding the wait puts that job in the ready queue; running it in the mode in which the task ran before makes the way
/// back to the caller's executor free. That is one enqueue a wait, by public means alone.
@usableFromInline
actor Parking {
  @usableFromInline nonisolated let unownedExecutor: UnownedSerialExecutor
  private nonisolated let executor: ParkingExecutor
  private var returns = 0

  init(_ reactor: Reactor) {
    executor = ParkingExecutor(reactor)
    unownedExecutor = executor.asUnownedSerialExecutor()
  }

  /// Returns when the wait has been decided. Touches its state so that the switch cannot be elided.
  @usableFromInline @inline(never)
  func park() { returns &+= 1 }
}

private final class ParkingExecutor: SerialExecutor, @unchecked Sendable {
  private let reactor: Unmanaged<Reactor>

  init(_ reactor: Reactor) { self.reactor = .passUnretained(reactor) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    reactor._withUnsafeGuaranteedRef { $0.parked(job) }
  }
}

extension Reactor {
  /// The task that was on its way to being parked has suspended: here is the rest of it.
  fileprivate func parked(_ job: UnownedJob) {
    assert(isCurrent, "tasks are parked on their reactor's thread")
    guard let waiter = parking else {
      enqueueReady(.job(job, yielding))
      return
    }
    parking = nil
    let waitContext = TaskContext(bits: waiter.pointee.told.1)
    if waiter.pointee.state == .waiting || waiter.pointee.receiver == .lingeringTask {
      waiter.pointee.told.0 = unsafeBitCast(job, to: UInt.self)
      waiter.pointee.receiver = .parkedTask
    } else {
      enqueueReady(.job(job, waitContext))
    }
  }

  /// Lets everything run that is ready now, then goes on: one turn.
  ///
  /// What has come meanwhile is looked for every 64 turns or so. Who is busy for milliseconds between two yields lets deadlines and
  /// descriptors have their turn by `sleep(for: .zero)`.
  ///
  /// Called off the reactor it yields the calling task there.
  public func yield() async {
    guard isInside else { return await Task.yield() }
    assert(parking == nil)
    let mode = mode(in: #isolation)
    yielding = mode ?? .preferring
    if mode != nil { await suspend() } else { await parkingLot.park() }
  }

  /// The same for who has done as much input or output as others may be asked to wait for: what else has come is looked for
  /// before it goes on, and what is due is told.
  package func yieldToPoll() async {
    if isInside { runsSincePoll = batchLimit }
    await yield()
  }

  /// The last thing to do before `waiter`'s task suspends, which it must do next if the answer says so.
  @inline(__always)
  func prepareToPark(_ waiter: WaiterPointer, _ record: TaskReference?, _ isolation: (any Actor)?) -> TaskWait {
    waiter.pointee.told.1 = context.with(record).bits
    guard let record else { return .guarded(waiter, handler: true) }
    record.setWaiter(waiter)
    // The context is of another task, or the task may not stay in the mode that it names.
    guard waiter.pointee.told.1 == context.bits && isInMode(isolation) else {
      parking = waiter
      return .guarded(waiter, handler: false)
    }
    if mayLinger && linger(waiter) { return .decided(waiter) }
    parking = waiter
    return .parked(waiter)
  }

  /// Suspends the current task, in one of the ways that are rare, until its wait has been decided.
  ///
  /// Afterwards the task may be on another thread, if that is where the caller's isolation leads; it may read the waiter
  /// and must give it back by ``recycle(_:)``.
  ///
  /// - Returns: The waiter, or `nil` if the deadline had passed at the call.
  @usableFromInline
  func parkOtherwise(_ wait: TaskWait) async -> WaiterPointer? {
    switch wait {
    case .decided(let waiter):
      return waiter
    case .parked(let waiter):
      await suspend()
      return waiter
    case .guarded(let waiter, let needsHandler):
      if needsHandler { await parkWithHandler(waiter, in: #isolation) } else { await parkingLot.park() }
      return waiter
    case .passed:
      await yieldToPoll()
      return nil
    case .granted, .elsewhere:
      preconditionFailure("nothing to park")
    }
  }

  /// Whether the current task has been cancelled: as `Task.isCancelled`, and faster for a task that the reactor has a record of.
  package var isTaskCancelled: Bool {
    if let record = context.record, record.task == toro_current_task() { return record.isCancelled }
    return Task.isCancelled
  }

  /// Whether the current task is one that was spawned here: it is resumed nowhere else.
  package var isInSpawnedTask: Bool {
    guard isInside, let task = toro_current_task() else { return false }
    return liveTasks.find(task) != nil
  }

  /// Whether the current task is the one whose job the reactor runs.
  var isRunning: Bool { toro_current_task() == running }

  /// The way in which to run the current task's job so that it goes on in `isolation` without a switch; `nil` if there is
  /// none.
  @inline(__always)
  private func mode(in isolation: (any Actor)?) -> TaskContext? {
    if isRunning { isInMode(isolation) ? context : nil } else { modeOfOther(in: isolation) }
  }

  /// The same for a task that is not the one whose job the reactor runs.
  @inline(never)
  private func modeOfOther(in isolation: (any Actor)?) -> TaskContext? {
    if let isolation { return isOurs(isolation) ? .isolated : nil }
    let preferred = withUnsafeCurrentTask { $0?.unownedTaskExecutor }
    return preferred == nil || preferred == taskExecutorReference ? .preferring : nil
  }

  /// Whether a job that is run in the mode of this one goes on in `isolation` without a switch. Asked of the task that
  /// is ``running``.
  ///
  /// A job that came by the reactor as a serial executor is some actor's whose executor the reactor is, and to leave that
  /// for another actor it has to be enqueued there. So it is enough that there is an actor.
  @inline(__always)
  func isInMode(_ isolation: (any Actor)?) -> Bool {
    assert(isolation.map { !context.isIsolated || isOurs($0) } ?? true)
    return (isolation != nil) == context.isIsolated
  }

  private func isOurs(_ actor: any Actor) -> Bool {
    unsafeBitCast(actor.unownedExecutor, to: (UInt, UInt).self)
      == unsafeBitCast(serialExecutorReference, to: (UInt, UInt).self)
  }

  #if TORO_PUBLIC_RUNTIME_ONLY
  /// Switches to the parking executor, and back.
  @usableFromInline
  package func suspend() async { await parkingLot.park() }

  /// The runtime's scope of a handler leaves the reactor's thread with a task that neither an actor nor a preference keeps there.
  private func parkWithHandler(_ waiter: WaiterPointer, in isolation: isolated (any Actor)?) async {
    let id = waiter.pointee.id
    nonisolated(unsafe) let waiter = waiter
    hold()
    await withTaskCancellationHandler {
      _ = isolation  // the scope is in it then
      await parkUnrecorded(waiter)
    } onCancel: {
      cancelledTaskWait(id)
    }
  }

  /// Ends the hold once it is clear that nothing more is on its way from another thread.
  private func parkUnrecorded(_ waiter: WaiterPointer) async {
    guard isInside || isClosed else {
      nonisolated(unsafe) let waiter = waiter
      return await home.run { await parkUnrecorded(waiter) }
    }
    unhold()
    if isClosed { return }  // which has decided the wait
    waiter.pointee.told.1 = context.with(nil).bits
    parking = waiter
    await parkingLot.park()
  }
  #else
  /// Switches to the parking executor, by the runtime's entry point alone. The caller's isolation must be the mode in
  /// which the job will be run (``isInMode(_:)``), so that no switch back is needed.
  @inlinable @inline(__always)
  package func suspend() async { await switchToParking(parkingExecutor) }

  private func parkWithHandler(_ waiter: WaiterPointer, in isolation: (any Actor)?) async {
    let handler = toro_add_waiter_cancellation_handler(waiter)
    let mode = mode(in: isolation)
    if let mode { waiter.pointee.told.1 = mode.bits }
    if mode == nil || !isRunning || !mayLinger || !linger(waiter) {
      parking = waiter
      if mode != nil { await suspend() } else { await parkingLot.park() }
    }
    toro_remove_cancellation_handler(handler)
  }
  #endif

  /// A task that has no record was cancelled, on whatever thread, in or before this wait.
  fileprivate func cancelledTaskWait(_ id: UInt64) {
    if isCurrent {
      cancelHere(id)
      settleOnNextTurn()
    } else {
      post(.cancelWait(id))
    }
  }

  /// A task that has a record was cancelled, on whatever thread.
  func cancelledTask(_ record: TaskRecord) {
    record.setCancelled()
    if isCurrent {
      endWait(of: record)
      settleOnNextTurn()
    } else {
      post(.cancelTask(record))
    }
  }

  func endWait(of record: TaskRecord) {
    guard let waiter = record.waiter else { return }
    let source = waiter.pointee.source
    source.unlink(waiter)
    decide(waiter, .cancelled)
    source.rebalance()
  }

  @usableFromInline
  func takeWaiter(for source: WaitSource) -> WaiterPointer { pool.take(for: source) }

  /// Gives a waiter's slot back, from wherever its task is.
  @usableFromInline
  func recycle(_ waiter: WaiterPointer) {
    if isCurrent && waiter.pointee.outcome == .granted { pool.give(waiter) } else { recycleOtherwise(waiter) }
  }

  @inline(never)
  private func recycleOtherwise(_ waiter: WaiterPointer) {
    if waiter.pointee.role == .put && waiter.pointee.outcome != .granted {
      // Here, since a closed reactor does not hear of it.
      waiter.pointee.owner._withUnsafeGuaranteedRef { $0.discard(waiter) }
      waiter.pointee.role = .wait
    }
    if isCurrent { pool.give(waiter) } else { post(.recycle(waiter)) }
  }
}

#if !TORO_PUBLIC_RUNTIME_ONLY
/// An async function of CToroShims whose whole body is a switch to `executor`.
@_silgen_name("toro_park_switch")
@usableFromInline
nonisolated(nonsending) func switchToParking(_ executor: UnsafeMutablePointer<UnownedSerialExecutor>) async
#endif

// Called by CToroShims, which is compiled in any case.

/// The cancellation handler of a waiter whose task has no record: on any thread. The waiter is not given back before the
/// handler has been removed, so its identity can be read.
@c(toro_waiter_cancelled)
func waiterCancelled(_ context: UnsafeMutableRawPointer?) {
  guard let waiter = context?.assumingMemoryBound(to: Waiter.self) else { return }
  let id = waiter.pointee.id
  waiter.pointee.source.reactor.cancelledTaskWait(id)
}

/// The cancellation handler of a spawned task: on any thread.
@c(toro_task_cancelled)
func taskCancelled(_ context: UnsafeMutableRawPointer?) {
  guard let context else { return }
  Unmanaged<TaskRecord>.fromOpaque(context)._withUnsafeGuaranteedRef { record in
    record.owner._withUnsafeGuaranteedRef { $0.cancelledTask(record) }
  }
}
