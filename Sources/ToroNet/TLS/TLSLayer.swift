#if TLS
import COpenSSL
import Glibc
import Toro

/// TLS between a connection and its socket.
///
/// Reads, writes and the handshake are steps that do not block: one that cannot go on says for what of the socket it waits.
/// Each read and write takes the handshake further as long as that is not done, so it needs no task of its own. Two tasks
/// may use it, since all happens on the reactor's thread.
///
/// What is encrypted and not sent yet is at most one record (16 KiB), or a flight of the handshake.
final class TLSLayer: StreamLayer, @unchecked Sendable {
  private enum Want { case read, write }

  private unowned let socket: Socket
  private weak var sender: Sender?
  /// What it was made of, or what a server chose by the name that was asked for.
  @exclusivity(unchecked) var context: TLSContext
  /// What it was made of: OpenSSL calls its callbacks to the end of the handshake.
  private let firstContext: TLSContext
  @exclusivity(unchecked) private var hasBegunHello = false
  let ssl: OpaquePointer
  private let serverName: String?
  /// Of a client that resumes sessions.
  let server: TLSSessionCache.Server?
  /// What was agreed on, once the handshake is done.
  @exclusivity(unchecked) private(set) var session: TLSSession?
  /// What it failed with, for good: an `errno`, or `EPROTO` and ``failure``.
  @exclusivity(unchecked) private var failureCode: Int32?
  @exclusivity(unchecked) private(set) var failure: (any Error)?
  /// Received before TLS was started.
  @exclusivity(unchecked) private var received: InputBuffer
  /// Encrypted and not sent yet.
  @exclusivity(unchecked) private var pending = Output()
  /// Whether OpenSSL holds nothing that a read would find: what it reads along with the handshake's last word it keeps.
  @exclusivity(unchecked) private var isDrained = false
  /// Whether the peer has ended the TCP connection.
  @exclusivity(unchecked) private(set) var isAtEnd = false
  /// Whether the peer has said that it will write no more.
  @exclusivity(unchecked) private var hasEnded = false
  @exclusivity(unchecked) private var hasEndedWriting = false
  @exclusivity(unchecked) private var receiveFailure: Int32?
  @exclusivity(unchecked) private var sendFailure: Int32?
  @exclusivity(unchecked) private var readWant = Want.read
  @exclusivity(unchecked) private var writeWant = Want.write
  /// Until when the handshake has to be done: known since it began.
  @exclusivity(unchecked) private var handshakeDue: Int64?
  /// How often the socket may still be read before the others get a turn.
  @exclusivity(unchecked) private var receivesLeft = 0

  /// - Parameters:
  ///   - received: What was received already and is TLS.
  ///   - serverName: Of a client: who the server has to be. An address in numbers is not sent to it.
  ///   - port: The server's, if it has one.
  init(
    _ context: TLSContext, over socket: Socket, _ sender: Sender, serverName: String?, port: Int?, received: InputBuffer
  ) throws(TLSError) {
    guard let ssl = SSL_new(context.pointer) else {
      throw TLSError(.configuration, "SSL_new: \(TLSError.text(of: ERR_get_error()))")
    }
    self.context = context
    firstContext = context
    self.socket = socket
    self.sender = sender
    self.ssl = ssl
    self.serverName = serverName
    self.received = received
    if context.sessions != nil, let serverName, let port {
      server = TLSSessionCache.Server(name: serverName.lowercased(), port: port)
    } else {
      server = nil
    }
    guard let bio = TLSDescriptor.make(for: self) else { throw TLSError(.configuration, "BIO_new: out of memory") }
    SSL_set_bio(ssl, bio, bio)
    if context.configuration.role == .server {
      SSL_set_accept_state(ssl)
    } else {
      SSL_set_connect_state(ssl)
      try expect(serverName)
      if let server { context.sessions?.use(with: server) { _ = SSL_set_session(ssl, $0) } }
    }
  }

  deinit { SSL_free(ssl) }

