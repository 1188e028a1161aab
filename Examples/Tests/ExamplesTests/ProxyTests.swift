import Glibc
import HTTPTypes
import Testing
import Toro
import ToroHTTP
import ToroNet

@testable import Demo

@Suite("The caching proxy, the spider and the guest book")
struct ProxyTests {
  /// A server, the proxy in front of it, and a client of the proxy.
  private func withProxy(
    _ arguments: [String] = [], handler: @escaping HTTPServer.Handler,
    _ body: @escaping @Sendable (_ origin: String, _ client: HTTPClient, _ proxy: SocketAddress) async throws -> Void
  ) throws {
    try onReactor { reactor in
      let listener = try Listener(host: "127.0.0.1", port: 0)
      let server = HTTPServer(handler: handler)
      let serving = reactor.spawn { try await server.serve(listener) }
      let daemon = try ChildProcess(ChildProcess.neighbour("CachingProxy"), ["--port", "0"] + arguments)
      let line = try #require(try await daemon.readLine(within: .seconds(30)))
      let address = try SocketAddress(String(line.dropFirst("listening on ".count)))
      var configuration = HTTPClient.Configuration()
      configuration.proxy = HTTPClient.Proxy(endpoint: .address(address))
      configuration.maxConnectionsPerOrigin = 200
      let client = HTTPClient(configuration: configuration)
      try await body("http://\(listener.localAddress)", client, address)
      client.close()
      daemon.send(SIGTERM)
      #expect(try await daemon.waitForExit() == 0)
      try await listener.stop(grace: .zero)
      try await serving.value
    }
  }

