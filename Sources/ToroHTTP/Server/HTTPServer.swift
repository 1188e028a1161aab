#if HTTP
import HTTPTypes
import Toro
import ToroNet

/// An HTTP/1.1 server: a handler answers each request.
///
///     let server = HTTPServer { request in
///       request.path == "/" ? .text("Hello, World!") : .text("not here\n", status: .notFound)
///     }
///     try await server.serve(Listener(host: "127.0.0.1", port: 8080))
///
/// Each connection is a task of its own on its reactor; its requests are handled one after the other, however many have been
/// sent ahead, and nothing more is read from it while an answer waits to be taken. What is no request is refused with the status
/// that ``HTTPSyntaxError`` says, and the connection closed. A handler that throws is answered for with 500.
///
/// **Deadlines.** A head has to be there within ``Configuration/headTimeout`` of its first byte, a body within
/// ``Configuration/bodyTimeout`` of its head, however the bytes trickle. A connection on which nothing moves is closed after
/// ``Configuration/idleTimeout``.
///
/// **Ending.** `stop(grace:)` of the listener: connections between two requests are closed, requests
/// in hand are answered, each with the word that the connection ends.
///
/// TLS is the listener's: `Listener.Options.tls`. One server may serve several listeners, also of several reactors.
public final class HTTPServer: Sendable {
  /// Answers a request, on the reactor of its connection.
  public typealias Handler = @Sendable (Request) async throws -> Response

  /// How a server serves.
  public struct Configuration: Sendable {
    /// What is too large of a request.
    public var limits = HTTPLimits()
    /// How long a head may take from its first byte: then the answer is 408.
    public var headTimeout = Duration.seconds(10)
    /// How long a body may take from its head: then reading it throws `TimeoutError`.
    public var bodyTimeout = Duration.seconds(300)
    /// How long nothing may move: between two requests, in a body, or in an answer that the client does not take.
    public var idleTimeout = Duration.seconds(60)
    /// Whether a handler is cancelled when its client has ended its side, or the connection was cut: noticed within a second, at
    /// the cost of a task for each request. What it throws then is nobody's business; an answer is sent all the same.
    ///
    /// Not by default, since a client may end its side and still wait for the answer, as `nc -N` does.
    public var cancelsAbandonedRequests = false
    /// What is said of the software in each answer's Server field, without control characters; `nil` is nothing.
    public var serverName: String?
    /// Hears of each request, once it has been answered or refused or has come to nothing, on the reactor of its connection.
    public var accessLog: (@Sendable (AccessRecord) -> Void)?
    /// Hears of what handlers throw, on the reactor of the connection. The client hears no more than that it was an error.
    public var onError: (@Sendable (Request, any Error) -> Void)?

    /// Hears of connections that failed with no request to answer for, on their reactors: a TLS handshake, a reset.
    public var onConnectionError: (@Sendable (Connection, any Error) -> Void)?

    /// The standard ones.
    public init() {}

    /// The standard ones, changed by `change`.
    public init(_ change: (inout Configuration) -> Void) { change(&self) }
  }

  let configuration: Configuration
  let handler: Handler
  private let workspaces = Locked<[ObjectIdentifier: Workspace]>([:])

  /// - Parameters:
  ///   - configuration: Limits, deadlines and hooks.
  ///   - handler: Answers each request.
  public init(configuration: Configuration = Configuration(), handler: @escaping Handler) {
    let name = configuration.serverName ?? "none"
    require(
      name.utf8.allSatisfy { $0 >= 32 && $0 != 127 },
      "HTTPServer: serverName = \(name.debugDescription): not the value of a field")
    self.configuration = configuration
    self.handler = handler
  }

  /// Serves the connections of a listener until it is closed, and returns when all have been served.
  ///
  /// - Throws: As `Listener.serve(onError:_:)`.
  /// - Isolation: May be awaited from any thread.
  public func serve(_ listener: Listener) async throws {
    try await listener.serve { connection in try await self.serve(connection) }
  }

  /// Serves the connections of a group's listener, each on the reactor that it belongs to.
  ///
  /// - Throws: As `GroupListener.serve(onError:_:)`.
  /// - Isolation: May be awaited from any thread.
  public func serve(_ listener: GroupListener) async throws {
    try await listener.serve { connection in try await self.serve(connection) }
  }

  /// Serves one connection until it ends, and closes it.
  ///
  /// - Throws: `CancellationError` if the task is cancelled, `ReactorClosedError`. What the peer does wrong throws nothing.
  /// - Isolation: May be awaited from any thread.
  public func serve(_ connection: Connection) async throws {
    guard connection.reactor.isInside else {
      return try await connection.reactor.visit { try await self.serve(connection) }
    }
    try await ServerConnection(connection, self, workspace(of: connection.reactor)).run()
  }

  private func workspace(of reactor: Reactor) -> Workspace {
    workspaces.withLock { all in
      if let workspace = all[ObjectIdentifier(reactor)] { return workspace }
      // Those of reactors that are gone go with the next that comes.
      all = all.filter { $0.value.reactor != nil }
      let workspace = Workspace(reactor)
      all[ObjectIdentifier(reactor)] = workspace
      return workspace
    }
  }
}

/// What the connections of one reactor share while they put an answer together, which takes no wait. On the reactor's thread.
final class Workspace: @unchecked Sendable {
  weak let reactor: Reactor?
  @exclusivity(unchecked) var writer = HeadWriter()
  @exclusivity(unchecked) var date = DateField()
  let attendance: Attendance

  init(_ reactor: Reactor) {
    self.reactor = reactor
    attendance = Attendance(reactor)
  }
}

extension HTTPServer {
  /// What is told of a request when it has been answered, or come to nothing.
  public struct AccessRecord: Sendable {
    /// Who asked.
    public let peerAddress: SocketAddress
    /// As it was sent; empty if the request's first line was refused.
    public let method: String
    /// As it was sent; empty if the request's first line was refused.
    public let target: String
    /// What was answered; 0 if nothing was, as where the client left before, or the server was stopped.
    public let status: Int
    /// How many bytes of content were answered with. Of an answer that is not complete so many were to be sent, or had been written
    /// by who streams it.
    public let bodyBytes: Int
    /// Whether all of the answer was written: not where the client left in the middle, or what wrote the body failed.
    public let isComplete: Bool
    /// How long it took from the request's head to the answer's last byte.
    public let duration: Duration
  }
}
#endif
