#if HTTP
import Glibc
import HTTPTypes
import Testing
import Toro
import ToroTestSupport

@testable import ToroHTTP
@testable import ToroNet

/// Against clients of others, where they are installed.
@Suite("HTTP: other clients", .timeLimit(.minutes(10)))
struct ServerPeersTests {
  /// Says what it got: method, path, how much of a body, and of how many requests on this connection it is.
  private static let describe: HTTPServer.Handler = { request in
    var count = 0
    for try await portion in request.body { count += portion.count }
    return .text("\(request.method) \(request.pathAndQuery) \(count)\n")
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

  @Test("requests keeps a connection for pages, uploads in chunks and of a file", .enabled(if: hasPython("requests")))
  func requests() throws {
    try withServer(handler: Self.describe) { listener in
      let said = try await shell(
        """
        \(systemPython) -c '
        import io, requests
        base, session = "http://\(listener.localAddress)", requests.Session()
        for path in ("/1", "/2"):
            print(session.get(base + path, timeout=20).text, end="")
        print(session.post(base + "/3", data=io.BytesIO(b"x" * 3000000), timeout=20).text, end="")
        print(session.put(base + "/4", data=iter([b"abc", b"defg"]), timeout=20).text, end="")
        print(session.post(base + "/5", files={"part": b"content"}, timeout=20).text.split()[0])
        answer = session.head(base + "/6", timeout=20)
        print(answer.status_code, answer.headers["Content-Length"], len(answer.content))
        print(len(session.adapters["http://"].poolmanager.pools), "pool,",
              session.adapters["http://"].poolmanager.connection_from_url(base).num_connections, "connection")
        '
        """)
      #expect(said == "GET /1 0\nGET /2 0\nPOST /3 3000000\nPUT /4 7\nPOST\n200 10 0\n1 pool, 1 connection\n")
    }
  }

  @Test(
    "aiohttp asks for 500 pages over 20 connections at once, and sends in chunks", .enabled(if: hasPython("aiohttp")))
  func aiohttp() throws {
    try withServer(handler: Self.describe) { listener in
      let said = try await shell(
        """
        \(systemPython) -c '
        import aiohttp, asyncio
        async def portions():
            for index in range(50):
                yield b"x" * 1000
        async def main():
            base = "http://\(listener.localAddress)"
            limits = aiohttp.TCPConnector(limit=20)
            async with aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(total=60)) as session:
                async def get(index):
                    async with session.get(f"{base}/{index}") as answer:
                        return await answer.text() == f"GET /{index} 0\\n"
                print(sum(await asyncio.gather(*[get(index) for index in range(500)])))
                async with session.post(base + "/chunks", data=portions(), expect100=True) as answer:
                    print(await answer.text(), end="")
        asyncio.run(main())
        '
        """)
      #expect(said == "500\nPOST /chunks 50000\n")
    }
  }

  @Test("wrk has no answer that is wrong, with pipelining or without", .enabled(if: isInstalled("wrk")))
  func wrk() throws {
    let (requests, connections) = (Shared(0), Shared(Set<SocketAddress>()))
    try withServer(
      {
        $0.accessLog = { record in
          requests.value += 1
          connections.value.insert(record.peerAddress)
        }
      }, handler: Self.describe
    ) { listener in
      let script = "/tmp/toro-wrk-\(getpid()).lua"
      let text = #"""
        init = function() local r = {} for i = 1, 8 do r[i] = wrk.format("GET", "/" .. i) end pipelined = table.concat(r) end
        request = function() return pipelined end
        """#
      #expect(try await shell("cat >\(script) <<'end'\n\(text)\nend") == "")
      for option in ["", "-s \(script)"] {
        let before = (requests.value, connections.value.count)
        let said = try await shell("wrk -t1 -c40 -d1s \(option) http://\(listener.localAddress)/w")
        #expect(said.contains("requests in") && !said.contains("Non-2xx") && !said.contains("Socket errors"), "\(said)")
        #expect(requests.value - before.0 > 40)
        // One more to try the address, which sends nothing.
        #expect(connections.value.count - before.1 == 40)
      }
      _ = try await shell("rm -f \(script)")
    }
  }

  @Test(
    "Slow heads, slow bodies and slow readers keep nobody else from being served",
    .enabled(if: isInstalled("slowhttptest")),
    arguments: ["-H", "-B", "-X"])
  func slow(mode: String) throws {
    let page = [UInt8](repeating: UInt8(ascii: "x"), count: 4_000_000)
    let refused = Shared(0)
    try withServer(
      {
        $0.headTimeout = .seconds(2)
        $0.bodyTimeout = .seconds(2)
        $0.idleTimeout = .seconds(5)
        $0.accessLog = { if $0.status == 408 { refused.value += 1 } }
      },
      handler: { request in
        for try await _ in request.body {}
        return HTTPServer.Response(body: .bytes(request.path == "/page" ? page : Array("ok".utf8)))
      }
    ) { listener in
      let attack = Reactor.current.spawn {
        // 150 connections, 100 more each second, a few bytes each second, for six seconds.
        try await shell(
          """
          slowhttptest \(mode) -c 150 -r 100 -i 1 -l 6 -x 10 -p 3 -w 10 -y 20 -n 1 -z 32 -k 1 \
            -u http://\(listener.localAddress)/page </dev/null
          """)
      }
      let isOver = Shared(false)
      let asking = Reactor.current.spawn {
        var count = 0
        while !isOver.value {
          let connection = try await Connection.connect(to: listener.localAddress)
          try await connection.write("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
          let text = await connection.readText()
          #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.hasSuffix("\r\n\r\nok"))
          count += 1
          try await Reactor.current.sleep(for: .milliseconds(50))
        }
        return count
      }
      let said = try await attack.value
      isOver.value = true
      #expect(try await asking.value > 10)
      #expect(said.contains("service available:") && !said.contains("NO"), "\(said)")
      if mode != "-X" { #expect(refused.value > 50, "those that were slow are told so") }
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

  @Test("A handshake that fails is told, and the others go on", .enabled(if: isInstalled("curl")))
  func failedHandshake() throws {
    let seen = Seen()
    var options = Listener.Options()
    options.tls = try Certificates.shared.server()
    try withServer(
      options: options, { $0.onConnectionError = { _, error in seen.add("\(type(of: error))") } },
      handler: { _ in .text("fine") }
    ) { listener in
      let address = "127.0.0.1:\(listener.port)"
      _ = try await shell("curl -s http://\(address)/; curl -s https://\(address)/; true")  // no TLS; no trust
      while seen.all.count < 2 { try await Reactor.current.sleep(for: .milliseconds(5)) }
      #expect(seen.all == ["TLSError", "TLSError"])
      #expect(try await shell("curl -sS -k https://\(address)/") == "fine")
    }
  }
  #endif
}

/// The Python that Debian's packages are for.
private let systemPython = "/usr/bin/python3"

private func hasPython(_ module: String) -> Bool {
  Glibc.system("\(systemPython) -c 'import \(module)' >/dev/null 2>&1") == 0
}
#endif
