import HTTPTypes
import Toro
import ToroHTTP
import ToroNet

/// What the proxy does with a request: answers from the cache, has a page fetched, or passes it on.
struct Proxying: Sendable {
  let cache: Cache
  let client: HTTPClient
  let timeout: Duration
  let lifetime: Duration
  let maxPageBytes: Int

  /// What we call ourselves in the Via field, by which a loop shows.
  private static let name = "1.1 toro-example"
  /// What is between two neighbours only (RFC 9110, 7.6.1), and what the server and the client write themselves.
  private static let ofConnection: Set<String> = [
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "content-length", "host", "expect",
  ]

  func answer(_ request: HTTPServer.Request) async throws -> HTTPServer.Response {
    guard request.method != .connect else { return .text("no tunnels here: http only\n", status: .notImplemented) }
    let url: HTTPURL
    do {
      url = try HTTPURL(request.target)
    } catch {
      return .text("a proxy is asked for whole URLs: \(error)\n", status: .badRequest)
    }
    if request[.via]?.contains(Self.name) == true {
      return .text("it has passed here before\n", status: HTTPResponse.Status(code: 508, reasonPhrase: "Loop Detected"))
    }
    do {
      guard isShared(request) else { return try await passOn(request, url) }
      let fields = forwarded(request.headerFields)
      let (page, source) = try await cache.page(url.description) { try await fetch(url, fields) }
      guard let page else { return try await passOn(request, url) }
      var response = HTTPServer.Response(status: page.status, headerFields: page.headerFields, body: .bytes(page.body))
      response.headerFields[.xCache] = source.rawValue
      return response
    } catch let error as TimeoutError {
      return .text("\(error)\n", status: .gatewayTimeout)
    } catch  where !(error is CancellationError) {
      return .text("\(url.authority): \(error)\n", status: .badGateway)
    }
  }

  /// Whether what is answered to one may be answered to another.
  private func isShared(_ request: HTTPServer.Request) -> Bool {
    request.method == .get || request.method == .head
      ? ![.authorization, .cookie, .range, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifRange].contains {
        request.contains($0)
      } && request[.cacheControl]?.contains("no-") != true && request[.contentLength] ?? "0" == "0"
      : false
  }

  /// Fetches a page as a whole, for all who ask for it: `nil` if it is not for others.
  private func fetch(_ url: HTTPURL, _ fields: HTTPFields) async throws -> (page: Page?, lifetime: Duration) {
    let request = HTTPClient.Request(url: url, headerFields: fields)
    return try await client.withResponse(to: request, deadline: .after(timeout)) { response in
      let control = response[.cacheControl] ?? ""
      if response.contains(.setCookie) || response.contains(.vary) || control.contains("private")
        || response.body.length ?? 0 > maxPageBytes
      {
        return (nil, .zero)
      }
      let page = Page(
        status: response.status, headerFields: forwarded(response.headerFields),
        body: try await response.body.collect(upTo: maxPageBytes))
      let mayKeep = response.status == .ok && !control.contains("no-")
      return (page, mayKeep ? Self.maxAge(control) ?? lifetime : .zero)
    }
  }

  /// Passes a request and its answer on as they come, and keeps nothing.
  private func passOn(_ request: HTTPServer.Request, _ url: HTTPURL) async throws -> HTTPServer.Response {
    var onward = HTTPClient.Request(method: request.method, url: url, headerFields: forwarded(request.headerFields))
    if request.body.length != 0 { onward.body = .forwarding(request.body) }
    let response = try await client.execute(onward)
    var answer = HTTPServer.Response.stream(status: response.status, length: response.body.length) { body in
      for try await portion in response.body { try await body.write(portion) }
    }
    if request.method == .head || response.body.length == 0 { answer.body = .empty }
    answer.headerFields = forwarded(response.headerFields)
    return answer
  }

  /// The fields that go on to the next neighbour.
  private func forwarded(_ fields: HTTPFields) -> HTTPFields {
    let named = Set((fields[.connection] ?? "").lowercased().split { $0 == "," || $0 == " " }.map(String.init))
    var onward = HTTPFields()
    for field in fields
    where !Self.ofConnection.contains(field.name.canonicalName) && !named.contains(field.name.canonicalName) {
      onward.append(field)
    }
    onward.append(HTTPField(name: .via, value: Self.name))
    return onward
  }

  private static func maxAge(_ control: String) -> Duration? {
    guard let found = control.firstRange(of: "max-age=") else { return nil }
    return Int(control[found.upperBound...].prefix { $0.isNumber }).map { .seconds(min($0, 1_000_000)) }
  }
}

extension HTTPField.Name {
  static let xCache = HTTPField.Name("X-Cache").unsafelyUnwrapped
}
