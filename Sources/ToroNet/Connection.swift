import Glibc
import Toro

/// A connection over TCP, or over a Unix socket: a stream of bytes each way.
///
/// Come by one from a ``Listener``, or by ``connect(to:deadline:on:file:line:)``. Small writes are sent at once
/// (`TCP_NODELAY`). One task at a time reads and one writes; they may be two. Any number of reads that are cancelled or
/// time out lose no byte.
///
/// **Memory.** Nothing is read before it is asked for, but for the rest of a line's portion. What is written goes to the system;
/// what that has no room for is held up to the high mark of ``waterMarks``, and writers wait. So a connection's memory is
/// bounded, whatever the peer does.
///
/// **Deadlines.** A call's own; ``deadline``, for the connection's whole life; and ``idleTimeout``, for how long nothing may move.
///
/// The end of the stream is no error: a read returns no bytes, ``readLine(maxLength:deadline:file:line:)`` `nil`. A
/// connection that was cut throws a ``SocketError`` whose ``SocketError/isReset`` is true.
///
/// **TLS.** With the package's trait `TLS` a connection may speak it: all is as without, but that what is wrong with TLS is a
/// `TLSError`, as is a stream that ends without the peer's word that this is the end. ``closeWrite()`` and ``close()`` say that
/// word; ``reset()`` does not.
///
/// Dropping the connection closes it.
public final class Connection: CustomStringConvertible, @unchecked Sendable {
  /// The reactor that the connection belongs to.
  public let reactor: Reactor

  // What each message needs is side by side, in few lines of the processor's caches.

  let socket: Socket
  let sender: Sender
  /// Received and not read yet.
  @exclusivity(unchecked) var input = InputBuffer()
  /// Whether the last read filled its buffer, so that there may be more to read without a wait.
  @exclusivity(unchecked) var mayHaveMore = false
  /// Whether the peer has ended its side.
  @exclusivity(unchecked) var hasEnded = false
  /// What cut the connection. The system tells it once, be it to a read or a write.
  @exclusivity(unchecked) var failure: Int32?
  @exclusivity(unchecked) var isReading = false
  @exclusivity(unchecked) var isWriting = false
  /// Of reads and writes together: a wait of either lets the others run.
  @exclusivity(unchecked) var turns = Turns()
  @exclusivity(unchecked) var limits = TimeLimits()
  /// Of the listener that serves it, if one does.
  @exclusivity(unchecked) var serving: Serving?
  /// Whether a task waits between two requests.
  @exclusivity(unchecked) var awaitsRequest = false

  /// The other end's address.
  public let peerAddress: SocketAddress
  /// This end's address.
  public let localAddress: SocketAddress

  init(_ socket: Socket, peer: SocketAddress, local: SocketAddress) {
    reactor = socket.reactor
    self.socket = socket
    sender = Sender(socket)
    peerAddress = peer
    localAddress = local
    socket.name(reading: "read") { Connection.subject(local, peer) }
    socket.noteConnection()
  }

  deinit { Connection.close(sender) }

  // MARK: Closing

  /// Says that nothing more will be written: the peer reads what was, then the end of the stream. Reading goes on; later
  /// writes throw a ``SocketError``.
  ///
  /// - Precondition: No write waits.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func closeWrite() {
    guard reactor.isCurrent else { return reactor.execute { self.closeWrite() } }
    require(!isWriting, "\(subject).closeWrite(): in the middle of a write")
    if !socket.isClosed { sender.end() }
  }

  /// Says that nothing more will be read: what comes is thrown away, and reads return the end of the stream. Writing goes on.
  ///
  /// - Precondition: No read waits.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func closeRead() {
    guard reactor.isCurrent else { return reactor.execute { self.closeRead() } }
    require(!isReading, "\(subject).closeRead(): in the middle of a read")
    hasEnded = true
    input = InputBuffer()
    if !socket.isClosed { shutdown(socket.descriptor, Int32(SHUT_RD)) }
  }

  /// Closes both sides. Waits end with `ClosedError`, as do later ones.
  ///
  /// What was written is still sent, for up to ten seconds. If bytes were received that nobody has read, the system resets the
  /// connection instead, and the peer may lose what it has not read: to end in peace, ``closeWrite()``, then read to the
  /// end.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() { Connection.close(sender) }

  /// Closes both sides at once, and has the peer told that the connection was cut: what was written may be lost.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func reset() {
    let sender = sender
    if reactor.isCurrent { sender.reset() } else { reactor.execute { sender.reset() } }
  }

  /// (Static, so that it does not need what is being dropped.)
  private static func close(_ sender: Sender) {
    let reactor = sender.socket.reactor
    if reactor.isCurrent {
      sender.close()
    } else if reactor.isClosed {
      sender.socket.close()
    } else {
      reactor.executeRelease { sender.close() }
    }
  }

  /// Whether it is closed on this side. From any thread.
  public var isClosed: Bool { socket.isClosed }

  /// Whether it speaks TLS, or is to with the next byte. On the reactor's thread.
  public var isSecure: Bool { socket.layer?.isSecure ?? false }

  /// As in `<Connection 127.0.0.1:80 to 127.0.0.1:54321>`. From any thread.
  public var description: String { "<\(subject)\(isClosed ? " closed" : "")>" }

  var subject: String { Connection.subject(localAddress, peerAddress) }

  private static func subject(_ local: SocketAddress, _ peer: SocketAddress) -> String {
    "Connection \(local) to \(peer)"
  }

  func translate(_ error: any Error) -> any Error { socketError(error, of: subject, peerAddress) }
}

// MARK: Connecting

extension Connection {
  /// Connects to an address.
  ///
  /// - Parameters:
  ///   - address: Where somebody listens.
  ///   - deadline: Until when to wait for an answer.
  ///   - reactor: Whose the connection is to be.
  /// - Throws: ``SocketError``, as when nobody listens; `TimeoutError` if the deadline passes first; `CancellationError` if
  ///   the task is cancelled first; `ReactorClosedError`. No descriptor is left open then.
  /// - Isolation: May be awaited from any thread.
  public static func connect(
    to address: SocketAddress, deadline: Deadline = .never, on reactor: Reactor = .current,
    file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Connection {
    try await connect(to: address, until: reactor.resolve(deadline), on: reactor, WaitSite(file, line))
  }

  static func connect(
    to address: SocketAddress, until due: Int64, on reactor: Reactor, _ site: WaitSite
  ) async throws -> Connection {
    guard reactor.isInside else {
      return try await reactor.visit { try await connect(to: address, until: due, on: reactor, site) }
    }
    let descriptor = try makeSocket(for: address)
    let socket = Socket(descriptor, on: reactor)
    if address.isInternet { setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
    if address.withSystemAddress({ Glibc.connect(descriptor, $0, $1) }) != 0 {
      let code = errno
      // An interrupted connect goes on in the background, as one that does not block does.
      guard code == EINPROGRESS || code == EINTR else { throw SocketError("connect", errno: code, address: address) }
      do {
        guard try await socket.writable(until: due, site) else { throw TimeoutError("connect \(address)") }
      } catch {
        throw socketError(error, of: "connect \(address)", address)
      }
      var failure: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
      if failure != 0 { throw SocketError("connect", errno: failure, address: address) }
    }
    return Connection(socket, peer: address, local: try ToroNet.localAddress(of: descriptor))
  }
}
