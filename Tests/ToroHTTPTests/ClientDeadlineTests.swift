#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

/// In real time, since servers are on sockets.
@Suite("HTTP client: deadlines and cancellation", .timeLimit(.minutes(10)))
struct ClientDeadlineTests {
  /// Nobody answers there: the backlog is full and nothing is accepted.
  private func silentListener() async throws -> (Listener, [Connection]) {
    let listener = try Listener(host: "127.0.0.1", port: 0, options: .init { $0.backlog = 1 })
    var fillers: [Connection] = []
    for _ in 0..<5 {
      if let filler = try? await Connection.connect(to: listener.localAddress, deadline: soon(100)) {
        fillers.append(filler)
      }
    }
    return (listener, fillers)
  }

  private func isTimeout(_ error: (any Error)?, _ subject: String) -> Bool {
    (error as? TimeoutError)?.subject == subject
  }

  @Test("A server that does not answer the call is given up after the time to connect, or at the deadline")
  func connecting() throws {
    try withClient {
      $0.connectTimeout = .milliseconds(50)
    } _: { client in
      let (listener, fillers) = try await silentListener()
      let base = "http://\(listener.localAddress)"
      let first = await thrown { try await client.get(base) }
      #expect(
        isTimeout(first, "GET \(base)/: the connection to \(listener.localAddress)"), "\(String(describing: first))")
      let second = await thrown { try await client.get(base, deadline: soon(20)) }
      #expect(isTimeout(second, "GET \(base)/: the whole exchange"), "\(String(describing: second))")
      let task = Reactor.current.spawn { await thrown { try await client.get(base) } }
      await Reactor.current.yield()
      task.cancel()
      let third = await task.value
      #expect(third is CancellationError)
      withExtendedLifetime(fillers) {}
    }
  }

  @Test("A head has to be there in its time, however its bytes trickle")
  func heads() throws {
    try withClient {
      $0.headTimeout = .milliseconds(100)
    } _: { client in
      try await playing { connection, number in
        _ = try await connection.readHead()
        while true {
          if number > 0 { try await connection.write(number == 1 ? "H" : "HTTP/1.1 103 Early Hints\r\n") }
          try await Reactor.current.sleep(for: .milliseconds(30))
          if number == 2 { try await connection.write("\r\n") }
        }
      } _: { base in
        for _ in 0..<3 {
          let error = await thrown { try await client.get("\(base)/x?secret") }
          #expect(isTimeout(error, "GET \(base)/x: the answer's head"), "\(String(describing: error))")
        }
      }
    }
  }

  @Test("The time for the head begins when the request has been sent")
  func headAfterBody() throws {
    try withClient {
      $0.headTimeout = .milliseconds(100)
    } _: { client in
      try await serving {
        .text("\(try await $0.body.collect(upTo: 1000).count)")
      } _: { base in
        let request = try HTTPClient.Request(
          method: .post, base,
          body: .stream(length: nil) { writer in
            for _ in 0..<8 {
              try await writer.write("a")
              try await Reactor.current.sleep(for: .milliseconds(30))
            }
          })
        let text = try await client.execute(request).body.text()
        #expect(text == "8")
      }
      try await playing { connection, _ in
        _ = try await connection.readHead()
        _ = await thrown { try await connection.readAll() }
      } _: { base in
        let request = try HTTPClient.Request(
          method: .post, base, body: .stream(length: nil) { try await $0.write("a") })
        let error = await thrown { try await client.execute(request) }
        #expect(isTimeout(error, "POST \(base)/: the answer's head"), "\(String(describing: error))")
      }
    }
  }

  @Test("A body has to move, either way")
  func idleness() throws {
    try withClient {
      $0.idleTimeout = .milliseconds(80)
    } _: { client in
      try await playing { connection, _ in
        guard let head = try await connection.readHead() else { return }
        if head[0].hasPrefix("GET") {
          try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
          for _ in 0..<5 {
            try await connection.write("a")
            try await Reactor.current.sleep(for: .milliseconds(30))
          }
        }
        try await Reactor.current.sleep(for: .seconds(5))
      } _: { base in
        let response = try await client.get(base)
        let error = await thrown { try await response.body.text() }
        #expect(isTimeout(error, "GET \(base)/: the next part of the body"), "\(String(describing: error))")
        let request = try HTTPClient.Request(method: .put, base, body: .bytes([UInt8](repeating: 0, count: 30 << 20)))
        let second = await thrown { try await client.execute(request) }
        #expect(isTimeout(second, "PUT \(base)/: the next part of the body"), "\(String(describing: second))")
      }
    }
  }

  @Test(
    "All of it has to be done by the deadline, or in the time that the configuration gives", arguments: [true, false])
  func whole(_ isDeadline: Bool) throws {
    try withClient {
      if !isDeadline { $0.timeout = .milliseconds(100) }
    } _: { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.1 200 OK\r\n\r\n")
        while true {
          try await connection.write("a")
          try await Reactor.current.sleep(for: .milliseconds(10))
        }
      } _: { base in
        let start = ContinuousClock().now
        let error = await thrown {
          try await client.get(base, deadline: isDeadline ? soon(100) : .never).body.text()
        }
        #expect(isTimeout(error, "GET \(base)/: the whole exchange"), "\(String(describing: error))")
        let duration = ContinuousClock().now - start
        #expect(duration >= .milliseconds(100) && duration < .seconds(10))
      }
    }
  }

  @Test(
    "A deadline that has passed times out without a connection, or finds one that is kept too late", arguments: [0, -5])
  func passed(_ milliseconds: Int) throws {
    try withClient { client in
      try await serving { _ in
        .text("x")
      } _: { base in
        let first = await thrown { try await client.get(base, deadline: soon(milliseconds)) }
        #expect(first is TimeoutError)
        _ = try await client.get(base)
        let second = await thrown { try await client.get(base, deadline: soon(milliseconds)) }
        #expect(second is TimeoutError)
      }
    }
  }

  @Test("A task that is cancelled anywhere closes its connection, and no turn is lost")
  func cancelling() throws {
    try withClient {
      $0.maxConnectionsPerOrigin = 2
    } _: { client in
      try await playing { connection, _ in
        // Slow everywhere, so that each moment is met by some.
        while try await connection.readHead() != nil {
          for part in ["HTTP/1.1 200", " OK\r\nContent-Le", "ngth: 6\r\n\r\nab", "cd", "ef"] {
            try await connection.write(part)
            try await Reactor.current.sleep(for: .milliseconds(2))
          }
        }
      } _: { base in
        var outcomes = (done: 0, cancelled: 0)
        for round in 0..<60 {
          let task = Reactor.current.spawn { () -> String in
            let body: HTTPClient.Request.Body =
              round % 3 == 0 ? .stream(length: nil) { try await $0.write("x") } : .empty
            let request = try HTTPClient.Request(method: .get, base, body: body)
            return try await client.execute(request).body.text()
          }
          // The last ones come to their end, however slow the machine is.
          if round < 50 {
            try await Reactor.current.sleep(for: .microseconds(300 * round))
            task.cancel()
          }
          switch await task.result {
          case .success(let text):
            #expect(text == "abcdef")
            outcomes.done += 1
          case .failure(let error):
            #expect(error is CancellationError, "\(error)")
            outcomes.cancelled += 1
          }
        }
        #expect(outcomes.cancelled > 5 && outcomes.done > 5, "\(outcomes)")
        let texts = [try await client.get(base).body.text(), try await client.get(base).body.text()]
        #expect(texts == ["abcdef", "abcdef"])
      }
    }
  }

  @Test("What a body's closure has begun has ended when the request throws")
  func structure() throws {
    try withClient { client in
      try await playing { connection, _ in
        _ = try await connection.readHead()
        _ = await thrown { try await connection.read(upTo: 1) }
        try await connection.write("garbage\r\n\r\n")
        _ = await thrown { try await connection.readAll() }
      } _: { base in
        let isRunning = Shared(false)
        let request = try HTTPClient.Request(
          method: .post, base,
          body: .stream(length: nil) { writer in
            isRunning.value = true
            defer { isRunning.value = false }
            while true {
              try await writer.write("a")
              try await Reactor.current.sleep(for: .milliseconds(5))
            }
          })
        let error = await thrown { try await client.execute(request) }
        #expect(error is HTTPSyntaxError && !isRunning.value)
      }
    }
  }
}
#endif
