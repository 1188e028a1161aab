#if TLS
import Glibc
import Testing
import Toro

@testable import ToroNet

private var files: Certificates { Certificates.shared }

/// Connections over TLS do what others do.
@Suite("TLS: streams")
struct TLSStreamTests {
  @Test("Both ends read what the other writes, and know what was agreed on", arguments: [TLSVersion.tls12, .tls13])
  func exchange(version: TLSVersion) throws {
    try onReactor { _ in
      let server = try files.server { $0.minimumVersion = version }
      let (near, far) = try await securePair(server: server)
      try await near.write("hello\n")
      #expect(try await far.readLine() == "hello")
      try await far.write("hello yourself\n")
      #expect(try await near.readLine() == "hello yourself")
      let session = try #require(near.tlsSession)
      #expect(session.version >= version)
      #expect(session.version == far.tlsSession?.version)
      #expect(!session.cipherSuite.isEmpty)
      #expect(session.peerCertificate?.subject == "CN=toro.test")
      #expect(session.peerCertificate?.der.first == 0x30)
      #expect(session.applicationProtocol == nil)
      #expect(far.tlsSession?.serverName == "toro.test")
      #expect(far.tlsSession?.peerCertificate == nil)
      #expect(!session.isResumed)
    }
  }

  @Test("Much goes both ways at once", arguments: [TLSVersion.tls12, .tls13])
  func bothWays(version: TLSVersion) throws {
    try onReactor { reactor in
      let client = try version == .tls13 ? files.client() : olderClient()
      let (near, far) = try await securePair(client: client)
      #expect(near.tlsSession?.version == version)
      // Each direction has its own bytes, in portions of all sizes, but for the last.
      let question = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
      let answer = question.reversed() as [UInt8]
      for (connection, bytes) in [(near, question), (far, answer)] {
        reactor.spawn {
          var written = 0
          while written < bytes.count {
            let rest = bytes.count - written
            let portion = rest < bytes.count / 2 ? rest : min(rest, 1 + (written &* 31) % 70_000)
            try await connection.write(Array(bytes[written..<written + portion]))
            written += portion
          }
          connection.closeWrite()
        }
      }
      let reading = reactor.spawn { try await far.readAll() }
      #expect(try await near.readAll() == answer)
      #expect(try await reading.value == question)
    }
  }

  private func olderClient() throws -> TLSContext {
    let context = try files.client()
    context.refuseVersionsAbove(.tls12)
    return context
  }

