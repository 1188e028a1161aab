#if TLS
import Glibc
import Testing
import Toro

@testable import ToroNet

private var files: Certificates { Certificates.shared }

/// Who is believed, and what is agreed on.
@Suite("TLS: handshakes")
struct TLSHandshakeTests {
  private func problem(
    _ server: String, _ serverName: String? = "toro.test", _ change: (inout TLSConfiguration) -> Void = { _ in }
  ) async throws -> TLSError? {
    let errors = try await handshakeErrors(
      server: files.server(server), client: files.client(change), serverName: serverName)
    if let error = errors.client as? TLSError {
      // The server hears of the refusal.
      #expect((errors.server as? TLSError)?.kind == .refusedByPeer, "\(String(describing: errors.server))")
      return error
    }
    #expect(errors.client == nil, "\(errors)")
    #expect(errors.server == nil, "\(errors)")
    return nil
  }

  @Test("A good certificate is believed for its names, wildcards and addresses")
  func goodCertificates() throws {
    try onReactor { (_) async throws in
      for name in ["toro.test", "TORO.test", "toro.test.", "a.wild.test", "127.0.0.1", "::1", nil] {
        #expect(try await problem("good", name) == nil, "\(name ?? "the address")")
      }
      #expect(try await problem("chain") == nil)
    }
  }

  @Test("A bad certificate is refused, and the error says why")
  func badCertificates() throws {
    try onReactor { (_) async throws in
      let expired = try await problem("expired")
      #expect(expired?.kind == .certificate(.expired))
      #expect(expired?.description == "TLS: the peer's certificate is refused: certificate has expired")
      let wrong = try await problem("good", "elsewhere.test")
      #expect(wrong?.kind == .certificate(.wrongHost))
      #expect(wrong?.description.hasSuffix(#"it is not for "elsewhere.test""#) == true)
      #expect(try await problem("good", "127.0.0.2")?.kind == .certificate(.wrongHost))
      #expect(try await problem("good", "a.b.wild.test")?.kind == .certificate(.wrongHost))
      // The address that was connected to is the name, if none is given.
      #expect(try await problem("nameonly", nil)?.kind == .certificate(.wrongHost))
      #expect(try await problem("self")?.kind == .certificate(.selfSigned))
      #expect(try await problem("leaf")?.kind == .certificate(.unknownIssuer))
      let strange = try await problem("good") {
        $0.trustRoots = .certificates(.file(files.path("other-ca.pem")))
      }
      #expect(strange?.kind == .certificate(.unknownIssuer))
      #expect(try await problem("good") { $0.trustRoots = .system }?.kind == .certificate(.unknownIssuer))
    }
  }

