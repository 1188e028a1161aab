#if HTTP
import Glibc
import HTTPTypes
import Testing
import Toro
import ToroTestSupport

@testable import ToroHTTP
@testable import ToroNet

/// Against clients of others, where they are installed.
@Suite("HTTP: other clients", .timeLimit(.minutes(5)))
struct ServerPeersTests {
  /// Says what it got: method, path, how much of a body, and of how many requests on this connection it is.
  private static let describe: HTTPServer.Handler = { request in
    var count = 0
    for try await portion in request.body { count += portion.count }
    return .text("\(request.method) \(request.path) \(count)\n")
  }

  @Test(
    "curl keeps a connection, waits for word, sends in chunks, and asks for heads", .enabled(if: isInstalled("curl")))
  func curl() throws {
    let accepted = Shared(0)
    try withServer(
      {
        $0.accessLog = { _ in accepted.value += 1 }
      }, handler: Self.describe
    ) { listener in
      let url = "http://\(listener.localAddress)"
      let kept = try await shell("curl -sS -w '%{num_connects} ' \(url)/a \(url)/b \(url)/c")
      #expect(kept == "GET /a 0\n1 GET /b 0\n0 GET /c 0\n0 ")
      let file = "head -c 3000000 /dev/zero"
      #expect(
        try await shell("\(file) | curl -sS --data-binary @- -H 'Expect: 100-continue' \(url)/e") == "POST /e 3000000\n"
      )
      #expect(
        try await shell("\(file) | curl -sS -T - -H 'Transfer-Encoding: chunked' \(url)/t") == "PUT /t 3000000\n")
      let head = try await shell("curl -sS -I \(url)/h")
      #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.hasSuffix("\r\n\r\n"))
      #expect(try await shell("curl -sS -0 \(url)/old") == "GET /old 0\n")
      #expect(try await shell("curl -sS -x \(url) http://elsewhere.test/p?q") == "GET /p?q 0\n")
      #expect(accepted.value == 8)
    }
  }

  @Test(
    "A body that is too large is refused before it is sent, if the client waits for word",
    .enabled(if: isInstalled("curl")))
  func tooLarge() throws {
    try withServer({ $0.limits.bodyBytes = 1_000_000 }, handler: Self.describe) { listener in
      let url = "http://\(listener.localAddress)"
      for option in ["-H 'Expect: 100-continue'", "-H Expect:"] {
        let said = try await shell(
          "head -c 3000000 /dev/zero | curl -sS \(option) --data-binary @- -o /dev/null -w '%{http_code}' \(url)/e")
        #expect(said == "413")
      }
    }
  }

  @Test("Python's client is served, also in chunks and over one connection", .enabled(if: isInstalled("python3")))
  func python() throws {
    try withServer(handler: Self.describe) { listener in
      let said = try await shell(
        """
        python3 -c '
        import http.client
        c = http.client.HTTPConnection("127.0.0.1", \(listener.port))
        for path in ("/1", "/2"):
            c.request("GET", path); print(c.getresponse().read().decode(), end="")
        c.request("POST", "/3", iter([b"abc", b"defg"])); print(c.getresponse().read().decode(), end="")
        c.request("HEAD", "/4"); r = c.getresponse(); print(r.status, len(r.read()), r.getheader("Content-Length"))
        '
        """)
      #expect(said == "GET /1 0\nGET /2 0\nPOST /3 7\n200 0 10\n")
    }
  }

  @Test("A page goes out over a Unix socket too", .enabled(if: isInstalled("curl")))
  func unixSocket() throws {
    try onReactor { reactor in
      let path = "/tmp/toro-http-\(getpid()).sock"
      let listener = try Listener(unixPath: path)
      let server = HTTPServer(handler: Self.describe)
      let serving = reactor.spawn { try await server.serve(listener) }
      #expect(try await shell("curl -sS --unix-socket \(path) http://any.test/u") == "GET /u 0\n")
      try await listener.stop(grace: .seconds(5))
      try await serving.value
    }
  }

  #if TLS
  @Test("https is spoken where the listener speaks TLS", .enabled(if: isInstalled("curl")))
  func https() throws {
    var options = Listener.Options()
    options.tls = try Certificates.shared.server()
    try withServer(
      options: options,
      handler: { request in
        .text("\(request.scheme) \(try await request.body.collect(upTo: 1 << 20).count)\n")
      }
    ) { listener in
      let said = try await shell(
        "head -c 500000 /dev/zero | curl -sS -k --data-binary @- https://127.0.0.1:\(listener.port)/a https://127.0.0.1:\(listener.port)/b"
      )
      #expect(said == "https 500000\nhttps 500000\n")
    }
  }
  #endif
}
#endif
