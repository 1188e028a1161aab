import ToroHTTP

/// What a parser made of a stream of bytes that came in portions and then ended.
///
/// Written down, it has a line for each message, and one that begins with "refused:" if the rest was refused:
///
///     POST /a HTTP/1.1 {Host: a; Content-Length: 5} "hello"
///     HTTP/1.1 200 OK {Transfer-Encoding: chunked} chunked "hello" {Trailer: value}
///
/// After the first line and the fields come `close` if the sender means to end the connection, `100-continue` if he waits for
/// word, `unmet expectation`; then how the end of the body is known (nothing for a length, or `chunked`, `until end`), its bytes, the
/// trailers; and `...` if the stream ended before the message did. A line `...` alone is a part of a head. Bytes that are not
/// printable ASCII are written as `<0D>`.
public struct Transcript: Hashable, Sendable {
  public struct Field: Hashable, Sendable {
    public var name: [UInt8]
    public var value: [UInt8]
  }

  public struct Message: Hashable, Sendable {
    public var kind: HTTPParser.Kind
    public var method: [UInt8]
    public var target: [UInt8]
    public var status: Int
    public var reason: [UInt8]
    public var minorVersion: Int
    public var fields: [Field]
    public var framing: HTTPHead.Framing
    public var keepsAlive: Bool
    public var expectsContinue: Bool
    public var hasUnknownExpectation: Bool
    public var body: [UInt8] = []
    public var trailers: [Field] = []
    public var hasEnded = false
  }

  public var messages: [Message] = []
  public var refusal: HTTPSyntaxError?
  /// Whether the stream ended in the middle of a head.
  public var endsInHead = false
  /// Whether a response that said that the connection becomes a tunnel was the last.
  public var isTunnel = false

  /// Reads what comes.
  ///
  /// - Parameters:
  ///   - portions: The bytes, as they come.
  ///   - methods: Of responses: what was asked for, GET after the last.
  ///   - stopsAtClose: Whether nothing is read after a message whose sender means to end the connection.
  public init(
    _ kind: HTTPParser.Kind, _ portions: some Sequence<ArraySlice<UInt8>>, methods: [String] = [],
    limits: HTTPLimits = HTTPLimits(), stopsAtClose: Bool = false
  ) {
    var reader = Reader(HTTPParser(kind, limits: limits), kind, methods, stopsAtClose: stopsAtClose)
    do {
      for portion in portions {
        guard try reader.read(portion, into: &self) else { return }
      }
      try reader.finish(&self)
    } catch {
      refusal = error
    }
  }

  public var lines: [String] {
    messages.map(\.text) + (endsInHead ? ["..."] : []) + (refusal.map { ["refused: \($0)"] } ?? [])
  }
}

extension Transcript.Message {
  var text: String {
    var text =
      kind == .request
      ? "\(method.shown) \(target.shown) HTTP/1.\(minorVersion)"
      : "HTTP/1.\(minorVersion) \(status)\(reason.isEmpty ? "" : " ")\(reason.shown)"
    text += fields.shown
    if !keepsAlive { text += " close" }
    if expectsContinue { text += " 100-continue" }
    if hasUnknownExpectation { text += " unmet expectation" }
    switch framing {
    case .none: break
    case .length: text += " \"\(body.shown)\""
    case .chunked: text += " chunked \"\(body.shown)\""
    case .untilEnd: text += " until end \"\(body.shown)\""
    }
    return text + trailers.shown + (hasEnded ? "" : " ...")
  }
}

extension [Transcript.Field] {
  fileprivate var shown: String {
    isEmpty ? "" : " {\(map { "\($0.name.shown): \($0.value.shown)" }.joined(separator: "; "))}"
  }
}

extension [UInt8] {
  /// As text; what is not printable ASCII as its number.
  fileprivate var shown: String {
    map { byte in
      if (32..<127).contains(byte) { return String(Unicode.Scalar(byte)) }
      return "<\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>"
    }.joined()
  }
}

