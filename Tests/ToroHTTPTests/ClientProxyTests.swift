#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

@Suite("HTTP client: proxies", .timeLimit(.minutes(10)))
struct ClientProxyTests {
  /// Makes tunnels, and tells of what else it is asked for.
  @Sendable private static func proxy(_ connection: Connection, _ number: Int) async throws {
    while let head = try await connection.readHead() {
      let words = head[0].split(separator: " ")
      guard words[0] == "CONNECT" else {
        try await connection.answer(head.joined(separator: "|"))
        continue
      }
      if head.contains(where: { $0.hasPrefix("Proxy-Authorization: Basic d3Jvbmc6") }) {
        try await connection.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        continue
      }
      let far = try await Connection.connect(to: Endpoint(String(words[1])))
      try await connection.write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Fine\r\nX: y\r\n\r\n")
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for try await chunk in connection.chunks() { try await far.write(chunk) }
          far.closeWrite()
        }
        for try await chunk in far.chunks() { try await connection.write(chunk) }
        connection.closeWrite()
        try await group.waitForAll()
      }
      return
    }
  }

  @Test("What has the scheme http is asked of the proxy, with the whole URL")
  func absolute() throws {
    try onReactor { reactor in
      try await playing(Self.proxy) { base in
        let endpoint = try Endpoint(String(base.dropFirst(7)))
        let client = HTTPClient(
          configuration: .init {
            $0.proxy = .init(endpoint: endpoint, credentials: .init(user: "Aladdin", password: "open sesame"))
          })
        for _ in 0..<2 {
          let text = try await client.get("http://nowhere.test:81/a?b").body.text()
          #expect(
            text
              == "GET http://nowhere.test:81/a?b HTTP/1.1|Host: nowhere.test:81|User-Agent: Toro|Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
          )
        }
        #expect(client.pool.idleCount == 1)
        client.close()
      }
    }
  }

  @Test("Hosts that are excepted are asked themselves")
  func exceptions() throws {
    let proxy = HTTPClient.Proxy(
      endpoint: try Endpoint("127.0.0.1:1"), exceptions: ["example.org", ".internal", "127.0.0.1"])
    for host in ["example.org", "www.example.org", "a.internal", "127.0.0.1"] { #expect(!proxy.serves(host)) }
    for host in ["anexample.org", "example.org.test", "127.0.0.11"] { #expect(proxy.serves(host)) }
    try withClient {
      $0.proxy = proxy
    } _: { client in
      try await serving {
        .text($0.target)
      } _: { base in
        let text = try await client.get("\(base)/x").body.text()
        #expect(text == "/x")
      }
    }
  }

  #if TLS
  @Test("What has the scheme https goes through a tunnel, and its certificate is the server's")
  func tunnel() throws {
    try onReactor { reactor in
      let listener = try loopback(tls: Certificates.shared.server())
      try await serving(on: listener) {
        .text("\($0.scheme) \($0.target)")
      } _: { far in
        try await playing(Self.proxy) { base in
          let endpoint = try Endpoint(String(base.dropFirst(7)))
          func client(_ user: String) -> HTTPClient {
            HTTPClient(
              configuration: .init {
                $0.tls = try? Certificates.shared.client()
                $0.proxy = .init(endpoint: endpoint, credentials: .init(user: user, password: ""))
              })
          }
          let good = client("right")
          for _ in 0..<3 {
            let text = try await good.get("https\(far.dropFirst(4))/a").body.text()
            #expect(text == "https /a")
          }
          #expect(good.pool.idleCount == 1)
          good.close()
          let bad = client("wrong")
          let error = await thrown { try await bad.get("https\(far.dropFirst(4))/a") } as? HTTPClientError
          #expect(error?.kind == .refusedByProxy(status: 407))
          #expect(bad.pool.usedCount == 0 && bad.pool.lineCount == 0)
        }
      }
    }
  }

  @Test("A proxy that says nothing is given up after the time to connect")
  func silent() throws {
    try withClient { _ in
    } _: { _ in
      try await playing { connection, _ in
        _ = await thrown { try await connection.readAll() }
      } _: { base in
        let endpoint = try Endpoint(String(base.dropFirst(7)))
        let client = HTTPClient(
          configuration: .init {
            $0.proxy = .init(endpoint: endpoint)
            $0.connectTimeout = .milliseconds(50)
          })
        let error = await thrown { try await client.get("https://nowhere.test/") }
        #expect((error as? TimeoutError)?.subject == "GET https://nowhere.test/: the connection to \(endpoint)")
        #expect(client.pool.users.count == 0)
      }
    }
  }
  #endif

  @Test(
    "Base64 is that of RFC 4648",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
      ("foobar", "Zm9vYmFy"),
    ])
  func encoding(_ text: String, _ expected: String) { #expect(base64(Array(text.utf8)) == expected) }
}
#endif
