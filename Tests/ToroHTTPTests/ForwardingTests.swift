#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

/// A server's handler that asks another server: bodies go through both, and none of the four ends has to keep to an order.
@Suite("HTTP: forwarding", .timeLimit(.minutes(10)))
struct ForwardingTests {
  /// A server that forwards bodies to an origin, which answers by the script when it has a head.
  private func withForwarding(
    _ origin: @escaping @Sendable (Connection) async throws -> Void,
    _ body: @escaping @Sendable (Listener, Seen) async throws -> Void
  ) throws {
    let seen = Seen()
    try withClient { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await origin(connection)
      } _: { base in
        let listener = try loopback()
        try await serving(configuration: .init { $0.onError = { seen.add("\($0.target) \($1)") } }, on: listener) {
          request in
          var onward = try HTTPClient.Request(base + request.pathAndQuery)
          onward.method = request.method
          onward.body = .forwarding(request.body)
          // Some look at the status alone, some pass the answer on.
          if request.path == "/status" {
            let status = try await client.withResponse(to: onward) { $0.status }
            return HTTPServer.Response(status: status)
          }
          let response = try await client.execute(onward)
          return .stream(status: response.status) { writer in
            for try await portion in response.body { try await writer.write(portion) }
          }
        } _: { _ in
          try await body(listener, seen)
        }
      }
    }
  }

  @Test(
    "An origin that answers before it has the body leaves the server whole",
    arguments: ["204 No Content\r\n", "200 OK\r\nContent-Length: 0\r\n", "200 OK\r\nContent-Length: 3\r\n"],
    ["POST /status", "POST /page", "HEAD /page"])
  func early(answer: String, request: String) throws {
    try withForwarding { connection in
      try await connection.write("HTTP/1.1 \(answer)Connection: close\r\n\r\n")
      if answer.contains("3"), !request.hasPrefix("HEAD") { try await connection.write("abc") }
      _ = await thrown { try await connection.readAll() }
    } _: { listener, seen in
      for length in [10, 100, 1_000_000] {
        let client = try await Connection.connect(to: listener.localAddress)
        client.deadline = .after(.seconds(20))
        try await client.write("\(request) HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n12345")
        let head = try await client.readText(until: "\r\n\r\n")
        #expect(statuses(head) == [String(answer.prefix(3))], "\(length): \(seen.all)")
        // The rest of a little body is read over; the connection of a large one ends.
        if length == 10 {
          try await client.write("67890GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
          let rest = await client.readText()
          #expect(statuses(rest) == [String(answer.prefix(3))], "\(rest)")
        }
        client.close()
      }
    }
  }

  @Test("A body that is read while the answer goes out asks for no word, which would stand in the middle of the answer")
  func wordInAnswer() throws {
    try withServer(handler: { request in
      .stream { writer in
        try await writer.write("begun ")
        for try await portion in request.body { try await writer.write(portion) }
      }
    }) { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n")
      let begun = try await client.readText(until: "begun \r\n")
      #expect(statuses(begun) == ["200"])
      try await client.write("hello")
      #expect(await client.readText() == "5\r\nhello\r\n0\r\n\r\n")
    }
  }

  @Test("What was read of a body by a task that the handler left behind is not read twice, nor by two")
  func leftBehind() throws {
    let outcome = Shared<(any Error)?>(nil)
    try withServer(handler: { request in
      Reactor.current.spawn { outcome.value = await thrown { for try await _ in request.body {} } }
      await Reactor.current.yield()
      return .text("done")
    }) { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
      #expect(try await client.readText(until: "done").hasPrefix("HTTP/1.1 200 OK"))
      #expect(outcome.value is BodyGoneError)
      try await client.write("67890GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(statuses(await client.readText()) == ["200"])
    }
  }

  @Test("A tunnel that a handler agrees to is none: 501, and the connection ends")
  func tunnel() throws {
    try withServer(handler: { _ in .text("yes") }) { listener in
      let text = try await answer(
        to: "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      #expect(statuses(text) == ["501"] && text.contains("Connection: close"))
    }
  }

  @Test("An answer to HEAD without a body does not say that a GET's would have none")
  func headLength() throws {
    try withServer(handler: { request in
      request.path == "/known" ? .stream(length: 12) { try await $0.write("never called") } : HTTPServer.Response()
    }) { listener in
      let text = try await answer(
        to: "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      #expect(statuses(text) == ["200", "200"])
      #expect(text.ranges(of: "Content-Length").count == 1)
      let known = try await answer(
        to: "HEAD /known HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      #expect(known.contains("Content-Length: 12\r\n") && known.hasSuffix("\r\n\r\n"))
    }
  }

  @Test("A client that has sent more than is answered gets the last answer whole, and then the end")
  func lastAnswer() throws {
    try withServer(handler: { _ in
      var response = HTTPServer.Response(body: .bytes([UInt8](repeating: 120, count: 300_000)))
      response.closesConnection = true
      return response
    }) { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      for _ in 0..<3 { try await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
      var count = 0
      while case let portion = try await client.read(), !portion.isEmpty { count += portion.count }
      #expect(count > 300_000)
      client.closeWrite()
    }
  }

  @Test("The access log hears of an answer that breaks off, and of the status that was sent")
  func brokenLog() throws {
    let seen = Seen()
    try withServer({ $0.accessLog = { seen.add("\($0.target) \($0.status) \($0.bodyBytes)") } }) { request in
      var response = HTTPServer.Response.stream { writer in
        try await writer.write("abc")
        throw Broken()
      }
      if request.path == "/field" { response.headerFields[.contentLength] = "7" }
      return response
    } _: { listener in
      _ = try await answer(to: "GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      _ = try await answer(to: "GET /field HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      #expect(seen.all == ["/breaks 200 3", "/field 500 15"])
    }
  }
}

/// What comes faster than it is read is never waited for, and ends in time all the same.
@Suite("HTTP: bodies without end", .timeLimit(.minutes(10)))
struct FastBodyTests {
  /// Answers with a body that goes on until it is cut.
  private static let endless: @Sendable (Connection, Int) async throws -> Void = { connection, _ in
    _ = try await connection.readHead()
    try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    let portion = [UInt8](repeating: 7, count: 262_144)
    while true { try await connection.write(portion) }
  }

  @Test("A deadline, or a cancellation, ends the reading of a body that comes without a pause")
  func client() throws {
    try withClient { client in
      try await playing(Self.endless) { base in
        let late = await thrown {
          for try await _ in try await client.get(base, deadline: soon(200)).body {}
        }
        #expect((late as? TimeoutError)?.subject == "GET \(base)/: the whole exchange")
        let reading = Reactor.current.spawn { for try await _ in try await client.get(base).body {} }
        try await Reactor.current.sleep(for: .milliseconds(100))
        reading.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
      }
    }
  }

  @Test("The time for a request's body ends one that comes without a pause")
  func server() throws {
    try withServer({
      $0.bodyTimeout = .milliseconds(200)
      $0.limits.bodyBytes = .max
    }) { request in
      for try await _ in request.body {}
      return .text("never")
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n")
      let writing = Reactor.current.spawn {
        let portion = [UInt8](repeating: 7, count: 262_144)
        while true { try await client.write(portion) }
      }
      #expect(statuses(try await client.readText(until: "\r\n\r\n")) == ["408"])
      client.reset()
      _ = await writing.result
    }
  }

  @Test("Who waits for a connection does not wait longer than the pool lets him")
  func pool() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 1
      $0.poolTimeout = .milliseconds(30)
    } _: { client in
      try await playing(Self.endless) { base in
        let first = try await client.get(base)
        let error = await thrown { try await client.get(base) }
        #expect((error as? TimeoutError)?.subject == "GET \(base)/: a free connection")
        first.close()
      }
    }
  }
}
#endif
