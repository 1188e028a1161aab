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
      enqueueReady(.job(job, context))  // a yield
      return
    }
    parking = nil
    let waitContext = TaskContext(bits: waiter.pointee.told.1)
    if waiter.pointee.state == .decided {
      enqueueReady(.job(job, waitContext))
    } else {
      waiter.pointee.told.0 = unsafeBitCast(job, to: UInt.self)
      waiter.pointee.receiver = .parkedTask
    }
  }

  /// Lets everything run that is ready now, then goes on: one turn.
  ///
  /// Called off the reactor it yields the calling task there.
  public func yield() async {
    guard isCurrent else { return await Task.yield() }
    assert(parking == nil)
    await parkingLot.park()
  }

  /// The last thing to do before `waiter`'s task suspends, which it must do next.
  @usableFromInline
  func prepareToPark(_ waiter: WaiterPointer, as record: TaskReference?) -> TaskWait {
    waiter.pointee.told.1 = context.with(record).bits
    guard let record else { return .unrecorded(waiter) }
    record.setWaiter(waiter)
    parking = waiter
    return .recorded(waiter)
  }

  /// Suspends a task that has no record until `waiter`, which is in its list, has been decided.
  ///
  /// Afterwards the task may be on another thread, if that is where the caller's isolation leads; it may read the waiter
  /// and must give it back by ``recycle(_:)``.
  @usableFromInline
  func parkWithHandler(_ waiter: WaiterPointer) async {
    let id = waiter.pointee.id
    nonisolated(unsafe) let waiter = waiter
    await withTaskCancellationHandler {
      await parkUnrecorded(waiter)
    } onCancel: {
      cancelledTaskWait(id)
    }
  }

  private func parkUnrecorded(_ waiter: WaiterPointer) async {
    guard isCurrent else {
      nonisolated(unsafe) let waiter = waiter
      return await home.run { await parkUnrecorded(waiter) }
    }
    waiter.pointee.told.1 = context.with(nil).bits
    parking = waiter
    await parkingLot.park()
  }

  /// A task that has no record was cancelled, on whatever thread, in or before this wait.
  private func cancelledTaskWait(_ id: UInt64) {
    if isCurrent {
      cancelHere(id)
      settleOnNextTurn()
    } else {
      post(.cancelWait(id))
    }
  }

  /// A task that has a record was cancelled, on whatever thread.
  func cancelledTask(_ record: TaskRecord) {
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
    if isCurrent { pool.give(waiter) } else { post(.recycle(waiter)) }
  }
}
