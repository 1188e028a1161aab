import CToroShims
import Toro

/// Reading in two steps, for protocols that are spoken over a connection: a wait until there is something, and a call that
/// takes it at once, into memory that is borrowed for the call. So a connection between two messages needs no buffer.
extension Connection {
  /// How a wait for input goes on.
  @usableFromInline
  package enum InputStart {
    /// ``receiveNow(into:)`` is worth trying.
    case ready
    /// After a suspension, by ``finishAwaitingInput()``.
    case suspend
    /// By ``awaitInput(betweenMessages:until:_:hasBegun:)``.
    case goOn
    /// By the same, from the beginning.
    case otherwise
  }

  /// Waits until ``receiveNow(into:)`` is worth trying, which may still find nothing.
  ///
  /// - Parameter betweenMessages: Whether a server may stop here: see ``awaitRequest(deadline:file:line:)``.
  /// - Returns: Whether to go on; false if the server stops.
  @inlinable @inline(__always)
  package func awaitInput(betweenMessages: Bool, until due: Int64, _ site: WaitSite) async throws -> Bool {
    switch try startAwaitingInput(betweenMessages, until: due, site, #isolation) {
    case .ready: return true
    case .suspend:
      await reactor.suspend()
      try finishAwaitingInput()
      return true
    case .goOn: return try await awaitInput(betweenMessages, until: due, site, hasBegun: true)
    case .otherwise: return try await awaitInput(betweenMessages, until: due, site, hasBegun: false)
    }
  }

  /// All of it that comes before the common wait, in a call that is not async.
  @usableFromInline @inline(never)
  package func startAwaitingInput(
    _ betweenMessages: Bool, until due: Int64, _ site: WaitSite, _ isolation: (any Actor)?
  ) throws -> InputStart {
    guard reactor.isInside, !mayHaveMore, !hasEnded, socket.layer == nil, !mayTryFirst(due), !isLetGo else {
      return .otherwise
    }
    beginReading()
    guard input.isEmpty else {
      isReading = false
      return .ready
    }
    awaitsRequest = betweenMessages
    turns.waited()
    do {
      switch try socket.beginReadable(until: limit(due), site, isolation) {
      case .suspends: return .suspend
      case .isDecided:
        try finishAwaitingInput()
        return .ready
      case .goesOn: return .goOn
      }
    } catch {
      (isReading, awaitsRequest) = (false, false)
      throw translate(error)
    }
  }

  /// What came of the wait after the suspension.
  @usableFromInline @inline(never)
  package func finishAwaitingInput() throws {
    defer { (isReading, awaitsRequest) = (false, false) }
    do {
      guard try socket.endReadable() else { throw TimeoutError("\(subject).read") }
    } catch {
      throw translate(error)
    }
  }

  /// The ways that are rarer.
  @usableFromInline
  package func awaitInput(
    _ betweenMessages: Bool, until due: Int64, _ site: WaitSite, hasBegun: Bool
  ) async throws -> Bool {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.awaitInput(betweenMessages, until: due, site, hasBegun: false) }
    }
    if !hasBegun { beginReading() }
    awaitsRequest = betweenMessages
    defer { (isReading, awaitsRequest) = (false, false) }
    if hasBegun {
      try await expectInTime(.readable) { try await socket.goOnReadable(until: limit(due), site) }
      return true
    }
    if !input.isEmpty || hasEnded { return true }
    let isStopping = betweenMessages && isLetGo
    // What is there is taken in any case. If there is nothing, callers try again: they have to wait then, and hear of it.
    if isStopping || mayTryFirst(due) {
      if try receiveAhead() { return true }
      if isStopping { return false }
    }
    try await awaitInput(false, until: due, site)
    return true
  }

  /// Takes what has come: how many bytes, 0 at the end of the stream, `nil` if there is nothing yet.
  package func receiveNow(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
    if !input.isEmpty { return input.take(into: buffer) }
    return hasEnded ? 0 : try receive(into: buffer)
  }

  /// Gives back what was received and belongs to somebody else: the next read finds it first.
  package func putBack(_ bytes: UnsafeRawBufferPointer) {
    var before = InputBuffer()
    before.append(bytes)
    while !input.isEmpty { input.take(input.count).withUnsafeBytes { before.append($0) } }
    input = before
  }

  /// Has the task that waits to read look again at what it waits for.
  package func wakeReader() { socket.wakeReaders() }

  // MARK: Kept for later

  /// Has `body` called, once, when something comes or the stream ends while nobody reads: of a connection that is kept for later
  /// use. It keeps no run going.
  ///
  /// - Returns: Whether it can be watched.
  package func watchIdle(_ body: @escaping @Sendable () -> Void) -> Bool { socket.watchUnawaited(body) }

  /// Ends that, before the connection is used again.
  package func endWatchingIdle() { socket.endWatchingUnawaited() }

  /// Whether nothing has come that nobody asked for, be it the end: else a connection that was kept is of no use any more. A
  /// peer of TLS may have sent what is TLS's own.
  package func isQuiet() -> Bool {
    guard !socket.isClosed, input.isEmpty, !hasEnded else { return false }
    do {
      return try reactor.withScratch { try receive(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<1])) == nil }
    } catch {
      return false
    }
  }

  /// Whether the peer has ended its side, or the connection was cut, whatever there is to be read before that.
  ///
  /// A peer that has ended its side may still be there and read: only a write tells, as the system answers one that is gone. What
  /// looks after work that takes long can ask this now and then. After ``closeRead()`` it is true: the system cannot tell then. One
  /// system call; on the reactor's thread.
  public var hasPeerLeft: Bool {
    reactor.expectOnThread("Connection.hasPeerLeft")
    return !socket.isClosed && toro_peer_has_left(socket.descriptor)
  }

  /// Whether the listener that serves it is being stopped.
  package var isLetGo: Bool { serving?.isStopping ?? false }
}