  /// Says who the server has to be.
  private func expect(_ name: String?) throws(TLSError) {
    let verifiesName = context.configuration.serverVerification == .full
    guard let name, !name.isEmpty, !name.utf8.contains(0) else {
      if name == nil && !verifiesName { return }
      throw TLSError(
        .configuration,
        name == nil
          ? "the peer's address says no name that its certificate could be for: give serverName"
          : "\(name.debugDescription) is no server's name")
    }
    let verification = SSL_get0_param(ssl)
    let address = name.split(separator: "%").first.map(String.init) ?? name  // without a network interface
    if X509_VERIFY_PARAM_set1_ip_asc(verification, address) == 1 {
      if !verifiesName { X509_VERIFY_PARAM_set1_ip(verification, nil, 0) }
      return
    }
    ERR_clear_error()
    // A name may end in a dot in DNS; it does not in a certificate, nor in a hello.
    let host = name.hasSuffix(".") ? String(name.dropLast()) : name
    guard !host.isEmpty, host.utf8.count <= 255, toro_tls_set_server_name(ssl, host) == 1 else {
      throw TLSError(.configuration, "\(name.debugDescription) is no server's name")
    }
    if verifiesName {
      X509_VERIFY_PARAM_set_hostflags(verification, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
      guard X509_VERIFY_PARAM_set1_host(verification, host, 0) == 1 else {
        throw TLSError(.configuration, "\(name.debugDescription) cannot be verified: out of memory")
      }
    }
  }

  /// Whether this is the first hello that comes.
  func beginsHello() -> Bool {
    defer { hasBegunHello = true }
    return !hasBegunHello
  }

  // MARK: The socket's side

  /// What OpenSSL reads.
  func receiveEncrypted(_ buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
    if !received.isEmpty { return .moved(received.take(into: buffer)) }
    if receivesLeft == 0 { return .blocked }
    receivesLeft -= 1
    let transfer = socket.receivePlain(into: buffer)
    switch transfer {
    case .moved(0): isAtEnd = true
    // There was no more: to find nothing costs a system call.
    case .moved(let count) where count < buffer.count: receivesLeft = 0
    case .failed(let code): receiveFailure = code
    default: break
    }
    return transfer
  }

  /// What OpenSSL writes: false if too much is held already.
  func holdEncrypted(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if sendFailure != nil { return true }  // nobody will get it; what there is to read still can be
    if pending.count >= TLSDescriptor.limit { return false }
    pending.append(bytes)
    return true
  }

  var unsentCount: Int { pending.count }
  var isOpen: Bool { session != nil && failureCode == nil }
  var isSecure: Bool { true }
  var closesDescriptor: Bool { false }

  /// Sends what is encrypted, as far as there is room.
  private func flush() {
    while !pending.isEmpty {
      switch pending.withUnsent({ socket.sendPlain($0) }) {
      case .moved(let count): pending.drop(count)
      case .blocked:
        sender?.flushLater()
        return
      case .failed(let code):
        sendFailure = code
        pending.removeAll()
      }
    }
  }

  // MARK: Steps

  /// Takes the handshake as far as it goes now: `moved` when it is done.
  func establish() -> Socket.Transfer {
    if session != nil { return .moved(0) }
    if let failureCode { return .failed(failureCode) }
    receivesLeft = 32
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result != 1 { return note(result, writing: false) }
    session = TLSSession(of: ssl)
    (readWant, writeWant) = (.read, .write)
    flush()
    wakeReaders()
    return .moved(0)
  }

  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
    let established = establish()
    guard case .moved = established else { return established }
    if let failureCode { return .failed(failureCode) }
    if hasEnded { return .moved(0) }
    receivesLeft = 32
    readWant = .read
    var count = 0
    isDrained = false
    while count < buffer.count {
      var portion = 0
      ERR_clear_error()
      let result = SSL_read_ex(ssl, buffer.baseAddress?.advanced(by: count), buffer.count - count, &portion)
      if result != 1 {
        isDrained = true
        let outcome = note(result, writing: false)
        return count > 0 ? .moved(count) : outcome
      }
      count += portion
    }
    flush()
    return .moved(count)
  }

