import Glibc
import HTTPTypes
import Testing
import Toro
import ToroHTTP
import ToroNet

@testable import Demo

@Suite("The caching proxy")
struct ProxyTests {
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
      ("/overflowing", [.cacheControl: "max-age=99999999999999999999"], 1),
      ("/signed", [.cacheControl: "max-age=+60"], 3), ("/repeated", [.cacheControl: "max-age=60, max-age=0"], 1),
      ("/repeated-old", [.cacheControl: "max-age=0, max-age=60"], 3),
      ("/ages", [.cacheControl: "max-age=200", .age: "100, 500"], 1),
      ("/stale", [.cacheControl: "max-age=60", .date: "Sun, 06 Nov 1994 08:49:37 GMT"], 3),
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
}