  @Test("Lines, exact counts, parts, texts and the caller's memory work as without")
  func forms() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      try await near.write([Array("one\ntw".utf8), [], Array("o\nthree".utf8)])
      #expect(try await far.readLine() == "one")
      #expect(try await far.readLine() == "two")
      #expect(try await far.read(exactly: 5) == Array("three".utf8))
      let parts = (0..<300).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0 % 7 * 1_000) }
      let writing = reactor.spawn {
        try await near.write(parts)
        try await near.write([[], []] as [[UInt8]])
        near.closeWrite()
      }
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100_000, alignment: 1)
      defer { memory.deallocate() }
      var all: [UInt8] = []
      while true {
        let count = try await far.read(into: memory)
        if count == 0 { break }
        all += memory[..<count]
      }
      #expect(all == Array(parts.joined()))
      try await writing.value
    }
  }

  @Test("A read does not miss what a step of somebody else's took from the socket")
  func stolenReadiness() throws {
    try onReactor { reactor in
      let listener = try loopback(tls: files.server())
      let client = try files.client()
      let accepting = reactor.spawn { try await listener.accept() }
      let reading = reactor.spawn {
        let far = try #require(try await accepting.value)
        return try await far.read(exactly: 4)
      }
      let near = try await Connection.connect(to: listener.localAddress, tls: client, serverName: "toro.test")
      try await near.write("data")
      // The server's read waits for the client's last word, which has come along with the data; but first a flush looks.
      let layer = try #require(try await accepting.value?.socket.layer as? TLSLayer)
      _ = layer.send(UnsafeRawBufferPointer(start: nil, count: 0))
      #expect(try await reading.value == Array("data".utf8))
    }
  }

  @Test("A file is written by way of this process")
  func fileTransfer() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let file = fileno(tmpfile())
      #expect(content.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == content.count)
      let writing = reactor.spawn {
        try await near.write("file: ")
        #expect(try await near.write(contentsOf: file, from: 10, count: 20) == 20)
        #expect(try await near.write(contentsOf: file) == content.count)
        #expect(try await near.write(contentsOf: file, from: content.count + 5, count: 3) == 0)
        near.closeWrite()
      }
      #expect(try await far.readAll() == Array("file: ".utf8) + content[10..<30] + content)
      try await writing.value
      let error = await #expect(throws: SocketError.self) { try await far.write(contentsOf: -1) }
      #expect(error?.errno == EBADF)
      close(file)
    }
  }

  @Test("A read that is cancelled or times out loses no byte")
  func cancelledReads() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      await #expect(throws: TimeoutError.self) { try await far.read(deadline: soon(10)) }
      let reading = reactor.spawn { try await far.read(exactly: 4) }
      await reactor.yield()
      try await near.write("ab")
      try await reactor.sleep(for: .milliseconds(10))
      reading.cancel()
      await #expect(throws: CancellationError.self) { try await reading.value }
      try await near.write("cd")
      #expect(try await far.read(exactly: 4) == Array("abcd".utf8))
    }
  }

  @Test("A write that is cancelled or times out leaves a stream that can be gone on with, or at least read")
  func cancelledWrites() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      let block = [UInt8](repeating: 1, count: 300_000)
      await #expect(throws: TimeoutError.self) {
        for _ in 0..<1_000 { try await near.write(block, deadline: soon(10)) }
      }
      // What was cut off was cut between records: other bytes may follow.
      let writing = reactor.spawn {
        try await near.write([2, 3, 4])
        near.closeWrite()
      }
      let all = try await far.readAll()
      #expect(Array(all.suffix(3)) == [2, 3, 4])
      #expect(all.dropLast(3).allSatisfy { $0 == 1 })
      try await writing.value
    }
  }

  // MARK: Marks and time

  @Test("A peer that never reads makes writers wait; no more is held than the high mark and a record")
  func marks() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      near.waterMarks = WaterMarks(low: 20_000, high: 50_000)
      var written = 0
      var most = 0
      await #expect(throws: TimeoutError.self) {
        while true {
          try await near.write([UInt8](repeating: 1, count: 7_000), deadline: soon(50))
          written += 7_000
          most = max(most, near.unsentCount)
        }
      }
      #expect(most > 0 && most <= 50_000)
      let unsent = near.unsentCount
      #expect(unsent <= 50_000 + 17_000)
      var received = 0
      while received < written { received += try await far.read(deadline: soon(5_000)).count }
      try await near.flush(deadline: soon(5_000))
      #expect(near.unsentCount == 0)
    }
  }

  @Test("With a high mark of zero a write returns when the system has taken all of it")
  func writeThrough() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      near.waterMarks = WaterMarks(low: 0, high: 0)
      await #expect(throws: TimeoutError.self) {
        while true {
          try await near.write([UInt8](repeating: 1, count: 10_000), deadline: soon(20))
          #expect(near.unsentCount == 0)
        }
      }
      withExtendedLifetime(far) {}
    }
  }

  @Test("A connection's deadline and its idle time bound reads and writes")
  func limits() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      near.idleTimeout = .milliseconds(20)
      await #expect(throws: TimeoutError.self) { try await near.read() }
      near.idleTimeout = nil
      near.deadline = soon(20)
      await #expect(throws: TimeoutError.self) { try await near.read() }
      await #expect(throws: TimeoutError.self) {
        while true { try await near.write([UInt8](repeating: 1, count: 100_000)) }
      }
      withExtendedLifetime(far) {}
    }
  }

  // MARK: Ending

  @Test(
    "After closeWrite the peer is at the end, and the other direction goes on", arguments: [TLSVersion.tls12, .tls13])
  func halfClose(version: TLSVersion) throws {
    try onReactor { reactor in
      let client = try version == .tls13 ? files.client() : olderClient()
      let (near, far) = try await securePair(client: client)
      try await near.write("question")
      near.closeWrite()
      #expect(try await far.readAll() == Array("question".utf8))
      #expect(try await far.read() == [])
      let answer = [UInt8](repeating: 7, count: 500_000)
      let writing = reactor.spawn {
        try await far.write(answer)
        far.closeWrite()
      }
      #expect(try await near.readAll() == answer)
      try await writing.value
      let error = await #expect(throws: SocketError.self) { try await near.write("more") }
      #expect(error?.errno == EPIPE)
    }
  }

  @Test("Closed, or dropped, a connection sends what was written, then its last word", arguments: [true, false])
  func closingSends(dropped: Bool) throws {
    try onReactor { reactor in
      var (near, far): (Connection?, Connection) = try await securePair()
      var written = 0
      while near!.unsentCount == 0 {
        try await near!.write([UInt8](repeating: 5, count: 10_000))
        written += 10_000
      }
      let socket = near!.socket
      // The server's tickets for later sessions, which nobody has asked to read. Left there, they would have the system cut
      // the connection rather than close it.
      var unread: UInt8 = 0
      #expect(recv(socket.descriptor, &unread, 1, Int32(MSG_PEEK)) == 1)
      if dropped {
        near = nil
      } else {
        near!.close()
        await #expect(throws: ClosedError.self) { try await near!.write("more") }
        await #expect(throws: ClosedError.self) { try await near!.read() }
      }
      #expect(try await far.readAll().count == written)
      await reactor.yield()
      #expect(socket.descriptor == -1)
    }
  }

  @Test("A connection cut without a last word is told apart from one that ended", arguments: [true, false])
  func truncation(afterData: Bool) throws {
    try onReactor { _ in
      let (near, far) = try await securePair()
      if afterData { try await near.write("half of wh") }
      // What somebody in between could do: end the TCP connection in order.
      shutdown(near.socket.descriptor, Int32(SHUT_WR))
      if afterData { #expect(try await far.read(exactly: 10) == Array("half of wh".utf8)) }
      let error = await #expect(throws: TLSError.self) { try await far.read() }
      #expect(error?.isTruncation == true)
      // Also later, and for whoever reads lines.
      await #expect(throws: TLSError.self) { try await far.readLine() }
    }
  }

  @Test("A reset is one over TLS too")
  func reset() throws {
    try onReactor { _ in
      let (near, far) = try await securePair()
      near.reset()
      let error = await #expect(throws: SocketError.self) { try await far.read() }
      #expect(error?.isReset == true)
      #expect(error?.address == far.peerAddress)
      await #expect(throws: (any Error).self) { for _ in 0..<10 { try await far.write("to nobody") } }
    }
  }

  @Test("closeRead is the end for reads, and writing goes on")
  func closeRead() throws {
    try onReactor { _ in
      let (near, far) = try await securePair()
      far.closeRead()
      #expect(try await far.read() == [])
      try await far.write("said")
      #expect(try await near.read(exactly: 4) == Array("said".utf8))
    }
  }

  @Test("Many connections at once, from tasks on and off the reactor")
  func many() throws {
    try onReactor { reactor in
      let listener = try loopback(tls: files.server())
      let serving = reactor.spawn {
        for try await connection in listener {
          reactor.spawn {
            while let line = try await connection.readLine() { try await connection.write("\(line)!\n") }
          }
        }
      }
      let client = try files.client()
      let answers = try await withThrowingTaskGroup(of: String?.self) { group in
        for number in 0..<40 {
          group.addTask {
            let connection = try await Connection.connect(
              to: listener.localAddress, tls: client, serverName: "toro.test", on: reactor)
            try await connection.write("\(number)\n")
            return try await connection.readLine()
          }
          group.addTask(executorPreference: nil) {
            let connection = try await Connection.connect(
              to: listener.localAddress, tls: client, serverName: "toro.test", on: reactor)
            try await connection.write("far \(number)\n")
            return try await connection.readLine()
          }
        }
        return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
      }
      #expect(answers == Set((0..<40).flatMap { ["\($0)!", "far \($0)!"] }))
      listener.close()
      try await serving.value
    }
  }

  @Test("Over a Unix socket, with a name that is given")
  func unixSocket() throws {
    try onReactor { reactor in
      let listener = try Listener(unixPath: "@toro-tls-\(getpid())", options: .init { $0.tls = try? files.server() })
      let serving = reactor.spawn {
        let connection = try #require(try await listener.accept())
        try await connection.write("inside")
        connection.close()
      }
      let client = try files.client()
      let error = await #expect(throws: TLSError.self) {
        try await Connection.connect(to: listener.localAddress, tls: client)
      }
      #expect(error?.kind == .configuration)
      // (That one was in the backlog.)
      _ = try? await serving.value
      let again = reactor.spawn {
        let connection = try #require(try await listener.accept())
        try await connection.write("inside")
        connection.close()
      }
      let near = try await Connection.connect(to: listener.localAddress, tls: client, serverName: "toro.test")
      #expect(try await near.readAll() == Array("inside".utf8))
      try await again.value
    }
  }
}

