import Glibc

/// Takes the framing off a body in chunks (RFC 9112, 7.1), as far as the trailers.
struct ChunkDecoder: Sendable {
  enum Step {
    /// A line is not all there yet.
    case needsMore
    /// These bytes are of the body.
    case data(Range<Int>)
    /// The last chunk's line has so many bytes; after it come the trailers.
    case last(Int)
  }

  /// How much a line may have, its end not counted: a size, and extensions that nobody needs.
  private static let maxLineBytes = 4_096
  /// How many bytes of framing may come on top of two for each byte of data and 32 for each chunk.
  private static let maxOverhead = 16_384

  /// How much of the chunk is still to come, and whether then its end is.
  private var remaining = 0
  private var isInChunk = false
  /// No line ends before this.
  private var searched = 0
  private var overhead = 0

  /// Goes on by a step.
  ///
  /// - Parameters:
  ///   - bytes: What has not been taken by a step before.
  ///   - room: How much more data the body may have.
  mutating func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, room: Int
  ) throws(HTTPSyntaxError) -> Step {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return .needsMore }
    var start = 0
    if isInChunk {
      if remaining == 0 {
        guard bytes[0] == Octets.carriageReturn else { throw .malformedChunk }
        guard bytes.count > 1 else { return .needsMore }
        guard bytes[1] == Octets.lineFeed else { throw .malformedChunk }
        isInChunk = false
        start = 2
        searched = max(searched, 2)
      } else {
        return take(0, bytes.count)
      }
    }
    // The line of the next chunk.
    guard searched < bytes.count, let found = memchr(base + searched, 10, bytes.count - searched) else {
      searched = bytes.count
      if start > 0 {
        // The end of the chunk before is left to be seen again, with the line.
        isInChunk = true
      }
      // With no end in sight, one byte may still be the carriage return.
      if bytes.count - start > Self.maxLineBytes + 1 { throw .malformedChunk }
      return .needsMore
    }
    let feed = UnsafeRawPointer(found) - UnsafeRawPointer(base)
    searched = 0
    if feed - 1 - start > Self.maxLineBytes { throw .malformedChunk }
    guard feed > start, bytes[feed - 1] == Octets.carriageReturn else { throw .malformedChunk }
    let size = try parseLine(UnsafeBufferPointer(rebasing: bytes[start..<(feed - 1)]))
    overhead = max(0, overhead + feed + 1 - start - 32 - 2 * min(size, Self.maxOverhead))
    if overhead > Self.maxOverhead { throw .malformedChunk }
    if size == 0 { return .last(feed + 1) }
    if size > room { throw .bodyTooLarge }
    remaining = size
    isInChunk = true
    return take(feed + 1, bytes.count)
  }

  /// The data from here on, as much as there is of the chunk; possibly none, after the line.
  private mutating func take(_ start: Int, _ end: Int) -> Step {
    let count = min(remaining, end - start)
    remaining -= count
    return .data(start..<(start + count))
  }

  /// `1f;name=value`: the size.
  private func parseLine(_ line: UnsafeBufferPointer<UInt8>) throws(HTTPSyntaxError) -> Int {
    var size = 0
    var index = 0
    while index < line.count, let digit = Octets.hexValue(line[index]) {
      guard size <= Int.max >> 8 else { throw .malformedChunk }
      size = size << 4 | digit
      index += 1
    }
    if index == 0 { throw .malformedChunk }
    func skipBlanks() { while index < line.count, Octets.isBlank(line[index]) { index += 1 } }
    func skipToken() -> Bool {
      let start = index
      while index < line.count, Octets.isToken(line[index]) { index += 1 }
      return index > start
    }
    while index < line.count {
      skipBlanks()
      guard index < line.count, line[index] == UInt8(ascii: ";") else { throw .malformedChunk }
      index += 1
      skipBlanks()
      guard skipToken() else { throw .malformedChunk }
      let end = index
      skipBlanks()
      guard index < line.count, line[index] == UInt8(ascii: "=") else {
        index = end
        continue
      }
      index += 1
      skipBlanks()
      if index < line.count, line[index] == UInt8(ascii: "\"") {
        index += 1
        while index < line.count, line[index] != UInt8(ascii: "\"") {
          if line[index] == UInt8(ascii: "\\") { index += 1 }
          guard index < line.count, line[index] >= 32 && line[index] != 127 || line[index] == Octets.tab else {
            throw .malformedChunk
          }
          index += 1
        }
        guard index < line.count else { throw .malformedChunk }
        index += 1
      } else if !skipToken() {
        throw .malformedChunk
      }
    }
    return size
  }
}