  @Test("What is verified can be chosen")
  func verification() throws {
    try onReactor { (_) async throws in
      #expect(try await problem("good", "elsewhere.test") { $0.serverVerification = .withoutName } == nil)
      #expect(try await problem("good", "127.0.0.2") { $0.serverVerification = .withoutName } == nil)
      #expect(
        try await problem("expired") { $0.serverVerification = .withoutName }?.kind == .certificate(.expired))
      for name in ["expired", "self", "leaf"] {
        #expect(try await problem(name, "elsewhere.test") { $0.serverVerification = .none } == nil)
      }
      // A self-signed certificate can be trusted by itself.
      #expect(try await problem("self") { $0.trustRoots = .certificates(.file(files.path("self.pem"))) } == nil)
    }
  }

  @Test("Client certificates are required, asked for, or not asked for", arguments: [TLSVersion.tls12, .tls13])
  func clientCertificates(version: TLSVersion) throws {
    try onReactor { (_) async throws in
      func attempt(
        _ wanted: TLSConfiguration.ClientCertificates, _ shown: String?
      ) async throws -> (client: (any Error)?, server: (any Error)?) {
        let server = try files.server {
          $0.clientCertificates = wanted
          $0.trustRoots = .certificates(.file(files.path("ca.pem")))
        }
        let client = try files.client { $0.identity = shown.map { files.identity($0) } }
        if version == .tls12 { client.refuseVersionsAbove(.tls12) }
        return try await handshakeErrors(server: server, client: client)
      }
      for (wanted, shown) in [
        (TLSConfiguration.ClientCertificates.none, nil), (.none, "stranger"), (.optional, nil), (.optional, "client"),
        (.required, "client"),
      ] as [(TLSConfiguration.ClientCertificates, String?)] {
        let errors = try await attempt(wanted, shown)
        #expect(errors.client == nil && errors.server == nil, "\(wanted) \(shown ?? "-"): \(errors)")
      }
      let missing = try await attempt(.required, nil)
      #expect((missing.server as? TLSError)?.kind == .certificate(.missing))
      #expect((missing.client as? TLSError)?.kind == .refusedByPeer)
      for wanted in [TLSConfiguration.ClientCertificates.optional, .required] {
        let strange = try await attempt(wanted, "stranger")
        #expect((strange.server as? TLSError)?.kind == .certificate(.unknownIssuer))
        #expect((strange.client as? TLSError)?.kind == .refusedByPeer)
      }
      let server = try files.server {
        $0.clientCertificates = .required
        $0.trustRoots = .certificates(.file(files.path("ca.pem")))
      }
      let client = try files.client { $0.identity = files.identity("client") }
      let (near, far) = try await securePair(server: server, client: client)
      #expect(far.tlsSession?.peerCertificate?.subject == "CN=a client,O=Toro")
      withExtendedLifetime(near) {}
    }
  }

  @Test("The server's preferred protocol among those offered is agreed on; with none in common the client is refused")
  func applicationProtocols() throws {
    try onReactor { (_) async throws in
      func agreed(_ server: [String], _ client: [String]) async throws -> String? {
        let (near, far) = try await securePair(
          server: files.server { $0.applicationProtocols = server },
          client: files.client { $0.applicationProtocols = client })
        #expect(near.tlsSession?.applicationProtocol == far.tlsSession?.applicationProtocol)
        return near.tlsSession?.applicationProtocol
      }
      #expect(try await agreed(["h2", "http/1.1"], ["http/1.1", "h2"]) == "h2")
      #expect(try await agreed(["h2", "http/1.1"], ["http/1.1"]) == "http/1.1")
      #expect(try await agreed(["h2"], []) == nil)
      #expect(try await agreed([], ["h2"]) == nil)
      let errors = try await handshakeErrors(
        server: files.server { $0.applicationProtocols = ["h2"] },
        client: files.client { $0.applicationProtocols = ["spdy/3"] })
      #expect((errors.server as? TLSError)?.kind == .handshake)
      #expect((errors.client as? TLSError)?.kind == .refusedByPeer)
      #expect("\(try #require(errors.client))".contains("no application protocol"))
    }
  }

  @Test("A server chooses its context by the name that is asked for")
  func serverNames() throws {
    try onReactor { (_) async throws in
      let second = try files.server("second") { $0.applicationProtocols = ["second"] }
      let server = try files.server {
        $0.applicationProtocols = ["first"]
        $0.contextForServerName = { $0 == "second.test" ? second : nil }
      }
      let client = try files.client { $0.applicationProtocols = ["first", "second"] }
      for (name, expected) in [("second.test", "second"), ("toro.test", "first")] {
        let (near, far) = try await securePair(server: server, client: client, serverName: name)
        #expect(near.tlsSession?.peerCertificate?.subject == "CN=\(name)")
        #expect(near.tlsSession?.applicationProtocol == expected)
        #expect(far.tlsSession?.serverName == name)
      }
      // An address is not asked for.
      let (_, far) = try await securePair(server: server, client: client, serverName: "127.0.0.1")
      #expect(far.tlsSession?.serverName == nil)
    }
  }

  @Test("Who says hello twice finds what was chosen at first, though nobody else has the context any more")
  func helloTwice() throws {
    try onReactor { (_) async throws in
      let second = try files.server("second")
      let asked = Shared(0)
      let client = try files.client()
      client.limitGroups(to: "P-256:X25519")
      /// Accepts a connection, and lets go of the listener and its context.
      func accept() async throws -> (Connection, Task<Connection, any Error>) {
        let server = try files.server {
          $0.contextForServerName = { _ in
            asked.value += 1
            return second
          }
        }
        server.limitGroups(to: "X25519")  // the client's key is of no use: it is asked for another
        let listener = try loopback(tls: server)
        let address = listener.localAddress
        let connecting = Reactor.current.spawn {
          try await Connection.connect(
            to: address, tls: client, serverName: "second.test", deadline: .after(.seconds(20)))
        }
        defer { listener.close() }
        return (try #require(try await listener.accept()), connecting)
      }
      let (far, connecting) = try await accept()
      let session = try await far.handshake()
      #expect(session.serverName == "second.test" && asked.value == 1)
      #expect(try await connecting.value.tlsSession?.peerCertificate?.subject == "CN=second.test")
      far.close()
    }
  }

  @Test("A version below the minimum is refused by either end")
  func minimumVersion() throws {
    try onReactor { (_) async throws in
      let old = try files.client()
      old.refuseVersionsAbove(.tls12)
      let strict = try files.server { $0.minimumVersion = .tls13 }
      let byServer = try await handshakeErrors(server: strict, client: old)
      #expect((byServer.server as? TLSError)?.kind == .handshake)
      #expect((byServer.client as? TLSError)?.kind == .refusedByPeer)
      let oldServer = try files.server()
      oldServer.refuseVersionsAbove(.tls12)
      let byClient = try await handshakeErrors(
        server: oldServer, client: files.client { $0.minimumVersion = .tls13 })
      #expect(byClient.client is TLSError)
      #expect(byClient.server is TLSError)
    }
  }

  @Test("A client's session is resumed by its ticket, but not where it has to show a certificate")
  func tickets() async throws {
    try onReactor { (_) async throws in
      for (asksForCertificates, expected) in [(false, "Reused"), (true, "New")] {
        let server = try files.server {
          if asksForCertificates {
            $0.clientCertificates = .optional
            $0.trustRoots = .certificates(.file(files.path("ca.pem")))
          }
        }
        let listener = try loopback(tls: server)
        let serving = Reactor.current.spawn {
          for try await connection in listener {
            try? await connection.write("hello\n")
            connection.closeWrite()
            _ = try? await connection.read(deadline: soon(5_000))
            connection.close()
          }
        }
        let ticket = files.path("ticket-\(asksForCertificates)")
        let command = "openssl s_client -connect 127.0.0.1:\(listener.port) -CAfile \(files.path("ca.pem")) -ign_eof"
        _ = try await shell("\(command) -sess_out \(ticket) </dev/null")
        let output = try await shell("\(command) \(asksForCertificates ? "" : "-sess_in \(ticket)") </dev/null")
        #expect(output.contains("\(expected), TLSv1.3"), "\(output)")
        listener.close()
        try await serving.value
      }
    }
  }
}

