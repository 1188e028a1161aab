/// A growing ring: a first-in, first-out store whose every operation is O(1), amortised.
///
/// A struct with unique ownership: whoever holds it deallocates it.
@usableFromInline
package struct RingBuffer<Element> {
  @usableFromInline var elements: UnsafeMutablePointer<Element>
  /// A power of two, so that positions wrap by masking.
  @usableFromInline var capacity: Int
  @usableFromInline var head = 0
  @usableFromInline package var count = 0

  @inlinable package init(minimumCapacity: Int = 16) {
    capacity = 16
    while capacity < minimumCapacity { capacity *= 2 }
    elements = .allocate(capacity: capacity)
  }

  @inlinable @inline(__always) package var isEmpty: Bool { count == 0 }

  /// - Precondition: The ring is not empty.
  @inlinable @inline(__always) var first: Element { elements[head] }

  /// - Precondition: There are more than so many.
  @inlinable @inline(__always)
  subscript(_ index: Int) -> Element { elements[(head &+ index) & (capacity &- 1)] }

  @inlinable @inline(__always)
  package mutating func append(_ element: consuming Element) {
    if count == capacity { grow() }
    (elements + ((head &+ count) & (capacity &- 1))).initialize(to: element)
    count &+= 1
  }

  /// - Precondition: The ring is not empty.
  @inlinable @inline(__always)
  package mutating func removeFirst() -> Element {
    assert(count > 0)
    let element = (elements + head).move()
    head = (head &+ 1) & (capacity &- 1)
    count &-= 1
    return element
  }

  /// Removes an element that needs no deinitialisation.
  @inlinable @inline(__always)
  mutating func dropFirst() {
    head = (head &+ 1) & (capacity &- 1)
    count &-= 1
  }

  @inlinable mutating func removeAll() {
    while count > 0 { _ = removeFirst() }
  }

  @usableFromInline @inline(never)
  mutating func grow() {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
    let atEnd = min(count, capacity - head)
    larger.moveInitialize(from: elements + head, count: atEnd)
    (larger + atEnd).moveInitialize(from: elements, count: count - atEnd)
    elements.deallocate()
    elements = larger
    capacity *= 2
    head = 0
  }

  @inlinable package mutating func deallocate() {
    removeAll()
    elements.deallocate()
  }
}
