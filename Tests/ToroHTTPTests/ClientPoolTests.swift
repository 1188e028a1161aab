#if HTTP
import Glibc
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

@Suite("HTTP client: connections", .timeLimit(.minutes(10)))
struct ClientPoolTests {
  /// Waits until something holds: what the other end did takes a moment.
  private func eventually(_ condition: () -> Bool) async throws {
    for _ in 0..<500 where !condition() { try await Reactor.current.sleep(for: .milliseconds(10)) }
    #expect(condition())
  }

  @Test("There are never more connections to an origin than allowed, and who waits is served first in, first out")
  func limits() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 3
    } _: { client in
      let open = Shared(0)
      let most = Shared(0)
      let order = Shared<[String]>([])
      try await playing { connection, _ in
        open.value += 1
        most.value = max(most.value, open.value)
        defer { open.value -= 1 }
        while let head = try await connection.readHead() {
          order.value.append(head[0])
          try await Reactor.current.sleep(for: .milliseconds(5))
          try await connection.answer("x")
        }
      } _: { base in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for index in 0..<30 {
            group.addTask {
              let response = try await client.get("\(base)/\(index)")
              _ = try await response.body.text()
            }
          }
          try await group.waitForAll()
        }
        #expect(most.value == 3 && client.pool.idleCount == 3)
        #expect(order.value == (0..<30).map { "GET /\($0) HTTP/1.1" })
      }
    }
  }

  @Test("Each origin has connections of its own")
  func origins() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 1
    } _: { client in
      try await serving { _ in
        .text("one")
      } _: { one in
        try await serving { _ in
          .text("two")
        } _: { two in
          let first = try await client.get(one)
          let second = try await client.get(two)
          let texts = [try await first.body.text(), try await second.body.text()]
          #expect(texts == ["one", "two"])
          #expect(client.pool.lineCount == 2 && client.pool.idleCount == 2)
        }
      }
    }
  }

  @Test("Who waits for a connection waits until its deadline, or is cancelled, and no turn is lost")
  func waiting() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 1
    } _: { client in
      let goOn = Event()
      try await playing { connection, _ in
        while try await connection.readHead() != nil {
          try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
          try await goOn.wait()
          try await connection.write("b")
        }
      } _: { base in
        let holder = try await client.get(base)
        let timed = Reactor.current.spawn { await thrown { try await client.get(base, deadline: soon(20)) } }
        let cancelled = Reactor.current.spawn { await thrown { try await client.get(base) } }
        let patient = Reactor.current.spawn { try await client.get(base).body.text() }
        await Reactor.current.yield()
        cancelled.cancel()
        let error = await timed.value as? TimeoutError
        #expect(error?.subject == "GET \(base)/: a free connection")
        let second = await cancelled.value
        #expect(second is CancellationError)
        goOn.set()
        let texts = [try await holder.body.text(), try await patient.value]
        #expect(texts == ["ab", "ab"])
      }
    }
  }

  @Test("An answer that nobody has read gives its connection up when it is dropped, closed, or its scope ends")
  func dropping() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 1
    } _: { client in
      let ends = Shared(0)
      try await playing { connection, _ in
        defer { ends.value += 1 }
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")
        _ = await thrown { try await connection.read() }
      } _: { base in
        _ = try await client.get(base)
        do {
          // The body alone keeps it.
          let body = try await client.get(base).body
          let first = try await body.makeAsyncIterator().next()
          #expect(first == Array("abc".utf8) && client.pool.usedCount == 1)
        }
        #expect(client.pool.usedCount == 0)
        try await client.withResponse(to: HTTPClient.Request(base)) { #expect($0.status == .ok) }
      }
      #expect(ends.value == 3)
    }
  }

  @Test("An answer that is dropped on another thread gives its connection up")
  func droppingElsewhere() async throws {
    try await onReactorThread { reactor in
      let client = HTTPClient()
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")
        _ = await thrown { try await connection.read() }
      } _: { base in
        let task = Task.detached { _ = try await client.get(base) }
        try await task.value
        try await self.eventually { client.pool.usedCount == 0 }
      }
      client.close()
    }
  }

  @Test("A request that was made elsewhere waits for no thread of the pool once it is on the reactor")
  func poolless() async {
    await #expect(processExitsWith: .success) {
      try await onReactorThread { _ in
        let (isOver, threads) = (Shared(false), 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let client = HTTPClient()
        try await playing { connection, _ in
          // The whole pool is busy from here on: threads of the system's, which have no virtual time.
          for _ in 0..<threads { Task.detached { while !isOver.value { usleep(1000) } } }
          defer { isOver.value = true }
          connection.deadline = .after(.seconds(10))
          _ = try #require(try await connection.readHead())
          try await connection.answer("yes")
        } _: { base in
          let task = Task.detached { try await client.get(base).body.text() }
          let answer = try await task.value
          #expect(answer == "yes")
        }
        client.close()
      }
    }
  }

  @Test("A small body that came with its head needs no connection, read or not")
  func small() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 1
    } _: { client in
      try await serving { request in
        if request.path == "/chunks" {
          return .stream { writer in
            for word in ["a", "b", "c"] { try await writer.write(word) }
            writer.setTrailers([.init("X-T")!: "t"])
          }
        }
        return .text("small")
      } _: { base in
        let kept = try await client.get(base)
        for _ in 0..<5 { _ = try await client.get(base) }
        let texts = [try await kept.body.text(), try await client.get("\(base)/chunks").body.text()]
        #expect(texts == ["small", "abc"])
        #expect(client.pool.idleCount == 1)
      }
    }
  }

  @Test("A connection that nobody uses is closed when it is too old")
  func age() throws {
    try withClient {
      $0.keepAliveTimeout = .milliseconds(50)
    } _: { client in
      try await serving { _ in
        .text("x")
      } _: { base in
        _ = try await client.get(base)
        #expect(client.pool.idleCount == 1)
        try await Reactor.current.sleep(for: .milliseconds(25))
        #expect(client.pool.idleCount == 1)
        try await eventually { client.pool.idleCount == 0 && client.pool.lineCount == 0 }
      }
    }
  }

  @Test("No more are kept than allowed, those kept longest make room")
  func counts() throws {
    try withClient {
      $0.maxIdlePerOrigin = 2
      $0.maxIdle = 3
    } _: { client in
      let together = Barrier(parties: 3)
      func ask(_ base: String) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<3 { group.addTask { _ = try await client.get(base) } }
          try await group.waitForAll()
        }
      }
      try await serving { _ in
        try await together.wait()
        return .text("x")
      } _: { one in
        try await serving { _ in
          try await together.wait()
          return .text("x")
        } _: { two in
          try await ask(one)
          #expect(client.pool.idleCount == 2)
          try await ask(two)
          #expect(client.pool.idleCount == 3 && client.pool.lineCount == 2)
          try await ask(two)
          #expect(client.pool.idleCount == 3)
        }
      }
    }
  }

  @Test("If none are kept, the server hears it")
  func none() throws {
    try withClient {
      $0.maxIdle = 0
    } _: { client in
      try await serving {
        .text($0[.connection] ?? "-")
      } _: { base in
        let text = try await client.get(base).body.text()
        #expect(text == "close" && client.pool.idleCount == 0)
      }
    }
  }

  @Test(
    "A kept connection that the server closes, or that says something unasked, is not used again",
    arguments: [true, false])
  func watched(_ closes: Bool) throws {
    try withClient { client in
      let goOn = Event()
      let closed = Shared(0)
      try await playing { connection, number in
        _ = try await connection.readHead()
        try await connection.answer("\(number)")
        try await goOn.wait()
        if closes { return }
        try await connection.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        _ = await thrown { try await connection.readAll() }
        closed.value += 1
      } _: { base in
        let first = try await client.get(base).body.text()
        #expect(first == "0" && client.pool.idleCount == 1)
        goOn.set()
        try await eventually { client.pool.idleCount == 0 }
        goOn.clear()
        let second = try await client.execute(HTTPClient.Request(method: .post, base)).body.text()
        #expect(second == "1")
        goOn.set()
      }
    }
  }

  @Test("What came before the reactor looked is seen before a connection is used again")
  func lookedAt() throws {
    try withClient { client in
      let (listener, reactor) = (try loopback(), Reactor.current)
      let serving = reactor.spawn {
        let first = try #require(try await listener.accept())
        _ = try await first.readHead()
        // In one go, so that the client is told of the answer and finds the rest itself.
        try await first.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
        first.close()
        let second = try #require(try await listener.accept())
        _ = try await second.readHead()
        try await second.answer("b")
        _ = try await second.read()
      }
      let base = "http://\(listener.localAddress)"
      for text in ["a", "b"] {
        let answer = try await client.execute(HTTPClient.Request(method: .post, base)).body.text()
        #expect(answer == text)
      }
      client.close()
      try await serving.value
    }
  }

  @Test(
    "A kept connection that ends before any byte of the answer has the request sent again, once, if that does no harm")
  func stale() throws {
    try withClient { client in
      let heads = Shared<[String]>([])
      try await playing { connection, number in
        var count = 0
        while let head = try await connection.readHead() {
          heads.value.append("\(number) \(head[0].dropLast(9))")
          if count == 1 { return }
          count += 1
          try await connection.answer("\(number)")
        }
      } _: { base in
        for (method, body, isRepeated) in [
          (HTTPRequest.Method.get, HTTPClient.Request.Body.empty, true), (.put, .text("a"), true),
          (.delete, .empty, true),
          (.post, .text("a"), false), (.patch, .empty, false),
          (.put, .stream(length: 1) { try await $0.write("a") }, false),
        ] {
          heads.value = []
          _ = try await client.get("\(base)/first").body.text()
          let number = heads.value[0].split(separator: " ")[0]
          let request = try HTTPClient.Request(method: method, base, body: body)
          let next = Int(number)! + 1
          if isRepeated {
            let text = try await client.execute(request).body.text()
            #expect(text == "\(next)")
            #expect(heads.value.suffix(2) == ["\(number) \(method) /", "\(next) \(method) /"])
            // The new one is kept: it serves one more, and fails with the one after that.
            #expect(client.pool.idleCount == 1)
            client.pool.dropIdle()
          } else {
            let error = await thrown { try await client.execute(request) }
            #expect(error as? HTTPSyntaxError == .unexpectedEnd || (error as? SocketError)?.isReset == true)
            #expect(heads.value.count == 2 && client.pool.idleCount == 0)
          }
        }
      }
    }
  }

  @Test("What fails over a new connection, or after a byte of the answer, is not sent again")
  func notStale() throws {
    try withClient { client in
      let count = Shared(0)
      try await playing { connection, _ in
        count.value += 1
        _ = try await connection.readHead()
      } _: { base in
        let error = await thrown { try await client.get(base) }
        #expect(error as? HTTPSyntaxError == .unexpectedEnd && count.value == 1)
      }
      try await playing { connection, number in
        _ = try await connection.readHead()
        try await connection.answer("a")
        _ = try await connection.readHead()
        count.value += 1
        try await connection.write("H")
      } _: { base in
        _ = try await client.get(base).body.text()
        let error = await thrown { try await client.get(base) }
        #expect(error as? HTTPSyntaxError == .unexpectedEnd && count.value == 2)
      }
    }
  }

  @Test("Kept connections keep no run from ending, and hide no deadlock")
  func idleness() throws {
    let reactor = try Reactor()
    defer { reactor.close() }
    let client = HTTPClient(on: reactor)
    try reactor.run {
      try await serving { _ in
        .text("x")
      } _: { base in
        _ = try await client.get(base)
        #expect(client.pool.idleCount == 1)
        // The server's side waits too, but for as long as this one is open.
        #expect(client.pool.oldest?.connection.isClosed == false)
      }
    }
    // The server has closed it since; one whose server is elsewhere stays.
    let far = try Reactor()
    let listener = try Listener(host: "127.0.0.1", port: 0, on: far)
    try reactor.run {
      let asking = reactor.spawn { try await client.get("http://\(listener.localAddress)").body.text() }
      try await reactor.runBlocking {
        try far.run {
          let connection = try #require(try await listener.accept())
          _ = try await connection.readHead()
          try await connection.answer("far")
          kept.value = connection
        }
      }
      let text = try await asking.value
      #expect(text == "far" && client.pool.idleCount == 1)
    }
    let clock = ContinuousClock()
    let start = clock.now
    try reactor.run()
    #expect(throws: DeadlockError.self) {
      try reactor.run(detectsDeadlock: true) { try await Event().wait() }
    }
    #expect(clock.now - start < .seconds(20) && client.pool.idleCount == 1)
    withExtendedLifetime(listener) {}
    kept.value = nil
    far.close()
  }

  private let kept = Shared<Connection?>(nil)

  @Test("A client that is dropped closes what it kept, and answers that are being read go on")
  func droppedClient() throws {
    try onReactor { reactor in
      let goOn = Event()
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        try await goOn.wait()
        try await connection.write("cd")
        let rest = try await connection.readAll()
        #expect(rest.isEmpty)
      } _: { base in
        var client: HTTPClient? = HTTPClient()
        let response = try #require(try await client?.get(base))
        client = nil
        goOn.set()
        let text = try await response.body.text()
        #expect(text == "abcd")
      }
    }
  }

  @Test("Closing a client ends what is in hand")
  func closing() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 1
    } _: { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        _ = await thrown { try await connection.read() }
      } _: { base in
        let response = try await client.get(base)
        let reading = Reactor.current.spawn { await thrown { try await response.body.text() } }
        let waiting = Reactor.current.spawn { await thrown { try await client.get(base) } }
        await Reactor.current.yield()
        client.close()
        let errors = [await reading.value, await waiting.value, await thrown { try await client.get(base) }]
        #expect(errors.allSatisfy { $0 is ClosedError }, "\(errors)")
      }
    }
  }

  @Test("A shutdown waits for what is in hand, and cuts what takes too long", arguments: [true, false])
  func shutdown(_ isInTime: Bool) throws {
    try withClient { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        try await Reactor.current.sleep(for: isInTime ? .milliseconds(50) : .seconds(10))
        try await connection.write("b")
      } _: { base in
        let response = try await client.get(base)
        let reading = Reactor.current.spawn { try await response.body.text() }
        let cutCount = try await client.shutdown(grace: isInTime ? .seconds(10) : .milliseconds(50))
        #expect(cutCount == (isInTime ? 0 : 1))
        let error = await thrown { try await client.get(base) }
        #expect(error is ClosedError)
        let result = await reading.result
        if isInTime {
          #expect(try result.get() == "ab")
        } else {
          #expect(throws: ClosedError.self) { try result.get() }
        }
      }
    }
  }

  @Test("A Unix socket is asked for what a URL names")
  func unixSocket() throws {
    try withClient { client in
      let address = try SocketAddress(unixPath: "/tmp/toro-client-\(UInt64.random(in: 0...UInt64.max)).sock")
      let listener = try Listener(at: address)
      try await serving(on: listener) {
        .text("\($0.authority ?? "-")\($0.pathAndQuery)")
      } _: { _ in
        var request = try HTTPClient.Request("http://docker/info")
        request.endpoint = .address(address)
        let text = try await client.execute(request).body.text()
        #expect(text == "docker/info")
      }
    }
  }
}
#endif
