#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

/// In a process of its own, since other tests open descriptors too.
@Suite("HTTP client: descriptors", .timeLimit(.minutes(10)))
struct ClientDescriptorTests {
  @Test("Whatever becomes of a request, its descriptor is closed in the end")
  func closed() async {
    await #expect(processExitsWith: .success) {
      let before = openSocketCount()
      try onReactor { reactor in
        let client = HTTPClient(
          configuration: .init {
            $0.headTimeout = .milliseconds(20)
            $0.idleTimeout = .milliseconds(20)
            $0.redirects = .follow(max: 2)
          })
        try await playing { connection, number in
          _ = try await connection.readHead()
          let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "garbage\r\n\r\n",
            "", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nend",
            "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n",
          ]
          try await connection.write(answers[number % answers.count])
          if number % 3 == 0 { return }
          if number % 3 == 1 { return connection.reset() }
          _ = await thrown { try await connection.readAll() }
        } _: { base in
          for round in 0..<120 {
            let task = reactor.spawn {
              let body: HTTPClient.Request.Body =
                switch round % 4 {
                case 0: .bytes([UInt8](repeating: 1, count: 5 << 20))
                case 1:
                  .stream(length: nil) { for _ in 0..<100 { try await $0.write([UInt8](repeating: 1, count: 9_999)) } }
                default: .empty
                }
              let response = try await client.execute(
                HTTPClient.Request(method: round % 2 == 0 ? .put : .get, base, body: body), deadline: soon(200))
              if round % 5 > 0 { _ = try await response.body.text() }
            }
            if round % 6 == 5 {
              try await reactor.sleep(for: .microseconds(100 * round))
              task.cancel()
            }
            _ = await task.result
          }
          precondition(client.pool.usedCount == 0 && client.pool.users.count == 0, "\(client.pool.users)")
        }
        client.close()
        try await reactor.sleep(for: .milliseconds(50))
        precondition(reactor.waits.isEmpty, "\(reactor)")
        precondition(client.pool.lineCount == 0)
      }
      let after = openSocketCount()
      precondition(after == before, "\(after) sockets are open, before it were \(before)")
    }
  }
}
#endif
