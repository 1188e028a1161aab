/// The waiters of one reactor, in chunks that never move, with a list of the free ones.
///
/// Making a waiter is a pop and leaving is a push. A slot that was used 2^32 times is retired, so that an identity
/// never names two waits.
struct WaiterPool {
  /// Where and since when each waits: beside the waiters rather than in them, so that a wait without a place (from C)
  /// costs no memory for it.
  struct Note {
    /// Which use of the slot this is of: another one's says nothing.
    var generation: UInt32 = 0
    var since: Int64
    var file: StaticString
    var line: UInt32
    /// Of the task that waits, which keeps it alive.
    var record: TaskReference?
    /// Whether the task's name is in ``WaiterPool/names``. The name itself would make a note cost retains.
    var isNamed = false
  }

  private static let chunkSize = 256

  private var chunks: [WaiterPointer] = []
  private var notes: [UnsafeMutablePointer<Note>?] = []
  private var free: WaiterPointer?
  /// Names of waiting tasks that have no record, by slot: filled while holders are noted.
  private var names: [UInt32: String] = [:]

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
    guard slot / Self.chunkSize < chunks.count else { return nil }
    let waiter = chunks[slot / Self.chunkSize] + slot % Self.chunkSize
    guard waiter.pointee.generation == UInt32(truncatingIfNeeded: id >> 32) else { return nil }
    return waiter
  }

  mutating func note(_ waiter: WaiterPointer, _ note: Note) {
    let slot = Int(waiter.pointee.slot)
    let chunk = slot / Self.chunkSize
    if notes[chunk] == nil {
      let made = UnsafeMutablePointer<Note>.allocate(capacity: Self.chunkSize)
      made.initialize(repeating: Note(since: 0, file: "", line: 0, record: nil), count: Self.chunkSize)
      notes[chunk] = made
    }
    var note = note
    note.generation = waiter.pointee.generation
    notes[chunk].unsafelyUnwrapped[slot % Self.chunkSize] = note
  }

  func note(of waiter: WaiterPointer) -> Note? {
    let slot = Int(waiter.pointee.slot)
    guard let note = notes[slot / Self.chunkSize]?[slot % Self.chunkSize], note.generation == waiter.pointee.generation
    else { return nil }
    return note
  }

  mutating func name(_ waiter: WaiterPointer, _ name: String) { names[waiter.pointee.slot] = name }

  /// The name of the task that waits, if it is known.
  func taskName(of waiter: WaiterPointer) -> String? {
    guard let note = note(of: waiter) else { return nil }
    return note.record?.name ?? (note.isNamed ? names[waiter.pointee.slot] : nil)
  }

  /// Every waiter that has not been decided, oldest slot first.
  func forEachWaiting(_ body: (WaiterPointer) -> Void) {
    for chunk in chunks {
      for index in 0..<Self.chunkSize where chunk[index].state == .waiting { body(chunk + index) }
    }
  }

  @inline(never)
  private mutating func grow(_ source: WaitSource) {
    let size = Self.chunkSize
    require(chunks.count * size < Int(UInt32.max) - size, "too many waits for one reactor")
    let chunk = WaiterPointer.allocate(capacity: size)
    for index in stride(from: size - 1, through: 0, by: -1) {
      let waiter = chunk + index
      waiter.initialize(to: Waiter(source: source, slot: UInt32(chunks.count * size + index)))
      waiter.pointee.next = free
      free = waiter
    }
    chunks.append(chunk)
    notes.append(nil)
  }

  /// Frees the memory. Every waiter must have left.
  mutating func deallocate() {
    for chunk in chunks { chunk.deallocate() }
    for case let note? in notes {
      note.deinitialize(count: Self.chunkSize)
      note.deallocate()
    }
    chunks = []
    notes = []
    free = nil
  }
}
