/// Where the parts of a message's head are in its bytes, and what they say about the message.
///
/// Made by ``HTTPParser``. Places are counted from the first byte of the head.
public struct HTTPHead: Sendable {
  /// Some bytes of the head.
  public struct Part: Hashable, Sendable {
    let start: UInt32
    /// How many there are.
    public let count: UInt32

    @inline(__always)
    init(_ start: Int, _ end: Int) {
      self.start = UInt32(truncatingIfNeeded: start)
      count = UInt32(truncatingIfNeeded: end &- start)
    }

    /// Where they are.
    @inline(__always)
    public var range: Range<Int> { Int(start)..<Int(start) &+ Int(count) }
  }

  /// A field line, without the white space around the value.
  public struct Field: Hashable, Sendable {
    /// A token, as it was sent.
    public let name: Part
    /// Any bytes but control characters.
    public let value: Part
  }

  /// How the end of the body is known (RFC 9112, 6.3).
  public enum Framing: Hashable, Sendable {
    /// There is no body.
    case none
    /// By the number of bytes that it has.
    case length(Int)
    /// By the last of its chunks.
    case chunked
    /// By the end of the stream, as only a response's may be.
    case untilEnd
  }

  /// Of a request.
  public internal(set) var method = Part(0, 0)
  /// Of a request: where it goes, as it was sent.
  public internal(set) var target = Part(0, 0)
  /// Of a response: 100 to 999.
  public internal(set) var status = 0
  /// Of a response: the words after the status.
  public internal(set) var reason = Part(0, 0)
  /// The version is HTTP/1.0 or HTTP/1.1.
  public internal(set) var minorVersion = 1
  /// In the order in which they came.
  public internal(set) var fields: [Field] = []
  /// What comes after the head.
  public internal(set) var framing = Framing.none
  /// Whether the sender means to go on with another message on the same connection (RFC 9112, 9.3).
  public internal(set) var keepsAlive = true
  /// Whether the sender waits for word before it sends the body (RFC 9110, 10.1.1).
  public internal(set) var expectsContinue = false
  /// Whether there is an expectation that nobody here can meet.
  public internal(set) var hasUnknownExpectation = false
  /// The Host field, if there is one.
  public internal(set) var host: Part?

  /// Forgets it all, but for the memory.
  @inline(__always)
  mutating func clear() {
    if !fields.isEmpty { fields.removeAll(keepingCapacity: true) }
    (method, target, status, reason) = (Part(0, 0), Part(0, 0), 0, Part(0, 0))
    (minorVersion, framing, keepsAlive) = (1, .none, true)
    (expectsContinue, hasUnknownExpectation, host) = (false, false, nil)
  }
}
