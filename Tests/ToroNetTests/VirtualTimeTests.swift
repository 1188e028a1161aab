import Foundation
import Testing
import Toro

@testable import ToroNet

@Suite("Sockets in virtual time", .timeLimit(.minutes(10)))
struct VirtualTimeTests {
  @Test("Between tasks of one reactor no time passes, and a peer that is silent is waited for in none")
  func inside() throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    try reactor.run { () async throws in
      let (client, server) = try await connectedPair()
      let began = reactor.now
      let asking = reactor.spawn {
        try await client.write("ask\n")
        return try await client.readLine(deadline: .after(.seconds(3600)))
      }
      #expect(try await server.readLine(deadline: .after(.seconds(3600))) == "ask")
      try await server.write("answer\n")
      #expect(try await asking.value == "answer")
      #expect(reactor.now == began)
      await #expect(throws: TimeoutError.self) { try await server.readLine(deadline: .after(.seconds(3600))) }
      #expect(began.duration(to: reactor.now) == .seconds(3600))
    }
  }

  @Test("A peer outside is waited for while the reactor is held")
  func outside() throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    try reactor.run { () async throws in
      let listener = try loopback()
      let address = listener.localAddress
      Thread.detachNewThread {
        let other = try? Reactor()
        defer { other?.close() }
        try? other?.run {
          let connection = try await Connection.connect(to: address)
          try await other?.sleep(for: .milliseconds(50))  // real, as outside: the reader must be waiting by now
          try await connection.write("from outside\n")
          _ = try await connection.read()
        }
      }
      let server = try #require(try await listener.accept())
      let began = reactor.now
      reactor.hold()
      #expect(try await server.readLine(deadline: .after(.seconds(3600))) == "from outside")
      reactor.unhold()
      #expect(reactor.now == began)
    }
  }
}
