#if HTTP
/// Bytes in memory that is used again and again: cleared, it keeps it.
///
/// (An array asks at each change whether it is the only one that has its memory, which for heads of a few short parts is most
/// of the work.)
struct ByteStore: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private(set) var count = 0
  private var capacity: Int

  /// - Parameter capacity: How many bytes to begin with: more than 0.
  init(capacity: Int) {
    base = .allocate(capacity: capacity)
    self.capacity = capacity
  }

  deinit { base.deallocate() }

  /// Its bytes, as long as it is not changed.
  var bytes: UnsafeBufferPointer<UInt8> {
    @inline(__always) get { UnsafeBufferPointer(start: base, count: count) }
  }

  @inline(__always)
  mutating func clear() {
    count = 0
    if capacity > 65_536 { shrink() }
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    if count == capacity { grow(by: 1) }
    base[count] = byte
    count &+= 1
  }

  @inline(__always)
  mutating func append(_ start: UnsafePointer<UInt8>?, _ more: Int) {
    guard let start else { return }
    if more > capacity &- count { grow(by: more) }
    (base + count).update(from: start, count: more)
    count &+= more
  }

  @inline(never)
  private mutating func grow(by more: Int) {
    let size = max(2 * capacity, count + more)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    larger.update(from: base, count: count)
    base.deallocate()
    (base, capacity) = (larger, size)
  }

  /// What was much is not held on to.
  @inline(never)
  private mutating func shrink() {
    base.deallocate()
    (base, capacity) = (.allocate(capacity: 4_096), 4_096)
  }
}
#endif
