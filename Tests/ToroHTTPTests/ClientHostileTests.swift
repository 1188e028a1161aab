#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

@Suite("HTTP client: servers that do wrong", .timeLimit(.minutes(10)))
struct ClientHostileTests {
  /// Plays these bytes to a request, then ends the stream, or goes on without a word.
  private func answer(_ bytes: String, ends: Bool = true, chunk: Int = .max) throws -> Result<String, any Error> {
    try withClient {
      $0.headTimeout = .seconds(20)
    } _: { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        var rest = Substring(bytes)
        while !rest.isEmpty {
          try await connection.write(String(rest.prefix(chunk)))
          rest = rest.dropFirst(chunk)
          if chunk < .max { await Reactor.current.yield() }
        }
        if !ends { _ = await thrown { try await connection.readAll() } }
      } _: { base in
        do {
          let text = try await client.get(base).body.text()
          return Result<String, any Error>.success(text)
        } catch {
          #expect(client.pool.usedCount == 0 && client.pool.idleCount == 0)
          return .failure(error)
        }
      }
    }
  }

  @Test(
    "A body that is shorter than was said is an error",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
      "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\n\r", "H", "",
      "HTTP/1.1 100 Continue\r\n\r\n",
    ])
  func short(_ bytes: String) throws {
    for chunk in [Int.max, 1] {
      let result = try answer(bytes, chunk: chunk)
      #expect(throws: HTTPSyntaxError.unexpectedEnd) { try result.get() }
    }
  }

  @Test(
    "What is no answer is refused",
    arguments: [
      ("HTTP/2.0 200 OK\r\n\r\n", HTTPSyntaxError.unsupportedVersion),
      ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", .bareLineFeed),
      ("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", .malformedStatusLine),
      ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", .differingContentLengths),
      ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .lengthAndCoding),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unknownTransferCoding),
      ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .malformedContentLength),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", .malformedChunk),
      ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", .malformedFieldName),
      ("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", .foldedLine),
      ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", .unexpectedSwitch),
    ])
  func refused(_ bytes: String, _ expected: HTTPSyntaxError) throws {
    for chunk in [Int.max, 1] {
      let result = try answer(bytes, ends: false, chunk: chunk)
      #expect(throws: expected) { try result.get() }
    }
  }

  @Test("Some informational responses are taken, endless ones are an error")
  func informational() throws {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    let fine = try answer(String(repeating: early, count: 8) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    #expect(try fine.get() == "ok")
    for chunk in [Int.max, 7] {
      let flood = try answer(String(repeating: early, count: 1000), ends: false, chunk: chunk)
      let error = #expect(throws: HTTPClientError.self) { try flood.get() }
      #expect(error?.kind == .tooManyInformationalResponses)
    }
  }

  @Test("A head that is larger than the limits is refused, and a body if there is a limit")
  func limits() throws {
    let long = try answer(
      "HTTP/1.1 200 OK\r\n" + String(repeating: "X: \(String(repeating: "y", count: 90))\r\n", count: 500), ends: false)
    #expect(throws: HTTPSyntaxError.self) { try long.get() }
    try withClient {
      $0.limits = HTTPLimits(bodyBytes: 100)
    } _: { client in
      try await serving { _ in
        .text(String(repeating: "a", count: 101))
      } _: { base in
        let error = await thrown { try await client.get(base) }
        #expect(error as? HTTPSyntaxError == .bodyTooLarge)
      }
    }
    try withClient { client in
      try await serving { _ in
        .text(String(repeating: "a", count: 100_000))
      } _: { base in
        let error = await thrown { try await client.get(base).body.collect(upTo: 99_999) }
        #expect(error as? HTTPSyntaxError == .bodyTooLarge)
      }
    }
  }

  @Test("What comes after an answer is not taken for the next one's")
  func smuggled() throws {
    try withClient { client in
      let heads = Shared(0)
      try await playing { connection, _ in
        while try await connection.readHead() != nil {
          heads.value += 1
          try await connection.write(
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
        }
      } _: { base in
        for _ in 0..<3 {
          let text = try await client.get(base).body.text()
          #expect(text == "good" && client.pool.idleCount == 0)
        }
        let head = try await client.execute(HTTPClient.Request(method: .head, base))
        #expect(head[.contentLength] == "4" && client.pool.idleCount == 0)
      }
    }
  }

  @Test("A connection that is cut in a body is an error")
  func cut() throws {
    try withClient { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\n\r\nabc")
        try await Reactor.current.sleep(for: .milliseconds(20))
        connection.reset()
      } _: { base in
        let error = await thrown { try await client.get(base).body.text() }
        #expect((error as? SocketError)?.isReset == true)
      }
    }
  }

  @Test("The error of a body comes after what had come before it, and again")
  func errorAfterPortion() throws {
    try withClient { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n")
        _ = await thrown { try await connection.readAll() }
      } _: { base in
        let body = try await client.get(base).body.makeAsyncIterator()
        let portion = try await body.next()
        #expect(portion == Array("abc".utf8))
        for _ in 0..<2 {
          let error = await thrown { try await body.next() }
          #expect(error as? HTTPSyntaxError == .malformedChunk)
        }
      }
    }
  }
}
#endif