  @Test("200 clients of one slow page make one request upstream, and 1,000 pages make 1,000")
  func coalescing() throws {
    let asked = Tally()
    try withProxy { request in
      asked.add(request.path)
      try await Reactor.current.sleep(for: .milliseconds(request.path == "/slow" ? 400 : 1))
      return .text("this is \(request.path)")
    } _: { origin, client, _ in
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<200 {
          group.addTask {
            let body = try await client.get("\(origin)/slow").body.collect(upTo: 1_000)
            return String(decoding: body, as: UTF8.self)
          }
        }
        for try await text in group { #expect(text == "this is /slow") }
      }
      #expect(asked.counts == ["/slow": 1])
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<1_000 {
          group.addTask {
            let body = try await client.get("\(origin)/\(number)").body.collect(upTo: 1_000)
            #expect(String(decoding: body, as: UTF8.self) == "this is /\(number)")
          }
        }
        try await group.waitForAll()
      }
      #expect(asked.counts.count == 1_001 && asked.counts.values.allSatisfy { $0 == 1 })
      let again = try await client.get("\(origin)/7")
      #expect(again[HTTPField.Name("X-Cache")!] == "hit")
      #expect(try await again.body.collect(upTo: 100) == Array("this is /7".utf8))
      #expect(asked.counts["/7"] == 1)
    }
  }

  @Test(
    "A server that dies in the middle of a page gives all who wait 502, one that is silent 504, and neither is kept")
  func failures() throws {
    let asked = Tally()
    try withProxy(["--timeout", "0.5"]) { request in
      asked.add(request.path)
      if request.path == "/silent" { try await Reactor.current.sleep(for: .seconds(3_600)) }
      if request.path == "/fine" { return .text("fine") }
      return .stream(length: 1_000) { body in
        try await body.write("half of it")
        try await Reactor.current.sleep(for: .milliseconds(100))
        throw CancellationError()
      }
    } _: { origin, client, _ in
      for (path, status) in [("/dies", 502), ("/silent", 504)] {
        for round in 1...2 {
          try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
              group.addTask { try await client.withResponse(to: HTTPClient.Request(origin + path)) { $0.status.code } }
            }
            for try await code in group { #expect(code == status) }
          }
          #expect(asked.counts[path] == round)
        }
      }
      let unreachable = try await client.get("http://127.0.0.1:1/")
      #expect(unreachable.status == .badGateway)
      #expect(try await client.get("\(origin)/fine").status == .ok)
    }
  }

  @Test("What is for one only, and what is sent, passes through; what belongs to a connection does not")
  func passing() throws {
    let asked = Tally()
    try withProxy { request in
      asked.add("\(request.method) \(request.path)")
      let sent = try await request.body.collect(upTo: 1 << 20)
      var response = HTTPServer.Response.text("\(sent.count) \(request[.cookie] ?? "-") \(request[.via] ?? "-")")
      if request.path == "/private" { response.headerFields[.setCookie] = "a=b" }
      return response
    } _: { origin, client, proxy in
      for _ in 0..<2 {
        var mine = try HTTPClient.Request("\(origin)/mine")
        mine.headerFields[.cookie] = "me"
        let body = try await client.execute(mine).body.collect(upTo: 100)
        let words = String(decoding: body, as: UTF8.self).split(separator: " ", maxSplits: 2)
        #expect(words.prefix(2) == ["0", "me"] && words.last?.hasPrefix("1.1 toro-") == true)
        asked.via = words.last.map(String.init) ?? ""
        #expect(try await client.get("\(origin)/private").status == .ok)
        let post = try HTTPClient.Request(
          method: .post, "\(origin)/post", body: .bytes([UInt8](repeating: 7, count: 300_000)))
        let answer = try await client.execute(post).body.collect(upTo: 100)
        #expect(String(decoding: answer, as: UTF8.self).hasPrefix("300000 "))
      }
      #expect(asked.counts["GET /mine"] == 2 && asked.counts["POST /post"] == 2)
      let connection = try await Connection.connect(to: proxy)
      try await connection.write(
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nGET http://a/ HTTP/1.1\r\nHost: a\r\nVia: \(asked.via)\r\nConnection: close\r\n\r\n"
      )
      var text = ""
      for try await line in connection.lines() where line.hasPrefix("HTTP/1.1") {
        text += line.dropFirst(9).prefix(3) + " "
      }
      #expect(text == "400 501 508 ")
    }
  }

  @Test("What a page says of who may keep it, and for how long, holds, in any case and form")
  func control() throws {
    let asked = Tally()
    let pages: [(String, [HTTPField.Name: String], Int)] = [
      ("/plain", [:], 1), ("/max-age", [.cacheControl: "public, Max-Age=60"], 1),
      ("/private", [.cacheControl: "Private"], 3), ("/no-store", [.cacheControl: "max-age=60,No-Store"], 3),
      ("/no-cache", [.cacheControl: "no-cache=\"x\""], 3), ("/expired", [.expires: "0"], 3),
      ("/no-year", [.expires: "Sun, 06 Nov -2147483648 08:49:37 GMT"], 3),
      ("/past", [.expires: "Sun, 06 Nov 1994 08:49:37 GMT"], 3),
      ("/future", [.expires: "Fri, 06 Nov 2099 08:49:37 GMT"], 1),
      ("/shared", [.cacheControl: "s-maxage=0, max-age=600"], 3), ("/quoted", [.cacheControl: "max-age=\"0\""], 3),
      ("/old", [.cacheControl: "max-age=60", .age: "100"], 3),
      ("/aging", [.cacheControl: "max-age=200", .age: "100"], 1),
      ("/encoded", [.vary: "Accept-Encoding"], 1), ("/varies", [.vary: "Accept-Language"], 3),
    ]
    try withProxy { request in
      asked.add(request.path)
      var response = HTTPServer.Response.text("page")
      for (name, value) in pages.first(where: { $0.0 == request.path })?.1 ?? [:] {
        response.headerFields[name] = value
      }
      return response
    } _: { origin, client, _ in
      for (path, _, count) in pages {
        for _ in 0..<3 { #expect(try await client.get(origin + path).body.collect(upTo: 100) == Array("page".utf8)) }
        #expect(asked.counts[path] == count, "\(path)")
      }
      let aged = try await client.get("\(origin)/aging")
      #expect(aged[.age].flatMap { Int($0) } ?? 0 >= 100)
      // What changes a page makes what is kept of it old; what is asked with a condition is asked each time.
      _ = try await client.execute(HTTPClient.Request(method: .delete, "\(origin)/plain"))
      _ = try await client.get("\(origin)/plain")
      #expect(asked.counts["/plain"] == 3)
      var conditional = try HTTPClient.Request("\(origin)/plain")
      conditional.headerFields[.ifUnmodifiedSince] = "Sun, 06 Nov 1994 08:49:37 GMT"
      _ = try await client.execute(conditional)
      #expect(asked.counts["/plain"] == 4)
      let head = try await client.execute(HTTPClient.Request(method: .head, "\(origin)/private"))
      #expect(head[.contentLength] == "4")
    }
  }

  @Test("No more is kept than was said, fields and names counted; what is larger than a page passes through")
  func bounds() throws {
    try withProxy(["--cache-size", "1", "--page-size", "1"]) { request in
      if request.path == "/large" {
        return .stream { writer in for _ in 0..<30 { try await writer.write([UInt8](repeating: 7, count: 100_000)) } }
      }
      var response = HTTPServer.Response()
      response.headerFields[HTTPField.Name("X-Long")!] = String(repeating: "x", count: 20_000)
      return response
    } _: { origin, client, proxy in
      for _ in 0..<2 {
        #expect(try await client.get("\(origin)/large").body.collect(upTo: 4_000_000).count == 3_000_000)
      }
      for number in 0..<100 { _ = try await client.get("\(origin)/\(number)") }
      let direct = HTTPClient()
      defer { direct.close() }
      let stats = String(
        decoding: try await direct.get("http://\(proxy)/-/stats").body.collect(upTo: 10_000), as: UTF8.self)
      // About fifty of them fit in a MiB.
      let pages = stats.firstRange(of: "\"pages\": ").flatMap { Int(stats[$0.upperBound...].prefix { $0.isNumber }) }
      #expect((40...52).contains(pages ?? 0), "\(stats)")
    }
  }

  @Test("It shows what it does, as JSON and as a page")
  func status() throws {
    try withProxy { _ in
      .text("hello")
    } _: { origin, client, proxy in
      for _ in 0..<3 { _ = try await client.get("\(origin)/").body.collect(upTo: 100) }
      let direct = HTTPClient()
      defer { direct.close() }
      let stats = try await direct.get("http://\(proxy)/-/stats")
      #expect(stats[.contentType] == "application/json")
      let text = String(decoding: try await stats.body.collect(upTo: 10_000), as: UTF8.self)
      #expect(text.contains("\"hits\": 2") && text.contains("\"misses\": 1") && text.contains("\"coalesced\": 0"))
      let page = String(decoding: try await direct.get("http://\(proxy)/-/").body.collect(upTo: 100_000), as: UTF8.self)
      #expect(page.contains("Who waits where") && page.contains("Listener"))
    }
  }

  @Test("The spider ends with 1 when its time is up, and says what it found until then")
  func spiderInTime() throws {
    try onReactor { reactor in
      let listener = try Listener(host: "127.0.0.1", port: 0)
      let server = HTTPServer { request in
        if request.path == "/never" { try await reactor.sleep(for: .seconds(3_600)) }
        return .html(
          "<a href='/never'>n</a><A HREF=\"/a&amp;b?c=d#e\">m</A><!-- <a href=/not> --><a class=x href=../up>u</a>")
      }
      let serving = reactor.spawn { try await server.serve(listener) }
      let spider = try ChildProcess(
        ChildProcess.neighbour("WebSpider"), ["--deadline", "1.5", "http://\(listener.localAddress)/"])
      var said: [String] = []
      while let line = try await spider.readLine(within: .seconds(30)) { said.append(line) }
      #expect(try await spider.waitForExit() == 1)
      #expect(said.contains { $0.hasPrefix("3 pages, ") } && said.last?.hasPrefix("time is up") == true)
      #expect(said.contains { $0.hasSuffix("/a&b?c=d") } && said.contains { $0.hasSuffix("/up") })
      try await listener.stop(grace: .zero)
      try await serving.value
      #expect(try await refusal(of: "WebSpider", ["ftp://a/"]).status == 64)
      #expect(try await refusal(of: "WebSpider", ["--fetchers", "0", "http://a/"]).status == 64)
      #expect(try await refusal(of: "CachingProxy", ["--port", "70000"]).status == 64)
    }
  }

  @Test("Entries that are in hand when the guest book is stopped are written whole")
  func guestBook() throws {
    try onReactor { reactor in
      let directory = try TemporaryDirectory()
      let file = "\(directory.path)/book"
      let daemon = try ChildProcess(
        ChildProcess.neighbour("GracefulShutdown"), ["--port", "0", "--pause", "100", file])
      let line = try #require(try await daemon.readLine(within: .seconds(30)))
      let url = String(line.dropFirst("listening on ".count))
      let client = HTTPClient()
      defer { client.close() }
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<6 {
          group.addTask {
            let entry = try HTTPClient.Request(method: .post, url, body: .text("entry \(number)"))
            return try await client.withResponse(to: entry) { $0.status.code }
          }
        }
        try await reactor.sleep(for: .milliseconds(150))
        daemon.send(SIGTERM)
        for try await status in group { #expect(status == 201) }
      }
      #expect(try await daemon.waitForExit() == 0)
      let cat = try ChildProcess("/bin/cat", [file])
      var entries: Set<String> = []
      while let entry = try await cat.readLine() { entries.insert(entry) }
      #expect(entries == Set((0..<6).map { "[entry \($0)]" }))
    }
  }
}

/// How often what was asked for.
private final class Tally: @unchecked Sendable {
  private(set) var counts: [String: Int] = [:]
  /// What the proxy called itself.
  var via = ""
  func add(_ name: String) { counts[name, default: 0] += 1 }
}
