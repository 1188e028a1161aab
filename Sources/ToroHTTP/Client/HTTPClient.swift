#if HTTP
import HTTPTypes
import Toro
import ToroNet

/// An HTTP/1.1 client: asks, and keeps its connections for later requests.
///
///     let client = HTTPClient()
///     let response = try await client.get("http://example.org/", deadline: .after(.seconds(30)))
///     let page = try await response.body.collect(upTo: 1 << 20)
///
/// Bodies are streams both ways, at the pace of who reads them. What the server does wrong is a ``HTTPSyntaxError``: a body that is
/// shorter than its length is ``HTTPSyntaxError/unexpectedEnd``, whatever has been read of it before.
///
/// **Connections.** To each origin (scheme, host, port, proxy) there are at most ``Configuration/maxConnectionsPerOrigin``; requests
/// beyond that wait for their turn, first in, first out. Those not in use are kept for ``Configuration/keepAliveTimeout``, and
/// closed at once if the server closes them or sends what nobody asked for. They do not keep the reactor's run from ending.
///
/// **Answers.** A response has its connection until its body has been read to the end, it is closed or dropped. Read it, or use
/// ``withResponse(to:deadline:_:)``.
///
/// **Repeating.** A request is sent again only where a connection that was kept turns out to be closed before any byte of the answer,
/// only if to do it twice is as good as once (RFC 9110, 9.2.2), and only once, over a new connection. Redirects are followed if
/// the configuration or the request says so.
///
/// **Deadlines.** To connect, for the head, for a body to move, and for all of it: see ``Configuration``. The `TimeoutError` says which
/// passed.
///
/// It belongs to a reactor and may be used from any thread. Dropping it closes what is not in use.
public final class HTTPClient: Sendable {
  /// Bodies up to here go along with the head.
  static let smallBody = 16_384

  /// The reactor that the client belongs to.
  public let reactor: Reactor
  /// How it asks.
  public let configuration: Configuration
  let pool: ConnectionPool

  /// - Parameters:
  ///   - configuration: Limits, deadlines, redirects, proxy, TLS.
  ///   - reactor: Whose it is. Any thread may make it.
  /// - Precondition: Numbers and durations are as ``Configuration`` says.
  public init(configuration: Configuration = Configuration(), on reactor: Reactor = .current) {
    configuration.check()
    self.configuration = configuration
    self.reactor = reactor
    pool = ConnectionPool(configuration, reactor)
  }

  deinit {
    let pool = pool
    if reactor.isCurrent { pool.closeIdle() } else { reactor.execute { pool.closeIdle() } }
  }

  // MARK: Asking

  /// Asks for what a URL names.
  ///
  /// - Parameters:
  ///   - url: As in `http://example.org/path?query`.
  ///   - deadline: Until when all of it has to be done, the body included.
  /// - Returns: The answer, when its head has come.
  /// - Throws: ``HTTPURLError``; else as ``execute(_:deadline:)``.
  /// - Isolation: May be awaited from any thread.
  public func get(_ url: String, deadline: Deadline = .never) async throws -> Response {
    try await execute(Request(url), deadline: deadline)
  }

  /// The same of a URL that has been read.
  public func get(_ url: HTTPURL, deadline: Deadline = .never) async throws -> Response {
    try await execute(Request(url: url), deadline: deadline)
  }