  func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
    let established = establish()
    guard case .moved = established else { return established }
    flush()
    if let sendFailure { return .failed(sendFailure) }
    if let failureCode { return .failed(failureCode) }
    if bytes.isEmpty { return .moved(0) }
    if hasEndedWriting { return .failed(EPIPE) }
    writeWant = .write
    // Some records, each sent before the next is made; then the others get a turn.
    var sent = 0
    while sent < min(bytes.count, 16 * 16_384), pending.isEmpty {
      var portion = 0
      receivesLeft = 32
      ERR_clear_error()
      let result = SSL_write_ex(ssl, bytes.baseAddress?.advanced(by: sent), min(bytes.count - sent, 16_384), &portion)
      if result != 1 {
        let outcome = note(result, writing: true)
        return sent > 0 ? .moved(sent) : outcome
      }
      sent += portion
      flush()
    }
    return sent > 0 ? .moved(sent) : .blocked
  }

  /// Small parts go into one record.
  func send(_ parts: UnsafeMutableBufferPointer<iovec>) -> Socket.Transfer {
    if let first = parts.first(where: { $0.iov_len > 0 }), first.iov_len >= 16_384 {
      return send(UnsafeRawBufferPointer(start: first.iov_base, count: first.iov_len))
    }
    return withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { record in
      var count = 0
      for part in parts where part.iov_len > 0 && count < record.count {
        let portion = min(part.iov_len, record.count - count)
        record.baseAddress?.advanced(by: count).copyMemory(
          from: UnsafeRawPointer(part.iov_base.unsafelyUnwrapped), byteCount: portion)
        count += portion
      }
      return send(UnsafeRawBufferPointer(rebasing: record[..<count]))
    }
  }

  /// What a step that did not succeed came to.
  private func note(_ result: Int32, writing: Bool) -> Socket.Transfer {
    let kind = SSL_get_error(ssl, result)
    switch kind {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
      let want = kind == SSL_ERROR_WANT_READ ? Want.read : .write
      if session == nil {
        (readWant, writeWant) = (want, want)
      } else if writing {
        writeWant = want
      } else {
        readWant = want
      }
      flush()
      return .blocked
    case SSL_ERROR_ZERO_RETURN:
      hasEnded = true
      flush()
      return .moved(0)
    default:
      if let receiveFailure, kind == SSL_ERROR_SYSCALL {
        failureCode = receiveFailure
      } else {
        failureCode = EPROTO
        failure = TLSError.ofConnection(ssl, inHandshake: session == nil, serverName: serverName)
      }
      // The peer is told why, if there is room.
      flush()
      pending.removeAll()
      wakeReaders()
      return .failed(failureCode ?? EPROTO)
    }
  }

  /// What a task waits to read, another's step may have read: in the handshake a write, or a flush, takes steps too.
  private func wakeReaders() { socket.wakeReaders() }

  func endWriting() {
    guard !hasEndedWriting else { return }
    hasEndedWriting = true
    guard isOpen, sendFailure == nil else { return }
    ERR_clear_error()
    SSL_shutdown(ssl)
    ERR_clear_error()
    flush()
  }

  /// A server's tickets for later sessions, as a rule, which a client that only writes has never read.
  func discardReceived() {
    withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { memory in
      for _ in 0..<4 {
        guard case .moved(let count) = socket.receivePlain(into: memory), count == memory.count else { return }
      }
    }
  }

  // MARK: Waiting

  func readable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    if hasEnded || failureCode != nil || !received.isEmpty || (session != nil && !isDrained) { return true }
    return try await ready(readWant, until: due, site)
  }

  func writable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    if failureCode != nil || sendFailure != nil { return true }
    return try await ready(pending.isEmpty ? writeWant : .write, until: due, site)
  }

  /// Waits until the handshake can go on.
  func established(until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await ready(readWant, until: due, site)
  }

  private func ready(_ want: Want, until due: Int64, _ site: WaitSite) async throws -> Bool {
    guard session == nil else { return try await socketReady(want, until: due, site) }
    let last = handshakeDue ?? socket.reactor.resolve(.after(context.configuration.handshakeTimeout))
    handshakeDue = last
    if try await socketReady(want, until: min(due, last), site) { return true }
    if due < last || session != nil { return false }
    let error = failure ?? TimeoutError("TLS handshake")
    failure = error
    failureCode = failureCode ?? ETIMEDOUT
    throw error
  }

  private func socketReady(_ want: Want, until due: Int64, _ site: WaitSite) async throws -> Bool {
    want == .read
      ? try await socket.readablePlain(until: due, site) : try await socket.writablePlain(until: due, site)
  }

  func whenWritable(_ body: @escaping @Sendable (WaitOutcome) -> Void) { socket.whenWritablePlain(body) }

  func closeForUsers() {}
  func close() {}
}
#endif
