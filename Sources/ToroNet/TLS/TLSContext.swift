#if TLS
import COpenSSL
import Glibc
import Toro

/// A ``TLSConfiguration`` that is ready to be used: its files have been read, its certificates and keys fit.
///
/// Make it once, and use it for any number of connections, on any reactors. Nothing is read afterwards: a certificate that
/// was renewed takes a new context.
///
/// A server gives its clients tickets by which they resume their sessions with the same context, unless that asks them for
/// certificates, which it looks at anew each time; it keeps none itself. A client keeps those that it is given for its next
/// connection to the same name and port (``TLSConfiguration/resumesSessions``).
public final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer
  let configuration: TLSConfiguration
  /// Of a client that resumes sessions.
  let sessions: TLSSessionCache?
  /// Of a server: what tells its sessions from those of other contexts, among which ``TLSConfiguration/contextForServerName``
  /// chooses. One that another has begun may have been verified by other rules, or not at all.
  private let label: [UInt8]
  /// ``TLSConfiguration/applicationProtocols`` as they are sent.
  private let protocols: UnsafeMutableBufferPointer<UInt8>

  /// Reads and checks what the configuration names.
  ///
  /// - Throws: ``TLSError`` of the kind ``TLSError/Kind/configuration``, which says what cannot be used and what to do.
  /// - Isolation: On any thread. It reads files.
  public init(_ configuration: TLSConfiguration) throws(TLSError) {
    let isServer = configuration.role == .server
    let protocols = try TLSContext.encode(configuration.applicationProtocols)
    guard configuration.handshakeTimeout > .zero else {
      throw TLSError(.configuration, "handshakeTimeout = \(configuration.handshakeTimeout): more than zero")
    }
    guard let pointer = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
      throw TLSError(.configuration, "SSL_CTX_new: \(TLSError.text(of: ERR_get_error()))")
    }
    self.pointer = pointer
    self.configuration = configuration
    sessions = !isServer && configuration.resumesSessions ? TLSSessionCache() : nil
    label = (0..<32).map { _ in UInt8.random(in: 0...255) }
    self.protocols = .allocate(capacity: protocols.count)
    _ = self.protocols.initialize(from: protocols)
    setUp()
    if let identity = configuration.identity { try use(identity) }
    if isServer {
      try setUpServer()
    } else {
      try setUpClient()
    }
  }

  deinit {
    SSL_CTX_free(pointer)
    protocols.deallocate()
  }

  private func setUp() {
    _ = toro_tls_set_minimum_version(pointer, Int32(configuration.minimumVersion.rawValue))
    toro_tls_set_up(pointer)
    SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }  // never ask the terminal
  }

  // MARK: Server

  private func setUpServer() throws(TLSError) {
    guard configuration.identity != nil else {
      throw TLSError(.configuration, "a server needs a certificate: set identity")
    }
    SSL_CTX_set_session_id_context(pointer, label, UInt32(label.count))
    switch configuration.clientCertificates {
    case .none: SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
    case .optional, .required:
      guard case .certificates(let roots) = configuration.trustRoots else {
        throw TLSError(.configuration, "clientCertificates: say in trustRoots whose are believed")
      }
      for certificate in try TLSContext.certificates(in: roots, "trust roots") {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(pointer), certificate.pointer)
        SSL_CTX_add_client_CA(pointer, certificate.pointer)
      }
      let fails = configuration.clientCertificates == .required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
      SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | fails, nil)
      toro_tls_disable_tickets(pointer)
    }
    let context = Unmanaged.passUnretained(self).toOpaque()
    if !protocols.isEmpty { SSL_CTX_set_alpn_select_cb(pointer, selectProtocol, context) }
    if configuration.contextForServerName != nil { toro_tls_set_hello_callback(pointer, selectContext, context) }
  }

  /// Has a connection whose client asks for a name go on with the context of that name.
  fileprivate func choose(for name: String, _ layer: TLSLayer) {
    guard let other = configuration.contextForServerName?(name), other !== self else { return }
    require(other.configuration.role == .server, "contextForServerName returned the context of a client")
    layer.context = other
    toro_tls_change_context(layer.ssl, other.pointer, other.label, UInt32(other.label.count))
  }

  /// Whether an application protocol of ours is among those that a client offers.
  fileprivate func select(
    _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>, _ length: UnsafeMutablePointer<UInt8>,
    of offered: UnsafePointer<UInt8>, _ offeredLength: UInt32
  ) -> Bool {
    var start: UnsafeMutablePointer<UInt8>?
    let result = SSL_select_next_proto(
      &start, length, protocols.baseAddress, UInt32(protocols.count), offered, offeredLength)
    selected.pointee = UnsafePointer(start)
    return result == OPENSSL_NPN_NEGOTIATED
  }

  // MARK: Client

  private func setUpClient() throws(TLSError) {
    if configuration.serverVerification == .none {
      SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
    } else {
      SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
      switch configuration.trustRoots {
      case .system:
        guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
          throw TLSError(.configuration, "the system's trust roots: \(TLSError.text(of: ERR_get_error()))")
        }
      case .certificates(let roots):
        for certificate in try TLSContext.certificates(in: roots, "trust roots") {
          X509_STORE_add_cert(SSL_CTX_get_cert_store(pointer), certificate.pointer)
        }
      }
    }
    if sessions != nil { toro_tls_tell_sessions(pointer, keepSession) }
    if !protocols.isEmpty { SSL_CTX_set_alpn_protos(pointer, protocols.baseAddress, UInt32(protocols.count)) }
  }

  // MARK: Parts

  private static func encode(_ protocols: [String]) throws(TLSError) -> [UInt8] {
    var encoded: [UInt8] = []
    for name in protocols {
      guard (1...255).contains(name.utf8.count) else {
        throw TLSError(.configuration, "applicationProtocols: \(name.debugDescription) has not 1 to 255 bytes")
      }
      encoded += [UInt8(name.utf8.count)] + Array(name.utf8)
    }
    guard encoded.count <= 65_535 else { throw TLSError(.configuration, "applicationProtocols: too many") }
    return encoded
  }

  private func use(_ identity: TLSConfiguration.Identity) throws(TLSError) {
    let chain = try TLSContext.certificates(in: identity.certificateChain, "certificate chain")
    let name = identity.certificateChain.subject("certificate chain")
    ERR_clear_error()
    guard SSL_CTX_use_certificate(pointer, chain[0].pointer) == 1 else {
      throw TLSError(.configuration, "\(name) cannot be used: \(TLSError.text(of: ERR_get_error()))")
    }
    for certificate in chain.dropFirst() { _ = toro_tls_add_chain_certificate(pointer, certificate.pointer) }
    let key = try PrivateKey(identity)
    // This compares the two as well.
    guard SSL_CTX_use_PrivateKey(pointer, key.pointer) == 1, SSL_CTX_check_private_key(pointer) == 1 else {
      throw TLSError(
        .configuration,
        "\(identity.privateKey.subject("private key")) does not fit the first certificate of the \(name): "
          + "\(TLSError.text(of: ERR_get_error())); give the key that this certificate was made for")
    }
  }

  /// Reads all certificates, at least one.
  private static func certificates(
    in source: TLSConfiguration.PEM, _ role: String
  ) throws(TLSError) -> [Certificate] {
    let text = try source.read(role)
    var certificates: [Certificate] = []
    ERR_clear_error()
    let isRead: Void? = withMemory(of: text) { bio in
      while let pointer = PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) {
        certificates.append(Certificate(pointer: pointer))
      }
    }
    if isRead == nil { throw TLSError(.configuration, "\(source.subject(role)): out of memory") }
    let code = ERR_peek_last_error()
    ERR_clear_error()
    if toro_tls_error_is_no_pem(code) == 0 {
      throw TLSError(
        .configuration,
        "\(source.subject(role)): certificate \(certificates.count + 1) is damaged: \(TLSError.text(of: code))")
    }
    if certificates.isEmpty {
      throw TLSError(
        .configuration,
        "\(source.subject(role)) has no certificate: PEM text is needed, with -----BEGIN CERTIFICATE-----")
    }
    return certificates
  }
}

