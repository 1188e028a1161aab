import Glibc
import Testing
import Toro

@testable import ToroNet

@Suite("Connections")
struct ConnectionTests {
  @Test("The reactor's list of waits says who is waited for")
  func waitsAreNamed() throws {
    try onReactor { reactor in
      let listener = try loopback(reactor)
      let (client, server) = try await connectedPair(on: reactor)
      reactor.spawn { try await client.read() }
      reactor.spawn { try await server.readLine() }
      reactor.spawn { try await listener.accept() }
      try await reactor.sleep(for: .milliseconds(1))
      let names = reactor.waits.map { "\($0.subject).\($0.call)" }
      #expect(names.contains("Connection \(client.localAddress) to \(client.peerAddress).read"))
      #expect(names.contains("Connection \(server.localAddress) to \(server.peerAddress).readLine"))
      #expect(names.contains("Listener \"\(listener.localAddress)\".accept"))
      client.close()
      listener.close()
      withExtendedLifetime(server) {}
    }
  }

  @Test("A time-out names the connection, as lists of waits do, and the call")
  func timeouts() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      let calls: [(name: String, make: @Sendable () async throws -> Void)] = [
        ("read", { _ = try await server.read(deadline: soon(1)) }),
        ("read", { _ = try await server.read(exactly: 2, deadline: soon(1)) }),
        ("readLine", { _ = try await server.readLine(deadline: soon(1)) }),
        ("readLineBytes", { _ = try await server.readLineBytes(deadline: soon(1)) }),
        ("awaitRequest", { _ = try await server.awaitRequest(deadline: soon(1)) }),
      ]
      for call in calls {
        let error = await #expect(throws: TimeoutError.self) { try await call.make() }
        #expect(error?.subject == "Connection \(server.localAddress) to \(server.peerAddress).\(call.name)")
      }
      withExtendedLifetime(client) {}
    }
  }

  @Test("What one end writes the other reads, and addresses mirror each other")
  func exchange() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      #expect(client.peerAddress == server.localAddress)
      #expect(client.localAddress == server.peerAddress)
      try await client.write("hello\r\nworld\n")
      #expect(try await server.readLine() == "hello")
      #expect(try await server.readLineBytes() == Array("world".utf8))
      try await server.write([1, 2, 3])
      #expect(try await client.read() == [1, 2, 3])
      try await client.write([UInt8]())
      try await client.write("")
    }
  }

  @Test("After a half-close the peer reads to the end and can still answer")
  func halfClose() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      try await client.write("ask")
      client.closeWrite()
      #expect(try await server.readAll() == Array("ask".utf8))
      #expect(try await server.read() == [])
      try await server.write("answer")
      server.close()
      #expect(try await client.readLine() == "answer")
      #expect(try await client.readLine() == nil)
      #expect(try await client.read(deadline: .after(.zero)) == [])
      let error = await #expect(throws: SocketError.self) { try await client.write("too late") }
      #expect(error?.errno == EPIPE)
    }
  }

  @Test("A reset is an error, an end of stream is not, and both stay what they are")
  func resetAndEnd() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let reading = reactor.spawn { try await client.read() }
      await reactor.yield()
      server.reset()
      let first = await #expect(throws: SocketError.self) { try await reading.value }
      #expect(first?.isReset == true)
      #expect(first?.operation == "read")
      for _ in 0..<3 { await #expect(throws: SocketError.self) { try await client.readLine() } }
      let second = try await connectedPair()
      second.server.close()
      for _ in 0..<3 { #expect(try await second.client.read() == []) }
    }
  }

  @Test("A reset that a write meets first is not an end of stream to the next read")
  func resetMetByWrite() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      server.reset()
      try await reactor.sleep(until: soon(20))  // real time: the reset travels
      await #expect(throws: SocketError.self) { try await client.write("x") }
      let error = await #expect(throws: SocketError.self) { try await client.read() }
      #expect(error?.isReset == true)
    }
  }

  @Test("Lines come whole out of single bytes")
  func trickle() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let writing = reactor.spawn {
        for byte in "first\r\nsecond\nthird".utf8 {
          try await client.write([byte])
          await reactor.yield()
        }
        client.closeWrite()
      }
      var lines: [String] = []
      while let line = try await server.readLine() { lines.append(line) }
      #expect(lines == ["first", "second", "third"])
      try await writing.value
    }
  }

  @Test("A line that is too long is skipped unseen, and the next one is read")
  func oversizedLine() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let writing = reactor.spawn {
        let block = [UInt8](repeating: 120, count: 1 << 20)
        for _ in 0..<8 { try await client.write(block) }
        try await client.write("\nnext\n")
      }
      let error = await #expect(throws: LineTooLongError.self) { try await server.readLine(maxLength: 100) }
      #expect(error?.maxLength == 100)
      #expect(server.input.count <= 16_384)
      #expect(try await server.readLine(maxLength: 100) == "next")
      try await writing.value
    }
  }

  @Test("A read that is cancelled, or times out, loses no byte")
  func cancelledReads() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let total = 2_000
      let writing = reactor.spawn {
        for number in 0..<total {
          try await client.write("\(number)\n")
          if number % 3 == 0 { await reactor.yield() }
        }
        client.closeWrite()
      }
      var next = 0
      var left = 0
      reading: while true {
        let deadline: Deadline = next % 2 == 0 ? .never : .after(.zero)
        let read = reactor.spawn { try await server.readLine(deadline: deadline) }
        if next % 5 != 0 { await reactor.yield() }
        read.cancel()
        do {
          guard let line = try await read.value else { break reading }
          #expect(line == "\(next)")
          next += 1
        } catch {
          #expect(error is CancellationError || error is TimeoutError)
          left += 1
          await reactor.yield()
        }
      }
      #expect(next == total)
      #expect(left > 0)
      try await writing.value
    }
  }

  @Test("A read ends at its deadline, and not before")
  func readDeadline() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let began = reactor.now
      await #expect(throws: TimeoutError.self) { try await server.read(deadline: soon(50)) }
      #expect(began.duration(to: reactor.now) >= .milliseconds(50))
      await #expect(throws: TimeoutError.self) { try await server.readLine(deadline: .after(.zero)) }
      try await client.write("part")
      await #expect(throws: TimeoutError.self) { try await server.readLine(deadline: soon(20)) }
      try await client.write(" and rest\n")
      #expect(try await server.readLine(deadline: soon(5_000)) == "part and rest")
      try await client.write("now\nthen\n")
      try await reactor.sleep(until: soon(20))  // real time: the bytes travel
      #expect(try await server.readLine(deadline: .after(.zero)) == "now")
      let late = reactor.spawn { try await server.readLine() }
      late.cancel()
      #expect(try await late.value == "then")
    }
  }

  @Test("A write to a peer that never reads ends at its deadline, or by cancellation")
  func stuckPeer() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let much = [UInt8](repeating: 1, count: 64 << 20)
      await #expect(throws: TimeoutError.self) { try await client.write(much, deadline: soon(50)) }
      let writing = reactor.spawn { try await client.write(much) }
      try await reactor.sleep(until: soon(20))  // real time: the system's buffers fill
      writing.cancel()
      await #expect(throws: CancellationError.self) { try await writing.value }
      withExtendedLifetime(server) {}
    }
  }

  @Test("Much is written and read at the same time, whole")
  func bulk() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let much = (0..<(2 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      let echoing = reactor.spawn {
        while true {
          let part = try await server.read()
          if part.isEmpty { break }
          try await server.write(part)
        }
        server.closeWrite()
      }
      let writing = reactor.spawn {
        try await client.write(much)
        client.closeWrite()
      }
      #expect(try await client.readAll() == much)
      try await writing.value
      try await echoing.value
    }
  }

  @Test("Closing a connection ends its waits, and later ones")
  func closing() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let reading = reactor.spawn { try await client.read() }
      let writing = reactor.spawn { try await client.write([UInt8](repeating: 0, count: 64 << 20)) }
      try await reactor.sleep(until: soon(10))  // real time: the system's buffers fill
      client.close()
      client.close()
      await #expect(throws: ClosedError.self) { try await reading.value }
      await #expect(throws: ClosedError.self) { try await writing.value }
      await #expect(throws: ClosedError.self) { try await client.readLine() }
      await #expect(throws: ClosedError.self) { try await client.write("x") }
      client.closeWrite()
      #expect(client.isClosed && !server.isClosed)
    }
  }

  @Test("A connection can be used from tasks that are not on its reactor")
  func elsewhere() async throws {
    try await onReactorThread { _ in
      let (client, server) = try await connectedPair()
      let echoing = Task.detached {
        while let line = try await server.readLine(deadline: .after(.seconds(600))) {
          try await server.write(line + "\n")
        }
        server.close()
      }
      let asking = Task.detached {
        for number in 0..<200 {
          try await client.write("\(number)\n")
          let answer = try await client.readLine()
          #expect(answer == "\(number)")
        }
        client.closeWrite()
        return try await client.read()
      }
      #expect(try await asking.value == [])
      try await echoing.value
    }
  }

  @Test("A connection that nobody waits on does not keep the loop going")
  func idleConnections() throws {
    let reactor = try Reactor()
    let pair = try reactor.run {
      let (client, server) = try await connectedPair()
      try await client.write("x")
      _ = try await server.read()
      return [client, server]
    }
    try reactor.run()
    reactor.close()
    withExtendedLifetime(pair) {}
  }

  @Test("Connecting to where nobody listens says so")
  func refused() throws {
    try onReactor { _ in
      let silent = try SilentPort()
      let address = try SocketAddress(host: "127.0.0.1", port: silent.port)
      let error = await #expect(throws: SocketError.self) { try await Connection.connect(to: address) }
      #expect(error?.errno == ECONNREFUSED)
      #expect(error?.description == "connect \(address): Connection refused")
    }
  }

  @Test("Connecting ends at its deadline when nobody answers")
  func connectDeadline() throws {
    try onReactor { _ in
      // When the backlog is full the system drops what asks to connect.
      let listener = try Listener(host: "127.0.0.1", port: 0, options: .init { $0.backlog = 1 })
      var held: [Connection] = []
      var isTimedOut = false
      for _ in 0..<8 where !isTimedOut {
        do {
          held.append(try await Connection.connect(to: listener.localAddress, deadline: soon(100)))
        } catch is TimeoutError {
          isTimedOut = true
        }
      }
      #expect(isTimedOut)
    }
  }
}