/// Names are looked up and verified in one call.
@Suite("TLS: connecting by name")
struct TLSNameTests {
  @Test("The server's certificate has to be for the name that was connected to, or for the one that is given")
  func byName() throws {
    try onReactor { reactor in
      let listener = try loopback(tls: try files.server())
      let port = listener.localAddress.port
      let serving = reactor.spawn {
        try await listener.serve { try await $0.write("inside") }
      }
      let client = try files.client()
      let endpoint = try Endpoint("localhost:\(port)")
      let near = try await Connection.connect(
        to: endpoint, tls: client, serverName: "toro.test", options: .init { $0.family = .ipv4 },
        deadline: .after(.seconds(20)))
      #expect(try await near.readAll() == Array("inside".utf8))
      let byAddress = try await Connection.connect(toHost: "127.0.0.1", port: port, tls: client)
      #expect(try await byAddress.readAll() == Array("inside".utf8))
      let error = await #expect(throws: TLSError.self) {
        try await Connection.connect(toHost: "localhost", port: port, tls: client, options: .init { $0.family = .ipv4 })
      }
      #expect(error?.kind == .certificate(.wrongHost))
      #expect("\(error.map { "\($0)" } ?? "")".contains("localhost"))
      listener.close()
      try await serving.value
    }
  }
}

