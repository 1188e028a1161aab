import Testing

@testable import ToroHTTP

/// What the parser makes of bytes, step by step.
@Suite("HTTP: the parser's steps")
struct ParserTests {
  @Test("A request without a body is a head and its end")
  func plain() throws {
    var parser = HTTPParser(.request)
    let bytes = Array("GET /a?b HTTP/1.1\r\nHost: example\r\n\r\n".utf8)
    #expect(try bytes.withUnsafeBytes { try parser.parse($0) } == .head(bytes.count))
    #expect(String(decoding: bytes[parser.head.target.range], as: UTF8.self) == "/a?b")
    #expect(parser.head.fields.count == 1 && parser.head.framing == .none && parser.head.keepsAlive)
    #expect(try parser.parse(UnsafeRawBufferPointer(start: nil, count: 0)) == .end(0))
  }
}
