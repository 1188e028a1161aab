import ToroHTTP

extension HTTPVector {
  /// A request whose body comes in chunks: these, after its head.
  private static func chunked(
    _ name: String, _ rule: String, _ chunks: String, limits: HTTPLimits = HTTPLimits(), sees body: String,
    _ rest: [String] = [], refuses: HTTPSyntaxError? = nil
  ) -> HTTPVector {
    .request(
      name, rule, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, limits: limits,
      sees: ["POST / HTTP/1.1 {Host: a; Transfer-Encoding: chunked} chunked \(body)"] + rest, refuses: refuses)
  }

  // MARK: RFC 9112, 7.1: chunks

  static let chunks: [HTTPVector] = [
    .chunked(
      "Chunks are one body", "RFC 9112, 7.1",
      "5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n", sees: "\"hello, world\""),
    .chunked("A body may have no chunk but the last", "RFC 9112, 7.1", "0\r\n\r\n", sees: "\"\""),
    .chunked(
      "A size is hexadecimal", "RFC 9112, 7.1",
      "a\r\nabcdefghij\r\nB\r\nklmnopqrstu\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
      sees: "\"abcdefghijklmnopqrstu0123456789abcdef\""),
    .chunked("A size may begin with zeros", "RFC 9112, 7.1", "0005\r\nhello\r\n0000\r\n\r\n", sees: "\"hello\""),
    .chunked(
      "Data may look like chunks", "RFC 9112, 7.1",
      "9\r\n0\r\n\r\n5\r\na\r\n0\r\n\r\n", sees: "\"0<0D><0A><0D><0A>5<0D><0A>a\""),
    .chunked(
      "A size is not left out", "RFC 9112, 7.1", "\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A line feed is no size", "RFC 9112, 7.1",
      "\n5\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size is a number", "RFC 9112, 7.1", "g\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size has no plus", "RFC 9112, 7.1", "+5\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size has no minus", "RFC 9112, 7.1", "-5\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size has no minus even if it is zero", "RFC 9112, 7.1", "-0\r\n\r\n", sees: "\"\" ...",
      refuses: .malformedChunk),
    .chunked(
      "A size has no mark that it is hexadecimal", "RFC 9112, 7.1",
      "0x5\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size has no underscores", "RFC 9112, 7.1", "0_5\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...",
      refuses: .malformedChunk),
    .chunked(
      "A size has no fraction", "RFC 9112, 7.1", "5.0\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk
    ),
    .chunked(
      "There is no space before a size", "RFC 9112, 7.1",
      " 5\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "There is no space after a size", "RFC 9112, 7.1",
      "5 \r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "There is no tab after a size", "RFC 9112, 7.1",
      "5\t\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "There are not two sizes", "RFC 9112, 7.1",
      "5 5\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "There is no NUL after a size", "RFC 9112, 7.1",
      "5\u{00}\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size beyond 64 bits is not taken for its remainder", "RFC 9112, 7.1",
      "10000000000000005\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size that is negative in 64 bits is refused", "RFC 9112, 7.1",
      "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size is not taken for its remainder of 32 bits", "RFC 9112, 7.1",
      "100000005\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .bodyTooLarge),
    .chunked(
      "A line feed alone does not end a size", "RFC 9112, 7.1",
      "5\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A carriage return alone does not end a size", "RFC 9112, 7.1",
      "5\rhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A size has one carriage return after it", "RFC 9112, 7.1",
      "5\r\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "Data has its end where the size says", "RFC 9112, 7.1",
      "5\r\nhello!\r\n0\r\n\r\n", sees: "\"hello\" ...", refuses: .malformedChunk),
    .chunked(
      "Data is not shorter than its size", "RFC 9112, 7.1",
      "5\r\nhi\r\n0\r\n\r\n", sees: "\"hi<0D><0A>0\" ...", refuses: .malformedChunk),
    .chunked(
      "Data does not end without its line's end", "RFC 9112, 7.1",
      "5\r\nhello0\r\n\r\n", sees: "\"hello\" ...", refuses: .malformedChunk),
    .chunked(
      "Data does not end in a line feed alone", "RFC 9112, 7.1",
      "5\r\nhello\n0\r\n\r\n", sees: "\"hello\" ...", refuses: .malformedChunk),
    .chunked(
      "Data does not end in a carriage return alone", "RFC 9112, 7.1",
      "5\r\nhello\r0\r\n\r\n", sees: "\"hello\" ...", refuses: .malformedChunk),
    .chunked(
      "Data does not end in a carriage return and another byte", "RFC 9112, 7.1",
      "5\r\nhello\rX0\r\n\r\n", sees: "\"hello\" ...", refuses: .malformedChunk),
    .chunked(
      "Data does not end in another byte and a line feed", "RFC 9112, 7.1",
      "5\r\nhelloX\n0\r\n\r\n", sees: "\"hello\" ...", refuses: .malformedChunk),
    .chunked(
      "Data does not end in two other bytes", "RFC 9112, 7.1",
      "5\r\nhelloXX0\r\n\r\n", sees: "\"hello\" ...", refuses: .malformedChunk),
    .chunked("The last chunk is not left out", "RFC 9112, 7.1", "5\r\nhello\r\n", sees: "\"hello\" ..."),
    .chunked(
      "The end of the last chunk is not left out", "RFC 9112, 7.1", "5\r\nhello\r\n0\r\n", sees: "\"hello\" ..."),
    .chunked("A stream may end in a size", "RFC 9112, 8", "5", sees: "\"\" ..."),
    .chunked("A stream may end in data", "RFC 9112, 8", "5\r\nhel", sees: "\"hel\" ..."),
    .chunked("A stream may end in a chunk's end", "RFC 9112, 8", "5\r\nhello\r", sees: "\"hello\" ..."),
    .chunked(
      "What comes after the last chunk's end is another message", "RFC 9112, 7.1",
      "0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", sees: "\"\"", ["GET / HTTP/1.1 {Host: a}"]),
    .chunked(
      "A last chunk has no data", "RFC 9112, 7.1",
      "0\r\nhello\r\n\r\n", sees: "\"\" ...", refuses: .malformedFieldName),

    // Extensions.
    .chunked(
      "Extensions are passed over", "RFC 9112, 7.1.1",
      "5;a;b=c\r\nhello\r\n0;d=\"e\"\r\n\r\n", sees: "\"hello\""),
    .chunked(
      "An extension may be quoted", "RFC 9112, 7.1.1",
      "5;a=\"b;c=\\\"\t\u{E9}\\\\\"\r\nhello\r\n0\r\n\r\n", sees: "\"hello\""),
    .chunked(
      "There may be bad white space around what divides extensions", "RFC 9112, 7.1.1",
      "5 ; a\t= b ;\tc\r\nhello\r\n0\r\n\r\n", sees: "\"hello\""),
    .chunked(
      "There is no white space after the extensions", "RFC 9112, 7.1.1",
      "5;a \r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "An extension has a name", "RFC 9112, 7.1.1",
      "5;\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A value has a name", "RFC 9112, 7.1.1",
      "5;=a\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A name with an equals sign has a value", "RFC 9112, 7.1.1",
      "5;a=\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A value is a token", "RFC 9112, 7.1.1",
      "5;a=b/c\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "Quotes are closed", "RFC 9112, 7.1.1",
      "5;a=\"b\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A backslash does not quote the end of the line", "RFC 9112, 7.1.1",
      "5;a=\"b\\\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "Nothing comes after closed quotes", "RFC 9112, 7.1.1",
      "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "Quotes have no control characters", "RFC 9112, 7.1.1",
      "5;a=\"\u{07}\"\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "Quotes do not hide the end of the line", "RFC 9112, 7.1.1",
      "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A line feed alone does not end an extension", "RFC 9112, 7.1.1",
      "2;\nxx\r\n4c\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "A carriage return alone does not end an extension", "RFC 9112, 7.1.1",
      "5;a\rhello\r\n0\r\n\r\n", sees: "\"\" ...", refuses: .malformedChunk),
    .chunked(
      "An extension of the last chunk is no trailer", "RFC 9112, 7.1.1",
      "0;a\r\nB: c\r\n\r\n", sees: "\"\" {B: c}"),
  ]

  // MARK: RFC 9112, 7.1.2: trailers

  static let trailers: [HTTPVector] = [
    .chunked(
      "Fields may come after the body", "RFC 9112, 7.1.2",
      "2\r\nhi\r\n0\r\nA: b\r\nC:\r\n\r\n", sees: "\"hi\" {A: b; C: }"),
    .chunked(
      "Trailers say nothing of the connection", "RFC 9110, 6.5.1",
      "0\r\nConnection: close\r\nExpect: 100-continue\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: "\"\" {Connection: close; Expect: 100-continue}", ["GET / HTTP/1.1 {Host: a}"]),
    .chunked(
      "A trailer is not a length", "RFC 9110, 6.5.1",
      "0\r\nContent-Length: 5\r\n\r\n", sees: "\"\" ...", refuses: .malformedTrailer),
    .chunked(
      "A trailer is not a coding", "RFC 9110, 6.5.1",
      "0\r\nTransfer-Encoding: chunked\r\n\r\n", sees: "\"\" ...", refuses: .malformedTrailer),
    .chunked(
      "A trailer is not a host", "RFC 9110, 6.5.1",
      "0\r\nHost: b\r\n\r\n", sees: "\"\" ...", refuses: .malformedTrailer),
    .chunked(
      "A trailer is not folded", "RFC 9112, 5.2",
      "0\r\nA: b\r\n c\r\n\r\n", sees: "\"\" ...", refuses: .foldedLine),
    .chunked(
      "There is no space before a trailer's colon", "RFC 9112, 5.1",
      "0\r\nA : b\r\n\r\n", sees: "\"\" ...", refuses: .malformedFieldName),
    .chunked(
      "A trailer has no control characters", "RFC 9110, 5.5",
      "0\r\nA: \u{01}\r\n\r\n", sees: "\"\" ...", refuses: .malformedFieldValue),
    .chunked(
      "A line feed alone does not end a trailer", "RFC 9112, 2.2",
      "0\r\nA: b\n\r\n", sees: "\"\" ...", refuses: .bareLineFeed),
    .chunked(
      "A line feed alone does not end the trailers", "RFC 9112, 2.2",
      "0\r\n\n", sees: "\"\" ...", refuses: .bareLineFeed),
    .chunked(
      "A carriage return alone does not end the trailers", "RFC 9112, 2.2",
      "0\r\n\rG\r\n\r\n", sees: "\"\" ...", refuses: .bareCarriageReturn),
    .chunked("A stream may end in trailers", "RFC 9112, 8", "0\r\nA: b\r\n", sees: "\"\" ..."),
    .chunked(
      "A request that comes without the end of the trailers is none", "RFC 9112, 7.1.2",
      "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", sees: "\"\" ...", refuses: .malformedFieldName),
  ]

  // MARK: RFC 9112, 9, and RFC 9110, 10.1.1: what the sender means to do

  static let connections: [HTTPVector] = [
    .request(
      "A connection is closed by word", "RFC 9112, 9.6",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; Connection: close} close"]),
    .request(
      "The word may be one of several, in any case", "RFC 9110, 7.6.1",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade ,\tClose\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; Connection: upgrade ,<09>Close} close"]),
    .request(
      "The word may be in one of several fields", "RFC 9110, 7.6.1",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; Connection: close; Connection: keep-alive} close"]),
    .request(
      "Another word is another word", "RFC 9110, 7.6.1",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, xclose, ,\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; Connection: closed, xclose, ,}"]),
    .request(
      "HTTP/1.0 goes on by word", "RFC 9112, 9.3",
      "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
      sees: ["GET / HTTP/1.0 {Connection: Keep-Alive}"]),
    .request(
      "HTTP/1.0 ends if it is said to", "RFC 9112, 9.3",
      "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
      sees: ["GET / HTTP/1.0 {Connection: keep-alive, close} close"]),
    .request(
      "A request of HTTP/1.0 without a length has no body", "RFC 9112, 6.3",
      "POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
      sees: ["POST / HTTP/1.0 {Connection: keep-alive}", "GET / HTTP/1.0 close"]),
    .request(
      "An upgrade is not taken up", "RFC 9110, 7.8",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; Connection: Upgrade, HTTP2-Settings; Upgrade: h2c; HTTP2-Settings: }"]),
    .request(
      "A client may wait for word", "RFC 9110, 10.1.1",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["POST / HTTP/1.1 {Host: a; Expect: 100-Continue; Content-Length: 2} 100-continue \"hi\""]),
    .request(
      "Word is not waited for without a body", "RFC 9110, 10.1.1",
      "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; Expect: 100-continue}"]),
    .request(
      "Word is not waited for with an empty body", "RFC 9110, 10.1.1",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; Expect: 100-continue; Content-Length: 0} \"\""]),
    .request(
      "HTTP/1.0 does not wait for word", "RFC 9110, 10.1.1",
      "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["POST / HTTP/1.0 {Expect: 100-continue; Content-Length: 2} close \"hi\""]),
    .request(
      "There are expectations that cannot be met", "RFC 9110, 10.1.1",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["POST / HTTP/1.1 {Host: a; Expect: y 100-continue; Content-Length: 2} unmet expectation \"hi\""]),
    .request(
      "One that cannot be met counts, whatever comes after it", "RFC 9110, 10.1.1",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
      sees: [
        "POST / HTTP/1.1 {Host: a; Expect: x; Expect: 100-continue; Content-Length: 2} unmet expectation \"hi\""
      ]),
  ]

  // MARK: RFC 9112, 9.3.2: one request after the other

  static let pipelines: [HTTPVector] = [
    .request(
      "Requests may come one after the other", "RFC 9112, 9.3.2",
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nhi"
        + "GET /c HTTP/1.1\r\nHost: c\r\n\r\n",
      sees: [
        "GET /a HTTP/1.1 {Host: a}", "POST /b HTTP/1.1 {Host: b; Content-Length: 2} \"hi\"",
        "GET /c HTTP/1.1 {Host: c}",
      ]),
    .request(
      "Nothing of one request is left to the next", "RFC 9112, 9.3",
      "POST /a HTTP/1.0\r\nExpect: x\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"
        + "POST /b HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nX: y\r\n\r\n"
        + "POST /c HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /d HTTP/1.1\r\nHost: d\r\n\r\n",
      sees: [
        "POST /a HTTP/1.0 {Expect: x; Connection: keep-alive; Content-Length: 1} \"a\"",
        "POST /b HTTP/1.1 {Host: b; Transfer-Encoding: chunked} chunked \"b\" {X: y}",
        "POST /c HTTP/1.1 {Host: c; Transfer-Encoding: chunked} chunked \"\"", "GET /d HTTP/1.1 {Host: d}",
      ]),
    .request(
      "A Host field of one request is none of the next", "RFC 9112, 3.2",
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
      sees: ["GET /a HTTP/1.1 {Host: a}"], refuses: .missingHost),
    .request(
      "An empty line may come after a body", "RFC 9112, 2.2",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 2} \"hi\"", "GET / HTTP/1.1 {Host: a}"]),
    .request(
      "A body that looks like a request is a body", "RFC 9112, 11.2",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n",
      sees: [
        "POST / HTTP/1.1 {Host: a; Content-Length: 30} \"GET /admin HTTP/1.1<0D><0A>Host: a<0D><0A>\""
      ]),
    .request(
      "A body that looks like a last chunk does not end a body with a length", "RFC 9112, 11.2",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n0\r\n\r\nGETGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: [
        "POST / HTTP/1.1 {Host: a; Content-Length: 8} \"0<0D><0A><0D><0A>GET\"", "GET / HTTP/1.1 {Host: a}",
      ]),
    .request(
      "What is left of a body that is longer than its length is no request", "RFC 9112, 11.2",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi, you\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 2} \"hi\""], refuses: .malformedRequestLine),
    .request(
      "What is refused ends the requests", "RFC 9112, 9.3.2",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/3.0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a}"], refuses: .unsupportedVersion),
    .request(
      "A stream may end in the second of two requests", "RFC 9112, 8",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET",
      sees: ["GET / HTTP/1.1 {Host: a}", "..."]),
  ]

  // MARK: What is too large

  private static let small = HTTPLimits(startLineBytes: 20, headerBytes: 30, fieldCount: 2, bodyBytes: 5)
  private static let wide = HTTPLimits(headerBytes: 60, fieldCount: 2, bodyBytes: 5)

  static let requestLimits: [HTTPVector] = [
    .request(
      "A request line may be as long as the limit", "RFC 9112, 3",
      "GET /567890 HTTP/1.1\r\nHost: a\r\n\r\n", limits: small,
      sees: ["GET /567890 HTTP/1.1 {Host: a}"]),
    .request(
      "An empty line before it does not count", "RFC 9112, 2.2",
      "\r\nGET /567890 HTTP/1.1\r\nHost: a\r\n\r\n", limits: small,
      sees: ["GET /567890 HTTP/1.1 {Host: a}"]),
    .request(
      "A request line may not be longer", "RFC 9110, 15.5.15",
      "GET /5678901 HTTP/1.1\r\nHost: a\r\n\r\n", limits: small, refuses: .lineTooLong),
    .request(
      "A request line that is too long is refused before its end comes", "RFC 9110, 15.5.15",
      "GET /56789012345678901", limits: small, refuses: .lineTooLong),
    .request(
      "A request line that is malformed and too long is too long", "RFC 9110, 15.5.15",
      "GET\t/5678901 HTTP/1.1\r\nHost: a\r\n\r\n", limits: small, refuses: .lineTooLong),
    .request(
      "A request line of nothing but a method is too long at last", "RFC 9110, 15.5.15",
      "AAAAAAAAAAAAAAAAAAAAAAAAAA", limits: small, refuses: .lineTooLong),
    .request(
      "Fields may have as many bytes as the limit", "RFC 9110, 5.4",
      "GET / HTTP/1.1\r\nHost: a\r\nX: 3456789012345678\r\n\r\n", limits: small,
      sees: ["GET / HTTP/1.1 {Host: a; X: 3456789012345678}"]),
    .request(
      "Fields may not have more", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nHost: a\r\nX: 34567890123456789\r\n\r\n", limits: small, refuses: .headersTooLarge),
    .request(
      "A field that is too long is refused before its end comes", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nX: 4567890123456789012345678901", limits: small, refuses: .headersTooLarge),
    .request(
      "A name that is too long is refused before its end comes", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", limits: small, refuses: .headersTooLarge),
    .request(
      "A field that is malformed and too long is too long", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nX : 4567890123456789012345678901\r\n", limits: small, refuses: .headersTooLarge),
    .request(
      "White space around a value counts", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nHost: a\r\nX:                    \r\n\r\n", limits: small, refuses: .headersTooLarge),
    .request(
      "There may be as many fields as the limit", "RFC 9110, 5.4",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", limits: small,
      sees: ["GET / HTTP/1.1 {Host: a; A: b}"]),
    .request(
      "There may not be more fields", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n", limits: small, refuses: .tooManyFields),
    .request(
      "A field beyond the limit is refused by its first byte", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC", limits: small, refuses: .tooManyFields),
    .request(
      "A malformed field beyond the limit is one too many", "RFC 6585, 5",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n C: d\r\n\r\n", limits: small, refuses: .tooManyFields),
    .request(
      "A body may be as long as the limit", "RFC 9110, 15.5.14",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", limits: wide,
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 5} \"hello\""]),
    .request(
      "A body may not be longer", "RFC 9110, 15.5.14",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n", limits: wide, refuses: .bodyTooLarge),
    .chunked(
      "Chunks may have as much together as the limit", "RFC 9110, 15.5.14",
      "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", limits: wide, sees: "\"hello\""),
    .chunked(
      "Chunks may not have more together", "RFC 9110, 15.5.14",
      "3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n", limits: wide, sees: "\"hel\" ...", refuses: .bodyTooLarge),
    .chunked(
      "A chunk that is too large is refused by its size", "RFC 9110, 15.5.14",
      "6\r\n", limits: wide, sees: "\"\" ...", refuses: .bodyTooLarge),
    .chunked(
      "The body's limit is each body's", "RFC 9110, 15.5.14",
      "5\r\nhello\r\n0\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", limits: wide,
      sees: "\"hello\"", ["POST / HTTP/1.1 {Host: a; Content-Length: 5} \"hello\""]),
    .chunked(
      "Trailers have the limit of fields", "RFC 6585, 5",
      "0\r\nA: b\r\nC: d\r\nE: f\r\n\r\n", limits: wide, sees: "\"\" ...", refuses: .tooManyFields),
    .chunked(
      "Trailers have the limit of bytes", "RFC 6585, 5",
      "0\r\nA: 45678901234567890123456789012345678901234567890123456789\r\n\r\n", limits: wide, sees: "\"\" ...",
      refuses: .headersTooLarge),
    .chunked(
      "Trailers have these limits to themselves", "RFC 9110, 6.5",
      "0\r\nA: b\r\nC: 34567890123456789012345678901234567890\r\n\r\n", limits: wide,
      sees: "\"\" {A: b; C: 34567890123456789012345678901234567890}"),
  ]
}
