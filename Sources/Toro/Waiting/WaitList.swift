/// Waiters in order of arrival: intrusive, doubly linked, every operation O(1).
///
/// The list knows nothing of outcomes. A source takes waiters out and hands them to ``Reactor/decide(_:_:)``, which
/// tells them. Trio's ParkingLot is the model for having one such list under every primitive.
@usableFromInline
package struct WaitList {
  @usableFromInline var first: WaiterPointer?
  @usableFromInline var last: WaiterPointer?
  @usableFromInline package var count = 0

  init() {}

  @inlinable @inline(__always) var isEmpty: Bool { first == nil }

  @inlinable mutating func append(_ waiter: WaiterPointer) {
    waiter.pointee.next = nil
    waiter.pointee.previous = last
    if let last { last.pointee.next = waiter } else { first = waiter }
    last = waiter
    count &+= 1
  }

  @inlinable mutating func remove(_ waiter: WaiterPointer) {
    let next = waiter.pointee.next
    let previous = waiter.pointee.previous
    if let next { next.pointee.previous = previous } else { last = previous }
    if let previous { previous.pointee.next = next } else { first = next }
    count &-= 1
    assert(count >= 0 && (count == 0) == (first == nil))
  }

  @inlinable mutating func popFirst() -> WaiterPointer? {
    guard let waiter = first else { return nil }
    remove(waiter)
    return waiter
  }
}
