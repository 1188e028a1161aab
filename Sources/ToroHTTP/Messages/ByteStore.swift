#if HTTP
/// Bytes in memory that is used again and again: cleared, it keeps it.
///
/// (An array asks at each change whether it is the only one that has its memory, which for heads of a few short parts is most
/// of the work.)
struct ByteStore: ~Copyable {
  /// Made when first needed.
  private var base: UnsafeMutablePointer<UInt8>?
  private(set) var count = 0
  private var capacity = 0

  init() {}

  deinit { base?.deallocate() }

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
    base.unsafelyUnwrapped[count] = byte
    count &+= 1
  }

  @inline(__always)
  mutating func append(_ start: UnsafePointer<UInt8>?, _ more: Int) {
    guard let start, more > 0 else { return }
    if more > capacity &- count { grow(by: more) }
    (base.unsafelyUnwrapped + count).update(from: start, count: more)
    count &+= more
  }

  @inline(never)
  private mutating func grow(by more: Int) {
    let size = max(512, 2 * capacity, count + more)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    if let base { larger.update(from: base, count: count) }
    base?.deallocate()
    (base, capacity) = (larger, size)
  }

  /// What was much is not held on to.
  @inline(never)
  private mutating func shrink() {
    base?.deallocate()
    (base, capacity) = (nil, 0)
  }
}
#endif
