/// The timed waiters of one reactor, the next to end at the root.
///
/// A 4-ary heap with its keys inline, so that sifting touches the heap's own lines and not the waiters; each waiter
/// knows its place, so that leaving early is O(log n) and leaves nothing behind. Equal deadlines keep their order.
/// (D-ary heaps: Johnson, "Priority queues with update and finding minimum spanning trees", 1975.)
struct DeadlineHeap {
  /// In two words: a waiter with a deadline should not take more than it must.
  private struct Entry {
    var due: Int64
    /// Which waiter: its place in the pool.
    var slot: UInt32
    /// Age among the entries: equal deadlines end in the order in which they were set.
    var age: UInt32
  }

  private var entries: UnsafeMutablePointer<Entry>
  private var capacity = 16
  private(set) var count = 0
  private var lastAge: UInt32 = 0

  init() { entries = .allocate(capacity: capacity) }

  func deallocate() { entries.deallocate() }

  /// When the first waiter ends: nanoseconds on the reactor's clock, `Int64.max` if nobody is timed.
  @inline(__always) var nextDue: Int64 { count == 0 ? .max : entries[0].due }

  /// The waiter that ends first.
  func first(in table: WaiterTable) -> WaiterPointer? { count == 0 ? nil : table[entries[0].slot] }

  func due(of waiter: WaiterPointer) -> Int64? {
    let index = waiter.pointee.heapIndex
    return index == Waiter.notTimed ? nil : entries[Int(index)].due
  }

  mutating func insert(_ waiter: WaiterPointer, due: Int64, in table: WaiterTable) {
    assert(waiter.pointee.heapIndex == Waiter.notTimed)
    if count == capacity { grow() }
    if lastAge == .max { renumber() }
    lastAge &+= 1
    count &+= 1
    siftUp(count &- 1, Entry(due: due, slot: waiter.pointee.slot, age: lastAge), table)
  }

  mutating func remove(_ waiter: WaiterPointer, in table: WaiterTable) {
    let index = Int(waiter.pointee.heapIndex)
    assert(index < count && entries[index].slot == waiter.pointee.slot)
    waiter.pointee.heapIndex = Waiter.notTimed
    count &-= 1
    let moved = entries[count]
    if index == count { return }
    if index > 0 && precedes(moved, entries[(index &- 1) >> 2]) {
      siftUp(index, moved, table)
    } else {
      siftDown(index, moved, table)
    }
  }

  @inline(__always)
  private func precedes(_ a: Entry, _ b: Entry) -> Bool {
    a.due != b.due ? a.due < b.due : a.age < b.age
  }

  @inline(__always)
  private func place(_ index: Int, _ entry: Entry, _ table: WaiterTable) {
    entries[index] = entry
    table[entry.slot].pointee.heapIndex = UInt32(truncatingIfNeeded: index)
  }

  private func siftUp(_ start: Int, _ entry: Entry, _ table: WaiterTable) {
    var index = start
    while index > 0 {
      let parent = (index &- 1) >> 2
      if !precedes(entry, entries[parent]) { break }
      place(index, entries[parent], table)
      index = parent
    }
    place(index, entry, table)
  }

  private func siftDown(_ start: Int, _ entry: Entry, _ table: WaiterTable) {
    var index = start
    while true {
      let firstChild = index &* 4 &+ 1
      if firstChild >= count { break }
      var least = firstChild
      for child in (firstChild &+ 1)..<max(firstChild &+ 1, min(firstChild &+ 4, count))
      where precedes(entries[child], entries[least]) {
        least = child
      }
      if !precedes(entries[least], entry) { break }
      place(index, entries[least], table)
      index = least
    }
    place(index, entry, table)
  }

  /// After 2^32 insertions the ages start over, in their order.
  @inline(never)
  private mutating func renumber() {
    let oldestFirst = (0..<count).sorted { entries[$0].age < entries[$1].age }
    lastAge = 0
    for index in oldestFirst {
      lastAge += 1
      entries[index].age = lastAge
    }
  }

  @inline(never)
  private mutating func grow() {
    // By a quarter where it is large: twice the room would be a third more memory for each waiter, at the worst.
    let larger = capacity < 4096 ? capacity * 2 : capacity + capacity / 4
    let moved = UnsafeMutablePointer<Entry>.allocate(capacity: larger)
    moved.moveInitialize(from: entries, count: count)
    entries.deallocate()
    entries = moved
    capacity = larger
  }
}
