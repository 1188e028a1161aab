#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

@Suite("HTTP client: requests and answers", .timeLimit(.minutes(2)))
struct ClientTests {
  @Test("A page is asked for and read")
  func get() throws {
    try withClient { client in
      try await serving { request in
        .text("\(request.method) \(request.path) \(request.authority ?? "-") \(request[.userAgent] ?? "-")")
      } _: { base in
        let response = try await client.get("\(base)/a/b?c=d#e")
        #expect(response.status == .ok && response.status.reasonPhrase == "OK" && response.minorVersion == 1)
        #expect(response[.contentType] == "text/plain; charset=utf-8" && response.contains(.date))
        #expect(try await response.body.text() == "GET /a/b?c=d \(base.dropFirst(7)) Toro")
        #expect(response.url.description == "\(base)/a/b?c=d" && response.redirectCount == 0)
      }
    }
  }

  @Test("One connection serves requests that come one after the other")
  func keepAlive() throws {
    try withClient { client in
      let connections = Shared(0)
      try await playing { connection, _ in
        connections.value += 1
        while try await connection.readHead() != nil { try await connection.answer("yes") }
      } _: { base in
        for _ in 0..<10 {
          let text = try await client.get(base).body.text()
          #expect(text == "yes")
        }
        #expect(connections.value == 1 && client.pool.idleCount == 1)
      }
    }
  }
}
#endif
