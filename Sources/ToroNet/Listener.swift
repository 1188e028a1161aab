import CToroShims
import Glibc
import Toro

/// A TCP socket that others connect to, and the connections that come, as an asynchronous sequence.
///
///     let listener = try Listener(host: "127.0.0.1", port: 0)
///     for try await connection in listener {
///       reactor.spawn {
///         do { try await serve(connection) } catch { print("\(connection): \(error)") }
///       }
///     }
///
/// A connection is accepted when the iteration asks for the next one, and not before: who holds the iteration up leaves
/// those who connect in the system's backlog. Connections that are gone before they are accepted are passed over. When
/// the process or the system is out of descriptors, it waits a tenth of a second and tries again.
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
  /// Ends a pause for want of descriptors.
  private let closing: Event
  /// Whether the last accept succeeded, so that there may be more to accept without a wait.
  @exclusivity(unchecked) private var mayHaveMore = false
  @exclusivity(unchecked) private var turns = Turns()

  /// Listens on an address.
  ///
  /// - Parameters:
  ///   - address: Where. Port 0 has the system choose one, which ``port`` tells.
  ///   - backlog: How many connections may wait to be accepted, at least 1; the system has a limit of its own.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``SocketError``, as when the address is in use.
  public init(at address: SocketAddress, backlog: Int = 1024, on reactor: Reactor = .current) throws(SocketError) {
    require(backlog >= 1, "Listener(backlog: \(backlog)): at least 1")
    let descriptor = try makeSocket(for: address)
    socket = Socket(descriptor, on: reactor)
    self.reactor = reactor
    closing = Event(on: reactor)
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    // What is accepted inherits it.
    setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    guard address.withSystemAddress({ bind(descriptor, $0, $1) }) == 0 else {
      throw SocketError("bind", errno: errno, address: address)
    }
    guard listen(descriptor, Int32(clamping: backlog)) == 0 else {
      throw SocketError("listen", errno: errno, address: address)
    }
    localAddress = try ToroNet.localAddress(of: descriptor)
    socket.name("Listener \"\(localAddress)\"", reading: "accept")
  }

  /// Listens on a host's address and a port.
  ///
  /// - Parameters:
  ///   - host: An IPv4 or IPv6 address in numbers; `0.0.0.0` or `::` for all of this machine's.
  ///   - port: 0 to 65535; 0 has the system choose one, which ``port`` tells.
  ///   - backlog: As for ``init(at:backlog:on:)``.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Throws: ``AddressError`` for a host or port that is none; ``SocketError``.
  public convenience init(host: String, port: Int, backlog: Int = 1024, on reactor: Reactor = .current) throws {
    try self.init(at: SocketAddress(host: host, port: port), backlog: backlog, on: reactor)
  }

  deinit { socket.close() }

  /// Ends the iteration, which then returns `nil`, and refuses further connections. Those accepted go on.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    closing.set()
    socket.close()
  }

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

  private func accept(_ site: WaitSite) async throws -> Connection? {
    guard reactor.isInside else { return try await reactor.visit { try await self.accept(site) } }
    // What can succeed at once does, also in a cancelled task.
    var tryFirst = mayHaveMore || Task.isCancelled
    while true {
      if tryFirst && turns.isSpent() { await reactor.yield() }
      if socket.isClosed { return nil }
      do {
        if !tryFirst {
          turns.waited()
          _ = try await socket.readable(until: .max, site)
        }
        tryFirst = true
        switch try acceptNow() {
        case .connection(let connection): return connection
        case .none: tryFirst = false
        case .gone: break
        case .exhausted:
          _ = try await closing.wait(deadline: .after(.milliseconds(100)))
          tryFirst = false
        }
      } catch is ClosedError {
        return nil
      }
    }
  }

  private enum Accepted {
    case connection(Connection)
    /// Nobody is waiting to be accepted.
    case none
    /// Somebody was, and has gone.
    case gone
    /// No descriptor, or no memory, is left.
    case exhausted
  }

  private func acceptNow() throws(SocketError) -> Accepted {
    let (descriptor, code, peer) = SocketAddress.from { toro_accept(socket.descriptor, $0, $1) }
    mayHaveMore = descriptor >= 0
    if descriptor >= 0 {
      let accepted = Socket(descriptor, on: reactor)
      guard let peer, let local = try? ToroNet.localAddress(of: descriptor) else { return .gone }
      return .connection(Connection(accepted, peer: peer, local: local))
    }
    switch code {
    case EAGAIN: return .none
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
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
