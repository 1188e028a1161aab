#if TLS
import COpenSSL
import Glibc
import Testing
import Toro

@testable import ToroNet

extension TLSContext {
  /// Makes a peer of an earlier time.
  func refuseVersionsAbove(_ version: TLSVersion) {
    _ = SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, version.rawValue, nil)
  }
}

extension TLSContext {
  /// Makes a peer that has these for the key exchange: a client sends a key of the first.
  func limitGroups(to list: String) {
    _ = list.withCString { SSL_CTX_ctrl(pointer, 92, 0, UnsafeMutableRawPointer(mutating: $0)) }
  }
}

extension TLSLayer {
  /// What a hostile peer would do: renew the keys, and ask the other end to.
  func askForKeyUpdate() -> Bool {
    SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && establishAgain()
  }

  private func establishAgain() -> Bool {
    let result = SSL_do_handshake(ssl)
    _ = send(UnsafeRawBufferPointer(start: nil, count: 0))
    return result == 1
  }
}

/// Both ends of a connection over TLS, after the handshake.
func securePair(
  server: TLSContext? = nil, client: TLSContext? = nil, serverName: String? = "toro.test"
) async throws -> (client: Connection, server: Connection) {
  let listener = try loopback(tls: server ?? Certificates.shared.server())
  let context = try client ?? Certificates.shared.client()
  async let accepting = listener.accept()
  async let connecting = Connection.connect(
    to: listener.localAddress, tls: context, serverName: serverName, deadline: .after(.seconds(20)))
  let far = try #require(try await accepting)
  do {
    try await far.handshake()
  } catch {
    // The client knows better why.
    _ = try await connecting
    throw error
  }
  return (try await connecting, far)
}

/// What a handshake comes to, at both ends.
func handshakeErrors(
  server: TLSContext, client: TLSContext, serverName: String? = "toro.test"
) async throws -> (client: (any Error)?, server: (any Error)?) {
  let listener = try loopback(tls: server)
  let address = listener.localAddress
  let connecting = Reactor.current.spawn { () -> (any Error)? in
    do {
      let connection = try await Connection.connect(
        to: address, tls: client, serverName: serverName, deadline: .after(.seconds(20)))
      // TLS 1.3: a client hears of its certificate's refusal when it reads.
      _ = try await connection.read(deadline: .after(.seconds(20)))
      return nil
    } catch { return error }
  }
  let far = try #require(try await listener.accept())
  var serverError: (any Error)?
  do { try await far.handshake() } catch { serverError = error }
  far.close()
  return (await connecting.value, serverError)
}

/// A program that runs beside the test, its input and output as a connection: what it says can be waited for.
///
/// It does not outlive the test, however that ends. (A process that nobody has waited for would also keep the exit tests
/// from hearing of theirs.)
final class Tool: Sendable {
  let connection: Connection
  private let pid: pid_t
  private let isGone = Shared(false)
  private let output = Shared("")
  /// What came after what was waited for.
  private let rest = Shared<Substring>("")

  init(_ command: String) throws {
    let ends = try makeSocketPair()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 { posix_spawn_file_actions_adddup2(&actions, ends.1, descriptor) }
    var pid: pid_t = 0
    let words: [String] = ["/bin/sh", "-c", "exec \(command)"]
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    let code = posix_spawn(&pid, "/bin/sh", &actions, nil, arguments, environ)
    close(ends.1)
    try #require(code == 0)
    self.pid = pid
    let none = SocketAddress(unixSocketWithoutPath: ())
    connection = Connection(Socket(ends.0, on: .current), peer: none, local: none)
    connection.deadline = .after(.seconds(25))
  }

  deinit {
    if isGone.value { return }
    kill(pid, SIGKILL)
    awaitEnd(of: pid)
  }

  var said: String { output.value }

  func write(_ text: String) async throws { try await connection.write(text) }

  func stop() { kill(pid, SIGKILL) }

  /// Waits until it has said this, after what was waited for before.
  func expect(_ text: String) async throws {
    if try await !says(text) { Issue.record("it ended without \(text.debugDescription): \(output.value)") }
  }

  /// Whether it says this before it ends.
  func says(_ text: String) async throws -> Bool {
    while true {
      if let range = rest.value.firstRange(of: text) {
        rest.value = rest.value[range.upperBound...]
        return true
      }
      let bytes = try await connection.read()
      if bytes.isEmpty { return false }
      let more = String(decoding: bytes, as: UTF8.self)
      output.value += more
      rest.value += more
    }
  }

  /// Ends its input, waits until it has ended, and returns all that it said.
  func end() async throws -> String {
    connection.closeWrite()
    do {
      output.value += String(decoding: try await connection.readAll(), as: UTF8.self)
    } catch let error as SocketError where error.isReset {}  // it had not read all of its input
    let pid = pid
    isGone.value = true
    try await Reactor.current.runBlocking { awaitEnd(of: pid) }
    return output.value
  }
}

private func awaitEnd(of pid: pid_t) {
  while waitpid(pid, nil, 0) < 0 && errno == EINTR {}
}
#endif
