import Testing
import ToroHTTP
import ToroHTTPVectors

/// What a parser takes of a peer that sends without end.
@Suite("HTTP: messages without an end")
struct EndlessMessageTests {
  /// A message's beginning, what then comes again and again, and how it is refused.
  struct Endless: Sendable, CustomStringConvertible {
    let description: String
    let kind: HTTPParser.Kind
    let start: String
    let rest: String
    let refusal: HTTPSyntaxError
    /// How many bytes may have come by then, with the limits as they are.
    let bound: Int

    init(
      _ description: String, _ kind: HTTPParser.Kind = .request, start: String, rest: String, refusal: HTTPSyntaxError,
      bound: Int
    ) {
      self.description = description
      self.kind = kind
      self.start = start
      self.rest = rest
      self.refusal = refusal
      self.bound = bound
    }
  }

  private static let head = "POST / HTTP/1.1\r\nHost: a\r\n"
  private static let chunkedHead = "\(head)Transfer-Encoding: chunked\r\n\r\n"

  static let all = [
    Endless("a method", start: "", rest: "A", refusal: .lineTooLong, bound: 8_194),
    Endless("a target", start: "GET /", rest: "a", refusal: .lineTooLong, bound: 8_194),
    Endless("spaces in the request line", start: "GET", rest: " ", refusal: .lineTooLong, bound: 8_194),
    Endless("a reason", .response, start: "HTTP/1.1 200 ", rest: "a", refusal: .lineTooLong, bound: 8_194),
    Endless("a field's name", start: head, rest: "a", refusal: .headersTooLarge, bound: 32_800),
    Endless("a field's value", start: "\(head)A: ", rest: "a", refusal: .headersTooLarge, bound: 32_800),
    Endless("white space before a value", start: "\(head)A:", rest: " ", refusal: .headersTooLarge, bound: 32_800),
    Endless("carriage returns", start: "\(head)A: b", rest: "\r", refusal: .headersTooLarge, bound: 32_800),
    Endless("small fields", start: head, rest: "A:\r\n", refusal: .tooManyFields, bound: 500),
    Endless(
      "large fields", start: head, rest: "A: \(String(repeating: "b", count: 995))\r\n",
      refusal: .headersTooLarge, bound: 34_000),
    Endless("trailers", start: "\(chunkedHead)0\r\n", rest: "A:\r\n", refusal: .tooManyFields, bound: 500),
    Endless("a trailer", start: "\(chunkedHead)0\r\nA:", rest: "b", refusal: .headersTooLarge, bound: 32_900),
    Endless("a chunk's size", start: chunkedHead, rest: "0", refusal: .malformedChunk, bound: 4_200),
    Endless("a chunk's extension", start: "\(chunkedHead)5;a=", rest: "b", refusal: .malformedChunk, bound: 4_200),
    Endless("a quoted extension", start: "\(chunkedHead)5;a=\"", rest: "b", refusal: .malformedChunk, bound: 4_200),
    Endless(
      "chunks that are extensions for the most part", start: chunkedHead,
      rest: "1;a=\(String(repeating: "b", count: 990))\r\nc\r\n", refusal: .malformedChunk, bound: 18_000),
    Endless(
      "data in chunks", start: chunkedHead, rest: "10000\r\n\(String(repeating: "a", count: 65_536))\r\n",
      refusal: .bodyTooLarge, bound: 16_800_000),
    Endless(
      "a body that ends with the stream", .response, start: "HTTP/1.1 200 OK\r\n\r\n",
      rest: String(repeating: "a", count: 65_536), refusal: .bodyTooLarge, bound: 16_900_000),
  ]

  @Test("Without an end is refused", arguments: all)
  func refused(_ endless: Endless) throws {
    var parser = HTTPParser(endless.kind)
    var pending = Array(endless.start.utf8)
    var received = pending.count
    var largest = 0
    let portion = Array(String(repeating: endless.rest, count: max(1, 1_000 / endless.rest.utf8.count)).utf8)
    #expect(throws: endless.refusal) {
      while received <= endless.bound + portion.count {
        var taken = 0
        stepping: while true {
          switch try pending.withUnsafeBytes({ try parser.parse(UnsafeRawBufferPointer(rebasing: $0[taken...])) }) {
          case .needsMore: break stepping
          case .head(let count): taken += count
          case .body(let range): taken += range.upperBound
          case .end: break stepping
          }
        }
        pending.removeSubrange(..<taken)
        largest = max(largest, pending.count)
        pending += portion
        received += portion.count
      }
    }
    #expect(received <= endless.bound + portion.count)
    // What has to be kept meanwhile is a head, or a line.
    #expect(largest <= 8_192 + 32_768 + 2_000)
  }

  @Test("A chunk's line may be of 4,096 bytes, and no more")
  func chunkLine() {
    for (count, isTaken) in [(4_096, true), (4_097, false)] {
      let line = "1;a=" + String(repeating: "b", count: count - 4)
      let bytes = Array("\(Self.chunkedHead)\(line)\r\nc\r\n0\r\n\r\n".utf8)
      let whole = Transcript(.request, [bytes[...]])
      #expect(whole.refusal == (isTaken ? nil : .malformedChunk))
      for place in Array(0..<80) + Array(bytes.count - 40..<bytes.count) {
        #expect(Transcript(.request, [bytes[..<place], bytes[place...]]) == whole, "the first of \(place) bytes")
      }
    }
  }

  @Test("Many small chunks without extensions are a body like others")
  func smallChunks() {
    let bytes = Array((Self.chunkedHead + String(repeating: "1\r\na\r\n", count: 20_000) + "0\r\n\r\n").utf8)
    let transcript = Transcript(.request, [bytes[...]])
    #expect(transcript.refusal == nil && transcript.messages.first?.body.count == 20_000)
  }
}
