import CLibevent
import Glibc
import Testing
import Toro

@testable import ToroNet

/// What one connection passes on to another. Small messages need no task: see `Relay`.
@Suite("Copying")
struct CopyingTests {
  @Test("What comes is copied to another connection to the end of the stream, and no further")
  func copying() throws {
    try onReactor { reactor in
      let (client, proxy) = try await connectedPair()
      let (upstream, server) = try await connectedPair()
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
      let copying = reactor.spawn {
        let count = try await proxy.copy(to: upstream)
        upstream.closeWrite()
        return count
      }
      reactor.spawn {
        for start in stride(from: 0, to: bytes.count, by: 70_001) {
          try await client.write(Array(bytes[start..<min(bytes.count, start + 70_001)]))
        }
        client.closeWrite()
      }
      #expect(try await server.readAll() == bytes)
      #expect(try await copying.value == bytes.count)
      // The other way is open still.
      try await server.write("back")
      server.closeWrite()
      #expect(try await upstream.copy(to: proxy) == 4)
      #expect(try await client.read(exactly: 4) == Array("back".utf8))
    }
  }

  @Test("A copy begins with what was received before, and goes on where one that was cancelled or late left off")
  func copyingGoesOn() throws {
    try onReactor { reactor in
      let (client, proxy) = try await connectedPair()
      let (upstream, server) = try await connectedPair()
      try await client.write("greeting\nfirst")
      #expect(try await proxy.readLine() == "greeting")
      let cancelled = reactor.spawn { try await proxy.copy(to: upstream) }
      #expect(try await server.read(exactly: 5) == Array("first".utf8))
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }
      await #expect(throws: TimeoutError.self) {
        try await proxy.copy(to: upstream, deadline: .after(.milliseconds(10)))
      }
      try await client.write("second")
      client.closeWrite()
      #expect(try await proxy.copy(to: upstream) == 6)
      #expect(try await server.read(exactly: 6) == Array("second".utf8))
    }
  }

  @Test("A copy reads no more than its destination takes")
  func copyingWaits() throws {
    try onReactor { reactor in
      let (client, proxy) = try await connectedPair()
      let (upstream, server) = try await connectedPair()
      let copying = reactor.spawn { try await proxy.copy(to: upstream) }
      let written = Shared(0)
      let writing = reactor.spawn {
        for _ in 0..<1_000 {
          try await client.write([UInt8](repeating: 7, count: 65_536))
          written.value += 65_536
        }
        client.closeWrite()
      }
      // Until nothing moves any more.
      var before = -1
      while written.value != before {
        before = written.value
        try await reactor.sleep(for: .milliseconds(200))
      }
      #expect(before < 1_000 * 65_536)
      #expect(upstream.unsentCount <= WaterMarks.standard.high)
      var received = 0
      while case let count = try await server.read().count, count > 0 {
        received += count
        if received == 1_000 * 65_536 { break }
      }
      #expect(received == 1_000 * 65_536)
      try await writing.value
      #expect(try await copying.value == received)
    }
  }

  @Test("A connection is copied to itself, to one of another reactor, and from a task elsewhere")
  func copyingElsewhere() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let echoing = reactor.spawn { try await onReactorThread { _ in try await server.copy(to: server) } }
      try await client.write("round")
      #expect(try await client.read(exactly: 5) == Array("round".utf8))
      client.closeWrite()
      #expect(try await echoing.value == 5)

      let (near, far) = try await connectedPair()
      let text = try await onReactorThread { other in
        let (upstream, last) = try await connectedPair()
        let copying = other.spawn {
          try await far.copy(to: upstream)
          upstream.closeWrite()
        }
        try await near.write("across")
        near.closeWrite()
        let text = try await last.readAll()
        try await copying.value
        return String(decoding: text, as: UTF8.self)
      }
      #expect(text == "across")
    }
  }

  // MARK: In place of the task

  @Test("What comes is passed on without the task that copies: it waits on, and anew")
  func copyingInPlace() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let copying = reactor.spawn { try await server.copy(to: server) }
      func wait() throws -> WaitDescription { try #require(reactor.waits.first { $0.subject == server.subject }) }
      while reactor.waits.isEmpty { await reactor.yield() }
      let first = try wait()
      for word in ["one", "two", "three"] {
        try await client.write(word)
        #expect(try await client.read(exactly: word.utf8.count) == Array(word.utf8))
        let now = try wait()
        #expect(now.id == first.id)
        #expect(try #require(now.since) > #require(first.since))
      }
      client.closeWrite()
      #expect(try await copying.value == 11)
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A deadline or a time-out that is set while a copy goes on holds from the next message on")
  func limitsInPlace() throws {
    try onReactor { reactor in
      for isIdleTimeout in [true, false] {
        let (client, server) = try await connectedPair()
        let copying = reactor.spawn { try await server.copy(to: server) }
        try await client.write("x")
        #expect(try await client.read(exactly: 1) == Array("x".utf8))
        if isIdleTimeout { server.idleTimeout = .milliseconds(10) } else { server.deadline = soon(10) }
        try await reactor.sleep(for: .milliseconds(30))
        try await client.write("y")
        await #expect(throws: TimeoutError.self) { try await copying.value }
        #expect(try await client.read(exactly: 1) == Array("y".utf8))
      }
    }
  }

  @Test("What cuts either end, or closes it, ends the copy with the error; nothing waits or stays open")
  func endsInPlace() throws {
    try onReactor { reactor in
      for end in 0..<5 {
        let (client, proxy) = try await connectedPair()
        let (upstream, server) = try await connectedPair()
        let copying = reactor.spawn { try await proxy.copy(to: upstream) }
        try await client.write("before")
        #expect(try await server.read(exactly: 6) == Array("before".utf8))
        switch end {
        case 0: client.reset()
        case 1: server.reset()
        case 2: proxy.close()
        case 3: upstream.close()
        default: copying.cancel()
        }
        if end == 1 || end == 3 {
          // A copy hears of its destination when it writes.
          for _ in 0..<100 where reactor.waits.contains(where: { $0.subject == proxy.subject }) {
            try? await client.write("after")
            try await reactor.sleep(for: .milliseconds(1))
          }
        }
        let result = await copying.result
        let error = #expect(throws: (any Error).self) { try result.get() }
        switch end {
        case 0, 1: #expect((error as? SocketError)?.isReset == true, "\(String(describing: error))")
        case 2, 3: #expect(error is ClosedError, "\(String(describing: error))")
        default: #expect(error is CancellationError)
        }
        for connection in [client, proxy, upstream, server] {
          connection.close()
          #expect(connection.socket.descriptor < 0)
        }
      }
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("One who copies without a pause leaves the others their turns, and is told to stop")
  func copyingIsFair() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let copying = reactor.spawn { try await server.copy(to: server) }
      let flooding = reactor.spawn {
        let bytes = [UInt8](repeating: 1, count: 60_000)
        while true { try await client.write(bytes) }
      }
      let draining = reactor.spawn { while !(try await client.read().isEmpty) {} }
      for _ in 0..<50 { try await reactor.sleep(for: .milliseconds(1)) }
      copying.cancel()
      flooding.cancel()
      draining.cancel()
      await #expect(throws: CancellationError.self) { try await copying.value }
      await #expect(throws: CancellationError.self) { try await flooding.value }
      await #expect(throws: CancellationError.self) { try await draining.value }
    }
  }

  @Test("A task that begins on the reactor and is resumed elsewhere copies as any other")
  func copyingInImmediateTask() async throws {
    try await onReactorThread { reactor in
      for isCancelled in [false, true] {
        let (client, server) = try await connectedPair()
        let copying = Task.immediate { try await server.copy(to: server) }
        for word in ["one", "two"] {
          try await client.write(word)
          let echo = try await client.read(exactly: word.utf8.count)
          #expect(echo == Array(word.utf8))
        }
        if isCancelled { copying.cancel() } else { client.closeWrite() }
        let result = await copying.result
        if isCancelled {
          #expect(throws: CancellationError.self) { try result.get() }
        } else {
          #expect(try result.get() == 6)
        }
      }
    }
  }

  @Test("On a host's loop it is passed on in the host's turn")
  func copyingOnHost() throws {
    let base = try #require(event_base_new())
    defer { event_base_free(base) }
    let reactor = try Reactor(adopting: base)
    let result = Shared<Int?>(nil)
    reactor.spawn {
      let began = reactor.now
      let (client, server) = try await connectedPair(on: reactor)
      let copying = reactor.spawn { try await server.copy(to: server) }
      for word in ["one", "two", "three"] {
        try await reactor.sleep(for: .milliseconds(20))
        try await client.write(word)
        let echo = try await client.read(exactly: word.utf8.count)
        #expect(echo == Array(word.utf8))
      }
      // The wait is one that began with the last of them.
      let wait = try #require(reactor.waits.first { $0.subject == server.subject })
      #expect(try #require(wait.since) >= began.advanced(by: .milliseconds(60)))
      client.closeWrite()
      result.value = try await copying.value
    }
    event_base_dispatch(base)
    #expect(result.value == 11)
    reactor.close()
  }
}
