#if TLS
import COpenSSL
import Toro

/// The sessions that a client's context has had with servers, to be resumed: the next handshake with the same server then needs no
/// certificates to be sent and verified again.
///
/// Few for each server, and only so many servers. What of them is too old OpenSSL and the server find themselves. May be used
/// from any thread.
final class TLSSessionCache: Sendable {
  /// Whom a session is with, as the client named and verified it.
  struct Server: Hashable {
    let name: String
    let port: Int
  }

  /// Servers give two at a time, as a rule.
  private static let limitOfServer = 4
  private static let limitOfServers = 256

  /// A session, with the reference that is the cache's.
  private struct Session: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  private struct State {
    var sessions: [Server: [Session]] = [:]
    /// The servers in the order in which they came.
    var order: [Server] = []
  }

  private let state = Locked(State())

  deinit {
    state.withLock { state in
      for session in state.sessions.values.joined() { SSL_SESSION_free(session.pointer) }
    }
  }

  /// Takes over a reference to a session; false if it is of no use, and the reference is still the caller's.
  func keep(_ pointer: OpaquePointer, with server: Server) -> Bool {
    guard SSL_SESSION_is_resumable(pointer) == 1 else { return false }
    let session = Session(pointer: pointer)
    let dropped = state.withLock { state -> [Session] in
      var dropped: [Session] = []
      if state.sessions[server] == nil {
        state.order.append(server)
        if state.order.count > Self.limitOfServers {
          dropped += state.sessions.removeValue(forKey: state.order.removeFirst()) ?? []
        }
      }
      var sessions = state.sessions[server] ?? []
      if sessions.count == Self.limitOfServer { dropped.append(sessions.removeFirst()) }
      sessions.append(session)
      state.sessions[server] = sessions
      return dropped
    }
    for session in dropped { SSL_SESSION_free(session.pointer) }
    return true
  }

  /// Passes the newest session with a server to `body`, if there is one.
  ///
  /// One of TLS 1.3 is used once: who sees it again could tell that both connections are of one client (RFC 8446, C.4).
  func use(with server: Server, _ body: (OpaquePointer) -> Void) {
    let taken = state.withLock { state -> Session? in
      guard let session = state.sessions[server]?.popLast() else { return nil }
      if state.sessions[server]?.isEmpty ?? false {
        state.sessions[server] = nil
        state.order.removeAll { $0 == server }
      }
      return session
    }
    guard let taken else { return }
    let isOld = SSL_SESSION_is_resumable(taken.pointer) != 1
    if !isOld { body(taken.pointer) }
    let isReusable = !isOld && SSL_SESSION_get_protocol_version(taken.pointer) < Int32(TLSVersion.tls13.rawValue)
    if !isReusable || !keep(taken.pointer, with: server) { SSL_SESSION_free(taken.pointer) }
  }
}
#endif
