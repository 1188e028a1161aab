import Glibc
import Testing
import Toro

@testable import ToroNet

/// Much of what a connection can do beside plain reads and writes.
@Suite("Streams")
struct StreamTests {
  // MARK: Reading

  @Test("A read into the caller's memory takes what there is, as far as there is room")
  func readInto() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      try await client.write("first\nabcdef")
      #expect(try await server.readLine() == "first")  // the rest is read ahead
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
      defer { memory.deallocate() }
      #expect(try await server.read(into: memory) == 4)
      #expect(memory.elementsEqual("abcd".utf8))
      #expect(try await server.read(into: memory) == 2)
      #expect(memory.prefix(2).elementsEqual("ef".utf8))
      client.closeWrite()
      #expect(try await server.read(into: memory) == 0)
    }
  }

  @Test("A read of exactly so many waits for the last of them, and loses none to a time-out or a cancellation")
  func readExactly() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      #expect(try await server.read(exactly: 0) == [])
      try await client.write([1, 2, 3])
      await #expect(throws: TimeoutError.self) { try await server.read(exactly: 5, deadline: soon(20)) }
      let reading = reactor.spawn { try await server.read(exactly: 5) }
      await reactor.yield()
      reading.cancel()
      await #expect(throws: CancellationError.self) { try await reading.value }
      try await client.write([4, 5, 6, 7])
      #expect(try await server.read(exactly: 5) == [1, 2, 3, 4, 5])
      client.closeWrite()
      let error = await #expect(throws: EndOfStreamError.self) { try await server.read(exactly: 3) }
      #expect(error == EndOfStreamError(expected: 3, received: 2))
      #expect(try await server.read() == [6, 7])
      #expect(try await server.read(exactly: 3) == nil)
    }
  }

  @Test("What comes can be iterated over in portions, or in lines")
  func sequences() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      try await client.write("one\ntwo\r\nthree")
      client.closeWrite()
      var lines: [String] = []
      for try await line in server.lines() { lines.append(line) }
      #expect(lines == ["one", "two", "three"])
      try await server.write([UInt8](repeating: 7, count: 100_000))
      server.closeWrite()
      var count = 0
      for try await chunk in client.chunks(upTo: 1_000) {
        #expect(!chunk.isEmpty && chunk.count <= 1_000)
        count += chunk.count
      }
      #expect(count == 100_000)
    }
  }

  @Test("After closeRead reads are at the end, and writing goes on")
  func closeRead() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      try await client.write("unheard")
      server.closeRead()
      #expect(try await server.read() == [])
      #expect(try await server.readLine() == nil)
      try await server.write("said")
      #expect(try await client.read(exactly: 4) == Array("said".utf8))
    }
  }

  // MARK: Writing

  @Test("Several parts arrive as one, empty ones and more than a system call takes included")
  func parts() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let parts = (0..<300).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0 % 7 * 1_000) }
      let writing = reactor.spawn {
        try await client.write(parts)
        try await client.write([[UInt8]]())
        try await client.write([[], []])
        client.closeWrite()
      }
      #expect(try await server.readAll() == Array(parts.joined()))
      try await writing.value
    }
  }

  @Test("A file is written from a place, as much as was asked for and it has")
  func files() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let file = fileno(tmpfile())
      #expect(content.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == content.count)
      let writing = reactor.spawn {
        try await client.write("file: ")
        #expect(try await client.write(contentsOf: file, from: 10, count: 20) == 20)
        #expect(try await client.write(contentsOf: file) == content.count)
        #expect(try await client.write(contentsOf: file, from: content.count + 5, count: 3) == 0)
        client.closeWrite()
      }
      #expect(try await server.readAll() == Array("file: ".utf8) + content[10..<30] + content)
      try await writing.value
      let error = await #expect(throws: SocketError.self) { try await server.write(contentsOf: -1) }
      #expect(error?.errno == EBADF)
      close(file)
    }
  }

  @Test("A file written to a peer that is gone is an error, and the process lives")
  func filesToNobody() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let file = fileno(tmpfile())
      ftruncate(file, 8 << 20)
      server.reset()
      await #expect(throws: SocketError.self) { for _ in 0..<100 { try await client.write(contentsOf: file) } }
      close(file)
    }
  }

  // MARK: Marks

  @Test("A peer that never reads makes writers wait; no more is held than the high mark")
  func marks() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      client.waterMarks = WaterMarks(low: 1_000, high: 10_000)
      let block = [UInt8](repeating: 1, count: 4_000)
      var written = 0
      while client.unsentCount == 0 {
        try await client.write(block)
        written += block.count
      }
      let before = client.unsentCount
      #expect(before <= 10_000)
      await #expect(throws: TimeoutError.self) {
        while true {
          try await client.write(block, deadline: soon(20))
          written += block.count
          #expect(client.unsentCount <= 10_000)
        }
      }
      #expect(client.unsentCount <= 10_000 && client.unsentCount > 0)
      // It goes out by itself as soon as the peer reads.
      var received = 0
      while received < written { received += try await server.read(deadline: soon(5_000)).count }
      #expect(client.unsentCount == 0)
      try await client.flush()
    }
  }

  @Test("With a high mark of zero a write returns when the system has taken all of it")
  func writeThrough() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      client.waterMarks = WaterMarks(low: 0, high: 0)
      await #expect(throws: TimeoutError.self) {
        while true { try await client.write([UInt8](repeating: 1, count: 10_000), deadline: soon(20)) }
      }
      #expect(client.unsentCount == 0)
      withExtendedLifetime(server) {}
    }
  }

  @Test("Closed, or dropped, a connection still sends what was written", arguments: [true, false])
  func closingSends(dropped: Bool) throws {
    try onReactor { reactor in
      var (client, server): (Connection?, Connection) = try await connectedPair()
      let written = try await fill(client!)
      #expect(client!.unsentCount > 0)
      let socket = client!.socket
      if dropped {
        client = nil
      } else {
        client!.close()
        #expect(client!.isClosed)
        await #expect(throws: ClosedError.self) { try await client!.write("more") }
      }
      var received = 0
      while true {
        let part = try await server.read(deadline: soon(5_000))
        if part.isEmpty { break }
        received += part.count
      }
      #expect(received == written)
      await reactor.yield()
      #expect(socket.descriptor == -1)
    }
  }

  /// Writes to a peer that does not read until something is held.
  private func fill(_ connection: Connection) async throws -> Int {
    var written = 0
    while connection.unsentCount == 0 {
      try await connection.write([UInt8](repeating: 5, count: 10_000))
      written += 10_000
    }
    return written
  }

  @Test("After closeWrite what is held goes first, then the end of the stream")
  func closeWriteSends() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      let written = try await fill(client)
      client.closeWrite()
      #expect(try await server.readAll().count == written)
      try await server.write("thanks")
      #expect(try await client.read(exactly: 6) == Array("thanks".utf8))
      await #expect(throws: SocketError.self) { try await client.write("no more") }
    }
  }

  @Test("What could not be sent after a write had returned is told to the next")
  func laterFailure() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      _ = try await fill(client)
      server.reset()
      try await reactor.sleep(for: .milliseconds(20))
      let error = await #expect(throws: SocketError.self) { try await client.flush() }
      #expect(error?.isReset == true)
      await #expect(throws: SocketError.self) { try await client.write("x") }
    }
  }

  @Test("A reset is seen as one by the peer, and drops what was held")
  func reset() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      _ = try await fill(client)
      client.reset()
      #expect(client.isClosed && client.unsentCount == 0)
      let error = await #expect(throws: SocketError.self) { try await server.readAll() }
      #expect(error?.isReset == true)
    }
  }

  // MARK: Time

  @Test("The connection's deadline bounds every wait; a call's own may be earlier")
  func connectionDeadline() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      // Were an hour waited for, the test would be ended by its time limit.
      client.deadline = soon(3_600_000)
      await #expect(throws: TimeoutError.self) { try await client.read(deadline: soon(5)) }
      let began = reactor.now
      client.deadline = soon(40)
      await #expect(throws: TimeoutError.self) { try await client.read(deadline: soon(3_600_000)) }
      #expect(began.duration(to: reactor.now) >= .milliseconds(40))
      try await server.write("there")
      try await reactor.sleep(for: .milliseconds(20))
      await #expect(throws: TimeoutError.self) { try await client.readLine() }
      client.deadline = .never
      #expect(try await client.read() == Array("there".utf8))
    }
  }

  @Test("An idle timeout is counted anew with each byte")
  func idleTimeout() throws {
    try onReactor { reactor in
      let (client, server) = try await connectedPair()
      // Far longer than a busy machine keeps this process waiting.
      client.idleTimeout = .seconds(3)
      let trickle = reactor.spawn {
        for _ in 0..<6 {
          try await reactor.sleep(for: .milliseconds(600))
          try await server.write("x")
        }
      }
      // Longer in all than the timeout.
      #expect(try await client.read(exactly: 6) == Array("xxxxxx".utf8))
      try await trickle.value
      client.idleTimeout = .milliseconds(20)
      await #expect(throws: TimeoutError.self) { try await client.read() }
      #expect(client.idleTimeout == .milliseconds(20))
      client.idleTimeout = nil
      await #expect(throws: TimeoutError.self) {
        client.idleTimeout = .milliseconds(20)
        while true { try await client.write([UInt8](repeating: 0, count: 100_000)) }
      }
    }
  }

  // MARK: Options

  @Test("Options are set where the system keeps them")
  func options() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      func value(_ level: Int32, _ option: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(client.socket.descriptor, level, option, &value, &size)
        return value
      }
      #expect(value(Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
      try client.setNoDelay(false)
      #expect(value(Int32(IPPROTO_TCP), TCP_NODELAY) == 0)
      try client.setKeepAlive(KeepAlive(idle: 30, interval: 3, count: 4))
      #expect(value(SOL_SOCKET, SO_KEEPALIVE) == 1)
      #expect(value(Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 30)
      try client.setKeepAlive(nil)
      #expect(value(SOL_SOCKET, SO_KEEPALIVE) == 0)
      let error = #expect(throws: SocketError.self) { try client.setKeepAlive(KeepAlive(idle: 0)) }
      #expect(error?.operation == "setsockopt TCP_KEEPIDLE")
      client.close()
      #expect(throws: ClosedError.self) { try client.setNoDelay(true) }
      withExtendedLifetime(server) {}
    }
  }
}
