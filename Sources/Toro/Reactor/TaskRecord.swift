/// What a reactor knows of a task that it spawned: its name, and the wait that it is parked in.
///
/// One cancellation handler for the task's life, in ``Reactor/spawn(name:priority:_:)``, ends whatever wait the task is
/// in. So a wait installs none of its own, which would cost more than the rest of it.
@usableFromInline
final class TaskRecord: @unchecked Sendable {
  let name: String?
  let reactor: ObjectIdentifier
  /// Which task this is, while it runs: compared, never used to reach it.
  @exclusivity(unchecked) var task: UnsafeMutableRawPointer?
  /// The same, to cancel it.
  @exclusivity(unchecked) var handle: UnsafeCurrentTask?
  /// The wait that the task is parked in.
  @exclusivity(unchecked) var waiter: WaiterPointer?
  /// In the reactor's list of live tasks.
  @exclusivity(unchecked) var next: Unmanaged<TaskRecord>?
  @exclusivity(unchecked) var previous: Unmanaged<TaskRecord>?

  init(name: String?, on reactor: Reactor) {
    self.name = name
    self.reactor = ObjectIdentifier(reactor)
  }

  /// The record of the task that runs, or of an ancestor: a child inherits it, and must compare ``task``.
  @TaskLocal static var inherited: TaskRecord?
}

/// A record, unretained: a task keeps its record alive until it ends.
@usableFromInline
typealias TaskReference = Unmanaged<TaskRecord>

extension TaskReference {
  @inline(__always) var task: UnsafeMutableRawPointer? { _withUnsafeGuaranteedRef { $0.task } }

  @inline(__always) func setWaiter(_ waiter: WaiterPointer?) { _withUnsafeGuaranteedRef { $0.waiter = waiter } }

  var name: String? { _withUnsafeGuaranteedRef { $0.name } }
}

/// The tasks that a reactor spawned and that have not ended.
struct LiveTasks {
  private var first: Unmanaged<TaskRecord>?
  private(set) var count = 0

  mutating func insert(_ record: TaskRecord) {
    let reference = Unmanaged.passUnretained(record)
    record.next = first
    first?._withUnsafeGuaranteedRef { $0.previous = reference }
    first = reference
    count += 1
  }

  mutating func remove(_ record: TaskRecord) {
    record.next?._withUnsafeGuaranteedRef { $0.previous = record.previous }
    if let previous = record.previous {
      previous._withUnsafeGuaranteedRef { $0.next = record.next }
    } else {
      first = record.next
    }
    record.next = nil
    record.previous = nil
    count -= 1
  }

  func cancelAll() {
    var tasks: [UnsafeCurrentTask] = []
    var record = first?.takeUnretainedValue()
    while let live = record {
      if let task = live.handle { tasks.append(task) }
      record = live.next?.takeUnretainedValue()
    }
    for task in tasks { task.cancel() }
  }
}
