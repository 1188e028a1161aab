import CLibevent
import Glibc
import Testing
import Toro

@testable import ToroNet

/// Both ends of a connection: a bufferevent's, and a plain one.
private func bufferedPair(
  on reactor: Reactor = .current, options: bufferevent_options = BEV_OPT_CLOSE_ON_FREE
) async throws -> (adopted: Connection, plain: Connection) {
  let listener = try loopback(reactor)
  let descriptor = try makeSocket(for: listener.localAddress)
  _ = listener.localAddress.withSystemAddress { Glibc.connect(descriptor, $0, $1) }
  let plain = try #require(try await listener.accept())
  let bufferevent = try #require(bufferevent_socket_new(reactor.base, descriptor, Int32(options.rawValue)))
  return (try Connection(adopting: bufferevent), plain)
}

@Suite("Adopted bufferevents")
struct BuffereventTests {
  @Test("A bufferevent is a connection like any other", arguments: [BEV_OPT_CLOSE_ON_FREE, deferring])
  func exchange(options: bufferevent_options) throws {
    try onReactor { reactor in
      let (adopted, plain) = try await bufferedPair(options: options)
      #expect(adopted.peerAddress == plain.localAddress)
      #expect(adopted.localAddress == plain.peerAddress)
      let echoing = reactor.spawn {
        while let line = try await adopted.readLine() { try await adopted.write("\(line)!\n") }
        adopted.closeWrite()
      }
      for number in 0..<100 {
        try await plain.write("\(number)\n")
        #expect(try await plain.readLine() == "\(number)!")
      }
      plain.closeWrite()
      #expect(try await plain.read() == [])
      try await echoing.value
    }
  }

  private static let deferring = bufferevent_options(
    rawValue: BEV_OPT_CLOSE_ON_FREE.rawValue | BEV_OPT_DEFER_CALLBACKS.rawValue)

