#if HTTP
import HTTPTypes

/// How a response's head ends: what its body is framed by, and what becomes of the connection.
struct ResponseFraming {
  /// How many bytes the body has, or would have; `nil` if that is not known.
  var length: Int?
  /// Whether the body goes in chunks.
  var isChunked: Bool
  /// Whether another request may come over the connection.
  var goesOn: Bool
  /// Whether the client has to be told so, since it speaks HTTP/1.0.
  var isOld: Bool
}

extension HeadWriter {
  /// Writes the head of a response anew.
  ///
  /// - Parameters:
  ///   - date: The line of the field Date, for a response that has none of its own.
  ///   - serverName: The value of the field Server.
  /// - Throws: ``InvalidFieldError`` for what cannot be sent, or is not the handler's to send.
  @inline(__always)
  mutating func response(
    _ response: HTTPServer.Response, _ framing: ResponseFraming, date: @autoclosure () -> [UInt8], serverName: String?
  ) throws(InvalidFieldError) {
    let status = response.status.code
    clear()
    if status == 200 && response.status.reasonPhrase == "OK" {
      append("HTTP/1.1 200 OK\r\n")
    } else {
      append("HTTP/1.1 ")
      append(decimal: status)
      append(" ")
      try append(value: response.status.reasonPhrase, of: ":status")
    }
    var hasDate = false
    for field in response.headerFields {
      if field.name.isOfConnection { throw InvalidFieldError(name: field.name.rawName) }
      if field.name == .date { hasDate = true }
      try append(field)
    }
    if let contentType = response.contentType,
      response.headerFields.isEmpty || !response.headerFields.contains(.contentType)
    {
      try append(name: "Content-Type", value: contentType)
    }
    if !hasDate { append(date()) }
    if let serverName { try append(name: "Server", value: serverName) }
    if framing.isChunked {
      append("Transfer-Encoding: chunked\r\n")
    } else if let length = framing.length, status != 204, status != 304 {
      append("Content-Length: ")
      append(decimal: length)
      append("\r\n")
    }
    if !framing.goesOn {
      append("Connection: close\r\n")
    } else if framing.isOld {
      append("Connection: keep-alive\r\n")
    }
    append("\r\n")
  }
}

extension HTTPServer.Response.Body {
  var isStream: Bool {
    if case .stream = self { true } else { false }
  }

  /// How many bytes it has, if that is known.
  var count: Int? {
    switch self {
    case .empty: 0
    case .bytes(let bytes): bytes.count
    case .text(let text): text.utf8.count
    case .stream(let length, _): length
    }
  }
}
#endif
