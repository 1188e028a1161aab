#if HTTP
import HTTPTypes

extension HeadWriter {
  /// A request's head.
  ///
  /// - Parameters:
  ///   - asksProxy: Whether the whole URL is the target.
  ///   - closes: Whether the connection is not to be kept.
  /// - Throws: ``InvalidFieldError``, ``HTTPClientError``.
  mutating func append(
    _ request: HTTPClient.Request, to origin: Origin, userAgent: String?, closes: Bool
  ) throws {
    let method = request.method.rawValue
    guard method != "CONNECT", !method.isEmpty, method.utf8.allSatisfy(Octets.isToken) else {
      throw HTTPClientError(
        .unsupportedRequest, "the method \(method.debugDescription) is not for requests of a client")
    }
    append(method)
    append(" ")
    if origin.asksProxy {
      append("http://")
      append(request.url.authority)
    }
    append(request.url.target)
    append(" HTTP/1.1\r\nHost: ")
    append(request.url.authority)
    append("\r\n")
    var hasUserAgent = false
    for field in request.headerFields {
      if field.name.isOfConnection { throw InvalidFieldError(name: field.name.rawName) }
      if field.name == .userAgent { hasUserAgent = true }
      try append(field)
    }
    if !hasUserAgent, let userAgent { try append(name: "User-Agent", value: userAgent) }
    if origin.asksProxy, let credentials = origin.proxy?.credentials {
      try append(name: "Proxy-Authorization", value: credentials.field)
    }
    appendFraming(request)
    if closes { append("Connection: close\r\n") }
    append("\r\n")
  }

  /// Appends the body if it is known and small: then one call sends all of it.
  ///
  /// - Returns: Whether all of the request is there.
  mutating func appendSmallBody(of request: HTTPClient.Request) -> Bool {
    switch request.body {
    case .empty: return true
    case .bytes(let bytes):
      guard bytes.count <= HTTPClient.smallBody, !request.expectsContinue || bytes.isEmpty else { return false }
      append(bytes)
    case .text(let text):
      guard text.utf8.count <= HTTPClient.smallBody, !request.expectsContinue || text.isEmpty else { return false }
      append(text)
    case .stream: return false
    }
    return true
  }

  private mutating func appendFraming(_ request: HTTPClient.Request) {
    guard let count = request.body.count else {
      append("Transfer-Encoding: chunked\r\n")
      if request.expectsContinue { append("Expect: 100-continue\r\n") }
      return
    }
    // A method that has a body as a rule says that there is none (RFC 9110, 8.6).
    let expectsBody = [.post, .put, .patch].contains(request.method)
    if count == 0, !expectsBody, case .empty = request.body { return }
    append("Content-Length: ")
    append(decimal: count)
    append("\r\n")
    if request.expectsContinue, count > 0 { append("Expect: 100-continue\r\n") }
  }
}

extension HTTPRequest.Method {
  /// Whether to do it twice is as good as to do it once (RFC 9110, 9.2.2).
  var isIdempotent: Bool {
    switch rawValue {
    case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE": true
    default: false
    }
  }
}
#endif
