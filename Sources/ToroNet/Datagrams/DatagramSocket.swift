import Glibc
import Toro

/// A socket for datagrams, over UDP or a Unix socket, and those that come to it, as an asynchronous sequence.
///
///     let socket = try DatagramSocket(host: "127.0.0.1", port: 5353)
///     for try await datagram in socket {
///       try await socket.send(datagram.bytes, to: datagram.address, deadline: .after(.seconds(1)))
///     }
///
/// It is bound to an address, or connected to one peer: then it hears that one only, needs no address to send, and is told where
/// nobody listens: the next send or receive throws a ``SocketError`` whose `errno` is `ECONNREFUSED`. It may be used on after
/// that, as after any error.
///
/// Any number of tasks may send and receive; each datagram goes to one of them. A receive that is cancelled or times out takes
/// none.
///
/// **Memory.** None is received before it is asked for, and none is held: what comes faster than it is received waits in the system's
/// buffer, as far as that goes (``Options/receiveBuffer``), and is thrown away beyond. What is sent goes to the system, and
/// senders wait while that has no room.
///
/// Dropping the socket closes it.
public final class DatagramSocket: AsyncSequence, CustomStringConvertible, @unchecked Sendable {
  public typealias Element = Datagram
  public typealias Failure = any Error

  /// The reactor that the socket belongs to.
  public let reactor: Reactor
  /// Where it receives, with the port that the system chose if 0 was asked for.
  public let localAddress: SocketAddress
  /// The one that it is connected to, if it is.
  public let peerAddress: SocketAddress?
  /// The port on which it receives.
  public var port: Int { localAddress.port }

  let socket: Socket
  let maxLength: Int
  private let file: SocketFile?
  /// Whether the last receive succeeded, so that there may be more without a wait.
  @exclusivity(unchecked) var mayHaveMore = false
  @exclusivity(unchecked) var turns = Turns()

  /// Binds a socket to an address.
  ///
  /// - Parameters:
  ///   - address: Where to receive: of this machine, or a group's. Port 0 has the system choose one, which ``port`` tells.
  ///   - options: What it is like.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``SocketError``, as when the address is in use.
  public convenience init(
    at address: SocketAddress, options: Options = Options(), on reactor: Reactor = .current
  ) throws(SocketError) {
    try self.init(local: address, peer: nil, options, reactor)
  }

  /// Binds a socket to a host's address and a port.
  ///
  /// - Parameters:
  ///   - host: An IPv4 or IPv6 address in numbers; `0.0.0.0` or `::` for all of this machine's.
  ///   - port: 0 to 65535; 0 has the system choose one, which ``port`` tells.
  ///   - options: What it is like.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``AddressError`` for a host or port that is none; ``SocketError``.
  public convenience init(
    host: String, port: Int, options: Options = Options(), on reactor: Reactor = .current
  ) throws {
    try self.init(at: SocketAddress(host: host, port: port), options: options, on: reactor)
  }

  /// Binds a Unix socket.
  ///
  /// - Parameters:
  ///   - unixPath: Where its file is to be, or `@` and an abstract name.
  ///   - options: What it is like.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``AddressError`` for a path that is too long; ``SocketError``.
  public convenience init(unixPath: String, options: Options = Options(), on reactor: Reactor = .current) throws {
    try self.init(at: SocketAddress(unixPath: unixPath), options: options, on: reactor)
  }

  /// Connects a socket to a peer: it hears that one only, and sends to it. The peer is not told.
  ///
  /// - Parameters:
  ///   - peer: Whom.
  ///   - local: Where to receive the answers; `nil` has the system choose.
  ///   - options: What it is like.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``SocketError``, as when there is no route to the peer, or nobody has bound that Unix socket.
  public convenience init(
    connectedTo peer: SocketAddress, from local: SocketAddress? = nil, options: Options = Options(),
    on reactor: Reactor = .current
  ) throws(SocketError) {
    // A Unix socket without a name of its own could not be answered.
    let local = local ?? (peer.isInternet ? nil : SocketAddress(unixSocketWithoutPath: ()))
    try self.init(local: local, peer: peer, options, reactor)
  }

  private init(
    local: SocketAddress?, peer: SocketAddress?, _ options: Options, _ reactor: Reactor
  ) throws(SocketError) {
    options.check()
    let descriptor = try DatagramSocket.makeDescriptor(for: peer ?? local.unsafelyUnwrapped)
    socket = Socket(descriptor, on: reactor)
    self.reactor = reactor
    maxLength = options.maxLength
    peerAddress = peer
    try options.apply(to: descriptor, local ?? peer.unsafelyUnwrapped)
    if let local { try DatagramSocket.bind(descriptor, to: local, options) }
    file = local?.path.flatMap(SocketFile.init)
    if let peer, peer.withSystemAddress({ Glibc.connect(descriptor, $0, $1) }) != 0 {
      let code = errno
      file?.remove()
      throw SocketError("connect", errno: code, address: peer)
    }
    localAddress = try ToroNet.localAddress(of: descriptor)
    socket.name(reading: "receive") { [localAddress] in "DatagramSocket \"\(localAddress)\"" }
  }

  private static func makeDescriptor(for address: SocketAddress) throws(SocketError) -> Int32 {
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = Glibc.socket(address.systemFamily, kind, 0)
    if descriptor < 0 { throw SocketError("socket", errno: errno, address: address) }
    return descriptor
  }

  private static func bind(_ descriptor: Int32, to address: SocketAddress, _ options: Options) throws(SocketError) {
    var code = address.withSystemAddress { Glibc.bind(descriptor, $0, $1) } == 0 ? 0 : errno
    if code == EADDRINUSE && options.replacesStaleFile && SocketFile.removeStale(address) {
      code = address.withSystemAddress { Glibc.bind(descriptor, $0, $1) } == 0 ? 0 : errno
    }
    if code != 0 { throw SocketError("bind", errno: code, address: address) }
    // The process's umask has taken its part of the mode away.
    if let mode = options.mode, let path = address.path, !path.isEmpty, !address.isAbstract { chmod(path, mode) }
  }

  deinit {
    file?.remove()
    socket.close()
  }

  /// Closes it: waits throw `ClosedError`, as do later ones, and the iteration ends. What was sent leaves all the same; what has
  /// come and was not received is lost.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    file?.remove()
    socket.close()
  }

  /// Whether it is closed. From any thread.
  public var isClosed: Bool { socket.isClosed }

  /// As in `<DatagramSocket 127.0.0.1:5353>`. From any thread.
  public var description: String { "<\(subject)\(isClosed ? " closed" : "")>" }

  var subject: String { "DatagramSocket \(localAddress)\(peerAddress.map { " to \($0)" } ?? "")" }

  /// The datagrams, as they come, until the socket is closed.
  public struct Iterator: AsyncIteratorProtocol {
    let socket: DatagramSocket

    /// The next datagram, or `nil` if the socket is closed.
    ///
    /// - Throws: As ``DatagramSocket/receive(deadline:file:line:)``, but for `ClosedError`.
    public func next() async throws -> Datagram? {
      do { return try await socket.receive(until: .max, .iteration) } catch is ClosedError { return nil }
    }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> Datagram? {
      do { return try await socket.receive(until: .max, .iteration) } catch is ClosedError { return nil }
    }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(socket: self) }
}
