import CLibevent

/// Memory for the events of descriptors, many side by side: of those that fire one after the other the next is then where the
/// processor looks ahead, and it is no allocation of each. It is kept for later ones until the reactor is closed.
struct EventPool {
  private static let portion = 64
  private var free: [UnsafeMutablePointer<event>] = []
  private var portions: [UnsafeMutablePointer<event>] = []

  /// Memory for one, to be assigned.
  mutating func take() -> UnsafeMutablePointer<event> {
    if let last = free.popLast() { return last }
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.portion * MemoryLayout<event>.stride, alignment: 64
    ).bindMemory(to: event.self, capacity: Self.portion)
    portions.append(memory)
    for index in (1..<Self.portion).reversed() { free.append(memory + index) }
    return memory
  }

  /// Takes back what is off its base.
  mutating func giveBack(_ event: UnsafeMutablePointer<event>) { free.append(event) }

  /// When all have been given back.
  mutating func deallocate() {
    assert(free.count == portions.count * Self.portion, "an event is still in use")
    for memory in portions { memory.deallocate() }
    (free, portions) = ([], [])
  }
}