/// Has OpenSSL read a text where it stands: no longer than `body` runs. `nil` if there is no memory.
private func withMemory<Result>(of text: [UInt8], _ body: (OpaquePointer) -> Result) -> Result? {
  text.withUnsafeBytes { bytes in
    guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return nil }
    defer { BIO_free(bio) }
    return body(bio)
  }
}

// MARK: What owns OpenSSL's objects

private final class Certificate {
  let pointer: OpaquePointer
  init(pointer: OpaquePointer) { self.pointer = pointer }
  deinit { X509_free(pointer) }
}

private final class PrivateKey {
  let pointer: OpaquePointer

  /// What OpenSSL asks for a password.
  private struct Prompt {
    var password: [UInt8]?
    var wasAsked = false
  }

  init(_ identity: TLSConfiguration.Identity) throws(TLSError) {
    let name = identity.privateKey.subject("private key")
    let text = try identity.privateKey.read("private key")
    var prompt = Prompt(password: identity.password.map { Array($0.utf8) })
    ERR_clear_error()
    let key = withUnsafeMutablePointer(to: &prompt) { prompt in
      withMemory(of: text) { bio in
        PEM_read_bio_PrivateKey(
          bio, nil,
          { buffer, size, _, context in
            guard let prompt = context?.assumingMemoryBound(to: Prompt.self), let buffer else { return -1 }
            prompt.pointee.wasAsked = true
            guard let password = prompt.pointee.password, password.count <= Int(size) else { return -1 }
            UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)).copyBytes(from: password)
            return Int32(password.count)
          }, prompt)
      }
    }
    guard let key else { throw TLSError(.configuration, "\(name): out of memory") }
    guard let pointer = key else {
      let code = ERR_peek_last_error()
      ERR_clear_error()
      if prompt.wasAsked {
        throw TLSError(
          .configuration,
          identity.password == nil
            ? "\(name) is encrypted: give its password" : "\(name) is encrypted, and this password is not its own")
      }
      let hasKey = String(decoding: text, as: UTF8.self).contains("PRIVATE KEY-----")
      throw TLSError(
        .configuration,
        !hasKey
          ? "\(name) has no key: PEM text is needed, with -----BEGIN PRIVATE KEY-----"
          : "\(name) is damaged: \(TLSError.text(of: code))")
    }
    self.pointer = pointer
  }

  deinit { EVP_PKEY_free(pointer) }
}

