/// A strict parser of HTTP/1.1 and HTTP/1.0 (RFC 9110, RFC 9112). It does no I/O and keeps none of the bytes.
///
///     var parser = HTTPParser(.request)
///     while true {
///       switch try parser.parse(bytes) {
///       case .needsMore: …                         // the same bytes again, and more behind them
///       case .head(let count): …                   // parser.head says where what is in these bytes
///       case .body(let range): …                   // a part of the body
///       case .end(let count): parser.reset()
///       }
///     }
///
/// Each step says how many bytes it has taken; the next one begins behind them. What is refused and what is understood does not
/// depend on how the bytes come: all at once, one by one, or several messages together.
///
/// It takes lines that end in a carriage return and a line feed, and nothing else; it does not repair. What it refuses, and why, is
/// said by ``HTTPSyntaxError``.
///
/// - Complexity: O(n) in the bytes, however they are portioned, but for a line that comes in portions: that is parsed when its
///   end is there, and searched for it once.
public struct HTTPParser: Sendable {
  /// Which messages it parses.
  public enum Kind: Sendable {
    /// What a client sends.
    case request
    /// What a server sends.
    case response
  }

  /// What a call came to.
  public enum Step: Hashable, Sendable {
    /// There is no more to be said without more bytes; none were taken.
    case needsMore
    /// So many bytes are a head: ``HTTPParser/head``.
    case head(Int)
    /// These are of the body, and what is before them was taken too; there may be none of them yet.
    case body(Range<Int>)
    /// The message is over, after so many bytes more: ``HTTPParser/trailers``.
    case end(Int)
  }

  private enum State { case head, length(Int), chunks, trailers(lastLine: Int), untilEnd, end }

  private let kind: Kind
  private let limits: HTTPLimits
  private var state = State.head
  private var headParser: HeadParser
  private var trailerParser: HeadParser
  private var chunks = ChunkDecoder()
  /// How much more content the body may have.
  private var room: Int
  /// Whether the response is to a request that was for the head only.
  private var hasNoBody = false
  private var isToConnect = false
  private var trailerHead = HTTPHead()
  /// Why the message was refused. Nothing is taken after that.
  private var failure: HTTPSyntaxError?

  /// What the head says, in the bytes of the step that was ``Step/head(_:)``.
  public internal(set) var head = HTTPHead()

  /// The fields after the body, in the bytes of the step that was ``Step/end(_:)``.
  public var trailers: [HTTPHead.Field] { trailerHead.fields }

  /// - Parameters:
  ///   - kind: Requests or responses.
  ///   - limits: What is too large.
  public init(_ kind: Kind, limits: HTTPLimits = HTTPLimits()) {
    self.kind = kind
    self.limits = limits
    room = limits.bodyBytes
    headParser = HeadParser(kind == .request ? .request : .response, limits)
    trailerParser = HeadParser(.trailers, limits)
  }

  /// Makes ready for the next message on the same connection. A parser that has refused a message goes on to refuse.
  ///
  /// - Parameter method: Of a response: what was asked for, since there is no body after HEAD, and none of the kind that is
  ///   parsed after a CONNECT that succeeded.
  public mutating func reset(to method: String = "GET") {
    state = .head
    headParser.reset()
    head.clear()
    if !trailerHead.fields.isEmpty { trailerHead.clear() }
    hasNoBody = method == "HEAD"
    isToConnect = method == "CONNECT"
  }

  /// Whether nothing of a message has been taken. What was not taken may still hold a part of its head.
  public var isAtStart: Bool {
    if case .head = state { return true }
    return false
  }

  /// Whether the first line of the head has been taken as well formed.
  var hasFirstLine: Bool { headParser.hasFirstLine }

  /// Takes the next step.
  ///
  /// - Parameter bytes: What has come and was not taken yet.
  /// - Throws: ``HTTPSyntaxError`` for a message that is refused, the same one if it is called again.
  public mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> Step {
    if let failure { throw failure }
    do throws(HTTPSyntaxError) {
      return try step(bytes)
    } catch {
      failure = error
      throw error
    }
  }

