import ToroHTTP

extension HTTPVector {
  /// What a client is sent.
  public static let responses: [HTTPVector] =
    statusLines + responseFields + bodies + withoutBodies + interim + responseLimits

  // MARK: RFC 9112, 4: the status line

  private static let statusLines: [HTTPVector] = [
    .response(
      "A response has a line, fields, an empty line and a body", "RFC 9112, 2.1",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["HTTP/1.1 200 OK {Content-Length: 2} \"hi\""]),
    .response(
      "A response need not have fields", "RFC 9112, 2.1",
      "HTTP/1.1 200 OK\r\n\r\nhi",
      sees: ["HTTP/1.1 200 OK close until end \"hi\""]),
    .response(
      "The reason may be empty", "RFC 9112, 4",
      "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 200 {Content-Length: 0} \"\""]),
    .response(
      "The space before an empty reason may be missing, as many servers have it", "RFC 9112, 4",
      "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 200 {Content-Length: 0} \"\""]),
    .response(
      "The reason may have spaces, tabs and bytes above ASCII", "RFC 9112, 4",
      "HTTP/1.1 404 Nicht\tda f\u{FC}r dich\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 404 Nicht<09>da f<FC>r dich {Content-Length: 0} \"\""]),
    .response(
      "The reason may be another than that of the status", "RFC 9112, 4",
      "HTTP/1.1 200 404 Not Found\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 200 404 Not Found {Content-Length: 0} \"\""]),
    .response(
      "A status that nobody knows is a status", "RFC 9110, 15",
      "HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\nHTTP/1.1 999 Odder\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 299 Odd {Content-Length: 0} \"\"", "HTTP/1.1 999 Odder {Content-Length: 0} \"\""]),
    .response(
      "A status is 100 at least", "RFC 9110, 15",
      "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A status has three digits, not two", "RFC 9112, 4",
      "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A status has three digits, not four", "RFC 9112, 4",
      "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A status has digits only", "RFC 9112, 4",
      "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A status has no sign", "RFC 9112, 4",
      "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A status is not left out", "RFC 9112, 4",
      "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A status line is not a version alone", "RFC 9112, 4",
      "HTTP/1.1\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "There is one space before the status", "RFC 9112, 4",
      "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "There is a space before the status", "RFC 9112, 4",
      "HTTP/1.1200 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A tab before the status is no space", "RFC 9112, 4",
      "HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A tab after the status is no space", "RFC 9112, 4",
      "HTTP/1.1 200\tOK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "HTTP/1.0 is spoken", "RFC 9110, 2.5",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["HTTP/1.0 200 OK {Content-Length: 2} close \"hi\""]),
    .response(
      "HTTP/1.2 is not spoken", "RFC 9110, 2.5",
      "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", refuses: .unsupportedVersion),
    .response(
      "HTTP/2.0 is not spoken, however short the line", "RFC 9110, 2.5",
      "HTTP/2.0\r\nContent-Length: 0\r\n\r\n", refuses: .unsupportedVersion),
    .response(
      "HTTP is written in capitals", "RFC 9112, 2.3",
      "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "Another protocol is not HTTP", "RFC 9112, 2.3",
      "ICY 200 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A request is no response", "RFC 9112, 2.1",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "An empty line does not come before a response", "RFC 9112, 2.2",
      "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A reason has no NUL", "RFC 9112, 4",
      "HTTP/1.1 200 O\u{00}K\r\nContent-Length: 0\r\n\r\n", refuses: .malformedStatusLine),
    .response(
      "A reason has no carriage return", "RFC 9112, 2.2",
      "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n", refuses: .bareCarriageReturn),
    .response(
      "A line feed alone does not end the status line", "RFC 9112, 2.2",
      "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", refuses: .bareLineFeed),
    .response(
      "A line feed alone does not end a status line without a reason", "RFC 9112, 2.2",
      "HTTP/1.1 200\nContent-Length: 0\r\n\r\n", refuses: .bareLineFeed),
    .response(
      "An empty stream has no response", "RFC 9112, 8", "", sees: []),
    .response(
      "A stream that ends in the status line has a part of a response", "RFC 9112, 8",
      "HTTP/1.1 200 O", sees: ["..."]),
    .response(
      "A stream that ends in the fields has a part of a response", "RFC 9112, 8",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", sees: ["..."]),
  ]

  // MARK: RFC 9112, 5: field lines

  private static let responseFields: [HTTPVector] = [
    .response(
      "Fields are taken as they are sent", "RFC 9112, 5",
      "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nSet-Cookie:  c=d \r\ncontent-length: 0\r\n\r\n",
      sees: ["HTTP/1.1 200 OK {set-cookie: a=b; Set-Cookie: c=d; content-length: 0} \"\""]),
    .response(
      "A Host field in a response says nothing", "RFC 9110, 7.2",
      "HTTP/1.1 200 OK\r\nHost: a/b\r\nHost: c\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 200 OK {Host: a/b; Host: c; Content-Length: 0} \"\""]),
    .response(
      "There is no space before the colon", "RFC 9112, 5.1",
      "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi", refuses: .malformedFieldName),
    .response(
      "A field line is not folded", "RFC 9112, 5.2",
      "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", refuses: .foldedLine),
    .response(
      "A value has no NUL", "RFC 9110, 5.5",
      "HTTP/1.1 200 OK\r\nX: a\u{00}\r\nContent-Length: 0\r\n\r\n", refuses: .malformedFieldValue),
    .response(
      "A value has no carriage return", "RFC 9112, 2.2",
      "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", refuses: .bareCarriageReturn),
    .response(
      "A line feed alone does not end a field line", "RFC 9112, 2.2",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", refuses: .bareLineFeed),
    .response(
      "A connection is closed by word", "RFC 9112, 9.6",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 200 OK {Connection: close; Content-Length: 0} close \"\""]),
    .response(
      "HTTP/1.0 goes on by word", "RFC 9112, 9.3",
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.0 200 OK {Connection: keep-alive; Content-Length: 0} \"\""]),
  ]

  // MARK: RFC 9112, 6.3: where a body ends

  private static let bodies: [HTTPVector] = [
    .response(
      "A body may come in chunks, and fields after it", "RFC 9112, 7.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n",
      sees: ["HTTP/1.1 200 OK {Transfer-Encoding: chunked} chunked \"hi\" {A: b}"]),
    .response(
      "A body without a length ends with the stream", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhi\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      sees: [
        "HTTP/1.1 200 OK {Content-Type: text/plain} close until end "
          + "\"hi<0D><0A><0D><0A>HTTP/1.1 200 OK<0D><0A><0D><0A>\""
      ]),
    .response(
      "Such a body may be empty", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\n\r\n",
      sees: ["HTTP/1.1 200 OK close until end \"\""]),
    .response(
      "After such a body a connection does not go on, whatever is said", "RFC 9112, 6.3",
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhi",
      sees: ["HTTP/1.0 200 OK {Connection: keep-alive} close until end \"hi\""]),
    .response(
      "A body is not shorter than its length", "RFC 9112, 8",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
      sees: ["HTTP/1.1 200 OK {Content-Length: 5} \"hell\" ..."]),
    .response(
      "A body in chunks is not without its last", "RFC 9112, 8",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      sees: ["HTTP/1.1 200 OK {Transfer-Encoding: chunked} chunked \"hello\" ..."]),
    .response(
      "What comes after a body is another response", "RFC 9112, 9.3.2",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      sees: [
        "HTTP/1.1 200 OK {Content-Length: 2} \"hi\"",
        "HTTP/1.1 404 Not Found {Transfer-Encoding: chunked} chunked \"\"",
      ]),
    .response(
      "What comes after a body is not more of it", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi, you\r\n",
      sees: ["HTTP/1.1 200 OK {Content-Length: 2} \"hi\""], refuses: .malformedStatusLine),
    .response(
      "A length and a coding are refused", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refuses: .lengthAndCoding),
    .response(
      "HTTP/1.0 has no codings", "RFC 9112, 6.1",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refuses: .codingInOldVersion),
    .response(
      "A coding that is not known is not taken for the end of the stream", "RFC 9112, 6.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi", refuses: .unknownTransferCoding),
    .response(
      "A coding before the chunks is not known", "RFC 9112, 6.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .response(
      "Chunks within chunks are refused", "RFC 9112, 6.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      refuses: .repeatedTransferCoding),
    .response(
      "A length may be said twice", "RFC 9110, 8.6",
      "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["HTTP/1.1 200 OK {Content-Length: 2, 2; Content-Length: 2} \"hi\""]),
    .response(
      "Lengths that differ are refused", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", refuses: .differingContentLengths),
    .response(
      "A malformed length is not taken for the end of the stream", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nhi", refuses: .malformedContentLength),
    .response(
      "A malformed chunk ends it all", "RFC 9112, 7.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nx\r\n",
      sees: ["HTTP/1.1 200 OK {Transfer-Encoding: chunked} chunked \"hi\" ..."], refuses: .malformedChunk),
    .response(
      "A trailer is not a length", "RFC 9110, 6.5.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 2\r\n\r\n",
      sees: ["HTTP/1.1 200 OK {Transfer-Encoding: chunked} chunked \"\" ..."], refuses: .malformedTrailer),
  ]

  // MARK: RFC 9112, 6.3: responses that have no body

  private static let withoutBodies: [HTTPVector] = [
    .response(
      "A response to HEAD has no body, whatever length it says", "RFC 9112, 6.3", to: ["HEAD", "GET"],
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["HTTP/1.1 200 OK {Content-Length: 5}", "HTTP/1.1 200 OK {Content-Length: 2} \"hi\""]),
    .response(
      "A response to HEAD has no chunks", "RFC 9112, 6.3", to: ["HEAD", "HEAD"],
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      sees: ["HTTP/1.1 200 OK {Transfer-Encoding: chunked}", "HTTP/1.1 200 OK"]),
    .response(
      "A response to HEAD that contradicts itself is refused", "RFC 9112, 6.3", to: ["HEAD"],
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", refuses: .lengthAndCoding),
    .response(
      "A response to HEAD may have a length beyond what is taken", "RFC 9110, 8.6", to: ["HEAD"],
      "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
      sees: ["HTTP/1.1 200 OK {Content-Length: 999999999999}"]),
    .response(
      "A 204 has no body", "RFC 9110, 15.3.5",
      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
      sees: ["HTTP/1.1 204 No Content", "HTTP/1.1 204 No Content"]),
    .response(
      "A 204 has no body, whatever length it says", "RFC 9112, 6.3",
      "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 204 No Content {Content-Length: 5}", "HTTP/1.1 200 OK {Content-Length: 0} \"\""]),
    .response(
      "A 204 has no chunks", "RFC 9112, 6.3",
      "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      sees: ["HTTP/1.1 204 No Content {Transfer-Encoding: chunked}"], refuses: .malformedStatusLine),
    .response(
      "A 304 has no body: its length is that of what was not sent", "RFC 9112, 6.3",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 999999999999\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      sees: [
        "HTTP/1.1 304 Not Modified {Content-Length: 999999999999}", "HTTP/1.1 200 OK {Content-Length: 0} \"\"",
      ]),
    .response(
      "A 205 has its body's length like others", "RFC 9112, 6.3",
      "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 205 Reset Content {Content-Length: 0} \"\""]),
    .response(
      "After a CONNECT that succeeds there is no body and no message more", "RFC 9112, 6.3", to: ["CONNECT"],
      "HTTP/1.1 200 Connected\r\n\r\n\u{16}\u{03}\u{01}",
      sees: ["HTTP/1.1 200 Connected"]),
    .response(
      "A length after a CONNECT that succeeds says nothing", "RFC 9110, 9.3.6", to: ["CONNECT"],
      "HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n",
      sees: ["HTTP/1.1 200 Connected {Content-Length: 5}"]),
    .response(
      "A CONNECT that fails has a body", "RFC 9112, 6.3", to: ["CONNECT"],
      "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
      sees: ["HTTP/1.1 407 Proxy Authentication Required {Content-Length: 2} \"no\""]),
  ]

  // MARK: RFC 9110, 15.2: interim responses

  private static let interim: [HTTPVector] = [
    .response(
      "Interim responses come before the final one", "RFC 9110, 15.2",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      sees: [
        "HTTP/1.1 100 Continue", "HTTP/1.1 103 Early Hints {Link: </a>}", "HTTP/1.1 200 OK {Content-Length: 2} \"hi\"",
      ]),
    .response(
      "An interim response has no body, whatever length it says", "RFC 9112, 6.3",
      "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      sees: ["HTTP/1.1 100 Continue {Content-Length: 5}", "HTTP/1.1 200 OK {Content-Length: 0} \"\""]),
    .response(
      "The response after an interim one is to the same request", "RFC 9110, 15.2", to: ["HEAD", "GET"],
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      sees: [
        "HTTP/1.1 102 Processing", "HTTP/1.1 200 OK {Content-Length: 5}", "HTTP/1.1 200 OK {Content-Length: 2} \"hi\"",
      ]),
    .response(
      "A protocol is not switched that nobody asked to switch", "RFC 9110, 15.2.2",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      refuses: .unexpectedSwitch),
    .response(
      "An interim response is not the last", "RFC 9110, 15.2",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ",
      sees: ["HTTP/1.1 100 Continue", "..."]),
  ]

  // MARK: What is too large

  private static let small = HTTPLimits(startLineBytes: 15, headerBytes: 28, fieldCount: 1, bodyBytes: 5)

  private static let responseLimits: [HTTPVector] = [
    .response(
      "A response may be as large as the limits", "RFC 9112, 4",
      "HTTP/1.1 200 OK\r\nContent-Length: 0000000005\r\n\r\nhello", limits: small,
      sees: ["HTTP/1.1 200 OK {Content-Length: 0000000005} \"hello\""]),
    .response(
      "A status line may not be longer", "RFC 9112, 4",
      "HTTP/1.1 200 OK!\r\nContent-Length: 0\r\n\r\n", limits: small, refuses: .lineTooLong),
    .response(
      "A status line without an end is refused", "RFC 9112, 4",
      "HTTP/1.1 200 OKAAAAAAAAAAAAAAAAAAAAA", limits: small, refuses: .lineTooLong),
    .response(
      "Fields may not have more bytes", "RFC 9110, 5.4",
      "HTTP/1.1 200 OK\r\nContent-Length: 00000000005\r\n\r\nhello", limits: small, refuses: .headersTooLarge),
    .response(
      "A field without an end is refused", "RFC 9110, 5.4",
      "HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", limits: small, refuses: .headersTooLarge),
    .response(
      "There may not be more fields", "RFC 9110, 5.4",
      "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n", limits: small, refuses: .tooManyFields),
    .response(
      "A body may not be longer", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", limits: small, refuses: .bodyTooLarge),
    .response(
      "A chunk may not be longer", "RFC 9112, 7.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n", limits: small,
      sees: ["HTTP/1.1 200 OK {Transfer-Encoding: chunked} chunked \"\" ..."], refuses: .bodyTooLarge),
    .response(
      "A body that ends with the stream may be as long as the limit", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\n\r\nhello", limits: small,
      sees: ["HTTP/1.1 200 OK close until end \"hello\""]),
    .response(
      "A body that ends with the stream may not be longer", "RFC 9112, 6.3",
      "HTTP/1.1 200 OK\r\n\r\nhello!", limits: small,
      sees: ["HTTP/1.1 200 OK close until end \"hello\" ..."], refuses: .bodyTooLarge),
  ]
}
