import Glibc
import Testing
import Toro

@testable import ToroNet

@Suite("Listeners")
struct ListenerTests {
  @Test("Two hundred connect at the same time, and each is served")
  func parallelConnects() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let serving = reactor.spawn {
        for try await connection in listener {
          reactor.spawn {
            while let line = try await connection.readLine() { try await connection.write("\(line)!\n") }
          }
        }
      }
      let answers = try await withThrowingTaskGroup(of: String?.self) { group in
        for number in 0..<200 {
          group.addTask {
            let connection = try await Connection.connect(to: listener.localAddress, on: reactor)
            try await connection.write("\(number)\n")
            return try await connection.readLine()
          }
        }
        return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
      }
      #expect(answers == Set((0..<200).map { "\($0)!" }))
      listener.close()
      try await serving.value
    }
  }

  @Test("Closing ends the iteration, now and later, and frees the port")
  func closing() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let iterating = reactor.spawn {
        for try await _ in listener {}
        return "ended"
      }
      await reactor.yield()
      listener.close()
      #expect(try await iterating.value == "ended")
      #expect(try await listener.accept() == nil)
      _ = try Listener(at: listener.localAddress)
    }
  }

  @Test("A cancelled iteration throws, and the connection it would have had goes to the next")
  func cancelling() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let iterating = reactor.spawn { for try await _ in listener {} }
      await reactor.yield()
      iterating.cancel()
      await #expect(throws: CancellationError.self) { try await iterating.value }
      let client = try await Connection.connect(to: listener.localAddress)
      #expect(try await listener.accept()?.peerAddress == client.localAddress)
    }
  }

  @Test("A client that is gone before it is accepted does no harm")
  func goneClients() throws {
    try onReactor { _ in
      let listener = try loopback()
      for _ in 0..<10 { try await Connection.connect(to: listener.localAddress).reset() }
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("here")
      var heard: [UInt8] = []
      while heard.isEmpty, let connection = try await listener.accept() { heard = (try? await connection.read()) ?? [] }
      #expect(heard == Array("here".utf8))
    }
  }

  @Test("An address in use, a bad host and a bad port say what is wrong")
  func badArguments() throws {
    try onReactor { _ in
      let listener = try loopback()
      let error = #expect(throws: SocketError.self) { try Listener(at: listener.localAddress) }
      #expect(error?.description == "bind \(listener.localAddress): Address already in use")
      #expect(throws: AddressError.self) { try Listener(host: "127.0.0.1", port: 70_000) }
      #expect(throws: AddressError.self) { try Listener(host: "127.0.0.1", port: -1) }
      #expect(throws: AddressError.self) { try Listener(host: "example.org", port: 80) }
    }
  }

  @Test("IPv6 works like IPv4")
  func ipv6() throws {
    try onReactor { _ in
      guard let listener = try? Listener(host: "::1", port: 0) else { return }  // a machine without it
      let client = try await Connection.connect(to: listener.localAddress)
      let server = try await listener.accept()
      #expect(server?.peerAddress == client.localAddress)
      #expect(listener.localAddress.description == "[::1]:\(listener.port)")
    }
  }

  @Test("No more connections are open than the limit; the next is accepted as one closes")
  func maxConnections() throws {
    try onReactor { reactor in
      let listener = try Listener(host: "127.0.0.1", port: 0, options: .init { $0.maxConnections = 2 })
      let accepted = Shared(0)
      let servers = Shared<[Connection]>([])
      let accepting = reactor.spawn {
        for try await connection in listener {
          accepted.value += 1
          servers.value.append(connection)
        }
      }
      var clients: [Connection] = []
      for _ in 0..<4 { clients.append(try await Connection.connect(to: listener.localAddress)) }
      try await reactor.sleep(for: .milliseconds(30))
      #expect(accepted.value == 2)
      servers.value[0].close()
      try await reactor.sleep(for: .milliseconds(30))
      #expect(accepted.value == 3)
      servers.value.removeAll()  // dropped is closed
      try await reactor.sleep(for: .milliseconds(30))
      #expect(accepted.value == 4)
      listener.close()
      try await accepting.value
    }
  }

  @Test("A listener that drains serves those who wait, then ends")
  func draining() throws {
    try onReactor { reactor in
      let listener = try loopback(reactor)
      var clients: [Connection] = []
      for _ in 0..<3 { clients.append(try await Connection.connect(to: listener.localAddress)) }
      listener.close(draining: true)
      var count = 0
      for try await connection in listener {
        count += 1
        connection.close()
      }
      #expect(count == 3)
      #expect(listener.isClosed)
      let waiting = try loopback(reactor)
      let accepting = reactor.spawn { try await waiting.accept() == nil }
      await reactor.yield()
      waiting.close(draining: true)
      #expect(try await accepting.value)
    }
  }

  @Test("Several listeners share a port if they say so")
  func reusesPort() throws {
    try onReactor { reactor in
      let options = Listener.Options { $0.reusesPort = true }
      let first = try Listener(host: "127.0.0.1", port: 0, options: options)
      let second = try Listener(host: "127.0.0.1", port: first.port, options: options)
      #expect(second.port == first.port)
      #expect(throws: SocketError.self) { try Listener(host: "127.0.0.1", port: first.port) }
    }
  }
}
