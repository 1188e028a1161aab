#if TLS
import Glibc
import Testing
import Toro

@testable import ToroNet

private var files: Certificates { Certificates.shared }

/// With programs of others at the other end.
@Suite("TLS: tools")
struct TLSToolTests {
  /// Answers each line with `got` and the line, until the client ends.
  private func serve(_ listener: Listener) -> Task<Void, any Error> {
    Reactor.current.spawn {
      for try await connection in listener {
        Reactor.current.spawn {
          do {
            while let line = try await connection.readLine(deadline: soon(20_000)) {
              try await connection.write("got \(line)\n")
            }
          } catch {}
          connection.close()
        }
      }
    }
  }

  private func connect(_ listener: Listener, _ arguments: String = "") throws -> Tool {
    try Tool("openssl s_client -connect 127.0.0.1:\(listener.port) \(arguments)")
  }

  @Test("openssl s_client talks to a listener, in both versions", arguments: ["-tls1_2", "-tls1_3"])
  func sClient(version: String) throws {
    try onReactor { _ in
      let listener = try loopback(tls: files.server("chain") { $0.applicationProtocols = ["echo"] })
      let serving = serve(listener)
      let tool = try connect(
        listener,
        """
        \(version) -alpn echo -CAfile \(files.path("ca.pem")) -verify_return_error -verify_hostname toro.test \
        -servername toro.test
        """)
      for word in ["one", "two"] {
        try await tool.write("\(word)\n")
        try await tool.expect("got \(word)")
      }
      let output = try await tool.end()
      for expected in ["ALPN protocol: echo", "Verify return code: 0 (ok)", "Compression: NONE"] {
        #expect(output.contains(expected), "\(output)")
      }
      listener.close()
      try await serving.value
    }
  }

  @Test(
    "A session is resumed under the name that it was begun with, and by the rules of no other",
    arguments: ["-tls1_2", "-tls1_3"])
  func resumptionAcrossNames(version: String) throws {
    try onReactor { _ in
      let guarded = try files.server("second") {
        $0.clientCertificates = .required
        $0.trustRoots = .certificates(.file(files.path("ca.pem")))
      }
      let listener = try loopback(
        tls: files.server { $0.contextForServerName = { $0 == "second.test" ? guarded : nil } })
      let serving = serve(listener)
      let session = files.path("session-of-\(getpid())\(version)")
      defer { unlink(session) }
      /// What s_client says, and whether it was served.
      func visit(_ name: String, _ arguments: String) async throws -> (isServed: Bool, isResumed: Bool) {
        let tool = try connect(listener, "\(version) -servername \(name) \(arguments)")
        try? await tool.write("hello\n")
        let isServed = (try? await tool.says("got hello")) == true
        let output = try await tool.end()
        return (isServed, output.contains("Reused, "))
      }
      let certificate = "-cert \(files.path("client.pem")) -key \(files.path("client.key"))"
      #expect(try await visit("toro.test", "-sess_out \(session)") == (true, false))
      #expect(try await visit("toro.test", "-sess_in \(session)") == (true, true))
      #expect(try await visit("toro.test", "-sess_out \(session)") == (true, false))
      #expect(try await visit("second.test", "-sess_in \(session)") == (false, false))
      // A certificate is asked for anew each time.
      #expect(try await visit("second.test", "\(certificate) -sess_out \(session)") == (true, false))
      #expect(try await visit("second.test", "-sess_in \(session)") == (false, false))
      listener.close()
      try await serving.value
    }
  }

  @Test("The context that a name has chosen refuses versions below its own minimum")
  func minimumVersionByName() throws {
    try onReactor { _ in
      let modern = try files.server("second") { $0.minimumVersion = .tls13 }
      let listener = try loopback(
        tls: files.server { $0.contextForServerName = { $0 == "second.test" ? modern : nil } })
      let serving = serve(listener)
      for (name, version, isServed) in [
        ("toro.test", "-tls1_2", true), ("second.test", "-tls1_2", false), ("second.test", "-tls1_3", true),
      ] {
        let tool = try connect(listener, "\(version) -servername \(name)")
        try? await tool.write("hello\n")
        #expect(((try? await tool.says("got hello")) == true) == isServed)
        _ = try await tool.end()
      }
      listener.close()
      try await serving.value
    }
  }

  @Test("A renegotiation is refused")
  func renegotiation() throws {
    try onReactor { _ in
      let listener = try loopback(tls: files.server())
      let serving = serve(listener)
      let tool = try connect(listener, "-tls1_2")
      try await tool.write("one\n")
      try await tool.expect("got one")
      // This has s_client ask for one.
      try await tool.write("R\n")
      try await tool.expect("no renegotiation")
      _ = try await tool.end()
      // The server serves on.
      let other = try connect(listener)
      try await other.write("two\n")
      try await other.expect("got two")
      _ = try await other.end()
      listener.close()
      try await serving.value
    }
  }