/// What was agreed on once need not be agreed on again.
@Suite("TLS: resumption")
struct TLSResumptionTests {
  /// Connects, exchanges a line, ends in order, and says whether an earlier session was resumed.
  private func visit(
    _ listener: Listener, as client: TLSContext, serverName: String? = "toro.test"
  ) async throws -> TLSSession {
    let serving = Reactor.current.spawn {
      let far = try #require(try await listener.accept())
      try await far.write("hello\n")
      #expect(try await far.read() == [])
      far.closeWrite()
    }
    let near = try await Connection.connect(
      to: listener.localAddress, tls: client, serverName: serverName, deadline: .after(.seconds(20)))
    #expect(try await near.readLine() == "hello")
    near.closeWrite()
    #expect(try await near.read() == [])
    try await serving.value
    return try #require(near.tlsSession)
  }

  @Test("The next connection to the same server resumes the session", arguments: [TLSVersion.tls12, .tls13])
  func resumes(version: TLSVersion) throws {
    try onReactor { _ in
      let listener = try loopback(tls: try files.server())
      let client = try files.client()
      if version == .tls12 { client.refuseVersionsAbove(.tls12) }
      let sessions = try await [
        visit(listener, as: client), visit(listener, as: client), visit(listener, as: client),
      ]
      #expect(sessions.map(\.isResumed) == [false, true, true])
      #expect(sessions.map(\.version) == [version, version, version])
      // Who it is, is known all the same.
      #expect(sessions.map(\.peerCertificate?.subject) == [String?](repeating: "CN=toro.test", count: 3))
    }
  }

  @Test("A session is not resumed with another name, another port, another context, or where that is not wanted")
  func resumesNothingElse() throws {
    try onReactor { _ in
      let server = try files.server()
      let (first, second) = (try loopback(tls: server), try loopback(tls: server))
      let client = try files.client { $0.serverVerification = .withoutName }
      #expect(try await !visit(first, as: client).isResumed)
      #expect(try await !visit(first, as: client, serverName: "other.test").isResumed)
      #expect(try await !visit(second, as: client).isResumed)
      #expect(try await !visit(first, as: files.client()).isResumed)
      #expect(try await visit(first, as: client, serverName: "TORO.test").isResumed)
      let forgetful = try files.client { $0.resumesSessions = false }
      #expect(try await !visit(first, as: forgetful).isResumed)
      #expect(try await !visit(first, as: forgetful).isResumed)
    }
  }

  @Test("A server that knows nothing of the session does the whole handshake, and verifies as ever")
  func unknownSession() throws {
    try onReactor { _ in
      let first = try loopback(tls: try files.server())
      let client = try files.client()
      #expect(try await !visit(first, as: client).isResumed)
      let address = first.localAddress
      first.close()
      // Another process, as it were, at the same place: with other keys, then with a certificate for another name.
      let second = try Listener(at: address, options: .init { $0.tls = try? files.server() })
      #expect(try await !visit(second, as: client).isResumed)
      second.close()
      let third = try Listener(at: address, options: .init { $0.tls = try? files.server("second") })
      let error = await #expect(throws: TLSError.self) { try await visit(third, as: client) }
      #expect(error?.kind == .certificate(.wrongHost))
    }
  }
}

