import CToroShims

/// The order in which a queue's items leave: what tells ``Queue``, ``LifoQueue`` and ``PriorityQueue`` apart.
public protocol QueueStorage<Element>: Sendable {
  associatedtype Element: Sendable

  /// What a queue's capacity is unless it is given.
  static var defaultCapacity: Int? { get }
  /// What a queue of this order is called, as in its description.
  static var queueTypeName: String { get }

  /// Makes one that holds nothing.
  init()
  /// How many items it holds.
  var count: Int { get }
  /// Puts an item where it belongs among those that are held.
  mutating func insert(_ element: consuming Element)
  /// Takes the item that leaves first. There is one.
  mutating func removeFirst() -> Element
  /// Ends the items left and frees the memory: called once, last.
  mutating func deallocate()
}

extension QueueStorage {
  /// None: as many items as there is memory for.
  public static var defaultCapacity: Int? { nil }
}

/// First in, first out.
public struct FifoStorage<Element: Sendable>: QueueStorage, @unchecked Sendable {
  @usableFromInline var ring = RingBuffer<Element>()

  public static var queueTypeName: String { "Queue" }

  @inlinable public init() {}

  @inlinable @inline(__always) public var count: Int { ring.count }
  @inlinable @inline(__always) public mutating func insert(_ element: consuming Element) { ring.append(element) }
  @inlinable @inline(__always) public mutating func removeFirst() -> Element { ring.removeFirst() }
  @inlinable public mutating func deallocate() { ring.deallocate() }
}

/// First in, first out, with no room of its own: a put waits until a get takes the item.
public struct ChannelStorage<Element: Sendable>: QueueStorage, @unchecked Sendable {
  @usableFromInline var ring = RingBuffer<Element>()

  public static var defaultCapacity: Int? { 0 }
  public static var queueTypeName: String { "Channel" }

  @inlinable public init() {}

  @inlinable @inline(__always) public var count: Int { ring.count }
  @inlinable @inline(__always) public mutating func insert(_ element: consuming Element) { ring.append(element) }
  @inlinable @inline(__always) public mutating func removeFirst() -> Element { ring.removeFirst() }
  @inlinable public mutating func deallocate() { ring.deallocate() }
}

/// Last in, first out.
public struct LifoStorage<Element: Sendable>: QueueStorage {
  @usableFromInline var elements: [Element] = []

  public static var queueTypeName: String { "LifoQueue" }

  @inlinable public init() {}

  @inlinable public var count: Int { elements.count }
  @inlinable public mutating func insert(_ element: consuming Element) { elements.append(element) }
  @inlinable public mutating func removeFirst() -> Element { elements.removeLast() }
  @inlinable public mutating func deallocate() { elements = [] }
}

/// The lowest first, equal ones in order of arrival: a 4-ary heap whose entries carry their age.
public struct PriorityStorage<Element: Comparable & Sendable>: QueueStorage, @unchecked Sendable {
  @usableFromInline
  struct Entry {
    @usableFromInline var element: Element
    @usableFromInline var age: UInt64

    @inlinable init(_ element: consuming Element, age: UInt64) {
      self.element = element
      self.age = age
    }

    @inlinable @inline(__always)
    static func precedes(_ a: Entry, _ b: Entry) -> Bool { order(a, b) != 0 }

    /// 1 if `a` comes before `b`, else 0: reckoned, with both comparisons, where one would often do. How they end cannot be
    /// foretold, and a branch that was foretold wrongly costs more.
    @inlinable @inline(__always)
    static func order(_ a: Entry, _ b: Entry) -> Int {
      let isBelow = a.element < b.element ? 1 : 0
      let isNotAbove = b.element < a.element ? 0 : 1
      let isOlder = a.age < b.age ? 1 : 0
      return isBelow | isNotAbove & isOlder
    }
  }

  @usableFromInline var entries: UnsafeMutablePointer<Entry>
  @usableFromInline var capacity = 16
  @usableFromInline var filled = 0
  @usableFromInline var lastAge: UInt64 = 0

  public static var queueTypeName: String { "PriorityQueue" }

  @inlinable public init() { entries = Self.allocate(capacity) }

  /// Memory in which the four children of an entry begin at a line of the processor's caches: that is what going down costs.
  @inlinable
  static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Entry> {
    let stride = MemoryLayout<Entry>.stride
    let start = UnsafeMutableRawPointer.allocate(
      byteCount: (capacity + 3) * stride, alignment: Swift.max(64, MemoryLayout<Entry>.alignment))
    return (start + 3 * stride).bindMemory(to: Entry.self, capacity: capacity)
  }

  @inlinable
  static func deallocate(_ entries: UnsafeMutablePointer<Entry>) {
    (UnsafeMutableRawPointer(entries) - 3 * MemoryLayout<Entry>.stride).deallocate()
  }

  @inlinable @inline(__always) public var count: Int { filled }

  @inlinable
  public mutating func insert(_ element: consuming Element) {
    if filled == capacity { grow() }
    lastAge &+= 1
    let entry = Entry(element, age: lastAge)
    var index = filled
    filled &+= 1
    while index > 0 {
      let parent = (index &- 1) >> 2
      // Arrived last, so it goes up only past what is greater.
      if !(entry.element < entries[parent].element) { break }
      (entries + index).moveInitialize(from: entries + parent, count: 1)
      index = parent
    }
    (entries + index).initialize(to: entry)
  }

  @inlinable
  public mutating func removeFirst() -> Element {
    assert(filled > 0)
    let first = entries.move()
    filled &-= 1
    if filled > 0 { fill((entries + filled).move()) }
    return first.element
  }

  /// Sinks `entry` from the root, which is empty. Goes down along the least children first and up again from the leaf:
  /// what was last in the heap belongs near its end (Floyd; Wegener, "Bottom-up heapsort", 1993).
  @inlinable
  mutating func fill(_ entry: consuming Entry) {
    var index = 0
    while true {
      let firstChild = index &* 4 &+ 1
      if firstChild >= filled { break }
      var least = firstChild
      if firstChild &+ 4 <= filled {
        // One of their children comes next, and it will be known too late which.
        toro_fetch_ahead(entries + (firstChild &* 4 &+ 1), Int32(Swift.min(16 * MemoryLayout<Entry>.stride, 512)))
        let left = firstChild &+ Entry.order(entries[firstChild &+ 1], entries[firstChild])
        let right = firstChild &+ 2 &+ Entry.order(entries[firstChild &+ 3], entries[firstChild &+ 2])
        least = left &+ (right &- left) &* Entry.order(entries[right], entries[left])
      } else {
        for child in (firstChild &+ 1)..<filled where Entry.precedes(entries[child], entries[least]) { least = child }
      }
      (entries + index).moveInitialize(from: entries + least, count: 1)
      index = least
    }
    while index > 0 {
      let parent = (index &- 1) >> 2
      if !Entry.precedes(entry, entries[parent]) { break }
      (entries + index).moveInitialize(from: entries + parent, count: 1)
      index = parent
    }
    (entries + index).initialize(to: entry)
  }

  @usableFromInline @inline(never)
  mutating func grow() {
    let larger = Self.allocate(capacity * 2)
    larger.moveInitialize(from: entries, count: filled)
    Self.deallocate(entries)
    entries = larger
    capacity *= 2
  }

  @inlinable public mutating func deallocate() {
    entries.deinitialize(count: filled)
    Self.deallocate(entries)
    filled = 0
  }
}
