import CToroShims

/// The waiters of one reactor, in chunks that never move, with a list of the free ones.
///
/// Making a waiter is a pop and leaving is a push. A slot that was used 2^32 times is retired, so that an identity
/// never names two waits.
struct WaiterPool {
  /// Since when and where each waits: beside the waiters rather than in them, so that a wait without a place (from C)
  /// costs no memory for it.
  struct Note {
    var since: Int64
    var site: WaitSite
    /// Which use of the slot this is of: another one's says nothing.
    var generation: UInt32
  }

  /// Which task waits: noted while holders are, to tell who waits for whom.
  struct TaskNote {
    var number: UInt64
    /// As that of ``Note``.
    var generation: UInt32
  }

  fileprivate struct Chunk {
    let waiters: WaiterPointer
    var notes: UnsafeMutablePointer<Note>?
    var tasks: UnsafeMutablePointer<TaskNote>?
  }

  fileprivate static let chunkSize = 256

  private var chunks: UnsafeMutablePointer<Chunk>
  private var chunkCount = 0
  private var chunkCapacity = 16
  private var free: WaiterPointer?
  /// Names of waiting tasks that have no record, by slot, with the use of the slot: filled while holders are noted.
  private var names: [UInt32: (generation: UInt32, name: String)] = [:]

  /// The waiters by their slots, until another is taken.
  @inline(__always) var table: WaiterTable { WaiterTable(chunks: chunks) }

  init() { chunks = .allocate(capacity: chunkCapacity) }

  mutating func take(for source: WaitSource) -> WaiterPointer {
    if free == nil { grow(source) }
    let waiter = free.unsafelyUnwrapped
    free = waiter.pointee.next
    assert(waiter.pointee.state == .idle)
    waiter.pointee.owner = .passUnretained(source)
    waiter.pointee.role = .wait  // until it says otherwise: a put has an item to let go of
    return waiter
  }

  mutating func give(_ waiter: WaiterPointer) {
    assert(waiter.pointee.state != .idle && waiter.pointee.heapIndex == Waiter.notTimed)
    waiter.pointee.state = .idle
    waiter.pointee.generation &+= 1
    if waiter.pointee.generation == 0 { return }
    waiter.pointee.next = free
    free = waiter
  }

  /// The waiter that `id` names, unless it has left.
  func find(_ id: UInt64) -> WaiterPointer? {
    let slot = Int(UInt32(truncatingIfNeeded: id))
    guard slot / Self.chunkSize < chunkCount else { return nil }
    let waiter = chunks[slot / Self.chunkSize].waiters + slot % Self.chunkSize
    guard waiter.pointee.generation == UInt32(truncatingIfNeeded: id >> 32) else { return nil }
    return waiter
  }

  @inline(__always)
  mutating func note(_ waiter: WaiterPointer, since: Int64, _ site: WaitSite) {
    let slot = Int(waiter.pointee.slot)
    let chunk = chunks + slot / Self.chunkSize
    let notes = chunk.pointee.notes ?? makeNotes(chunk)
    notes[slot % Self.chunkSize] = Note(since: since, site: site, generation: waiter.pointee.generation)
  }