/// From plain text to TLS, on an existing connection.
@Suite("TLS: upgrades")
struct TLSUpgradeTests {
  @Test("A connection goes on in TLS, in either role, after words in plain text")
  func upgrade() throws {
    try onReactor { reactor in
      let (near, far) = try await connectedPair()
      let (client, server) = (try files.client(), try files.server())
      let serving = reactor.spawn {
        #expect(try await far.readLine() == "STARTTLS")
        try await far.write("go ahead\n")
        let session = try await far.startTLS(server)
        #expect(session.serverName == "toro.test")
        while let line = try await far.readLine() { try await far.write("secret \(line)\n") }
        far.closeWrite()
      }
      try await near.write("STARTTLS\n")
      #expect(try await near.readLine() == "go ahead")
      let session = try await near.startTLS(client, serverName: "toro.test")
      #expect(session == near.tlsSession)
      try await near.write("word\n")
      #expect(try await near.readLine() == "secret word")
      near.closeWrite()
      #expect(try await near.read() == [])
      try await serving.value
    }
  }

  @Test("The connected server may be the client of TLS, and what was held goes first in plain text")
  func reversedRoles() throws {
    try onReactor { reactor in
      let (near, far) = try await connectedPair()
      try near.setSystemBuffers(sending: 4_096)
      var plain = 0
      while near.unsentCount == 0 {
        try await near.write([UInt8](repeating: 9, count: 10_000))
        plain += 10_000
      }
      let count = plain
      let (client, server) = (try files.client(), try files.server())
      let other = reactor.spawn {
        #expect(try await far.read(exactly: count)?.allSatisfy { $0 == 9 } == true)
        try await far.startTLS(client, serverName: "toro.test")
        try await far.write("done")
      }
      try await near.startTLS(server)
      #expect(try await near.read(exactly: 4) == Array("done".utf8))
      try await other.value
    }
  }

  @Test("What was slipped in before the handshake is not taken for what the peer says in TLS")
  func injection() throws {
    try onReactor { reactor in
      let (near, far) = try await connectedPair()
      let server = try files.server()
      try await near.write("STARTTLS\nDELETE everything\n")
      #expect(try await far.readLine() == "STARTTLS")
      let error = await #expect(throws: TLSError.self) { try await far.startTLS(server) }
      #expect(error?.kind == .handshake)
      #expect(far.isClosed)
    }
  }

  @Test("A hello that came along with the plain text is part of the handshake")
  func pipelinedHello() throws {
    try onReactor { reactor in
      let (near, far) = try await connectedPair()
      let (client, server) = (try files.client(), try files.server())
      let serving = reactor.spawn {
        try await reactor.sleep(for: .milliseconds(50))  // so that both have come
        #expect(try await far.readLine() == "STARTTLS")
        try await far.startTLS(server)
        try await far.write("secret")
      }
      try await near.write("STARTTLS\n")
      try await near.startTLS(client, serverName: "toro.test")
      #expect(try await near.read(exactly: 6) == Array("secret".utf8))
      try await serving.value
    }
  }

  @Test("A handshake that is cancelled or is late closes the connection")
  func cancelled() throws {
    try onReactor { reactor in
      let client = try files.client()
      let (near, far) = try await connectedPair()
      let starting = reactor.spawn { try await near.startTLS(client, serverName: "toro.test") }
      await reactor.yield()
      starting.cancel()
      await #expect(throws: CancellationError.self) { try await starting.value }
      #expect(near.isClosed)
      let (late, other) = try await connectedPair()
      await #expect(throws: TimeoutError.self) {
        try await late.startTLS(client, serverName: "toro.test", deadline: soon(20))
      }
      #expect(late.isClosed)
      await #expect(throws: ClosedError.self) { try await late.startTLS(client, serverName: "toro.test") }
      withExtendedLifetime((far, other)) {}
    }
  }

  @Test("Misuse stops with a message")
  func misuse() async {
    _ = files
    await #expect(processExitsWith: .failure) {
      try onReactor { _ in
        let (near, _) = try await connectedPair()
        try await near.handshake()
      }
    }
    await #expect(processExitsWith: .failure) {
      try onReactor { _ in
        let (near, _) = try await securePair()
        try await near.startTLS(try Certificates.shared.client(), serverName: "toro.test")
      }
    }
    await #expect(processExitsWith: .failure) {
      try onReactor { reactor in _ = try loopback(tls: Certificates.shared.client()) }
    }
  }
}
#endif
