import Glibc

/// Parses the lines of a head, or of trailers, in bytes that begin with its first.
///
/// Each line is parsed in one pass when all of it is there, and refused only then: so it does not matter how its bytes were
/// portioned. What is awaited of a line is searched for its end once.
struct HeadParser: Sendable {
  enum Kind { case request, response, trailers }

  private let kind: Kind
  private let limits: HTTPLimits
  private(set) var hasFirstLine: Bool
  private var hasSkippedLine = false
  /// Where the next line begins.
  private var lineStart = 0
  /// Where the first field line begins.
  private var fieldsStart = 0
  /// No line ends between `lineStart` and here.
  private var searched = 0
  private var rules = FramingRules()

  init(_ kind: Kind, _ limits: HTTPLimits) {
    self.kind = kind
    self.limits = limits
    hasFirstLine = kind == .trailers
  }

  /// Makes ready for another head.
  mutating func reset() { self = HeadParser(kind, limits) }

  /// Goes on to the end of the head.
  ///
  /// - Parameter bytes: Those of the call before, and more.
  /// - Returns: How many bytes the head has, or `nil` if its end is not there yet.
  mutating func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, into head: inout HTTPHead
  ) throws(HTTPSyntaxError) -> Int? {
    guard let base = bytes.baseAddress, bytes.count > lineStart else { return nil }
    let end = bytes.count
    // The rest of a line that was not all there before.
    if searched > lineStart, try !hasLineEnd(base, end) { return nil }
    var isComplete = false
    do throws(HTTPSyntaxError) {
      isComplete = try parseLines(base, end, into: &head)
    } catch {
      if error == .tooManyFields { throw error }
      // It is the line's first fault, unless the line is too long, which shows when its end is known.
      guard try hasLineEnd(base, end) else { return nil }
      throw error
    }
    guard isComplete else { return nil }
    if kind != .trailers { try rules.finish(&head, isRequest: kind == .request) }
    return lineStart
  }

  /// Whether all lines are there; `lineStart` is behind the last one then.
  private mutating func parseLines(
    _ base: UnsafePointer<UInt8>, _ end: Int, into head: inout HTTPHead
  ) throws(HTTPSyntaxError) -> Bool {
    if !hasFirstLine {
      guard let next = try parseFirstLine(base, end, into: &head) else {
        // The shortest first line is longer than this one.
        if try hasLineEnd(base, end) { throw kind == .request ? .malformedRequestLine : .malformedStatusLine }
        return false
      }
      if next - lineStart - 2 > limits.startLineBytes { throw .lineTooLong }
      (lineStart, fieldsStart, searched) = (next, next, next)
      hasFirstLine = true
    }
    while lineStart < end {
      if base[lineStart] == Octets.carriageReturn {
        guard lineStart + 1 < end else { return false }
        guard base[lineStart + 1] == Octets.lineFeed else { throw .bareCarriageReturn }
        lineStart += 2
        return true
      }
      if head.fields.count == limits.fieldCount { throw .tooManyFields }
      guard let (field, next) = try parseField(base, end) else {
        _ = try hasLineEnd(base, end)
        return false
      }
      if next - fieldsStart > limits.headerBytes { throw .headersTooLarge }
      try rules.note(field, of: kind, base)
      head.fields.append(field)
      (lineStart, searched) = (next, next)
    }
    return false
  }

  /// Whether the line at `lineStart` has its end; throws if it is too long by then.
  private mutating func hasLineEnd(_ base: UnsafePointer<UInt8>, _ end: Int) throws(HTTPSyntaxError) -> Bool {
    var feed: Int?
    if searched < end, let found = memchr(base + searched, 10, end - searched) {
      feed = UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
    searched = feed ?? end
    if !hasFirstLine {
      // With no end in sight, one byte may still be the carriage return.
      if (feed.map { $0 - 1 } ?? end - 1) - lineStart > limits.startLineBytes { throw .lineTooLong }
    } else if searched + 1 - fieldsStart > limits.headerBytes,
      feed != nil || searched - fieldsStart >= limits.headerBytes
    {
      throw .headersTooLarge
    }
    return feed != nil
  }

  // MARK: The first line

  private mutating func parseFirstLine(
    _ base: UnsafePointer<UInt8>, _ end: Int, into head: inout HTTPHead
  ) throws(HTTPSyntaxError) -> Int? {
    kind == .request
      ? try parseRequestLine(base, end, into: &head) : try parseStatusLine(base, end, into: &head)
  }

  /// `GET /path HTTP/1.1`
  private mutating func parseRequestLine(
    _ base: UnsafePointer<UInt8>, _ end: Int, into head: inout HTTPHead
  ) throws(HTTPSyntaxError) -> Int? {
    var index = lineStart
    // An empty line may stand before it (RFC 9112, 2.2).
    if !hasSkippedLine, base[index] == Octets.carriageReturn {
      guard index + 1 < end else { return nil }
      guard base[index + 1] == Octets.lineFeed else { throw .bareCarriageReturn }
      hasSkippedLine = true
      lineStart += 2
      searched = max(searched, lineStart)
      index = lineStart
    }
    while index < end, Octets.isToken(base[index]) { index &+= 1 }
    guard index < end else { return nil }
    guard index > lineStart, base[index] == Octets.space else { throw .malformedRequestLine }
    head.method = HTTPHead.Part(lineStart, index)
    index &+= 1
    let target = index
    while index < end, Octets.isTarget(base[index]) { index &+= 1 }
    guard index < end else { return nil }
    guard index > target, base[index] == Octets.space else { throw .malformedRequestLine }
    head.target = HTTPHead.Part(target, index)
    index &+= 1
    guard index &+ 8 < end else { return nil }
    head.minorVersion = try parseVersion(base + index, otherwise: .malformedRequestLine)
    index &+= 8
    guard let next = try parseLineEnd(base, index, end, otherwise: .malformedRequestLine) else { return nil }
    if base[target] != UInt8(ascii: "/") || head.method.count == 7 { try rules.checkTarget(head, base) }
    rules.isOld = head.minorVersion == 0
    return next
  }

  /// `HTTP/1.1 200 OK`
  private mutating func parseStatusLine(
    _ base: UnsafePointer<UInt8>, _ end: Int, into head: inout HTTPHead
  ) throws(HTTPSyntaxError) -> Int? {
    var index = lineStart
    guard index &+ 8 < end else { return nil }
    head.minorVersion = try parseVersion(base + index, otherwise: .malformedStatusLine)
    rules.isOld = head.minorVersion == 0
    index &+= 8
    guard index &+ 4 < end else { return nil }
    guard base[index] == Octets.space else { throw .malformedStatusLine }
    var status = 0
    for digit in UnsafeBufferPointer(start: base + index + 1, count: 3) {
      guard Octets.isDigit(digit) else { throw .malformedStatusLine }
      status = status * 10 + Int(digit) - 48
    }
    guard status >= 100 else { throw .malformedStatusLine }
    head.status = status
    index &+= 4
    // Many servers leave the space away where there is no reason.
    if base[index] == Octets.space {
      index &+= 1
    } else if base[index] != Octets.carriageReturn {
      throw base[index] == Octets.lineFeed ? .bareLineFeed : .malformedStatusLine
    }
    let last = Octets.endOfValue(base, from: index, to: end)
    head.reason = HTTPHead.Part(index, last)
    return try parseLineEnd(base, last, end, otherwise: .malformedStatusLine)
  }

  @inline(__always)
  private func parseVersion(
    _ bytes: UnsafePointer<UInt8>, otherwise error: HTTPSyntaxError
  ) throws(HTTPSyntaxError) -> Int {
    let word = UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    if word == 0x312E_312F_5054_5448 { return 1 }  // "HTTP/1.1", read backwards
    if word == 0x302E_312F_5054_5448 { return 0 }
    guard word & 0xFF_FFFF_FFFF == 0x2F_5054_5448, Octets.isDigit(bytes[5]), bytes[6] == UInt8(ascii: "."),
      Octets.isDigit(bytes[7])
    else { throw error }
    throw .unsupportedVersion
  }

  /// Where the line after the one begins that has to end here.
  @inline(__always)
  private func parseLineEnd(
    _ base: UnsafePointer<UInt8>, _ index: Int, _ end: Int, otherwise error: HTTPSyntaxError
  ) throws(HTTPSyntaxError) -> Int? {
    guard index &+ 1 < end, base[index] == Octets.carriageReturn, base[index &+ 1] == Octets.lineFeed else {
      guard index < end else { return nil }
      if base[index] == Octets.lineFeed { throw .bareLineFeed }
      guard base[index] == Octets.carriageReturn else { throw error }
      if index &+ 1 < end { throw .bareCarriageReturn }
      return nil
    }
    return index &+ 2
  }

  // MARK: Fields

  /// `Name: value`
  @inline(__always)
  private func parseField(
    _ base: UnsafePointer<UInt8>, _ end: Int
  ) throws(HTTPSyntaxError) -> (HTTPHead.Field, next: Int)? {
    var index = lineStart
    while index < end, Octets.isToken(base[index]) { index &+= 1 }
    guard index < end else { return nil }
    guard base[index] == Octets.colon, index > lineStart else {
      if index > lineStart { throw .malformedFieldName }
      if base[index] == Octets.lineFeed { throw .bareLineFeed }
      throw Octets.isBlank(base[index]) ? .foldedLine : .malformedFieldName
    }
    let name = HTTPHead.Part(lineStart, index)
    index &+= 1
    while index < end, Octets.isBlank(base[index]) { index &+= 1 }
    let first = index
    index = Octets.endOfValue(base, from: index, to: end)
    guard let next = try parseLineEnd(base, index, end, otherwise: .malformedFieldValue) else { return nil }
    while index > first, Octets.isBlank(base[index &- 1]) { index &-= 1 }
    return (HTTPHead.Field(name: name, value: HTTPHead.Part(first, index)), next)
  }
}
