import CToroShims
import Glibc
import Toro

import class Toro.Semaphore

/// A socket that others connect to, over TCP or a Unix socket, and the connections that come, as an asynchronous sequence.
///
///     let listener = try Listener(host: "127.0.0.1", port: 0)
///     try await listener.serve { connection in
///       for try await line in connection.lines() { try await connection.write("you said \(line)\n") }
///     }
///
/// ``serve(onError:_:)`` is what most daemons want; who accepts by himself iterates, or calls ``accept(file:line:)``.
///
/// A connection is accepted when the iteration asks for the next one, and not before: who holds the iteration up leaves
/// those who connect in the system's backlog. Connections that are gone before they are accepted are passed over. When
/// the process or the system is out of descriptors, it goes on when a connection or listener of this process closes, and
/// tries again ten times a second.
///
/// Dropping the listener closes it.
public final class Listener: AsyncSequence, CustomStringConvertible, @unchecked Sendable {
  public typealias Element = Connection
  public typealias Failure = any Error

  /// The reactor that the listener and its connections belong to.
  public let reactor: Reactor
  /// Where it listens, with the port that the system chose if 0 was asked for.
  public let localAddress: SocketAddress
  /// The port on which it listens.
  public var port: Int { localAddress.port }

  private let socket: Socket
  private let options: Options
  private let file: SocketFile?
  /// As many permits as there may be connections.
  private let slots: Semaphore?
  /// Ends a pause for want of descriptors.
  private let retrying: Event
  /// What ``serve(onError:_:)`` serves.
  let serving: Serving
  /// Whether the last accept succeeded, so that there may be more to accept without a wait.
  @exclusivity(unchecked) private var mayHaveMore = false
  @exclusivity(unchecked) private var isDraining = false
  @exclusivity(unchecked) private var lastReport: ReactorClock.Instant?
  @exclusivity(unchecked) private var turns = Turns()
  /// Says whose each connection is to be, where that is not always the listener's reactor.
  @exclusivity(unchecked) var placing: (() -> Reactor)?

  /// Listens on an address.
  ///
  /// - Parameters:
  ///   - address: Where. Port 0 has the system choose one, which ``port`` tells.
  ///   - options: How.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``SocketError``, as when the address is in use.
  public init(
    at address: SocketAddress, options: Options = Options(), on reactor: Reactor = .current
  ) throws(SocketError) {
    options.check()
    let descriptor = try makeSocket(for: address)
    socket = Socket(descriptor, on: reactor)
    self.reactor = reactor
    self.options = options
    retrying = Event(on: reactor)
    serving = Serving(on: reactor)
    slots = options.maxConnections.map { Semaphore($0, on: reactor) }
    try Listener.bind(descriptor, to: address, options)
    file = address.path.flatMap(SocketFile.init)
    guard listen(descriptor, Int32(clamping: options.backlog)) == 0 else {
      let code = errno
      file?.remove()
      throw SocketError("listen", errno: code, address: address)
    }
    localAddress = try ToroNet.localAddress(of: descriptor)
    socket.name(reading: "accept") { [localAddress] in "Listener \"\(localAddress)\"" }
  }