  @inline(never)
  private func makeNotes(_ chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutablePointer<Note> {
    let notes = UnsafeMutablePointer<Note>.allocate(capacity: Self.chunkSize)
    notes.initialize(repeating: Note(since: 0, site: .unknown, generation: 0), count: Self.chunkSize)
    chunk.pointee.notes = notes
    return notes
  }

  func note(of waiter: WaiterPointer) -> Note? {
    let slot = Int(waiter.pointee.slot)
    guard var note = chunks[slot / Self.chunkSize].notes?[slot % Self.chunkSize],
      note.generation == waiter.pointee.generation
    else { return nil }
    note.since = max(note.since, waiter.pointee.source.renewedAt)
    return note
  }

  /// Notes which task waits, the one that runs, and its name if it has no record.
  @inline(never)
  mutating func noteTask(of waiter: WaiterPointer, hasRecord: Bool) {
    let slot = Int(waiter.pointee.slot)
    let chunk = chunks + slot / Self.chunkSize
    let tasks = chunk.pointee.tasks ?? makeTaskNotes(chunk)
    tasks[slot % Self.chunkSize] = TaskNote(
      number: toro_current_task_number(), generation: waiter.pointee.generation)
    if !hasRecord { names[waiter.pointee.slot] = Task.name.map { (waiter.pointee.generation, $0) } }
  }

  private func makeTaskNotes(_ chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutablePointer<TaskNote> {
    let tasks = UnsafeMutablePointer<TaskNote>.allocate(capacity: Self.chunkSize)
    tasks.initialize(repeating: TaskNote(number: 0, generation: 0), count: Self.chunkSize)
    chunk.pointee.tasks = tasks
    return tasks
  }

  /// The number of the task that waits; 0 for a callback, or if it was not noted.
  func taskNumber(of waiter: WaiterPointer) -> UInt64 {
    switch waiter.pointee.receiver {
    case .parkedTask, .lingeringTask, .task:
      let slot = Int(waiter.pointee.slot)
      guard let task = chunks[slot / Self.chunkSize].tasks?[slot % Self.chunkSize],
        task.generation == waiter.pointee.generation
      else { return 0 }
      return task.number
    case .callback, .delivery, .function, .itemFunction, .member:
      return 0
    }
  }

  /// The name of the task that waits, if it is known.
  func taskName(of waiter: WaiterPointer) -> String? {
    switch waiter.pointee.receiver {
    case .parkedTask, .lingeringTask, .task:
      if let name = TaskContext(bits: waiter.pointee.told.1).record?.name { return name }
      guard let noted = names[waiter.pointee.slot], noted.generation == waiter.pointee.generation else { return nil }
      return noted.name
    case .callback, .delivery, .function, .itemFunction, .member:
      return nil
    }
  }

  /// Every waiter that has not been decided, oldest slot first.
  func forEachWaiting(_ body: (WaiterPointer) -> Void) {
    for number in 0..<chunkCount {
      let waiters = chunks[number].waiters
      for index in 0..<Self.chunkSize where waiters[index].state == .waiting { body(waiters + index) }
    }
  }

  @inline(never)
  private mutating func grow(_ source: WaitSource) {
    let size = Self.chunkSize
    require(chunkCount * size < Int(UInt32.max) - size, "too many waits for one reactor")
    let waiters = WaiterPointer.allocate(capacity: size)
    for index in stride(from: size - 1, through: 0, by: -1) {
      let waiter = waiters + index
      waiter.initialize(to: Waiter(source: source, slot: UInt32(chunkCount * size + index)))
      waiter.pointee.next = free
      free = waiter
    }
    if chunkCount == chunkCapacity {
      let larger = UnsafeMutablePointer<Chunk>.allocate(capacity: chunkCapacity * 2)
      larger.moveInitialize(from: chunks, count: chunkCount)
      chunks.deallocate()
      chunks = larger
      chunkCapacity *= 2
    }
    (chunks + chunkCount).initialize(to: Chunk(waiters: waiters, notes: nil, tasks: nil))
    chunkCount += 1
  }

  /// Frees the memory. Every waiter must have left.
  mutating func deallocate() {
    for number in 0..<chunkCount {
      chunks[number].waiters.deallocate()
      chunks[number].notes?.deallocate()
      chunks[number].tasks?.deallocate()
    }
    chunks.deallocate()
    chunkCount = 0
    free = nil
  }
}

/// A pool's waiters by their slots.
struct WaiterTable {
  fileprivate let chunks: UnsafeMutablePointer<WaiterPool.Chunk>

  @inline(__always) subscript(slot: UInt32) -> WaiterPointer {
    let slot = Int(slot)
    return chunks[slot / WaiterPool.chunkSize].waiters + slot % WaiterPool.chunkSize
  }
}