/// What cannot be used is told when the context is made.
@Suite("TLS: configurations")
struct TLSConfigurationTests {
  private func failure(_ make: () throws -> TLSContext) -> String {
    do {
      _ = try make()
      return "none"
    } catch let error as TLSError {
      #expect(error.kind == .configuration)
      return error.description
    } catch {
      return "\(error)"
    }
  }

  private func server(_ chain: TLSConfiguration.PEM, _ key: TLSConfiguration.PEM, _ password: String? = nil) -> String {
    failure { try TLSContext(.server(certificateChain: chain, privateKey: key, password: password)) }
  }

  @Test("A file that is missing, unreadable or of another kind is named, and what to do is said")
  func badFiles() throws {
    let (good, key) = (files.path("good.pem"), files.path("good.key"))
    #expect(
      server(.file("/nonexistent.pem"), .file(key))
        == #"TLS: certificate chain "/nonexistent.pem" cannot be read: No such file or directory; give the path of a PEM file that this process may read"#
    )
    #expect(
      server(.file(good), .file("/nonexistent.key")).hasPrefix(
        #"TLS: private key "/nonexistent.key" cannot be read: "#))
    #expect(server(.file("/tmp"), .file(key)).contains("Is a directory"))
    #expect(
      server(.file(files.path("text.pem")), .file(key)).hasSuffix(
        "has no certificate: PEM text is needed, with -----BEGIN CERTIFICATE-----"))
    #expect(server(.file(files.path("damaged.pem")), .file(key)).contains("certificate 1 is damaged: "))
    #expect(
      server(.file(good), .file(good)).hasSuffix("has no key: PEM text is needed, with -----BEGIN PRIVATE KEY-----"))
    #expect(
      server(.bytes([]), .file(key))
        == "TLS: certificate chain given as bytes has no certificate: PEM text is needed, with -----BEGIN CERTIFICATE-----"
    )
    #expect(server(.file(good), .bytes(Array("x".utf8))).hasPrefix("TLS: private key given as bytes has no key"))
  }

  @Test("A key that belongs to another certificate, or is locked, is told")
  func badKeys() throws {
    let good = files.path("good.pem")
    #expect(
      server(.file(good), .file(files.path("client.key"))).contains(
        "does not fit the first certificate of the certificate chain"))
    let locked = TLSConfiguration.PEM.file(files.path("locked.key"))
    #expect(server(.file(good), locked).hasSuffix("is encrypted: give its password"))
    #expect(server(.file(good), locked, "wrong").hasSuffix("is encrypted, and this password is not its own"))
    #expect(server(.file(good), locked, "secret") == "none")
  }

  @Test("Certificates and keys may be given as bytes")
  func bytes() throws {
    let chain = TLSConfiguration.PEM.bytes(try TLSConfiguration.PEM.file(files.path("chain.pem")).read(""))
    let key = TLSConfiguration.PEM.bytes(try TLSConfiguration.PEM.file(files.path("leaf.key")).read(""))
    let roots = TLSConfiguration.PEM.bytes(try TLSConfiguration.PEM.file(files.path("ca.pem")).read(""))
    let server = try TLSContext(.server(certificateChain: chain, privateKey: key))
    let client = try files.client { $0.trustRoots = .certificates(roots) }
    try onReactor { (_) async throws in
      let (near, far) = try await securePair(server: server, client: client)
      #expect(near.tlsSession != nil && far.tlsSession != nil)
    }
  }

  @Test("Other parts that make no sense are refused")
  func otherParts() throws {
    #expect(failure { try files.server { $0.identity = nil } } == "TLS: a server needs a certificate: set identity")
    #expect(
      failure { try files.server { $0.clientCertificates = .required } }
        == "TLS: clientCertificates: say in trustRoots whose are believed")
    #expect(failure { try files.client { $0.applicationProtocols = [""] } }.contains("1 to 255 bytes"))
    #expect(
      failure { try files.client { $0.applicationProtocols = [String(repeating: "x", count: 256)] } }
        .contains("1 to 255 bytes"))
    #expect(failure { try files.client { $0.handshakeTimeout = .zero } }.contains("more than zero"))
    #expect(
      failure { try files.client { $0.trustRoots = .certificates(.file("/nonexistent")) } }
        .hasPrefix(#"TLS: trust roots "/nonexistent" cannot be read"#))
  }

  @Test("A server's name that is none is refused before anything is sent")
  func badServerNames() throws {
    try onReactor { _ in
      let (near, far) = try await connectedPair()
      for name in ["", ".", "a\0b", String(repeating: "x", count: 256)] {
        let error = await #expect(throws: TLSError.self) {
          try await near.startTLS(files.client(), serverName: name)
        }
        #expect(error?.kind == .configuration)
        #expect(!near.isClosed)
      }
      withExtendedLifetime(far) {}
    }
  }
}
#endif