  @Test("Keys that a peer renews are followed, and renewed in turn")
  func keyUpdates() throws {
    try onReactor { _ in
      let listener = try loopback(tls: files.server())
      let serving = serve(listener)
      let tool = try connect(listener, "-tls1_3")
      try await tool.write("one\n")
      try await tool.expect("got one")
      // k has s_client renew its keys; K has it ask the peer to as well.
      for (command, word) in [("k", "two"), ("K", "three")] {
        try await tool.write("\(command)\n")
        try await tool.expect("KEYUPDATE")
        try await tool.write("\(word)\n")
        try await tool.expect("got \(word)")
      }
      _ = try await tool.end()
      listener.close()
      try await serving.value
    }
  }

  @Test("s_client with an expired, a stranger's and the right certificate of its own")
  func sClientCertificates() throws {
    try onReactor { _ in
      let listener = try loopback(
        tls: files.server {
          $0.clientCertificates = .required
          $0.trustRoots = .certificates(.file(files.path("ca.pem")))
        })
      let serving = serve(listener)
      func connect(as name: String) throws -> Tool {
        try self.connect(listener, "-cert \(files.path("\(name).pem")) -key \(files.path("\(name).key"))")
      }
      let right = try connect(as: "client")
      try await right.write("one\n")
      try await right.expect("got one")
      #expect(try await right.end().contains("CN = Toro tests"))  // whose certificates it asks for
      for (name, alert) in [("stranger", "unknown ca"), ("expired", "certificate expired")] {
        let wrong = try connect(as: name)
        try await wrong.expect("alert \(alert)")
        #expect(!(try await wrong.end()).contains("got one"))
      }
      listener.close()
      try await serving.value
    }
  }

  @Test("curl fetches a page, and refuses the wrong name and an expired certificate")
  func curl() throws {
    try onReactor { reactor in
      func listen(_ name: String) throws -> Listener {
        let listener = try loopback(tls: files.server(name) { $0.applicationProtocols = ["http/1.1"] })
        reactor.spawn {
          for try await connection in listener {
            reactor.spawn {
              do {
                while let line = try await connection.readLine(), !line.isEmpty {}
                let body = String(repeating: "0123456789", count: 100_000)
                try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
              } catch {}
              connection.close()
            }
          }
        }
        return listener
      }
      func fetch(_ listener: Listener, _ host: String) async throws -> String {
        try await shell(
          """
          curl -s -S --max-time 20 --cacert \(files.path("ca.pem")) --resolve \(host):\(listener.port):127.0.0.1 \
          https://\(host):\(listener.port)/
          """)
      }
      let good = try listen("good")
      #expect(try await fetch(good, "toro.test").utf8.count == 1_000_000)
      #expect(try await fetch(good, "127.0.0.1").utf8.count == 1_000_000)
      #expect(try await fetch(good, "elsewhere.test").contains("no alternative certificate subject name matches"))
      let expired = try listen("expired")
      #expect(try await fetch(expired, "toro.test").contains("certificate has expired"))
      good.close()
      expired.close()
    }
  }

  /// Runs `openssl s_server` on a port of its own while `body` runs.
  private func withServer(
    _ arguments: String, _ body: @Sendable (SocketAddress) async throws -> Void
  ) async throws {
    let tool = try Tool(
      """
      openssl s_server -accept 127.0.0.1:0 -cert \(files.path("good.pem")) -key \(files.path("good.key")) \(arguments)
      """)
    try await tool.expect("ACCEPT 127.0.0.1:")
    try await tool.expect("\n")
    let line = tool.said.split(separator: "\n").first { $0.hasPrefix("ACCEPT") } ?? ""
    let port = try #require(Int(line.split(separator: ":").last ?? ""))
    try await body(try SocketAddress(host: "127.0.0.1", port: port))
    tool.stop()
    _ = try await tool.end()
  }

  @Test("A client talks to openssl s_server, in both versions", arguments: ["-tls1_2", "-tls1_3"])
  func sServer(version: String) throws {
    try onReactor { _ in
      try await withServer("-rev \(version) -alpn spdy,echo") { address in
        let client = try files.client { $0.applicationProtocols = ["echo", "other"] }
        let near = try await Connection.connect(to: address, tls: client, serverName: "toro.test")
        #expect(near.tlsSession?.applicationProtocol == "echo")
        #expect(near.tlsSession?.version == (version == "-tls1_2" ? .tls12 : .tls13))
        for word in ["drawer", "live", "stressed"] {
          try await near.write("\(word)\n")
          #expect(try await near.readLine(deadline: soon(10_000)) == String(word.reversed()))
        }
        near.closeWrite()
        #expect(try await near.read(deadline: soon(10_000)) == [])
      }
    }
  }

