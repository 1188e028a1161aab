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

  /// What we call ourselves in the Via field, by which a loop shows: each of us by a name of its own.
  private let name = "1.1 toro-\(UInt32.random(in: .min ... .max))"
  /// What is between two neighbours only (RFC 9110, 7.6.1), and what the server and the client write themselves.
  private static let ofConnection: Set<String> = [
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "http2-settings", "content-length", "host", "expect",
  ]

  init(cache: Cache, client: HTTPClient, timeout: Duration, lifetime: Duration, maxPageBytes: Int) {
    self.cache = cache
    self.client = client
    self.timeout = timeout
    self.lifetime = lifetime
    self.maxPageBytes = maxPageBytes
  }

  func answer(_ request: HTTPServer.Request) async throws -> HTTPServer.Response {
    guard request.method != .connect else { return .text("no tunnels here: http only\n", status: .notImplemented) }
    let url: HTTPURL
    do {
      url = try HTTPURL(request.target)
    } catch {
      return .text("a proxy is asked for whole URLs: \(error)\n", status: .badRequest)
    }
    if request[.via]?.contains(name) == true {
      return .text("it has passed here before\n", status: HTTPResponse.Status(code: 508, reasonPhrase: "Loop Detected"))
    }
    if request.method == .options || request.method == .trace, request[.maxForwards] == "0" {
      return .text("this is as far as it was to go\n")
    }
    let (key, maxAge) = (url.description, CacheControl.maxAge(request.headerFields))
    if CacheControl(request[.cacheControl]).contains("only-if-cached") {
      let page = isShared(request) ? cache.kept(key, maxAge: maxAge) : nil
      return page.map { answer($0, .hit) } ?? .text("it is not kept here\n", status: .gatewayTimeout)
    }
    do {
      if isShared(request) {
        let fields = forwarded(request.headerFields)
        let (page, source) = try await cache.page(key, maxAge: maxAge) { try await fetch(url, fields) }
        if let page { return answer(page, source) }
      }
      return try await passOn(request, url)
    } catch let fault as ClientFault {
      throw fault.error  // the server knows what to answer
    } catch let error as TimeoutError {
      return .text("\(error)\n", status: .gatewayTimeout)
    } catch  where !(error is CancellationError) {
      return .text("\(url.authority): \(error)\n", status: .badGateway)
    }
  }

  private func answer(_ page: Page, _ source: Cache.Source) -> HTTPServer.Response {
    var response = HTTPServer.Response(status: page.status, headerFields: page.headerFields, body: .bytes(page.body))
    response.headerFields[.xCache] = source.rawValue
    // What has just come has the age that its server told of.
    if source == .hit { response.headerFields[.age] = "\(page.age.components.seconds)" }
    return response
  }

  /// Whether what is answered to one may be answered to another.
  private func isShared(_ request: HTTPServer.Request) -> Bool {
    let isPersonal = [
      .authorization, .cookie, .range, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange,
    ].contains { request.contains($0) }
    return (request.method == .get || request.method == .head) && !isPersonal && request.body.length == 0
      && !CacheControl(request[.cacheControl]).contains("no-store")
  }

  /// Fetches a page as a whole, for all who ask for it if it is for others at all.
  private func fetch(_ url: HTTPURL, _ fields: HTTPFields) async throws -> Cache.Fetched {
    var request = HTTPClient.Request(url: url, headerFields: fields)
    // As it is, it is for everybody.
    request.headerFields[.acceptEncoding] = nil
    return try await client.withResponse(to: request, deadline: .after(timeout)) { response in
      let control = CacheControl(response[.cacheControl])
      let isPersonal =
        response.contains(.setCookie) || control.contains("private", "no-store", "no-cache")
        || (response[.vary] ?? "accept-encoding").lowercased() != "accept-encoding"
      let age = CacheControl.age(response.headerFields)
      let fresh = control.lifetime(response.headerFields, age: age)
      // Of what is large, or comes for as long as it likes, nothing is held: who asks has it passed on.
      let isEndless = response[.contentType]?.lowercased().hasPrefix("text/event-stream") == true
      if isEndless || response.body.length ?? 0 > maxPageBytes {
        return .personal(nil, lifetime: lifetime)
      }
      let body: [UInt8]
      do {
        body = try await response.body.collect(upTo: maxPageBytes)
      } catch HTTPSyntaxError.bodyTooLarge {
        return .personal(nil, lifetime: lifetime)
      }
      var fields = forwarded(response.headerFields)
      // It is as old as it is from now on, however late it is answered with (RFC 9110, 6.6.1).
      if fields[.date] == nil { fields[.date] = "\(HTTPDate.now)" }
      let page = Page(status: response.status, headerFields: fields, body: body, age: age)
      if isPersonal { return .personal(page, lifetime: lifetime) }
      return .shared(page, lifetime: response.status == .ok ? fresh ?? lifetime : .zero)
    }
  }

  /// Passes a request and its answer on as they come, and keeps nothing.
  private func passOn(_ request: HTTPServer.Request, _ url: HTTPURL) async throws -> HTTPServer.Response {
    var onward = HTTPClient.Request(method: request.method, url: url, headerFields: forwarded(request.headerFields))
    if let left = request[.maxForwards].flatMap({ Int($0) }), left > 0 {
      onward.headerFields[.maxForwards] = "\(left - 1)"
    }
    let body = request.body
    if body.length != 0 {
      onward.body = .stream(length: body.length) { writer in
        let portions = body.makeAsyncIterator()
        while let portion = try await ClientFault.catching({ try await portions.next() }) {
          try await writer.write(portion)
        }
      }
    }
    let response = try await client.execute(onward)
    let isSafe = [.get, .head, .options, .trace].contains(request.method)
    if !isSafe, response.status.code < 400 { cache.remove(url.description) }
    // A HEAD's answer says how much a GET's would be.
    let length = request.method == .head ? response[.contentLength].flatMap { Int($0) } : response.body.length
    var answer = HTTPServer.Response.stream(status: response.status, length: length) { body in
      for try await portion in response.body { try await body.write(portion) }
    }
    if length == 0 || (request.method == .head && length == nil) { answer.body = .empty }
    answer.headerFields = forwarded(response.headerFields)
    return answer
  }

  /// The fields that go on to the next neighbour.
  private func forwarded(_ fields: HTTPFields) -> HTTPFields {
    let named = Set((fields[.connection] ?? "").lowercased().split { ", \t".contains($0) }.map(String.init))
    var onward = HTTPFields()
    for field in fields
    where !Self.ofConnection.contains(field.name.canonicalName) && !named.contains(field.name.canonicalName) {
      onward.append(field)
    }
    onward.append(HTTPField(name: .via, value: name))
    return onward
  }
}

/// What was wrong with the body of the client's request, not with the server's answer.
private struct ClientFault: Error {
  let error: any Error

  static func catching<Value>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch { throw ClientFault(error: error) }
  }
}

extension HTTPField.Name {
  static let xCache = HTTPField.Name("X-Cache").unsafelyUnwrapped
  static let maxForwards = HTTPField.Name("Max-Forwards").unsafelyUnwrapped
}
