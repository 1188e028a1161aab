#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

@Suite("HTTP client: redirects", .timeLimit(.minutes(10)))
struct ClientRedirectTests {
  /// Redirects `/STATUS/…` to the rest, and tells of what else it is asked for.
  @Sendable private static func handle(_ request: HTTPServer.Request) async throws -> HTTPServer.Response {
    let body = String(decoding: try await request.body.collect(upTo: 1000), as: UTF8.self)
    let parts = request.target.split(separator: "/", maxSplits: 1)
    if let code = parts.first.flatMap({ Int($0) }), parts.count == 2 {
      let rest = String(parts[1])
      return HTTPServer.Response(
        status: .init(code: code), headerFields: [.location: rest.hasPrefix("http") ? rest : "/" + rest])
    }
    let fields = [HTTPField.Name.authorization, .cookie, .contentType, .accept].map { request[$0] ?? "-" }
    return .text("\(request.method) \(request.target) \(body) \(fields.joined(separator: " "))")
  }

  private let fields: HTTPFields = [.authorization: "A", .cookie: "C", .contentType: "T", .accept: "*"]

  @Test("A redirect is an answer like others if it is not to be followed")
  func off() throws {
    try withClient { client in
      try await serving(Self.handle) { base in
        let response = try await client.get("\(base)/302/x")
        #expect(response.status == .found && response[.location] == "/x")
      }
    }
  }

  @Test(
    "The method, the body and its fields are as the status wants them",
    arguments: [
      (301, "POST", "GET /x  A C - *"), (302, "POST", "GET /x  A C - *"), (303, "POST", "GET /x  A C - *"),
      (303, "PUT", "GET /x  A C - *"), (303, "GET", "GET /x b A C T *"), (301, "PUT", "PUT /x b A C T *"),
      (302, "DELETE", "DELETE /x b A C T *"), (307, "POST", "POST /x b A C T *"), (308, "PUT", "PUT /x b A C T *"),
    ])
  func methods(_ status: Int, _ method: String, _ expected: String) throws {
    try withClient {
      $0.redirects = .follow()
    } _: { client in
      try await serving(Self.handle) { base in
        let request = try HTTPClient.Request(
          method: try #require(HTTPRequest.Method(method)), "\(base)/\(status)/x", headerFields: fields,
          body: .text("b"))
        let response = try await client.execute(request)
        let text = try await response.body.text()
        #expect(text == expected && response.redirectCount == 1 && response.url.description == "\(base)/x")
        #expect(client.pool.idleCount == 1)
      }
    }
  }

  @Test("A redirect of a request for the head stays one")
  func head() throws {
    try withClient {
      $0.redirects = .follow()
    } _: { client in
      try await playing { connection, _ in
        while let head = try await connection.readHead() {
          #expect(head[0].hasPrefix("HEAD "))
          try await connection.write(
            head[0].contains("/x")
              ? "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
              : "HTTP/1.1 303 See Other\r\nLocation: x\r\nContent-Length: 9\r\n\r\n")
        }
      } _: { base in
        let response = try await client.execute(HTTPClient.Request(method: .head, base))
        #expect(response.status == .ok && response[.contentLength] == "7")
      }
    }
  }

  @Test("What is meant for one origin is not sent to another, and the body is")
  func otherOrigin() throws {
    try withClient { client in
      try await serving(Self.handle) { other in
        try await serving(Self.handle) { base in
          var request = try HTTPClient.Request(
            method: .post, "\(base)/307/\(other)/x", headerFields: fields, body: .text("b"))
          request.redirects = .follow()
          let text = try await client.execute(request).body.text()
          #expect(text == "POST /x b - - T *")
        }
      }
    }
  }

  @Test("So many redirects are followed and not one more, loops included")
  func bounds() throws {
    try withClient { client in
      try await serving { request in
        if request.path == "/loop" {
          return HTTPServer.Response(status: .found, headerFields: [.location: "loop"])
        }
        return try await Self.handle(request)
      } _: { base in
        var request = try HTTPClient.Request("\(base)/302/301/308/x")
        request.redirects = .follow(max: 3)
        let response = try await client.execute(request)
        #expect(response.redirectCount == 3)
        request.redirects = .follow(max: 2)
        var error = await thrown { try await client.execute(request) } as? HTTPClientError
        #expect(error?.kind == .tooManyRedirects)
        request.url = try HTTPURL("\(base)/loop")
        request.redirects = .follow()
        error = await thrown { try await client.execute(request) } as? HTTPClientError
        #expect(error?.kind == .tooManyRedirects)
        #expect(client.pool.usedCount == 0)
      }
    }
  }

  @Test("A redirect to what is no URL, or for a body that is gone, is an error")
  func refused() throws {
    try withClient {
      $0.redirects = .follow()
    } _: { client in
      try await playing { connection, _ in
        while let head = try await connection.readHead() {
          if head[0].hasPrefix("POST") { _ = try await connection.read(exactly: 1) }
          let location = head[0].contains("/body") ? "/x" : "gopher://x/"
          try await connection.write(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n")
        }
      } _: { base in
        var error = await thrown { try await client.get(base) } as? HTTPClientError
        #expect(error?.kind == .refusedRedirect)
        let request = try HTTPClient.Request(
          method: .post, "\(base)/body", body: .stream(length: 1) { try await $0.write("a") })
        error = await thrown { try await client.execute(request) } as? HTTPClientError
        #expect(error?.kind == .unrepeatableBody)
      }
    }
  }

  #if TLS
  @Test("A redirect from https to http is followed only where that is allowed")
  func downgrade() throws {
    try withClient {
      $0.tls = try? Certificates.shared.client()
    } _: { client in
      try await serving(Self.handle) { plain in
        let listener = try loopback(tls: Certificates.shared.server())
        try await serving(on: listener, Self.handle) { base in
          var request = try HTTPClient.Request("https\(base.dropFirst(4))/302/\(plain)/x", headerFields: fields)
          request.redirects = .follow()
          let error = await thrown { try await client.execute(request) } as? HTTPClientError
          #expect(error?.kind == .refusedRedirect)
          request.redirects = .follow(allowsDowngrade: true)
          let text = try await client.execute(request).body.text()
          #expect(text == "GET /x  - - T *")
        }
      }
    }
  }
  #endif
}
#endif