  @inline(__always)
  private mutating func step(_ bytes: UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> Step {
    let bytes = UnsafeBufferPointer(
      start: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count)
    switch state {
    case .head:
      guard let count = try headParser.parse(bytes, into: &head) else { return .needsMore }
      try begin()
      return .head(count)
    case .length(let rest):
      if rest == 0 { return end(0) }
      let count = min(rest, bytes.count)
      if count == 0 { return .needsMore }
      state = .length(rest - count)
      return .body(0..<count)
    case .chunks:
      switch try chunks.parse(bytes, room: room) {
      case .needsMore: return .needsMore
      case .data(let range):
        room -= range.count
        return .body(range)
      case .last(let line):
        state = .trailers(lastLine: line)
        return try parseTrailers(bytes, after: line)
      }
    case .trailers(let line):
      return try parseTrailers(bytes, after: line)
    case .untilEnd:
      if bytes.isEmpty { return .needsMore }
      // What there is room for is handed out however much comes at once.
      if room == 0 { throw .bodyTooLarge }
      let count = min(room, bytes.count)
      room -= count
      return .body(0..<count)
    case .end:
      return .end(0)
    }
  }

  /// Parses what comes after the last chunk's line, which has so many bytes.
  private mutating func parseTrailers(
    _ bytes: UnsafeBufferPointer<UInt8>, after line: Int
  ) throws(HTTPSyntaxError) -> Step {
    guard bytes.count > line else { return .needsMore }
    let rest = UnsafeBufferPointer(rebasing: bytes[line...])
    guard let count = try trailerParser.parse(rest, into: &trailerHead) else { return .needsMore }
    for index in trailerHead.fields.indices { trailerHead.fields[index].move(by: line) }
    return end(line + count)
  }

  /// Says that no more bytes will come, when all that can be taken has been.
  ///
  /// - Parameter leftover: How many bytes have come that were not taken.
  /// - Returns: Whether a message has ended by that, as a response may; `false` if none had begun.
  /// - Throws: ``HTTPSyntaxError/unexpectedEnd`` in the middle of one, and what ``parse(_:)`` has thrown if it has.
  public mutating func finish(leftover: Int) throws(HTTPSyntaxError) -> Bool {
    if let failure { throw failure }
    switch state {
    case .untilEnd, .end:
      state = .end
      return true
    case .head where leftover == 0: return false
    case .length(0): return true
    default: throw .unexpectedEnd
    }
  }

  /// Decides what comes after the head.
  private mutating func begin() throws(HTTPSyntaxError) {
    if kind == .response {
      if head.status == 101 { throw .unexpectedSwitch }
      let isFinal = head.status >= 200
      let isTunnel = isToConnect && head.status / 100 == 2
      if hasNoBody || !isFinal || head.status == 204 || head.status == 304 || isTunnel { head.framing = .none }
      if head.framing == .untilEnd { head.keepsAlive = false }
    }
    room = limits.bodyBytes
    switch head.framing {
    case .none: state = .length(0)
    case .length(let count):
      if count > limits.bodyBytes { throw .bodyTooLarge }
      state = .length(count)
    case .chunked:
      chunks = ChunkDecoder()
      trailerParser.reset()
      trailerHead.clear()
      state = .chunks
    case .untilEnd: state = .untilEnd
    }
  }

  private mutating func end(_ count: Int) -> Step {
    state = .end
    return .end(count)
  }
}

extension HTTPHead.Field {
  fileprivate mutating func move(by count: Int) {
    self = HTTPHead.Field(
      name: HTTPHead.Part(name.range.lowerBound + count, name.range.upperBound + count),
      value: HTTPHead.Part(value.range.lowerBound + count, value.range.upperBound + count))
  }
}