  private static func bind(
    _ descriptor: Int32, to address: SocketAddress, _ options: Options
  ) throws(SocketError) {
    if address.isInternet {
      setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
      // What is accepted inherits it.
      setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      if options.reusesPort { setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
      if let pause = options.deferAccept {
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, Int32(clamping: pause.components.seconds))
      }
      if address.family == .ipv6, let isOn = options.isIPv6Only {
        setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isOn ? 1 : 0)
      }
    } else if let mode = options.mode {
      fchmod(descriptor, mode)  // before there is a file that others could open
    }
    var code = address.withSystemAddress { Glibc.bind(descriptor, $0, $1) } == 0 ? 0 : errno
    if code == EADDRINUSE && options.replacesStaleFile && SocketFile.removeStale(address) {
      code = address.withSystemAddress { Glibc.bind(descriptor, $0, $1) } == 0 ? 0 : errno
    }
    if code != 0 { throw SocketError("bind", errno: code, address: address) }
    // The process's umask has taken its part of the mode away.
    if let mode = options.mode, let path = address.path, !path.hasPrefix("@") { chmod(path, mode) }
  }

  /// Listens on a host's address and a port.
  ///
  /// - Parameters:
  ///   - host: An IPv4 or IPv6 address in numbers; `0.0.0.0` or `::` for all of this machine's.
  ///   - port: 0 to 65535; 0 has the system choose one, which ``port`` tells.
  ///   - options: How.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``AddressError`` for a host or port that is none; ``SocketError``.
  public convenience init(
    host: String, port: Int, options: Options = Options(), on reactor: Reactor = .current
  ) throws {
    try self.init(at: SocketAddress(host: host, port: port), options: options, on: reactor)
  }

  /// Listens on a Unix socket.
  ///
  /// - Parameters:
  ///   - unixPath: Where its file is to be, or `@` and an abstract name.
  ///   - options: How.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``AddressError`` for a path that is too long; ``SocketError``.
  public convenience init(unixPath: String, options: Options = Options(), on reactor: Reactor = .current) throws {
    try self.init(at: SocketAddress(unixPath: unixPath), options: options, on: reactor)
  }

  deinit {
    file?.remove()
    socket.close()
  }

  /// Ends the iteration, which then returns `nil`, and refuses further connections. Those accepted go on.
  ///
  /// - Parameter draining: Whether those who wait in the backlog now are accepted first, rather than cut.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close(draining: Bool = false) {
    if draining || (reactor.isForked && !reactor.isClosed) {
      guard reactor.isCurrent else { return reactor.executeRelease { self.close(draining: draining) } }
    }
    if draining {
      isDraining = true
      socket.wakeReaders()
    } else {
      file?.remove()
      socket.close()
    }
    retrying.set()
    if !draining { slots?.close() }
  }

  /// In a forked child, which the reactor was not re-initialised in: lets go of the address, which the parent may give up and take
  /// again. A Unix socket's file is the parent's.
  package func closeInChild() { socket.closeInChild() }

  /// Whether it is closed. From any thread.
  public var isClosed: Bool { socket.isClosed }

  /// As in `<Listener 127.0.0.1:80>`. From any thread.
  public var description: String { "<Listener \(localAddress)\(isClosed ? " closed" : "")>" }

  // MARK: Accepting

  /// Accepts the next connection, waiting for one.
  ///
  /// - Returns: The connection, or `nil` if the listener is closed.
  /// - Throws: `CancellationError` if the task is cancelled first: then no connection was taken. ``SocketError`` if
  ///   accepting fails for good; `ReactorClosedError`.
  /// - Isolation: May be awaited from any thread.
  public func accept(file: StaticString = #fileID, line: UInt = #line) async throws -> Connection? {
    try await accept(WaitSite(file, line))
  }

  func accept(_ site: WaitSite) async throws -> Connection? {
    guard reactor.isInside else { return try await reactor.visit { try await self.accept(site) } }
    do {
      try await slots?.acquire()
    } catch is ClosedError {
      return nil
    }
    var connection: Connection?
    defer { if connection == nil { slots?.release() } }
    connection = try await acceptInSlot(site)
    if let slots { connection?.socket.whenClosed { slots.release() } }
    return connection
  }

  private func acceptInSlot(_ site: WaitSite) async throws -> Connection? {
    // What can succeed at once does, also in a cancelled task.
    var tryFirst = mayHaveMore || Task.isCancelled
    while true {
      if tryFirst && turns.isSpent() { await reactor.yieldToPoll() }
      if socket.isClosed { return nil }
      do {
        if !tryFirst && !isDraining {
          turns.waited()
          _ = try await socket.readable(until: .max, site)
        }
        tryFirst = true
        switch try acceptNow() {
        case .connection(let connection): return connection
        case .none:
          if isDraining { close() }
          tryFirst = false
        case .gone: break
        case .exhausted(let error):
          try await awaitDescriptors(error)
        }
      } catch is ClosedError {
        return nil
      } catch let error as SystemError {
        // No memory, or no room in the system's tables, to watch for the next one: that passes, as a lack of descriptors does.
        let error = SocketError("accept", errno: error.errno, address: localAddress)
        guard error.errno == ENOMEM || error.errno == ENOSPC else { throw error }
        try await awaitDescriptors(error)
        tryFirst = true
      }
    }
  }

  /// Waits until a descriptor may be free.
  private func awaitDescriptors(_ error: SocketError) async throws {
    let now = reactor.now
    if lastReport.map({ $0.duration(to: now) >= .seconds(1) }) ?? true {
      lastReport = now
      options.onExhaustion?(error)
    }
    retrying.clear()
    if socket.isClosed { return }
    DescriptorShortage.add(retrying)
    defer { DescriptorShortage.remove(retrying) }
    _ = try await retrying.wait(deadline: .after(.milliseconds(100)))
  }

  private enum Accepted {
    case connection(Connection)
    /// Nobody is waiting to be accepted.
    case none
    /// Somebody was, and has gone.
    case gone
    /// No descriptor, or no memory, is left.
    case exhausted(SocketError)
  }

  private func acceptNow() throws(SocketError) -> Accepted {
    let (descriptor, code, peer) = SocketAddress.from { toro_accept(socket.descriptor, $0, $1) }
    mayHaveMore = descriptor >= 0
    if descriptor >= 0 {
      let accepted = Socket(descriptor, on: placing?() ?? reactor)
      guard let peer, let local = try? ToroNet.localAddress(of: descriptor) else { return .gone }
      let connection = Connection(accepted, peer: peer, local: local)
      #if TLS
      if let context = options.tls {
        guard (try? connection.expectTLS(context)) != nil else {
          return .exhausted(SocketError("accept", errno: ENOMEM, address: localAddress))
        }
      }
      #endif
      return .connection(connection)
    }
    switch code {
    case EAGAIN: return .none
    case EMFILE, ENFILE, ENOBUFS, ENOMEM:
      return .exhausted(SocketError("accept", errno: code, address: localAddress))
    // accept(2): a connection's pending network errors are reported here, and are to be treated as another try.
    case EINTR, ECONNABORTED, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH,
      EPERM:
      return .gone
    default: throw SocketError("accept", errno: code, address: localAddress)
    }
  }

  /// The connections, as they come, until the listener is closed.
  public struct Iterator: AsyncIteratorProtocol {
    let listener: Listener

    /// The next connection, or `nil` if the listener is closed.
    ///
    /// - Throws: As ``Listener/accept(file:line:)``.
    public func next() async throws -> Connection? {
      try await listener.accept(.iteration)
    }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> Connection? {
      try await listener.accept(.iteration)
    }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(listener: self) }
}