extension TLSConfiguration.PEM {
  /// As in `private key "/etc/key.pem"`.
  func subject(_ role: String) -> String {
    switch self {
    case .file(let path): "\(role) \(path.debugDescription)"
    case .bytes: "\(role) given as bytes"
    }
  }

  func read(_ role: String) throws(TLSError) -> [UInt8] {
    switch self {
    case .bytes(let bytes): return bytes
    case .file(let path):
      let file = open(path, O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { throw unreadable(role, errno) }
      defer { close(file) }
      var bytes: [UInt8] = []
      while bytes.count < 16 << 20 {
        let before = bytes.count
        var count = 0
        bytes.reserveCapacity(before + 65_536)
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { memory in
          repeat { count = Glibc.read(file, memory.baseAddress, memory.count) } while count < 0 && errno == EINTR
          if count > 0 { bytes.append(contentsOf: memory[..<count]) }
        }
        if count < 0 { throw unreadable(role, errno) }
        if count == 0 { break }
      }
      return bytes
    }
  }

  private func unreadable(_ role: String, _ code: Int32) -> TLSError {
    TLSError(
      .configuration,
      "\(subject(role)) cannot be read: \(errorText(code)); give the path of a PEM file that this process may read")
  }
}

// MARK: Callbacks

/// (Global, so that they are isolated to nothing.)
private let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, selected, length, offered, offeredLength, context in
  guard let context, let selected, let length, let offered else { return SSL_TLSEXT_ERR_NOACK }
  let server = Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue()
  // RFC 7301, 3.2: nothing in common is fatal.
  return server.select(selected, length, of: offered, offeredLength) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Returns whether the reference to the session is ours from here on.
private let keepSession: @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32 = { ssl, session in
  guard let ssl, let session, let layer = TLSLayer.behind(ssl), let server = layer.server else { return 0 }
  return layer.context.sessions?.keep(session, with: server) ?? false ? 1 : 0
}

/// Looks for the name in the hello itself: this is before OpenSSL does.
private let selectContext: SSL_client_hello_cb_fn = { ssl, _, context in
  guard let ssl, let context, let layer = TLSLayer.behind(ssl) else { return SSL_CLIENT_HELLO_SUCCESS }
  // A second hello, to which there has been an answer: its sender is who he was.
  guard layer.beginsHello() else { return SSL_CLIENT_HELLO_SUCCESS }
  var start: UnsafePointer<UInt8>?
  var count = 0
  guard SSL_client_hello_get0_ext(ssl, UInt32(TLSEXT_TYPE_server_name), &start, &count) == 1,
    let name = serverName(in: UnsafeBufferPointer(start: start, count: count))
  else { return SSL_CLIENT_HELLO_SUCCESS }
  Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue().choose(for: name, layer)
  return SSL_CLIENT_HELLO_SUCCESS
}

/// The name in the hello's extension (RFC 6066, 3): a list of one. What is malformed OpenSSL refuses afterwards.
private func serverName(in bytes: UnsafeBufferPointer<UInt8>) -> String? {
  func number(at index: Int) -> Int { Int(bytes[index]) << 8 | Int(bytes[index + 1]) }
  guard bytes.count > 5, number(at: 0) == bytes.count - 2, bytes[2] == UInt8(TLSEXT_NAMETYPE_host_name),
    number(at: 3) == bytes.count - 5
  else { return nil }
  let name = bytes[5...]
  guard name.count <= 255, name.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
  return String(decoding: name, as: UTF8.self)
}
#endif
