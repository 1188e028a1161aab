#if HTTP
import Glibc
import HTTPTypes
import Testing
import Toro
import ToroNet

@testable import ToroHTTP

/// What a server does with requests, byte for byte.
@Suite("HTTP: the server", .timeLimit(.minutes(10)))
struct ServerTests {
  private let hello: HTTPServer.Handler = { _ in .text("hello") }

  @Test("Requests on one connection are answered in order, also when they were sent ahead")
  func pipelining() throws {
    try withServer(handler: { request in
      // The first takes the longest.
      if request.path == "/0" { await Reactor.current.yield() }
      return .text("[\(request.path)]")
    }) { listener in
      let requests = (0..<50).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
      let text = try await answer(
        to: requests + "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      #expect(statuses(text) == Array(repeating: "200", count: 51))
      var rest = Substring(text)
      for path in (0..<50).map({ "[/\($0)]" }) + ["[/last]"] {
        let found = try #require(rest.firstRange(of: path))
        rest = rest[found.upperBound...]
      }
    }
  }

  @Test("An answer says its length, its date, and nothing that was not asked for")
  func plain() throws {
    try withServer(handler: hello) { listener in
      let text = try await answer(to: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
      #expect(lines.first == "HTTP/1.1 200 OK")
      #expect(lines.contains("Content-Length: 5") && lines.contains("Connection: close"))
      #expect(lines.contains { $0.hasPrefix("Date: ") && $0.hasSuffix(" GMT") })
      #expect(lines.last == "hello" && lines.count == 7)
    }
  }

  @Test("HEAD is answered like GET without the body, and 204 and 304 have none")
  func withoutBody() throws {
    try withServer(handler: { request in
      switch request.path {
      case "/204": .text("no", status: .noContent)
      case "/304": .text("no", status: .notModified)
      default: .text("hello")
      }
    }) { listener in
      let text = try await answer(
        to: ["HEAD /", "GET /204", "GET /304", "HEAD /"].map { "\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
          + "GET / HTTP/1.0\r\n\r\n", from: listener)
      #expect(statuses(text) == ["200", "204", "304", "200", "200"])
      #expect(text.hasSuffix("\r\n\r\nhello") && text.ranges(of: "hello").count == 1)
      #expect(text.ranges(of: "Content-Length: 5").count == 3 && text.ranges(of: "Content-Length").count == 3)
    }
  }

  @Test("HTTP/1.0 ends after the answer unless the client asks for more")
  func old() throws {
    try withServer(handler: hello) { listener in
      let once = try await answer(to: "GET / HTTP/1.0\r\n\r\n", from: listener)
      #expect(once.contains("Connection: close") && once.hasSuffix("hello"))
      let twice = try await answer(
        to: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", from: listener)
      #expect(statuses(twice) == ["200", "200"] && twice.contains("Connection: keep-alive"))
    }
  }

  @Test(
    "What is no request is refused with its status, and the connection closed, whatever else was sent",
    arguments: [
      ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"), ("GET / HTTP/1.1\r\n\r\n", "400"),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"),
      ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
      ("GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\nHost: a\r\n\r\n", "414"),
      ("GET / HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "a", count: 40_000))\r\n\r\n", "431"),
      ("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "A: b\r\n", count: 200))\r\n", "431"),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "413"),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n", "400"),
      ("POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\nx", "417"),
      ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}hello\n", "400"),
    ])
  func refused(request: String, status: String) throws {
    try withServer(handler: { request in
      _ = try await request.body.collect(upTo: 100)
      return .text("hello")
    }) { listener in
      let text = try await answer(to: request + "GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      #expect(statuses(text) == [status])
      #expect(text.contains("Connection: close\r\n"))
    }
  }

  // MARK: Bodies of requests

  @Test("A body is read portion by portion, with its length or in chunks, and the trailers are known at its end")
  func requestBodies() throws {
    try withServer(handler: { request in
      var all: [UInt8] = []
      for try await portion in request.body { all += portion }
      let trailer = request.body.trailers[HTTPField.Name("X-Sum")!] ?? "-"
      return .text("\(all.count) \(String(decoding: all.prefix(5), as: UTF8.self)) \(trailer)")
    }) { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
      #expect(try await client.readText(until: "5 hello -").hasSuffix("\r\n\r\n5 hello -"))
      let large = String(repeating: "abcdefgh", count: 50_000)
      try await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n" + large)
      #expect(try await client.readText(until: "400000 abcde -").hasSuffix("400000 abcde -"))
      try await client.write(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX-Sum: 17\r\n\r\n"
      )
      #expect(try await client.readText(until: "5 hello 17").hasSuffix("5 hello 17"))
      // Byte by byte.
      for byte in "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
        .utf8
      {
        try await client.write([byte])
        await Reactor.current.yield()
      }
      #expect(try await client.readText(until: "5 hello 1").hasSuffix("5 hello 1"))
    }
  }

  @Test("A client that waits for word gets it when the body is read, and not when it is refused")
  func expectations() throws {
    try withServer(handler: { request in
      if request.path == "/no" { return .text("no", status: .forbidden) }
      return .text(String(decoding: try await request.body.collect(upTo: 100), as: UTF8.self))
    }) { listener in
      let head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("PUT /yes \(head)")
      #expect(try await client.readText(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
      try await client.write("hello")
      #expect(try await client.readText(until: "hello").hasPrefix("HTTP/1.1 200 OK"))
      try await client.write("PUT /no \(head)")
      let refusal = await client.readText()
      #expect(statuses(refusal) == ["403"] && refusal.contains("Connection: close"))
    }
  }

  @Test("What a handler leaves unread is read over if it is little, and ends the connection if it is much")
  func unreadBodies() throws {
    try withServer(handler: hello) { listener in
      let little = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "x", count: 1000)
      let text = try await answer(
        to: little + little + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      #expect(statuses(text) == ["200", "200", "200"])
      let much = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + String(repeating: "x", count: 100_000)
      let ended = try await answer(to: much + "GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      #expect(statuses(ended) == ["200"] && ended.contains("Connection: close"))
    }
  }

  @Test("A body that ends too early, or breaks a rule, throws where it is read, and is answered for")
  func brokenBodies() throws {
    let seen = Seen()
    try withServer(handler: { request in
      do {
        return .text("\(try await request.body.collect(upTo: 1_000_000).count)")
      } catch {
        seen.add("\(error)")
        throw error
      }
    }) { listener in
      let broken = try await answer(
        to: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", from: listener)
      #expect(statuses(broken) == ["400"])
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
      client.closeWrite()
      #expect(await statuses(client.readText()) == ["400"])
      #expect(seen.all == [HTTPSyntaxError.malformedChunk, .unexpectedEnd].map { "\($0)" })
    }
  }

  @Test("A body is gone when its request has been answered")
  func goneBodies() throws {
    let kept = Seen()
    try withServer(handler: { request in
      if let earlier = kept.body {
        await #expect(throws: BodyGoneError.self) { try await earlier.collect(upTo: 10) }
      }
      kept.body = request.body
      return .text("hello")
    }) { listener in
      let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
      let text = try await answer(to: request + request + "GET / HTTP/1.0\r\n\r\n", from: listener)
      #expect(statuses(text) == ["200", "200", "200"])
    }
  }

  // MARK: Answers

  @Test("An answer that is written bit by bit goes out in chunks, or with the length that was promised")
  func streaming() throws {
    try withServer(handler: { request in
      .stream(contentType: "text/plain", length: request.path == "/5" ? 5 : nil) { body in
        try await body.write("hel")
        await Reactor.current.yield()
        try await body.write("")
        try await body.write("lo")
        var trailers = HTTPFields()
        trailers[HTTPField.Name("X-Sum")!] = "17"
        body.setTrailers(trailers)
      }
    }) { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let chunked = try await client.readText(until: "X-Sum: 17\r\n\r\n")
      #expect(chunked.contains("Transfer-Encoding: chunked\r\n"))
      #expect(chunked.hasSuffix("\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 17\r\n\r\n"))
      try await client.write("GET /5 HTTP/1.1\r\nHost: a\r\n\r\n")
      let known = try await client.readText(until: "hello")
      #expect(known.contains("Content-Length: 5\r\n") && !known.contains("chunked"))
      try await client.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n")
      let rest = await client.readText()
      #expect(statuses(rest) == ["200", "200"] && rest.hasSuffix("\r\n\r\nhello"))
    }
  }

  @Test(
    "An answer that breaks off, or has another length than was promised, is cut",
    arguments: ["throws", "short", "long"])
  func brokenAnswers(how: String) throws {
    let seen = Seen()
    try withServer({ $0.onError = { _, error in seen.add("\(error)") } }) { _ in
      .stream(length: how == "throws" ? nil : 10) { body in
        try await body.write(how == "long" ? "hello, world" : "hello")
        if how == "throws" { throw Broken() }
      }
    } _: { listener in
      let text = try await answer(to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      #expect(!text.hasSuffix("\r\n0\r\n\r\n") && !text.contains("world"))
      #expect(
        seen.all == [
          ["throws": "broken", "short": "\(BodyLengthError(promised: 10, written: 5))"][how]
            ?? "\(BodyLengthError(promised: 10, written: 12))"
        ])
    }
  }

  @Test("A handler that throws is answered for with 500; the connection goes on")
  func failingHandlers() throws {
    let seen = Seen()
    try withServer({ $0.onError = { request, error in seen.add("\(request.path) \(error)") } }) { request in
      if request.path == "/bad" { throw Broken() }
      return .text("hello")
    } _: { listener in
      let text = try await answer(
        to: "GET /bad HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n", from: listener)
      #expect(statuses(text) == ["500", "200"] && !text.contains("broken"))
      #expect(seen.all == ["/bad broken"])
    }
  }

  @Test("No answer says more lines than it has: such values, and fields that are the server's, are refused")
  func injection() throws {
    let seen = Seen()
    try withServer({ $0.onError = { _, error in seen.add("\(error)") } }) { request in
      var response = HTTPServer.Response.text("hello")
      switch request.path {
      case "/type": response.contentType = "text/plain\r\nX-Evil: yes"
      case "/reason": response.status = HTTPResponse.Status(code: 200, reasonPhrase: "OK\r\nX-Evil: yes")
      case "/length": response.headerFields[.contentLength] = "3"
      case "/coding": response.headerFields[.transferEncoding] = "chunked"
      case "/interim": response.status = .continue
      default: response.headerFields[.location] = "/\r\nX-Evil: yes"
      }
      return response
    } _: { listener in
      for path in ["/type", "/length", "/coding", "/interim"] {
        #expect(try await statuses(answer(to: "GET \(path) HTTP/1.0\r\n\r\n", from: listener)) == ["500"])
      }
      for path in ["/reason", "/value"] {
        // The types have replaced what may not stand there.
        let text = try await answer(to: "GET \(path) HTTP/1.0\r\n\r\n", from: listener)
        #expect(!text.split(separator: "\r\n").contains { $0.hasPrefix("X-Evil") })
      }
      #expect(seen.all.count >= 4)
    }
  }

  @Test("A trailer that would say how long the body is does not go out: the answer is cut")
  func framingInTrailers() throws {
    let seen = Seen()
    try withServer({ $0.onError = { _, error in seen.add("\(error)") } }) { _ in
      .stream { body in
        try await body.write("hello")
        body.setTrailers([.contentLength: "3"])
      }
    } _: { listener in
      let text = try await answer(to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      #expect(!text.contains("\r\n0\r\n") && !text.contains("Content-Length"))
      #expect(seen.all == ["\(InvalidFieldError(name: "Content-Length"))"])
    }
  }

  @Test("A server name that would be more than one line has a message")
  func serverName() async {
    await #expect(processExitsWith: .failure) {
      _ = HTTPServer(configuration: .init { $0.serverName = "a\r\nb" }) { _ in .text("") }
    }
  }

  @Test("Who asks, for what and of whom can be told of each form of target")
  func targets() throws {
    try withServer(handler: { request in
      .text(
        "\(request.method) \(request.scheme) \(request.authority ?? "-") \(request.path) \(request.query ?? "-") \(request[.cookie] ?? "-") \(request.head.headerFields.count)",
        status: request.method == .connect ? .methodNotAllowed : .ok)
    }) { listener in
      func expect(_ request: String, _ expected: String) async throws {
        let text = try await answer(to: request + "Connection: close\r\n\r\n", from: listener)
        #expect(text.split(separator: "\r\n").last.map(String.init) == expected)
      }
      try await expect(
        "GET /a?b=c HTTP/1.1\r\nHost: x:1\r\nCookie: a=1\r\ncookie: b=2\r\n", "GET http x:1 /a b=c a=1; b=2 4")
      try await expect("FROB http://y/z HTTP/1.1\r\nHost: x\r\n", "FROB http y /z - - 2")
      try await expect("GET http://y?q HTTP/1.1\r\nHost: x\r\n", "GET http y / q - 2")
      try await expect("OPTIONS * HTTP/1.1\r\nHost: x\r\n", "OPTIONS http x * - - 2")
      try await expect("CONNECT y:443 HTTP/1.1\r\nHost: x\r\n", "CONNECT http y:443 y:443 - - 2")
      try await expect("GET / HTTP/1.0\r\n", "GET http - / - - 1")
    }
  }

  @Test("The access log hears of each request, also of those that were refused")
  func accessLog() throws {
    let seen = Seen()
    try withServer({
      $0.accessLog = { seen.add("\($0.method) \($0.target) \($0.status) \($0.bodyBytes) \($0.duration >= .zero)") }
    }) { request in
      request.path == "/s" ? .stream { try await $0.write("1234567") } : .text("hello")
    } _: { listener in
      _ = try await answer(
        to:
          "GET /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b HTTP/1.1\r\nHost: a\r\n\r\nGET /s HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n",
        from: listener)
      #expect(
        seen.all.prefix(3) == ["GET /a 200 5 true", "HEAD /b 200 0 true", "GET /s 200 7 true"]
          && seen.all.last?.hasPrefix("  400 ") == true)
    }
  }

  @Test("The access log knows of a refused head what its first line asked for, if that was one")
  func accessLogOfRefusals() throws {
    let seen = Seen()
    try withServer({
      $0.limits.bodyBytes = 100
      $0.headTimeout = .milliseconds(100)
      $0.accessLog = { seen.add("\($0.method) \($0.target) \($0.status)") }
    }) { _ in
      .text("hello")
    } _: { listener in
      for head in [
        "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "GET /nameless HTTP/1.1\r\n\r\n",
        "GET /ok HTTP/1.1\r\nHost: a\r\n\r\nPUT /odd HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET  /two HTTP/1.1\r\nHost: a\r\n\r\n", "GET /cut HTTP/1.1\r\nHost: a\r\n",
      ] { _ = try await answer(to: head, from: listener) }
    }
    #expect(
      seen.all == ["POST /large 413", "GET /nameless 400", "GET /ok 200", "PUT /odd 501", "  400", "GET /cut 408"])
  }

  @Test("A body that is too large is the client's fault only if it is the request's")
  func tooLargeElsewhere() throws {
    let seen = Seen()
    try withServer({ $0.onError = { seen.add("\($0.path) \($1)") } }) { request in
      switch request.path {
      case "/upload": _ = try await request.body.collect(upTo: 3)
      case "/page": return .text("a page")
      case "/upstream":
        let port = request.query.flatMap { Int($0) } ?? 0
        _ = try await HTTPClient().get("http://127.0.0.1:\(port)/page").body.collect(upTo: 3)
      default: break
      }
      return .text("fine")
    } _: { listener in
      let client = HTTPClient()
      let base = "http://\(listener.localAddress)"
      let upload = try await client.execute(HTTPClient.Request(method: .post, "\(base)/upload", body: .text("1234")))
      #expect(upload.status == .contentTooLarge)
      let upstream = try await client.get("\(base)/upstream?\(listener.port)")
      #expect(upstream.status == .internalServerError)
      client.close()
    }
    #expect(seen.all == ["/upstream the body is too large"])
  }

  @Test("The access log tells what came to nothing: an answer that broke off, a request that the end of the server cut")
  func accessLogOfFailures() throws {
    let seen = Seen()
    let hasBegun = Shared(false)
    try withServer({
      $0.accessLog = { seen.add("\($0.target) \($0.status) \($0.bodyBytes) \($0.isComplete)") }
    }) { request in
      switch request.path {
      case "/broken":
        return .stream {
          try await $0.write("1234567")
          throw Broken()
        }
      case "/waits":
        hasBegun.value = true
        try await Reactor.current.sleep(for: .seconds(3600))
        return .text("never")
      default: return .text("hello")
      }
    } _: { listener in
      _ = try? await answer(
        to: "GET /well HTTP/1.1\r\nHost: a\r\n\r\nGET /broken HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET /waits HTTP/1.1\r\nHost: a\r\n\r\n")
      while !hasBegun.value { try await Reactor.current.sleep(for: .milliseconds(1)) }
      try await listener.stop(grace: .zero)
    }
    #expect(seen.all == ["/well 200 5 true", "/broken 200 7 false", "/waits 0 0 false"])
  }
}

/// What handlers have met.
final class Seen: @unchecked Sendable {
  private(set) var all: [String] = []
  var body: HTTPBody?
  func add(_ text: String) { all.append(text) }
}

struct Broken: Error, CustomStringConvertible {
  var description: String { "broken" }
}
#endif
