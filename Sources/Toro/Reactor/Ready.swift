/// What a reactor runs when its turn comes: an entry of the ready queue, and of the inbox of other threads.
@usableFromInline
enum Ready {
  /// A part of a Swift task.
  case job(UnownedJob, TaskContext)
  /// The task of a decided wait that lingered: it is on the stack, or its job is in the waiter.
  case resume(WaiterPointer)
  /// Code that was given to ``Reactor/execute(_:)``.
  case call(@Sendable () -> Void)
  /// The same, from C.
  case function(@convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?)
  /// A decided wait whose callback was deferred.
  case callback(WaiterPointer)
  /// A scheduled call that is due.
  case scheduled(WaiterPointer)
  /// A task was cancelled: its wait, if it is in one, ends.
  case cancelTask(TaskRecord)
  /// The wait with this identity is to end as cancelled.
  case cancelWait(UInt64)
  /// The last handle of this source went on another thread.
  case abandoned(WaitSource)
  /// Keeps the source alive until what was queued before has run.
  case keep(WaitSource)
  /// Waits ended where nothing could be told.
  case settle
  /// The reactor is to be closed when the turn ends.
  case close
  /// A slot to be given back, from a task that left the reactor's thread.
  case recycle(WaiterPointer)
}

/// What goes with a job from one suspension to the next: the record of the task, if that is known, and the way in which
/// to run it.
@usableFromInline
struct TaskContext {
  @usableFromInline let bits: UInt

  @usableFromInline init(bits: UInt) { self.bits = bits }

  @inline(__always)
  init(_ record: TaskReference?, isolated: Bool) {
    bits = UInt(bitPattern: record?.toOpaque()) | (isolated ? 1 : 0)
  }

  /// The job prefers the reactor as its task executor and is isolated to no actor.
  static var preferring: TaskContext { TaskContext(bits: 0) }

  /// The job belongs to an actor whose serial executor is the reactor.
  static var isolated: TaskContext { TaskContext(bits: 1) }

  @inline(__always) var isIsolated: Bool { bits & 1 != 0 }

  @inline(__always) var record: TaskReference? {
    guard let pointer = UnsafeRawPointer(bitPattern: bits & ~1) else { return nil }
    return .fromOpaque(pointer)
  }

  @inline(__always) func with(_ record: TaskReference?) -> TaskContext { TaskContext(record, isolated: isIsolated) }
}
