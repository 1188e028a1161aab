import CToroShims
import Glibc
import Toro

extension Listener {
  /// How a listener listens.
  public struct Options: Sendable {
    /// How many connections may wait to be accepted, at least 1; the system has a limit of its own.
    public var backlog = 1024
    /// Whether other sockets of the same user may listen on the same port: the system then spreads what comes over them
    /// (`SO_REUSEPORT`).
    public var reusesPort = false
    /// Leaves those who connect and say nothing to the system for up to this long, in whole seconds, rather than accept them at
    /// once; `nil` does not (`TCP_DEFER_ACCEPT`).
    public var deferAccept: Duration?
    /// Whether a listener on an IPv6 address takes no IPv4 connections; `nil` leaves it to the system (`IPV6_V6ONLY`).
    public var isIPv6Only: Bool?
    /// Of a Unix socket: who may connect, as in `0o660`; `nil` leaves it to the process's `umask`. Its file is removed when the
    /// listener is closed, by the process that made it: not by a child of its.
    public var mode: UInt32?
    /// Of a Unix socket: whether a file that was left by a socket on which nobody listens any more is removed first.
    public var replacesStaleFile = true
    /// How many connections may be open at a time, at least 1: further ones wait in the backlog until one is closed; `nil` is
    /// without bound.
    public var maxConnections: Int?
    /// Hears that nothing can be accepted for want of descriptors or memory: on the reactor, once a second at most.
    public var onExhaustion: (@Sendable (SocketError) -> Void)?

    #if TLS
    /// Has the connections speak TLS: the context of a server. They are accepted before the handshake, which the first read
    /// or write of each does (or ``Connection/handshake(deadline:file:line:)``), so that a client that stalls holds up itself
    /// alone, for ``TLSConfiguration/handshakeTimeout`` at most.
    public var tls: TLSContext?
    #endif

    /// The standard ones.
    public init() {}

    /// The standard ones, changed by `change`.
    public init(_ change: (inout Options) -> Void) { change(&self) }

    func check() {
      require(backlog >= 1, "Listener.Options.backlog = \(backlog): at least 1")
      require(maxConnections ?? 1 >= 1, "Listener.Options.maxConnections = \(maxConnections ?? 0): at least 1")
      #if TLS
      require(tls?.configuration.role != .client, "Listener.Options.tls: the context is that of a client")
      #endif
      require(deferAccept ?? .zero >= .zero, "Listener.Options.deferAccept: a negative duration")
    }
  }
}

/// The file of a Unix socket that was bound here: removed once, unless it has become another's, and by the process that bound it: a
/// forked child has a copy of this too.
final class SocketFile: @unchecked Sendable {
  private let path: String
  private let device: dev_t
  private let number: ino_t
  private let forkCount = toro_fork_count()

  /// `nil` for an abstract name, which has no file.
  init?(_ path: String) {
    var status = stat()
    guard !path.hasPrefix("@"), lstat(path, &status) == 0 else { return nil }
    self.path = path
    device = status.st_dev
    number = status.st_ino
  }

  func remove() {
    guard forkCount == toro_fork_count() else { return }
    var status = stat()
    if lstat(path, &status) == 0 && status.st_dev == device && status.st_ino == number { unlink(path) }
  }

  /// Removes what a socket left on which nobody listens: whether there was such a file.
  static func removeStale(_ address: SocketAddress) -> Bool {
    guard let path = address.path, !path.hasPrefix("@") else { return false }
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK, let probe = try? makeSocket(for: address)
    else {
      return false
    }
    defer { close(probe) }
    let isRefused = address.withSystemAddress { connect(probe, $0, $1) } != 0 && errno == ECONNREFUSED
    return isRefused && unlink(path) == 0
  }
}