  @Test("A client shows its certificate to s_server, which insists on one")
  func sServerCertificates() throws {
    try onReactor { _ in
      try await withServer("-rev -Verify 1 -verify_return_error -CAfile \(files.path("ca.pem"))") { address in
        let client = try files.client { $0.identity = files.identity("client") }
        let near = try await Connection.connect(to: address, tls: client, serverName: "toro.test")
        try await near.write("live\n")
        #expect(try await near.readLine(deadline: soon(10_000)) == "evil")
        near.close()
        for context in [try files.client(), try files.client { $0.identity = files.identity("stranger") }] {
          let error = await #expect(throws: (any Error).self) {
            let refused = try await Connection.connect(to: address, tls: context, serverName: "toro.test")
            _ = try await refused.read(deadline: soon(10_000))
          }
          // The alert, or the reset that comes with it.
          #expect((error as? TLSError)?.kind == .refusedByPeer || (error as? SocketError)?.isReset == true)
        }
      }
    }
  }
}

/// With peers that mean harm, or do not know better.
@Suite("TLS: hostile peers")
struct TLSHostileTests {
  @Test("A client that stalls in the handshake holds up itself alone, until the handshake's time is over")
  func stalled() throws {
    try onReactor { reactor in
      let listener = try loopback(tls: files.server { $0.handshakeTimeout = .milliseconds(150) })
      let ends = Queue<String>()
      let serving = reactor.spawn {
        for try await connection in listener {
          reactor.spawn {
            do {
              while let line = try await connection.readLine() { try await connection.write("\(line)!\n") }
              _ = ends.tryPut("ended")
            } catch { _ = ends.tryPut("\(error)") }
            connection.close()
          }
        }
      }
      let silent = try await Connection.connect(to: listener.localAddress)
      let halting = try await Connection.connect(to: listener.localAddress)
      try await halting.write([22, 3, 1, 2, 0, 1, 0])  // the beginning of a hello
      let near = try await Connection.connect(to: listener.localAddress, tls: files.client(), serverName: "toro.test")
      try await near.write("served\n")
      #expect(try await near.readLine() == "served!")
      #expect(try await silent.readAll() == [])
      #expect(try await halting.readAll() == [])
      // The one that shook hands lives on.
      try await near.write("still\n")
      #expect(try await near.readLine() == "still!")
      near.close()
      #expect(try await ends.get().contains("TLS handshake"))
      #expect(try await ends.get().contains("TLS handshake"))
      #expect(try await ends.get() == "ended")
      listener.close()
      try await serving.value
    }
  }

