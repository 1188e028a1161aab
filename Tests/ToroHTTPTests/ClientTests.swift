#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

@Suite("HTTP client: requests and answers", .timeLimit(.minutes(10)))
struct ClientTests {
  @Test("A page is asked for and read")
  func get() throws {
    try withClient { client in
      try await serving { request in
        .text("\(request.method) \(request.target) \(request.authority ?? "-") \(request[.userAgent] ?? "-")")
      } _: { base in
        let response = try await client.get("\(base)/a/b?c=d#e")
        #expect(response.status == .ok && response.status.reasonPhrase == "OK" && response.minorVersion == 1)
        #expect(response[.contentType] == "text/plain; charset=utf-8" && response.contains(.date))
        #expect(response.headerFields[.contentType] == response[.contentType] && response.head.status == .ok)
        let text1 = try await response.body.text()
        #expect(text1 == "GET /a/b?c=d \(base.dropFirst(7)) Toro")
        #expect(response.url.description == "\(base)/a/b?c=d" && response.redirectCount == 0)
      }
    }
  }

  @Test("What is sent is what was asked for, byte by byte")
  func bytes() throws {
    try withClient { client in
      let heads = Shared<[String]>([])
      try await playing { connection, _ in
        while let head = try await connection.readHead() {
          heads.value.append(head.joined(separator: "|"))
          if let field = head.first(where: { $0.hasPrefix("Content-Length: ") }), let count = Int(field.dropFirst(16)) {
            heads.value.append(String(decoding: try await connection.read(exactly: count) ?? [], as: UTF8.self))
          }
          try await connection.answer("")
        }
      } _: { base in
        let host = base.dropFirst(7)
        var request = try HTTPClient.Request(base, headerFields: [.accept: "a/b", .acceptLanguage: "de"])
        _ = try await client.execute(request)
        request.headerFields[.userAgent] = "X/1"
        request.method = .post
        request.body = .text("ä")
        _ = try await client.execute(request)
        _ = try await client.execute(HTTPClient.Request(method: .put, "\(base)/p"))
        _ = try await client.execute(HTTPClient.Request(method: .delete, "\(base)/p"))
        _ = try await client.execute(
          HTTPRequest(method: .options, scheme: "http", authority: String(host), path: "/o?p"), body: .bytes([]))
        #expect(
          heads.value == [
            "GET / HTTP/1.1|Host: \(host)|Accept: a/b|Accept-Language: de|User-Agent: Toro",
            "POST / HTTP/1.1|Host: \(host)|Accept: a/b|Accept-Language: de|User-Agent: X/1|Content-Length: 2", "ä",
            "PUT /p HTTP/1.1|Host: \(host)|User-Agent: Toro|Content-Length: 0", "",
            "DELETE /p HTTP/1.1|Host: \(host)|User-Agent: Toro",
            "OPTIONS /o?p HTTP/1.1|Host: \(host)|User-Agent: Toro|Content-Length: 0", "",
          ])
      }
    }
  }

  @Test("Fields that are the connection's, or have more than a line, are refused before anything is sent")
  func fields() throws {
    try withClient { client in
      let listener = try loopback()
      let base = "http://\(listener.localAddress)/"
      for name in [
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Expect",
      ] {
        let request = try HTTPClient.Request(
          method: .post, base, headerFields: [try #require(HTTPField.Name(name)): "1"], body: .text("x"))
        let error = await thrown { try await client.execute(request) }
        #expect((error as? InvalidFieldError)?.name == name)
      }
      let other = HTTPClient(configuration: .init { $0.userAgent = "a\r\nX: y" })
      let injection = await thrown { try await other.get(base) }
      #expect(injection is InvalidFieldError)
      let request = try HTTPClient.Request(method: .connect, base)
      let error3 = await thrown { try await client.execute(request) } as? HTTPClientError
      #expect(error3?.kind == .unsupportedRequest)
      let error4 = await thrown { try await client.get("ftp://x") }
      #expect(error4 is HTTPURLError)
      let late = await thrown { try await withDeadline(soon(20)) { try await listener.accept() } }
      #expect(late is TimeoutError)
    }
  }

  @Test("Nothing is said of the program if nothing is to be")
  func noUserAgent() throws {
    try withClient {
      $0.userAgent = nil
    } _: { client in
      try await serving {
        .text($0.contains(.userAgent) ? "yes" : "no")
      } _: { base in
        let text5 = try await client.get(base).body.text()
        #expect(text5 == "no")
      }
    }
  }

  @Test("Of a request for the head comes no body, whatever length it says")
  func head() throws {
    try withClient { client in
      try await serving { _ in
        .text("hello")
      } _: { base in
        for _ in 0..<3 {
          let response = try await client.execute(HTTPClient.Request(method: .head, base))
          #expect(response[.contentLength] == "5")
          let text6 = try await response.body.text()
          #expect(text6.isEmpty)
        }
        #expect(client.pool.idleCount == 1)
      }
    }
  }

  @Test("Answers without a body need no connection any more", arguments: ["204 No Content", "304 Not Modified"])
  func noBody(_ status: String) throws {
    try withClient { client in
      try await playing { connection, _ in
        while try await connection.readHead() != nil { try await connection.write("HTTP/1.1 \(status)\r\n\r\n") }
      } _: { base in
        for _ in 0..<3 {
          let response = try await client.get(base)
          #expect("\(response.status)" == status && response.body.length == 0)
          #expect(client.pool.usedCount == 0 && client.pool.idleCount == 1)
        }
      }
    }
  }

  @Test("A body by its length, in chunks, or to the end of the stream is all of what was sent")
  func framings() throws {
    let big = String(repeating: "0123456789abcdef", count: 20_000)
    try withClient { client in
      try await playing { connection, number in
        while let head = try await connection.readHead() {
          switch head[0].split(separator: " ")[1] {
          case "/length": try await connection.answer(big)
          case "/chunks":
            try await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for index in 0..<20 {
              let part = big.utf8.dropFirst(index * 16_000).prefix(16_000)
              try await connection.write("\(String(part.count, radix: 16));a=b\r\n\(Substring(part))\r\n")
            }
            try await connection.write("0\r\nX-Sum: 7\r\n\r\n")
          default:
            try await connection.write("HTTP/1.0 200 OK\r\n\r\n\(big)")
            return
          }
        }
      } _: { base in
        for path in ["length", "chunks", "end", "length"] {
          let response = try await client.get("\(base)/\(path)")
          #expect(response.body.length == (path == "length" ? big.utf8.count : nil))
          let text = try await response.body.text()
          #expect(text == big)
          #expect(response.body.trailers[.init("X-Sum")!] == (path == "chunks" ? "7" : nil))
          #expect(client.pool.idleCount == (path == "end" ? 0 : 1))
        }
      }
    }
  }

  @Test("Bodies of every kind and size arrive as they were sent")
  func uploads() throws {
    try withClient { client in
      try await serving { request in
        let body = try await request.body.collect(upTo: 1 << 24)
        let sum = body.reduce(into: UInt64(0)) { $0 = $0 &* 31 &+ UInt64($1) }
        return .text("\(body.count) \(sum) \(request.body.length ?? -1) \(request.body.trailers[.init("X-T")!] ?? "-")")
      } _: { base in
        for count in [0, 1, 16_384, 16_385, 3 << 20] {
          let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
          let sum = bytes.reduce(into: UInt64(0)) { $0 = $0 &* 31 &+ UInt64($1) }
          @Sendable func write(_ writer: HTTPClient.BodyWriter) async throws {
            var start = 0
            while start < count {
              let end = min(count, start + 40_000)
              try await writer.write(Array(bytes[start..<end]))
              start = end
            }
            writer.setTrailers([.init("X-T")!: "t"])
          }
          for body in [
            HTTPClient.Request.Body.bytes(bytes), .stream(length: count, write), .stream(length: nil, write),
          ] {
            let response = try await client.execute(HTTPClient.Request(method: .post, base, body: body))
            let length = body.count
            let expected = "\(count) \(sum) \(length ?? -1) \(length == nil ? "t" : "-")"
            let text7 = try await response.body.text()
            #expect(text7 == expected)
          }
        }
        #expect(client.pool.idleCount == 1)
      }
    }
  }

  @Test("A body that is not as long as was promised is an error, and the server sees no whole request")
  func promises() throws {
    try withClient { client in
      let whole = Shared(0)
      try await serving { request in
        _ = try await request.body.collect(upTo: 1 << 20)
        whole.value += 1
        return .text("")
      } _: { base in
        for text in ["1234", "123456"] {
          let request = try HTTPClient.Request(
            method: .put, base, body: .stream(length: 5) { try await $0.write(text) })
          let error = await thrown { try await client.execute(request) } as? BodyLengthError
          #expect(error?.promised == 5 && error?.written == text.count)
        }
        struct Mine: Error {}
        let request = try HTTPClient.Request(
          method: .put, base,
          body: .stream(length: nil) {
            try await $0.write("1")
            throw Mine()
          })
        let error8 = await thrown { try await client.execute(request) }
        #expect(error8 is Mine)
        #expect(whole.value == 0)
      }
    }
  }

  @Test("A server and a client speak at the same time")
  func bothWays() throws {
    try withClient { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        // Each chunk back as it comes.
        while let size = try await connection.readLine(), let count = Int(size, radix: 16), count > 0 {
          let data = try #require(try await connection.read(exactly: count + 2)).dropLast(2)
          try await connection.write("\(size)\r\n\(String(decoding: data, as: UTF8.self))\r\n")
        }
        try await connection.write("0\r\n\r\n")
      } _: { base in
        let words = Queue<String>(capacity: 0)
        let request = try HTTPClient.Request(
          method: .post, base,
          body: .stream(length: nil) { writer in
            for try await word in words { try await writer.write(word) }
          })
        let response = try await client.execute(request)
        let echo = response.body.makeAsyncIterator()
        for word in ["a", "bcd", "e"] {
          try await words.put(word)
          let portion = try await echo.next()
          #expect(portion.map { String(decoding: $0, as: UTF8.self) } == word)
        }
        words.close()
        let end = try await echo.next()
        #expect(end == nil)
      }
    }
  }

  @Test("A server that answers before it has the body is heard", arguments: [true, false])
  func early(_ closes: Bool) throws {
    try withClient { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write(
          "HTTP/1.1 413 Content Too Large\r\n\(closes ? "Connection: close\r\n" : "")Content-Length: 3\r\n\r\nno\n")
        if closes { return }
        _ = try await connection.readAll()
      } _: { base in
        let hasEnded = Shared(false)
        let request = try HTTPClient.Request(
          method: .post, base,
          body: .stream(length: nil) { writer in
            defer { hasEnded.value = true }
            while true { try await writer.write([UInt8](repeating: 65, count: 10_000)) }
          })
        let response = try await client.execute(request)
        #expect(response.status.code == 413 && hasEnded.value)
        let text9 = try await response.body.text()
        #expect(text9 == "no\n")
        #expect(client.pool.idleCount == 0)
        let bytes = try HTTPClient.Request(method: .post, base, body: .bytes([UInt8](repeating: 65, count: 30 << 20)))
        let text10 = try await client.execute(bytes).status.code
        #expect(text10 == 413)
      }
    }
  }

  @Test("A body that is to be asked for is sent when the server says so, after a while, or not at all")
  func continuing() throws {
    try withClient {
      $0.continueTimeout = .milliseconds(30)
    } _: { client in
      try await playing { connection, number in
        while let head = try await connection.readHead() {
          let isExpecting = head.contains("Expect: 100-continue")
          switch head[0].split(separator: " ")[1] {
          case "/yes":
            #expect(isExpecting)
            // It waits for the word.
            let early = await thrown { try await connection.read(upTo: 1, deadline: soon(10)) }
            #expect(early is TimeoutError)
            try await connection.write("HTTP/1.1 100 Continue\r\n\r\n")
          case "/silent": #expect(isExpecting)
          case "/no":
            try await connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
          default:
            if isExpecting {
              try await connection.write("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
              return
            }
          }
          if let body = try await connection.read(exactly: 3) {
            try await connection.answer(String(decoding: body, as: UTF8.self))
          }
        }
      } _: { base in
        for path in ["yes", "silent", "no", "unknown"] {
          var request = try HTTPClient.Request(
            method: .post, "\(base)/\(path)", body: .stream(length: 3) { try await $0.write("abc") })
          request.expectsContinue = true
          let response = try await client.execute(request)
          let text = try await response.body.text()
          if path == "no" {
            #expect(response.status == .forbidden && client.pool.idleCount == 0)
          } else {
            #expect(response.status == .ok && text == "abc")
          }
        }
      }
      // This package's server says so when the body is read.
      try await serving {
        .text(String(decoding: try await $0.body.collect(upTo: 10), as: UTF8.self))
      } _: { base in
        var request = try HTTPClient.Request(method: .post, base, body: .text("asked for"))
        request.expectsContinue = true
        let text11 = try await client.execute(request).body.text()
        #expect(text11 == "asked for")
      }
    }
  }

  @Test("What is received is forwarded without being held")
  func forwarding() throws {
    try withClient { client in
      try await serving { request in
        .text("\(try await request.body.collect(upTo: 1 << 22).count)")
      } _: { origin in
        try await serving { request in
          let answer = try await client.execute(
            HTTPClient.Request(method: request.method, origin, body: .forwarding(request.body)))
          return .stream { writer in
            for try await portion in answer.body { try await writer.write(portion) }
          }
        } _: { proxy in
          let body = [UInt8](repeating: 1, count: 1_000_000)
          let response = try await client.execute(HTTPClient.Request(method: .post, proxy, body: .bytes(body)))
          let text12 = try await response.body.text()
          #expect(text12 == "1000000")
        }
      }
    }
  }

  @Test("A server that does not read makes the body's writer wait, and a client that does not read the server")
  func backPressure() throws {
    try withClient { client in
      let sent = Shared(0)
      let written = Shared(0)
      let goOn = Event()
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await goOn.wait()
        try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in 0..<500 {
          try await connection.write([UInt8](repeating: 66, count: 100_000))
          sent.value += 100_000
        }
      } _: { base in
        let request = try HTTPClient.Request(
          method: .post, base,
          body: .stream(length: 50_000_000) { writer in
            for _ in 0..<500 {
              try await writer.write([UInt8](repeating: 65, count: 100_000))
              written.value += 100_000
            }
          })
        let asking = Reactor.current.spawn { try await client.execute(request) }
        try await Reactor.current.sleep(for: .milliseconds(100))
        #expect(written.value > 0 && written.value < 20_000_000)
        goOn.set()
        let response = try await asking.value
        _ = try await response.body.makeAsyncIterator().next()
        try await Reactor.current.sleep(for: .milliseconds(100))
        #expect(sent.value < 20_000_000)
        response.close()
        let error13 = await thrown { try await response.body.text() }
        #expect(error13 is BodyGoneError)
      }
    }
  }

  @Test("A client may be used from any thread")
  func threads() async throws {
    try await onReactorThread { reactor in
      let client = HTTPClient()
      try await serving {
        .text($0.pathAndQuery)
      } _: { base in
        let elsewhere = Task.detached {
          try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<20 {
              group.addTask { try await client.get("\(base)/\(index)").body.text() == "/\(index)" }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
          }
        }
        let count = try await elsewhere.value
        #expect(count == 20 && client.pool.usedCount == 0)
        try await client.shutdown(grace: .seconds(5))
      }
    }
  }
}
#endif
