/// The timed waiters of one reactor, the next to end at the root.
///
/// A 4-ary heap with its keys inline, so that sifting touches the heap's own lines and not the waiters; each waiter
/// knows its place, so that leaving early is O(log n) and leaves nothing behind. Equal deadlines keep their order.
/// (D-ary heaps: Johnson, "Priority queues with update and finding minimum spanning trees", 1975.)
struct DeadlineHeap {
  private struct Entry {
    var due: Int64
    var waiter: WaiterPointer
  }

  private var entries: UnsafeMutablePointer<Entry>
  private var capacity = 16
  private(set) var count = 0
  private var lastOrder: UInt64 = 0

  init() { entries = .allocate(capacity: capacity) }

  func deallocate() { entries.deallocate() }

  /// When the first waiter ends: nanoseconds on the reactor's clock, `Int64.max` if nobody is timed.
  @inline(__always) var nextDue: Int64 { count == 0 ? .max : entries[0].due }

  /// The waiter that ends first.
  var first: WaiterPointer? { count == 0 ? nil : entries[0].waiter }

  func due(of waiter: WaiterPointer) -> Int64? {
    let index = waiter.pointee.heapIndex
    return index == Waiter.notTimed ? nil : entries[Int(index)].due
  }

  mutating func insert(_ waiter: WaiterPointer, due: Int64) {
    assert(waiter.pointee.heapIndex == Waiter.notTimed)
    if count == capacity { grow() }
    lastOrder &+= 1
    waiter.pointee.order = lastOrder
    count &+= 1
    siftUp(count &- 1, Entry(due: due, waiter: waiter))
  }

  mutating func remove(_ waiter: WaiterPointer) {
    let index = Int(waiter.pointee.heapIndex)
    assert(index < count && entries[index].waiter == waiter)
    waiter.pointee.heapIndex = Waiter.notTimed
    count &-= 1
    let moved = entries[count]
    if index == count { return }
    if index > 0 && precedes(moved, entries[(index &- 1) >> 2]) {
      siftUp(index, moved)
    } else {
      siftDown(index, moved)
    }
  }

  @inline(__always)
  private func precedes(_ a: Entry, _ b: Entry) -> Bool {
    a.due != b.due ? a.due < b.due : a.waiter.pointee.order < b.waiter.pointee.order
  }

  @inline(__always)
  private func place(_ index: Int, _ entry: Entry) {
    entries[index] = entry
    entry.waiter.pointee.heapIndex = UInt32(truncatingIfNeeded: index)
  }

  private func siftUp(_ start: Int, _ entry: Entry) {
    var index = start
    while index > 0 {
      let parent = (index &- 1) >> 2
      if !precedes(entry, entries[parent]) { break }
      place(index, entries[parent])
      index = parent
    }
    place(index, entry)
  }

  private func siftDown(_ start: Int, _ entry: Entry) {
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
      place(index, entries[least])
      index = least
    }
    place(index, entry)
  }

  @inline(never)
  private mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: entries, count: count)
    entries.deallocate()
    entries = larger
    capacity *= 2
  }
}
