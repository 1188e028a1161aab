import Toro

extension Listener {
  /// Accepts connections and serves each in a task of its own, until the listener is closed; returns when all have been served.
  ///
  ///     try await listener.serve { connection in
  ///       for try await chunk in connection.chunks() { try await connection.write(chunk) }
  ///     }
  ///
  /// A connection is closed when its handler returns or throws. What it throws ends nothing else: `onError` hears of it, but
  /// not of a cancellation. ``stop(grace:)`` ends in an orderly way from elsewhere.
  ///
  /// - Parameters:
  ///   - onError: Hears, on the reactor, of what handlers throw, such as a ``SocketError`` for a peer that is gone.
  ///   - handler: Serves one connection, in a task of its own on the reactor.
  /// - Throws: `CancellationError` if the task is cancelled, ``SocketError`` if accepting fails for good: the handlers are
  ///   cancelled and have ended when it throws. `ReactorClosedError`.
  /// - Precondition: The listener is not served or iterated over by another task.
  /// - Isolation: May be awaited from any thread.
  public func serve(
    onError: (@Sendable (Connection, any Error) -> Void)? = nil,
    _ handler: @escaping @Sendable (Connection) async throws -> Void
  ) async throws {
    guard reactor.isInside else { return try await reactor.visit { try await self.serve(onError: onError, handler) } }
    require(!serving.isBegun, "\(self).serve(onError:_:): it is being served already")
    try await serving.run(onError, handler) {
      try await self.accept(.iteration)
    } closing: {
      self.close()
    }
  }

  /// Ends in an orderly way: nothing more is accepted, connections between two requests
  /// (``Connection/awaitRequest(deadline:file:line:)``) are let go, and the other handlers have the time of `grace` to end.
  /// Then they are cancelled; a second later, which is enough for a last word, the connections of those who are still there are
  /// closed. ``serve(onError:_:)`` returns when all have ended, before this does.
  ///
  /// - Parameter grace: How long to wait for handlers.
  /// - Returns: How many were cut short.
  /// - Throws: `CancellationError` if the task is cancelled first: the handlers go on, and it may be called again.
  ///   `ReactorClosedError`.
  /// - Isolation: May be awaited from any thread.
  @discardableResult
  public func stop(grace: Duration) async throws -> Int {
    guard reactor.isInside else { return try await reactor.visit { try await self.stop(grace: grace) } }
    close()
    serving.letGo()
    // Not for the connections alone: one that was accepted in this turn has no handler yet, and who closes the reactor next would
    // have the task that serves told of that.
    guard serving.isBegun else { return 0 }
    if try await serving.ended.wait(deadline: .after(grace)) { return 0 }
    let cutCount = serving.cancelAll()
    try await serving.farewell()
    if servedCount == 0, serving.isBegun { try await serving.ended.wait() }
    return cutCount
  }

  /// How many connections ``serve(onError:_:)`` serves now. On the reactor's thread.
  public var servedCount: Int { serving.members.count }
}

/// The connections that are served on one reactor for a listener. It belongs to the reactor's thread.
final class Serving: @unchecked Sendable {
  /// Those who serve are in it.
  let members: Gate
  /// Whether somebody serves, and what is set when that has ended.
  @exclusivity(unchecked) private(set) var isBegun = false
  let ended: Event
  /// Whether no further request is to be awaited.
  @exclusivity(unchecked) private(set) var isStopping = false
  @exclusivity(unchecked) private var served: [ObjectIdentifier: (connection: Connection, task: Task<Void, Never>)] =
    [:]
  let reactor: Reactor

  init(on reactor: Reactor) {
    self.reactor = reactor
    members = Gate(name: "connections", on: reactor)
    ended = Event(name: "serving", on: reactor)
  }

  /// Serves what is accepted until there is nothing more to accept, and then until all have been served.
  func run(
    _ onError: (@Sendable (Connection, any Error) -> Void)?,
    _ handler: @escaping @Sendable (Connection) async throws -> Void,
    accepting accept: () async throws -> Connection?, closing close: () -> Void
  ) async throws {
    isBegun = true
    ended.clear()
    defer {
      isBegun = false
      ended.set()
    }
    do {
      while let connection = try await accept() { start(connection, onError, handler) }
      try await members.join()
    } catch {
      close()
      cancelAll()
      // In a task that is not cancelled.
      await reactor.spawn { [self] in
        try? await farewell()
        try? await members.join()
      }.value
      throw error
    }
  }

  private func start(
    _ connection: Connection, _ onError: (@Sendable (Connection, any Error) -> Void)?,
    _ handler: @escaping @Sendable (Connection) async throws -> Void
  ) {
    guard members.tryEnter() else { return }  // not with a gate that is open
    connection.serving = self
    let task = reactor.spawn(name: "serving") { [self] in
      do {
        try await handler(connection)
      } catch is CancellationError {
      } catch {
        onError?(connection, error)
      }
      if reactor.isCurrent { end(connection) } else { connection.close() }  // the reactor is closed
    }
    served[ObjectIdentifier(connection)] = (connection, task)
  }

  private func end(_ connection: Connection) {
    served[ObjectIdentifier(connection)] = nil
    connection.close()
    members.leave()
  }

  /// Lets go of those who are between two requests, and of the others when they come to that.
  func letGo() {
    isStopping = true
    for (connection, _) in served.values where connection.awaitsRequest { connection.socket.wakeReaders() }
  }

  /// Cuts short what is served: how many were.
  @discardableResult
  func cancelAll() -> Int {
    isStopping = true
    for (_, task) in served.values { task.cancel() }
    return served.count
  }

  /// Closes the connections of those who are still there in a second.
  func farewell() async throws {
    if try await members.join(deadline: .after(.seconds(1))) { return }
    for (connection, _) in served.values { connection.close() }
  }
}

extension Connection {
  /// Waits for the beginning of a request, that is, until there is something to read: for servers, between one request and
  /// the next.
  ///
  ///     while try await connection.awaitRequest(deadline: .after(.seconds(60))) {
  ///       guard let line = try await connection.readLine(deadline: .after(.seconds(10))) else { break }
  ///       …
  ///     }
  ///
  /// - Parameter deadline: Until when to wait.
  /// - Returns: Whether there is something; `false` at the end of the stream, and when ``Listener/stop(grace:)`` was called on
  ///   the listener that serves the connection.
  /// - Throws: As ``read(upTo:deadline:file:line:)``: no byte is lost.
  /// - Precondition: No other task reads.
  /// - Isolation: May be awaited from any thread.
  public func awaitRequest(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Bool {
    try await awaitRequest(until: reactor.resolve(deadline), WaitSite(file, line))
  }
}
