import ToroHTTP
import ToroHTTPVectors

extension FuzzTarget {
  static let httpRequests = FuzzTarget("http-requests") {
    HTTPVector.requests.map { $0.bytes }
  } run: { bytes in
    check(.request, Array(bytes))
  }

  /// The first byte says what was asked for.
  static let httpResponses = FuzzTarget("http-responses") {
    HTTPVector.responses.map { vector in
      [UInt8(methods.firstIndex { $0 == vector.methods.first } ?? 0)] + vector.bytes
    }
  } run: { bytes in
    check(.response, Array(bytes.dropFirst()), to: [methods[Int(bytes.first ?? 0) % methods.count]])
  }

  /// What comes behind a head that announces chunks.
  static let httpChunks = FuzzTarget("http-chunks") {
    ["0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "1;a=\"b\"\r\nx\r\n0\r\nTrailer: value\r\n\r\n", "FFFFFFFFFFFFFFFF\r\n"]
      .map {
        Array($0.utf8)
      }
  } run: { bytes in
    check(.request, chunkedHead + bytes)
  }

  private static let methods = ["GET", "HEAD", "CONNECT"]
  private static let chunkedHead = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)

  /// The same has to come of the bytes however they are portioned, and what is taken has to be what the grammar allows.
  private static func check(_ kind: HTTPParser.Kind, _ bytes: [UInt8], to methods: [String] = []) -> String? {
    // Limits that inputs of a fuzzer's size can reach, or not.
    let isTight = bytes.count & 1 == 1
    let limits =
      isTight ? HTTPLimits(startLineBytes: 64, headerBytes: 256, fieldCount: 6, bodyBytes: 64) : HTTPLimits()
    let whole = Transcript(kind, [bytes[...]], methods: methods, limits: limits)
    var mutator = Mutator(seed: bytes.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 })
    for _ in 0..<2 {
      let parts = Transcript(kind, mutator.portions(bytes), methods: methods, limits: limits)
      if parts != whole { return "in portions \(parts.lines), at once \(whole.lines)" }
    }
    return whole.messages.lazy.compactMap { flaw(of: $0) }.first
  }

  private static func flaw(of message: Transcript.Message) -> String? {
    for field in message.fields + message.trailers {
      if field.name.isEmpty || !field.name.allSatisfy(isTokenByte) { return "a name that is no token: \(field.name)" }
      if !field.value.allSatisfy({ $0 == 9 || $0 >= 32 && $0 != 127 }) { return "a control in a value: \(field.value)" }
      if let first = field.value.first, let last = field.value.last, isBlank(first) || isBlank(last) {
        return "blanks around a value: \(field.value)"
      }
    }
    func count(_ name: String) -> Int { message.fields.count { $0.name.map { $0 | 32 } == Array(name.utf8) } }
    if message.kind == .request {
      if message.method.isEmpty || !message.method.allSatisfy(isTokenByte) { return "a method that is no token" }
      if message.target.isEmpty || !message.target.allSatisfy({ $0 > 32 && $0 < 127 }) {
        return "a target: \(message.target)"
      }
      if message.minorVersion > 0 && count("host") != 1 { return "\(count("host")) Host fields" }
    }
    if count("transfer-encoding") > 1 { return "\(count("transfer-encoding")) codings" }
    if message.kind == .request, count("transfer-encoding") == 1, count("content-length") > 0 { return "both lengths" }
    if case .length(let length) = message.framing {
      if message.body.count > length || message.hasEnded && message.body.count != length {
        return "\(message.body.count) bytes of \(length)"
      }
    }
    return nil
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

  /// RFC 9110, 5.6.2.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
