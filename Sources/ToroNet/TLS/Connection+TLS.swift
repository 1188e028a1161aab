#if TLS
import Glibc
import Toro

extension Connection {
  /// What was agreed on with the peer, once the handshake is done; `nil` before, and without TLS. On the reactor's thread.
  public var tlsSession: TLSSession? { (socket.layer as? TLSLayer)?.session }

  /// Connects to an address, and speaks TLS.
  ///
  /// - Parameters:
  ///   - address: Where somebody listens.
  ///   - context: That of a client.
  ///   - serverName: Whom the server's certificate has to be for, and whom it is asked for (SNI): a name, or an address in
  ///     numbers, which is not asked for. `nil` is the address's own.
  ///   - deadline: Until when to wait for the connection and the handshake, which is bounded by
  ///     ``TLSConfiguration/handshakeTimeout`` as well.
  ///   - reactor: Whose the connection is to be.
  /// - Throws: As ``connect(to:deadline:on:file:line:)``, and as ``startTLS(_:serverName:deadline:file:line:)``. No descriptor
  ///   is left open then.
  /// - Isolation: May be awaited from any thread.
  public static func connect(
    to address: SocketAddress, tls context: TLSContext, serverName: String? = nil, deadline: Deadline = .never,
    on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Connection {
    try await connect(
      to: .address(address), tls: context, serverName: serverName, deadline: deadline, on: reactor, file: file,
      line: line)
  }

  /// Connects to a host by its name, and speaks TLS: the server's certificate has to be for that name.
  ///
  /// - Parameters:
  ///   - host: A name, or an IPv4 or IPv6 address in numbers.
  ///   - port: 0 to 65535.
  ///   - context: That of a client.
  ///   - options: How to connect.
  ///   - deadline: Until when to wait, for the look-up, the connection and the handshake together, which is bounded by
  ///     ``TLSConfiguration/handshakeTimeout`` as well.
  ///   - reactor: Whose the connection is to be.
  /// - Throws: As ``connect(toHost:port:options:deadline:on:file:line:)``, and as
  ///   ``startTLS(_:serverName:deadline:file:line:)``. No descriptor is left open then.
  /// - Isolation: May be awaited from any thread.
  public static func connect(
    toHost host: String, port: Int, tls context: TLSContext, options: ConnectOptions = ConnectOptions(),
    deadline: Deadline = .never, on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Connection {
    try await connect(
      to: .host(host, port: port), tls: context, options: options, deadline: deadline, on: reactor, file: file,
      line: line)
  }

  /// Connects to an address, or to a host by its name, and speaks TLS.
  ///
  /// - Parameters:
  ///   - endpoint: Whom to connect to.
  ///   - context: That of a client.
  ///   - serverName: Whom the server's certificate has to be for, as for
  ///     ``startTLS(_:serverName:deadline:file:line:)``. `nil` is the endpoint's host.
  ///   - options: How to connect, if it is a name.
  ///   - deadline: Until when to wait, for all of it together.
  ///   - reactor: Whose the connection is to be.
  /// - Throws: As ``connect(to:options:deadline:on:file:line:)``, and as ``startTLS(_:serverName:deadline:file:line:)``. No
  ///   descriptor is left open then.
  /// - Isolation: May be awaited from any thread.
  public static func connect(
    to endpoint: Endpoint, tls context: TLSContext, serverName: String? = nil,
    options: ConnectOptions = ConnectOptions(), deadline: Deadline = .never, on reactor: Reactor = .current,
    file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Connection {
    require(context.configuration.role == .client, "Connection.connect(to:tls:): the context is that of a server")
    let due = Deadline(due: reactor.resolve(deadline))
    let connection = try await connect(
      to: endpoint, options: options, deadline: due, on: reactor, file: file, line: line)
    var name = serverName
    if name == nil, case .host(let host, _) = endpoint { name = host }
    try await connection.startTLS(context, name, until: reactor.resolve(due), WaitSite(file, line))
    return connection
  }

  /// Speaks TLS from here on, on a connection that has spoken something else, or nothing: does the handshake, as a client or a
  /// server, whichever the context is for.
  ///
  /// What was written before goes first, as it is. What the peer has sent before counts as part of the handshake, so that
  /// nobody can have slipped in text that would be taken for the peer's.
  ///
  /// - Parameters:
  ///   - context: That of a client or of a server.
  ///   - serverName: Of a client: whom the server's certificate has to be for, and whom it is asked for (SNI): a name, or an
  ///     address in numbers, which is not asked for. `nil` is the peer's address.
  ///   - deadline: Until when to wait; ``TLSConfiguration/handshakeTimeout`` bounds it as well.
  /// - Returns: What was agreed on.
  /// - Throws: ``TLSError``, which says what is wrong with the peer's certificate or its hello; `TimeoutError`,
  ///   `CancellationError`, ``SocketError``, `ClosedError`, `ReactorClosedError`. The connection is closed then, but for a
  ///   ``TLSError`` of the kind ``TLSError/Kind/configuration``.
  /// - Precondition: No other task reads or writes. TLS has not been started; no bufferevent carries the connection.
  /// - Isolation: May be awaited from any thread.
  @discardableResult
  public func startTLS(
    _ context: TLSContext, serverName: String? = nil, deadline: Deadline = .never, file: StaticString = #fileID,
    line: UInt = #line
  ) async throws -> TLSSession {
    try await startTLS(context, serverName, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until the handshake is done, which reads and writes do as well: for who wants to know what was agreed on first.
  ///
  /// - Returns: What was agreed on.
  /// - Throws: As ``startTLS(_:serverName:deadline:file:line:)``.
  /// - Precondition: TLS has been started, or a listener with TLS has accepted the connection.
  /// - Isolation: May be awaited from any thread.
  @discardableResult
  public func handshake(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> TLSSession {
    try await handshake(until: reactor.resolve(deadline), WaitSite(file, line))
  }

  // MARK: On the reactor

  @discardableResult
  private func startTLS(
    _ context: TLSContext, _ serverName: String?, until due: Int64, _ site: WaitSite
  ) async throws -> TLSSession {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.startTLS(context, serverName, until: due, site) }
    }
    if socket.isClosed { throw ClosedError(subject) }
    require(
      socket.layer == nil, "\(subject).startTLS: TLS was started already, or a bufferevent carries the connection")
    require(!isReading && !isWriting, "\(subject).startTLS: in the middle of a read or a write")
    (isReading, isWriting) = (true, true)
    defer { (isReading, isWriting) = (false, false) }
    let layer = try makeTLS(context, serverName)
    do {
      while sender.unsentCount > 0 {
        _ = try sendOrHold(UnsafeRawBufferPointer(start: nil, count: 0))
        if sender.unsentCount > 0 { try await awaitRoom(until: due, site) }
      }
    } catch {
      close()
      throw error
    }
    install(layer)
    return try await handshake(until: due, site)
  }

  private func makeTLS(_ context: TLSContext, _ serverName: String?) throws(TLSError) -> TLSLayer {
    try TLSLayer(
      context, over: socket, sender, serverName: serverName ?? (peerAddress.isInternet ? peerAddress.host : nil),
      port: peerAddress.port, received: input)
  }

  private func install(_ layer: TLSLayer) {
    input = InputBuffer()
    mayHaveMore = false
    socket.layer = layer
  }

  /// Has the first read or write begin the handshake, as a server.
  func expectTLS(_ context: TLSContext) throws(TLSError) { install(try makeTLS(context, nil)) }

  private func handshake(until due: Int64, _ site: WaitSite) async throws -> TLSSession {
    guard reactor.isInside else { return try await reactor.visit { try await self.handshake(until: due, site) } }
    guard let layer = socket.layer as? TLSLayer else {
      stop("\(subject).handshake(): TLS was not started", #fileID, #line)
    }
    do {
      while true {
        if socket.isClosed { throw ClosedError(subject) }
        switch layer.establish() {
        case .moved: if let session = layer.session { return session }
        case .failed(let code):
          throw layer.failure ?? SocketError("handshake", errno: code, address: peerAddress)
        case .blocked:
          guard try await layer.established(until: limit(due), site) else {
            throw TimeoutError("\(subject).handshake")
          }
        }
      }
    } catch {
      close()
      throw translate(error)
    }
  }
}
#endif
