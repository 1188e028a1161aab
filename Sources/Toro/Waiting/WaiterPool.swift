/// The waiters of one reactor, in chunks that never move, with a list of the free ones.
///
/// Making a waiter is a pop and leaving is a push. A slot that was used 2^32 times is retired, so that an identity
/// never names two waits.
struct WaiterPool {
  private static let chunkSize = 256

  private var chunks: [WaiterPointer] = []
  private var free: WaiterPointer?
  /// Names of waiting tasks that have no record, by slot, with the use of the slot: filled while holders are noted.
  private var names: [UInt32: (generation: UInt32, name: String)] = [:]

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

  /// Notes the name of the task that runs, which waits and has no record.
  @inline(never)
  mutating func nameTask(of waiter: WaiterPointer) {
    names[waiter.pointee.slot] = Task.name.map { (waiter.pointee.generation, $0) }
  }

  /// The name of the task that waits, if it is known.
  func taskName(of waiter: WaiterPointer) -> String? {
    switch waiter.pointee.receiver {
    case .parkedTask, .lingeringTask, .task:
      if let name = TaskContext(bits: waiter.pointee.told.1).record?.name { return name }
      guard let noted = names[waiter.pointee.slot], noted.generation == waiter.pointee.generation else { return nil }
      return noted.name
    case .callback, .delivery, .function, .member:
      return nil
    }
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
  }

  /// Frees the memory. Every waiter must have left.
  mutating func deallocate() {
    for chunk in chunks { chunk.deallocate() }
    chunks = []
    free = nil
  }
}