  @Test("What the bufferevent had received or was to send is not lost")
  func takenOver() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let descriptor = try makeSocket(for: listener.localAddress)
      _ = listener.localAddress.withSystemAddress { Glibc.connect(descriptor, $0, $1) }
      let plain = try #require(try await listener.accept())
      let bufferevent = try #require(
        bufferevent_socket_new(reactor.base, descriptor, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue)))
      bufferevent_setwatermark(bufferevent, Int16(EV_READ), 1_000, 2_000)
      bufferevent_enable(bufferevent, Int16(EV_READ))
      try await plain.write("received")
      while evbuffer_get_length(bufferevent_get_input(bufferevent)) == 0 {
        try await reactor.sleep(for: .milliseconds(1))
      }
      bufferevent_write(bufferevent, "to be sent", 10)
      let adopted = try Connection(adopting: bufferevent)
      #expect(try await adopted.read() == Array("received".utf8))
      #expect(try await plain.read(exactly: 10) == Array("to be sent".utf8))
      try await plain.write("x")
      #expect(try await adopted.read() == [120])
    }
  }

  @Test("Much goes both ways at once")
  func bothWays() throws {
    try onReactor { reactor in
      let (adopted, plain) = try await bufferedPair()
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
      for connection in [adopted, plain] {
        reactor.spawn {
          try await connection.write(Array(bytes[..<1_000_000]))
          try await connection.write([Array(bytes[1_000_000..<1_500_000]), [], Array(bytes[1_500_000...])])
          connection.closeWrite()
        }
      }
      let reading = reactor.spawn { try await plain.readAll() }
      #expect(try await adopted.readAll() == bytes)
      #expect(try await reading.value == bytes)
    }
  }

  @Test("Nothing is read before it is asked for, and no more is held than the marks allow")
  func marks() throws {
    try onReactor { reactor in
      let (adopted, plain) = try await bufferedPair()
      await #expect(throws: TimeoutError.self) {
        while true { try await plain.write([UInt8](repeating: 1, count: 50_000), deadline: soon(50)) }
      }
      adopted.waterMarks = WaterMarks(low: 10_000, high: 40_000)
      var most = 0
      await #expect(throws: TimeoutError.self) {
        while true {
          try await adopted.write([UInt8](repeating: 1, count: 7_000), deadline: soon(50))
          most = max(most, adopted.unsentCount)
        }
      }
      #expect(most > 0 && most <= 40_000)
      #expect(adopted.unsentCount <= 40_000)
      adopted.waterMarks = WaterMarks(low: 0, high: 0)
      let draining = reactor.spawn { try await plain.readAll().count }
      try await adopted.write("last")
      #expect(adopted.unsentCount == 0)
      adopted.closeWrite()
      #expect(try await draining.value > 4)
    }
  }

  @Test("Reads and writes have deadlines, and lose nothing by them or by a cancellation")
  func deadlines() throws {
    try onReactor { reactor in
      let (adopted, plain) = try await bufferedPair()
      await #expect(throws: TimeoutError.self) { try await adopted.read(deadline: soon(10)) }
      await #expect(throws: TimeoutError.self) { try await adopted.read(deadline: .after(.zero)) }
      adopted.idleTimeout = .milliseconds(10)
      await #expect(throws: TimeoutError.self) { try await adopted.read() }
      adopted.idleTimeout = nil
      let reading = reactor.spawn { try await adopted.read(exactly: 3) }
      await reactor.yield()
      try await plain.write("a")
      try await reactor.sleep(for: .milliseconds(10))
      reading.cancel()
      await #expect(throws: CancellationError.self) { try await reading.value }
      try await plain.write("bc")
      #expect(try await adopted.read(exactly: 3) == Array("abc".utf8))
      await #expect(throws: TimeoutError.self) {
        while true { try await adopted.write([UInt8](repeating: 1, count: 100_000), deadline: soon(20)) }
      }
    }
  }

  @Test("A file is written by way of this process")
  func fileTransfer() throws {
    try onReactor { reactor in
      let (adopted, plain) = try await bufferedPair()
      let content = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let file = fileno(tmpfile())
      #expect(content.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == content.count)
      let writing = reactor.spawn {
        let count = try await adopted.write(contentsOf: file)
        #expect(count == content.count)
        adopted.closeWrite()
      }
      #expect(try await plain.readAll() == content)
      try await writing.value
      close(file)
    }
  }

  @Test("The end, a reset and a close are told apart")
  func ends() throws {
    try onReactor { reactor in
      let (ended, plain) = try await bufferedPair()
      try await plain.write("last")
      plain.close()
      #expect(try await ended.readAll() == Array("last".utf8))
      let (cut, cutting) = try await bufferedPair()
      let reading = reactor.spawn { try await cut.read() }
      await reactor.yield()
      cutting.reset()
      let error = await #expect(throws: SocketError.self) { try await reading.value }
      #expect(error?.isReset == true)
      await #expect(throws: SocketError.self) { try await cut.write("x") }
      let (closed, _) = try await bufferedPair()
      let waiting = reactor.spawn { try await closed.read() }
      await reactor.yield()
      closed.close()
      await #expect(throws: ClosedError.self) { try await waiting.value }
      await #expect(throws: ClosedError.self) { try await closed.read() }
      await #expect(throws: ClosedError.self) { try await closed.write("x") }
    }
  }

  @Test("Closed, or dropped, it sends what was written, and frees the bufferevent", arguments: [true, false])
  func closingSends(dropped: Bool) throws {
    try onReactor { reactor in
      var (adopted, plain): (Connection?, Connection) = try await bufferedPair()
      let socket = adopted!.socket
      var written = 0
      await #expect(throws: TimeoutError.self) {
        while true {
          try await adopted!.write([UInt8](repeating: 5, count: 10_000), deadline: soon(50))
          written += 10_000
        }
      }
      if dropped { adopted = nil } else { adopted!.close() }
      #expect(try await plain.readAll().count >= written)
      await reactor.yield()
      #expect(socket.descriptor == -1)
    }
  }

  @Test("Nothing is left open or waiting: closed, cut, dropped, here or on another thread")
  func nothingLeft() async {
    await #expect(processExitsWith: .success) {
      var counts: [Int] = []
      for _ in 0..<10 {
        try onReactor { reactor in
          let (closed, _) = try await bufferedPair()
          let reading = reactor.spawn { try await closed.read() }
          await reactor.yield()
          closed.close()
          _ = try? await reading.value
          _ = try await bufferedPair()
          let (reset, other) = try await bufferedPair()
          reset.reset()
          await #expect(throws: SocketError.self) { try await other.read() }
          let far = try await bufferedPair()
          await Task.detached { withExtendedLifetime(far) {} }.value
          await reactor.yield()
          #expect(reactor.waits.filter { $0.subject.hasPrefix("Connection") }.isEmpty)
        }
        counts.append(openDescriptorCount())
      }
      #expect(counts.last! - counts[1] < 3, "\(counts)")
    }
  }

  @Test("One without close-on-free leaves the descriptor open; one of a pair has none")
  func otherKinds() throws {
    try onReactor { reactor in
      var (adopted, plain): (Connection?, Connection) = try await bufferedPair(options: bufferevent_options(0))
      let descriptor = adopted!.socket.descriptor
      try await adopted!.write("x")
      #expect(try await plain.read() == [120])
      adopted = nil
      await reactor.yield()
      #expect(fcntl(descriptor, F_GETFD) >= 0)
      Glibc.close(descriptor)

      var pair: (OpaquePointer?, OpaquePointer?) = (nil, nil)
      withUnsafeMutablePointer(to: &pair) {
        $0.withMemoryRebound(to: OpaquePointer?.self, capacity: 2) {
          _ = bufferevent_pair_new(reactor.base, Int32(BEV_OPT_DEFER_CALLBACKS.rawValue), $0)
        }
      }
      let one = try Connection(adopting: #require(pair.0))
      let other = try Connection(adopting: #require(pair.1))
      #expect(one.peerAddress.path == "")
      let bytes = [UInt8](repeating: 3, count: 1_000_000)
      let writing = reactor.spawn {
        try await one.write(bytes)
        one.closeWrite()
      }
      #expect(try await other.readAll() == bytes)
      try await writing.value
      try await other.write("back")
      #expect(try await one.read(exactly: 4) == Array("back".utf8))
      // libevent frees what has deferred callbacks to run when they have run.
      one.close()
      other.close()
      try await reactor.sleep(for: .milliseconds(1))
    }
  }

  @Test("A host's base, driven by the host, carries it")
  func adoptedBase() throws {
    let base = try #require(event_base_new())
    do {
      let reactor = try Reactor(adopting: base)
      let ends = try makeSocketPair()
      let bufferevent = try #require(bufferevent_socket_new(base, ends.0, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue)))
      let connection = try Connection(adopting: bufferevent, on: reactor)
      let peer = ends.1
      let lines = Shared<[String]>([])
      reactor.spawn {
        for try await line in connection.lines() {
          lines.value.append(line)
          try await connection.write("got \(line)\n")
        }
        connection.close()
      }
      #expect(send(peer, "one\ntwo\n", 8, 0) == 8)
      shutdown(peer, Int32(SHUT_WR))
      // It returns when nothing is left to do: no bufferevent holds it up.
      #expect(event_base_dispatch(base) >= 0)
      #expect(lines.value == ["one", "two"])
      var answer = [UInt8](repeating: 0, count: 100)
      let count = recv(peer, &answer, 100, 0)
      #expect(String(decoding: answer.prefix(max(0, count)), as: UTF8.self) == "got one\ngot two\n")
      #expect(recv(peer, &answer, 100, 0) == 0)  // closed
      close(peer)
      reactor.close()
    }
    event_base_free(base)
  }

  @Test("A bufferevent of another base is refused and left alone; on another thread the program stops with a message")
  func misuse() async throws {
    try onReactor { _ in
      let base = try #require(event_base_new())
      let foreign = try #require(bufferevent_socket_new(base, -1, 0))
      let error = #expect(throws: SystemError.self) { try Connection(adopting: foreign) }
      #expect(error?.description == "bufferevent: it is on another event_base than the reactor")
      bufferevent_free(foreign)
      event_base_free(base)
    }
    await #expect(processExitsWith: .failure) {
      try onReactor { reactor in
        nonisolated(unsafe) let bufferevent = try #require(bufferevent_socket_new(reactor.base, -1, 0))
        try await reactor.runBlocking { _ = try? Connection(adopting: bufferevent, on: reactor) }
      }
    }
  }
}