  /// Sends a request.
  ///
  /// - Parameters:
  ///   - request: What to ask for.
  ///   - deadline: Until when all of it has to be done, the answer's body included. What can be done at once is, whatever the deadline.
  /// - Returns: The answer, when its head has come, whatever its status. It has the connection until its body has been read, or it
  ///   is closed or dropped.
  /// - Throws: `TimeoutError`, which says what took too long; ``HTTPSyntaxError`` if the answer is none; ``HTTPClientError``;
  ///   ``InvalidFieldError`` before anything is sent; what connecting throws (`ConnectError`, `ResolverError`, `SocketError`,
  ///   `TLSError`); what the request's body throws; `CancellationError` if the task is cancelled first; `ClosedError` after
  ///   ``close()``; `ReactorClosedError`. The connection is closed then, and the body's closure has returned.
  /// - Isolation: May be awaited from any thread.
  public func execute(_ request: Request, deadline: Deadline = .never) async throws -> Response {
    var due = reactor.resolve(deadline)
    if let timeout = configuration.timeout { due = min(due, reactor.resolve(.after(timeout))) }
    return try await execute(request, until: due)
  }

  /// Sends a request of swift-http-types, with its scheme, authority and path.
  ///
  /// - Throws: ``HTTPURLError``; else as ``execute(_:deadline:)``.
  /// - Isolation: May be awaited from any thread.
  public func execute(
    _ request: HTTPRequest, body: Request.Body = .empty, deadline: Deadline = .never
  ) async throws -> Response {
    try await execute(Request(request, body: body), deadline: deadline)
  }

  /// Sends a request, has `body` deal with the answer, and gives the connection up.
  ///
  /// - Throws: As ``execute(_:deadline:)``; what `body` throws.
  /// - Isolation: May be awaited from any thread.
  public func withResponse<Result>(
    to request: Request, deadline: Deadline = .never, _ body: (Response) async throws -> Result
  ) async throws -> Result {
    let response = try await execute(request, deadline: deadline)
    let result: Result
    do {
      result = try await body(response)
    } catch {
      await end(response)
      throw error
    }
    await end(response)
    return result
  }

  // MARK: Ending

  /// Ends in an orderly way: new requests throw `ClosedError`, what is in hand goes on for up to `grace`, bodies included, and
  /// what is left then is cut as by ``close()``.
  ///
  /// - Parameter grace: How long to wait.
  /// - Returns: How many connections were cut.
  /// - Throws: `CancellationError` if the task is cancelled first: what is in hand goes on, and it may be called again.
  ///   `ReactorClosedError`.
  /// - Isolation: May be awaited from any thread.
  @discardableResult
  public func shutdown(grace: Duration) async throws -> Int {
    guard reactor.isInside else { return try await reactor.visit { try await self.shutdown(grace: grace) } }
    let deadline = Deadline(due: reactor.resolve(.after(grace)))
    pool.calls.close()
    pool.closeIdle()
    if try await pool.calls.join(deadline: deadline), try await pool.users.join(deadline: deadline) { return 0 }
    return pool.closeAll()
  }

