import Glibc

/// Bytes that were received and not read yet, and where lines end in them. Knows no sockets.
///
/// It holds no more of a line than the reader allows and one portion received: what is over that is skipped unseen.
struct InputBuffer {
  enum Line<Value> {
    case line(Value)
    /// The line's end has not been received yet.
    case incomplete
    /// The line was longer than allowed, and has been skipped to its end.
    case tooLong
  }

  private var bytes: [UInt8] = []
  /// The first byte that has not been read.
  private var start = 0
  /// No line ends between `start` and here.
  private var scanned = 0
  /// Whether the rest of a line that is too long is being skipped.
  private(set) var isSkipping = false

  var isEmpty: Bool { start == bytes.count }
  var count: Int { bytes.count - start }

  mutating func append(_ portion: UnsafeRawBufferPointer) {
    if start > 0 && start == bytes.count { forget() }
    if start > 4096 && start > bytes.count / 2 {
      bytes.removeSubrange(..<start)
      scanned -= start
      start = 0
    }
    bytes.append(contentsOf: portion)
  }

  /// Takes up to `limit` bytes. What was left of a line that was being skipped is not skipped any more.
  mutating func take(_ limit: Int) -> [UInt8] {
    isSkipping = false
    let end = start + min(limit, count)
    let taken = start == 0 && end == bytes.count ? bytes : Array(bytes[start..<end])
    consume(upTo: end)
    return taken
  }

  /// Takes as many bytes as there are, or as there is room for.
  mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    isSkipping = false
    let end = start + min(buffer.count, count)
    bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    defer { consume(upTo: end) }
    return end - start
  }

  /// Takes the next line, without its end: a line feed, or a carriage return and a line feed.
  mutating func nextLine<Value>(
    maxLength: Int, _ make: (UnsafeBufferPointer<UInt8>) -> Value
  ) -> Line<Value> {
    guard let feed = findFeed() else {
      // One more than allowed may yet be a carriage return.
      if isSkipping || count - 1 > maxLength || (count - 1 == maxLength && bytes.last != 13) {
        isSkipping = true
        forget()
      }
      return .incomplete
    }
    var end = feed
    if end > start && bytes[end - 1] == 13 { end -= 1 }
    let isTooLong = isSkipping || end - start > maxLength
    isSkipping = false
    defer { consume(upTo: feed + 1) }
    if isTooLong { return .tooLong }
    return .line(bytes.withUnsafeBufferPointer { make(UnsafeBufferPointer(rebasing: $0[start..<end])) })
  }

  /// Takes what is left when nothing more will come: a last line without an end, or `nil`.
  mutating func lastLine<Value>(maxLength: Int, _ make: (UnsafeBufferPointer<UInt8>) -> Value) -> Line<Value>? {
    defer {
      isSkipping = false
      forget()
    }
    if isSkipping || count > maxLength { return .tooLong }
    if isEmpty { return nil }
    return .line(bytes.withUnsafeBufferPointer { make(UnsafeBufferPointer(rebasing: $0[start...])) })
  }

  private mutating func findFeed() -> Int? {
    let found: Int? = bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, scanned < bytes.count else { return nil }
      return memchr(base + scanned, 10, bytes.count - scanned).map { UnsafeRawPointer($0) - base }
    }
    scanned = found ?? bytes.count
    return found
  }

  private mutating func consume(upTo end: Int) {
    start = end
    scanned = end
    if start == bytes.count { forget() }
  }

  /// Empties the buffer, and lets go of its memory if that is much.
  private mutating func forget() {
    bytes.removeAll(keepingCapacity: bytes.capacity <= 4096)
    start = 0
    scanned = 0
  }
}