  @Test("A server that stalls, or closes, ends a connect")
  func stalledServer() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let client = try files.client { $0.handshakeTimeout = .milliseconds(30) }
      await #expect(throws: TimeoutError.self) {
        try await Connection.connect(to: listener.localAddress, tls: client, serverName: "toro.test")
      }
      await #expect(throws: TimeoutError.self) {
        try await Connection.connect(
          to: listener.localAddress, tls: files.client(), serverName: "toro.test", deadline: soon(30))
      }
      listener.close()
      let closing = try loopback()
      reactor.spawn {
        let connection = try await closing.accept()
        _ = try await connection?.read()
        connection?.closeWrite()
      }
      let error = await #expect(throws: TLSError.self) {
        try await Connection.connect(to: closing.localAddress, tls: files.client(), serverName: "toro.test")
      }
      #expect(error?.kind == .truncated)
    }
  }

  @Test("Something else than a hello is refused, and the server serves on")
  func garbage() throws {
    try onReactor { reactor in
      let listener = try loopback(tls: files.server())
      for bytes in [
        Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("SSH-2.0-x\r\n".utf8), [UInt8](repeating: 0, count: 100),
        [UInt8](repeating: 255, count: 70_000), [22, 3, 1, 0, 4, 1, 0, 0, 0],
        [22, 3, 1, 255, 255] + [UInt8](repeating: 1, count: 65_535),
        [21, 3, 3, 0, 2, 2, 40], [23, 3, 3, 0, 1, 0],
      ] {
        let near = try await Connection.connect(to: listener.localAddress)
        let sending = reactor.spawn { try? await near.write(bytes) }
        let far = try #require(try await listener.accept())
        let error = await #expect(throws: (any Error).self) { try await far.read() }
        #expect(error is TLSError, "\(bytes.prefix(10)): \(String(describing: error))")
        await #expect(throws: (any Error).self) { try await far.write("x") }
        far.close()
        near.close()
        await sending.value
      }
      // And a client that is answered by something else.
      let plain = try loopback()
      reactor.spawn { try await plain.accept()?.write("220 mail.test ESMTP\r\n") }
      let error = await #expect(throws: TLSError.self) {
        try await Connection.connect(to: plain.localAddress, tls: files.client(), serverName: "toro.test")
      }
      #expect(error?.kind == .handshake)
      #expect(error?.reason.hasPrefix("what the peer sends is not TLS") == true)
    }
  }

  @Test("Damage after the handshake ends both directions with an error")
  func damage() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      try await near.write("first\n")
      #expect(try await far.readLine() == "first")
      let forged: [UInt8] = [23, 3, 3, 0, 40] + [UInt8](repeating: 7, count: 40)
      _ = forged.withUnsafeBytes { near.socket.sendPlain($0) }
      let error = await #expect(throws: TLSError.self) { try await far.read() }
      #expect(error?.kind == .protocol)
      await #expect(throws: TLSError.self) { try await far.write("x") }
      // The other end is told.
      let told = await #expect(throws: TLSError.self) { try await near.read() }
      #expect(told?.kind == .refusedByPeer)
    }
  }

  @Test("One byte at a time is as good as many", arguments: [TLSVersion.tls12, .tls13])
  func trickle(version: TLSVersion) throws {
    try onReactor { reactor in
      let listener = try loopback(tls: files.server())
      let middle = try loopback()
      // In between stands one that passes on single bytes, both ways.
      reactor.spawn {
        let near = try #require(try await middle.accept())
        let far = try await Connection.connect(to: listener.localAddress)
        for (from, to) in [(near, far), (far, near)] {
          reactor.spawn {
            for try await chunk in from.chunks() {
              for byte in chunk {
                try await to.write([byte])
                await reactor.yield()
              }
            }
            to.closeWrite()
          }
        }
      }
      let serving = reactor.spawn {
        let connection = try #require(try await listener.accept())
        while let line = try await connection.readLine() { try await connection.write("\(line)!\n") }
        connection.closeWrite()
      }
      let client = try files.client()
      if version == .tls12 { client.refuseVersionsAbove(.tls12) }
      let near = try await Connection.connect(to: middle.localAddress, tls: client, serverName: "toro.test")
      let line = String(repeating: "x", count: 2_000)
      try await near.write("\(line)\n")
      #expect(try await near.readLine() == "\(line)!")
      near.closeWrite()
      #expect(try await near.read() == [])
      try await serving.value
    }
  }

  @Test("A peer that asks for new keys without end, and reads nothing, costs no memory")
  func keyUpdateFlood() throws {
    try onReactor { reactor in
      let (near, far) = try await securePair()
      let layer = try #require(near.socket.layer as? TLSLayer)
      try near.setSystemBuffers(sending: 4_096, receiving: 4_096)
      try far.setSystemBuffers(sending: 4_096, receiving: 4_096)
      let reading = reactor.spawn { try await far.read() }
      for _ in 0..<20_000 {
        guard layer.askForKeyUpdate() else { break }
        if near.unsentCount > 0 { await reactor.yield() }
        #expect(far.unsentCount <= TLSDescriptor.limit + 1_000)
        if near.unsentCount > 30_000 { break }
      }
      #expect(far.unsentCount <= TLSDescriptor.limit + 1_000)
      reading.cancel()
      _ = try? await reading.value
    }
  }

  @Test("Nothing is left open or waiting, whatever became of the handshakes")
  func nothingLeft() async {
    _ = files
    await #expect(processExitsWith: .success) {
      var counts: [Int] = []
      for _ in 0..<5 {
        try onReactor { reactor in
          let server = try Certificates.shared.server()
          for name in ["toro.test", "elsewhere.test"] {
            for _ in 0..<5 {
              let errors = try await handshakeErrors(
                server: server, client: Certificates.shared.client(), serverName: name)
              #expect((errors.client == nil) == (name == "toro.test"))
            }
          }
          let (near, far) = try await securePair()
          near.reset()
          _ = try? await far.read()
          let dropped = try await securePair()
          withExtendedLifetime(dropped) {}
          let listener = try loopback(tls: server)
          let silent = try await Connection.connect(to: listener.localAddress)
          let stalled = try await listener.accept()
          await #expect(throws: TimeoutError.self) { try await stalled?.handshake(deadline: soon(5)) }
          #expect(stalled?.isClosed == true)
          withExtendedLifetime(silent) {}
          await reactor.yield()
          #expect(reactor.waits.filter { $0.subject.hasPrefix("Connection") }.isEmpty)
        }
        counts.append(openDescriptorCount())
      }
      #expect(counts.last! - counts[1] < 5, "\(counts)")
    }
  }
}
#endif