  /// Closes all connections. Requests in hand and answers that are being read end with `ClosedError`, as do later requests.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let pool = pool
    if reactor.isCurrent { pool.closeAll() } else { reactor.executeRelease { pool.closeAll() } }
  }

  // MARK: On the reactor

  /// Gives a response's connection up; the closure that writes the request's body has returned then.
  private func end(_ response: Response) async {
    response.close()
    guard reactor.isInside else {
      return (try? await reactor.visit { await response.exchange.stopUpload() }) ?? ()
    }
    await response.exchange.stopUpload()
  }

  @inline(__always)
  private func execute(_ request: Request, until due: Int64) async throws -> Response {
    guard reactor.isInside else { return try await reactor.visit { try await self.perform(request, until: due) } }
    return try await perform(request, until: due)
  }

  /// Follows redirects.
  private func perform(_ request: Request, until due: Int64) async throws -> Response {
    guard pool.calls.tryEnter() else { throw pool.closedError }
    defer { pool.calls.leave() }
    var request = request
    var redirectCount = 0
    while true {
      var response = try await ask(request, until: due)
      response.redirectCount = redirectCount
      if request.expectsContinue, response.message.head.status == 417, !response.exchange.hasSentBody {
        // It does not know of such expectations (RFC 9110, 10.1.1).
        response.close()
        request.expectsContinue = false
        continue
      }
      do {
        guard let next = try redirect(request, after: response) else { return response }
        response.close()
        request = next
        redirectCount += 1
      } catch {
        response.close()
        throw error
      }
    }
  }

  /// Makes one request, twice if a kept connection was closed meanwhile.
  private func ask(_ request: Request, until due: Int64) async throws -> Response {
    let origin = Origin(request, configuration.proxy)
    var head = pool.takeWriter()
    try head.append(request, to: origin, userAgent: configuration.userAgent, closes: !configuration.keepsConnections)
    let hasBody = head.appendSmallBody(of: request)
    defer { pool.giveBack(&head) }
    var isRepeated = false
    while true {
      let poolDue = configuration.poolTimeout.map { min(due, reactor.resolve(.after($0))) } ?? due
      guard let line = try await pool.enter(origin, until: poolDue) else {
        throw TimeoutError("\(request.subject): a free connection")
      }
      let connection = try await connect(line, for: request, mayReuse: !isRepeated, until: due)
      let exchange = Exchange(request, over: connection, pool, until: due)
      do {
        return try await exchange.begin(head, hasBody: hasBody)
      } catch
        where connection.isReused && !exchange.hasAnswer && error.mayBeStale && request.method.isIdempotent
        && request.body.isRepeatable
      {
        isRepeated = true
      }
    }
  }

  /// A connection for who has a permit, which is given back if there is none.
  @inline(__always)
  private func connect(
    _ line: ConnectionPool.Line, for request: Request, mayReuse: Bool, until due: Int64
  ) async throws -> ClientConnection {
    if mayReuse, let kept = pool.reuse(line) { return kept }
    do {
      let connectDue = min(due, reactor.resolve(.after(configuration.connectTimeout)))
      return try await pool.make(line, until: connectDue)
    } catch {
      pool.giveBack(line)
      guard error is TimeoutError else { throw error }
      throw TimeoutError(
        "\(request.subject): \(reactor.readMonotonicClock() >= due ? "the whole exchange" : "the connection to \(line.origin.firstEndpoint)")"
      )
    }
  }
}

extension HTTPClient.Request {
  /// What is asked for, in messages.
  var subject: String { "\(method.rawValue) \(url.withoutQuery)" }
}

extension HTTPClient.Configuration {
  var keepsConnections: Bool { maxIdle > 0 && maxIdlePerOrigin > 0 }

  fileprivate func check() {
    func expect(_ condition: Bool, _ what: String) { require(condition, "HTTPClient.Configuration.\(what)") }
    expect(maxConnectionsPerOrigin >= 1, "maxConnectionsPerOrigin = \(maxConnectionsPerOrigin): at least 1")
    expect(maxIdlePerOrigin >= 0, "maxIdlePerOrigin = \(maxIdlePerOrigin): at least 0")
    expect(maxIdle >= 0, "maxIdle = \(maxIdle): at least 0")
    expect(maxInformationalResponses >= 0, "maxInformationalResponses = \(maxInformationalResponses): at least 0")
    expect(poolTimeout ?? .seconds(1) > .zero, "poolTimeout = \(poolTimeout ?? .zero): more than zero")
    expect(keepAliveTimeout > .zero, "keepAliveTimeout = \(keepAliveTimeout): more than zero")
    expect(connectTimeout > .zero, "connectTimeout = \(connectTimeout): more than zero")
    expect(headTimeout > .zero, "headTimeout = \(headTimeout): more than zero")
    expect(idleTimeout > .zero, "idleTimeout = \(idleTimeout): more than zero")
  }
}

extension Error {
  /// Whether it may be of a connection that the peer had closed before it was used again.
  fileprivate var mayBeStale: Bool {
    if self as? HTTPSyntaxError == .unexpectedEnd || self is SocketError { return true }
    #if TLS
    return self is TLSError
    #else
    return false
    #endif
  }
}
#endif
