import Synchronization

/// What a reactor knows of a task that it spawned: its name, and the wait that it is parked in.
///
/// One cancellation handler for the task's life, in ``Reactor/spawn(name:priority:_:)``, ends whatever wait the task is
/// in. So a wait installs none of its own, which would cost more than the rest of it.
@usableFromInline
final class TaskRecord: @unchecked Sendable {
  let name: String?
  let owner: Unmanaged<Reactor>
  /// Set by the task's cancellation handler, on whatever thread.
  private let cancelledFlag = Atomic<Bool>(false)
  /// Which task this is, while it runs: compared, never used to reach it.
  @exclusivity(unchecked) var task: UnsafeMutableRawPointer?
  /// The wait that the task is parked in.
  @exclusivity(unchecked) var waiter: WaiterPointer?
  /// In its bucket of the reactor's live tasks.
  @exclusivity(unchecked) fileprivate var next: TaskReference?
  @exclusivity(unchecked) fileprivate var previous: TaskReference?
  /// The task, to cancel it. Last, since the size of it is not known when Toro is compiled.
  @exclusivity(unchecked) var handle: UnsafeCurrentTask?

  init(name: String?, on reactor: Reactor) {
    self.name = name
    owner = .passUnretained(reactor)
  }

  @inline(__always) var isCancelled: Bool { cancelledFlag.load(ordering: .relaxed) }

  func setCancelled() { cancelledFlag.store(true, ordering: .relaxed) }
}

/// A record, unretained: a task keeps its record alive until it ends.
@usableFromInline
typealias TaskReference = Unmanaged<TaskRecord>

extension TaskReference {
  @inline(__always) var task: UnsafeMutableRawPointer? { _withUnsafeGuaranteedRef { $0.task } }

  @inline(__always) func setWaiter(_ waiter: WaiterPointer?) { _withUnsafeGuaranteedRef { $0.waiter = waiter } }

  @inline(__always) var isCancelled: Bool { _withUnsafeGuaranteedRef { $0.isCancelled } }

  var name: String? { _withUnsafeGuaranteedRef { $0.name } }

  @inline(__always) fileprivate var next: TaskReference? { _withUnsafeGuaranteedRef { $0.next } }
}

/// The tasks that a reactor spawned and that have not ended, by task: a hash table whose chains run through the records.
struct LiveTasks {
  private var buckets: UnsafeMutablePointer<TaskReference?>
  private var bucketCount = 64
  private(set) var count = 0

  init() {
    buckets = .allocate(capacity: bucketCount)
    buckets.initialize(repeating: nil, count: bucketCount)
  }

  func deallocate() { buckets.deallocate() }

  @inline(__always)
  private func bucket(of task: UnsafeMutableRawPointer?) -> Int {
    // Tasks are aligned to 16 bytes; the multiplication spreads what is left (Knuth's golden ratio).
    Int(truncatingIfNeeded: (UInt64(UInt(bitPattern: task)) &* 0x9E37_79B9_7F4A_7C15) >> 32) & (bucketCount &- 1)
  }

  mutating func insert(_ record: TaskRecord) {
    if count == bucketCount { grow() }
    count += 1
    link(.passUnretained(record), at: bucket(of: record.task))
  }

  private func link(_ reference: TaskReference, at index: Int) {
    let first = buckets[index]
    reference._withUnsafeGuaranteedRef {
      $0.previous = nil
      $0.next = first
    }
    first?._withUnsafeGuaranteedRef { $0.previous = reference }
    buckets[index] = reference
  }

  mutating func remove(_ record: TaskRecord) {
    record.next?._withUnsafeGuaranteedRef { $0.previous = record.previous }
    if let previous = record.previous {
      previous._withUnsafeGuaranteedRef { $0.next = record.next }
    } else {
      buckets[bucket(of: record.task)] = record.next
    }
    count -= 1
  }

  /// The record of a task, or `nil` if the task was not spawned by this reactor.
  func find(_ task: UnsafeMutableRawPointer) -> TaskReference? {
    var candidate = buckets[bucket(of: task)]
    while let record = candidate, record.task != task { candidate = record.next }
    return candidate
  }

  private mutating func grow() {
    let old = (buckets, bucketCount)
    bucketCount *= 2
    buckets = .allocate(capacity: bucketCount)
    buckets.initialize(repeating: nil, count: bucketCount)
    for index in 0..<old.1 {
      var candidate = old.0[index]
      while let record = candidate {
        candidate = record.next
        link(record, at: bucket(of: record.task))
      }
    }
    old.0.deallocate()
  }

  func cancelAll() {
    var tasks: [UnsafeCurrentTask] = []
    for index in 0..<bucketCount {
      var candidate = buckets[index]
      while let record = candidate {
        if let task = record._withUnsafeGuaranteedRef({ $0.handle }) { tasks.append(task) }
        candidate = record.next
      }
    }
    for task in tasks { task.cancel() }
  }
}