/// Has a parser take steps, as a connection does.
private struct Reader {
  private var parser: HTTPParser
  private let kind: HTTPParser.Kind
  private var methods: ArraySlice<String>
  private let stopsAtClose: Bool
  /// What has come and was not taken.
  private var pending: [UInt8] = []
  private var taken = 0

  init(_ parser: HTTPParser, _ kind: HTTPParser.Kind, _ methods: [String], stopsAtClose: Bool) {
    self.parser = parser
    self.kind = kind
    self.methods = methods[...]
    self.stopsAtClose = stopsAtClose
    self.parser.reset(to: methods.first ?? "GET")
  }

  /// Takes all steps that can be taken with another portion.
  ///
  /// - Returns: Whether there may be more.
  mutating func read(_ portion: ArraySlice<UInt8>, into transcript: inout Transcript) throws(HTTPSyntaxError) -> Bool {
    pending += portion
    // No message has as many steps as this for its bytes.
    for _ in 0...(8 + 4 * pending.count) {
      switch try step() {
      case .needsMore:
        return true
      case .head(let count):
        transcript.messages.append(message())
        taken += count
      case .body(let range):
        transcript.messages[transcript.messages.count - 1].body += pending[taken...][from(range)]
        taken += range.upperBound
      case .end(let count):
        let last = transcript.messages.count - 1
        transcript.messages[last].trailers = fields(parser.trailers)
        transcript.messages[last].hasEnded = true
        taken += count
        guard next(after: transcript.messages[last], &transcript) else { return false }
      }
    }
    preconditionFailure("the parser takes steps without end")
  }

  mutating func finish(_ transcript: inout Transcript) throws(HTTPSyntaxError) {
    do throws(HTTPSyntaxError) {
      if try parser.finish(leftover: pending.count - taken), !transcript.messages.isEmpty {
        transcript.messages[transcript.messages.count - 1].hasEnded = true
      }
    } catch {
      guard error == .unexpectedEnd else { throw error }
      transcript.endsInHead = parser.isAtStart
    }
  }

  private mutating func step() throws(HTTPSyntaxError) -> HTTPParser.Step {
    let result: Result<HTTPParser.Step, HTTPSyntaxError> = pending.withUnsafeBytes { bytes in
      do throws(HTTPSyntaxError) {
        return .success(try parser.parse(UnsafeRawBufferPointer(rebasing: bytes[taken...])))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Makes ready for the message after this one.
  private mutating func next(after message: Transcript.Message, _ transcript: inout Transcript) -> Bool {
    let method = methods.first ?? "GET"
    if kind == .response, method == "CONNECT", message.status / 100 == 2 {
      transcript.isTunnel = true
      return false
    }
    if stopsAtClose, !message.keepsAlive { return false }
    // An interim response is followed by another to the same request.
    if kind == .response, message.status >= 200 { methods = methods.dropFirst() }
    parser.reset(to: methods.first ?? "GET")
    return true
  }

  private func from(_ range: Range<Int>) -> Range<Int> { taken + range.lowerBound..<taken + range.upperBound }

  private func bytes(_ part: HTTPHead.Part) -> [UInt8] { Array(pending[from(part.range)]) }

  private func fields(_ fields: [HTTPHead.Field]) -> [Transcript.Field] {
    fields.map { Transcript.Field(name: bytes($0.name), value: bytes($0.value)) }
  }

  private func message() -> Transcript.Message {
    let head = parser.head
    return Transcript.Message(
      kind: kind, method: bytes(head.method), target: bytes(head.target), status: head.status,
      reason: bytes(head.reason), minorVersion: head.minorVersion, fields: fields(head.fields),
      framing: head.framing, keepsAlive: head.keepsAlive, expectsContinue: head.expectsContinue,
      hasUnknownExpectation: head.hasUnknownExpectation)
  }
}
