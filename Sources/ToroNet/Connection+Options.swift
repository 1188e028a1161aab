import Glibc
import Toro

/// When and how often the system asks a silent peer whether it is still there.
public struct KeepAlive: Hashable, Sendable {
  /// How long the peer may be silent before it is asked: whole seconds, at least 1.
  public var idle: Int
  /// How long to wait for an answer before it is asked again: whole seconds, at least 1.
  public var interval: Int
  /// After how many questions without an answer the connection counts as cut, at least 1.
  public var count: Int

  /// After a minute, six times, ten seconds apart, unless told otherwise.
  public init(idle: Int = 60, interval: Int = 10, count: Int = 6) {
    self.idle = idle
    self.interval = interval
    self.count = count
  }
}

extension Connection {
  /// How much is held of what was written and not sent: ``WaterMarks/standard`` at first. On the reactor's thread.
  public var waterMarks: WaterMarks {
    get { sender.marks }
    set { sender.marks = newValue }
  }

  /// How many bytes were written and not taken by the system yet. On the reactor's thread.
  public var unsentCount: Int { sender.unsentCount }

  /// Whether small writes are sent at once, rather than held back until the peer has confirmed those before: `TCP_NODELAY`.
  /// True at first.
  ///
  /// - Throws: ``SocketError``; `ClosedError` if the connection is closed.
  public func setNoDelay(_ isOn: Bool) throws { try set(Int32(IPPROTO_TCP), TCP_NODELAY, isOn ? 1 : 0, "TCP_NODELAY") }

  /// Has the system find out peers that are gone without a word, or not (`nil`, as at first).
  ///
  /// - Throws: As ``setNoDelay(_:)``.
  public func setKeepAlive(_ keepAlive: KeepAlive?) throws {
    if let keepAlive {
      try set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, Int32(clamping: keepAlive.idle), "TCP_KEEPIDLE")
      try set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, Int32(clamping: keepAlive.interval), "TCP_KEEPINTVL")
      try set(Int32(IPPROTO_TCP), TCP_KEEPCNT, Int32(clamping: keepAlive.count), "TCP_KEEPCNT")
    }
    try set(SOL_SOCKET, SO_KEEPALIVE, keepAlive == nil ? 0 : 1, "SO_KEEPALIVE")
  }

  /// How many bytes the system holds of what was sent and not confirmed, and of what was received and not read. It may
  /// take them as a hint.
  ///
  /// - Throws: As ``setNoDelay(_:)``.
  public func setSystemBuffers(sending: Int? = nil, receiving: Int? = nil) throws {
    if let sending { try set(SOL_SOCKET, SO_SNDBUF, Int32(clamping: sending), "SO_SNDBUF") }
    if let receiving { try set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: receiving), "SO_RCVBUF") }
  }

  private func set(_ level: Int32, _ option: Int32, _ value: Int32, _ name: String) throws {
    if socket.isClosed { throw ClosedError(subject) }
    var value = value
    if setsockopt(socket.descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) != 0 {
      throw SocketError("setsockopt \(name)", errno: errno, address: peerAddress)
    }
  }
}
