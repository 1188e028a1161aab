import Toro

extension Connection {
  /// Writes to `destination` what comes here, to the end of the stream: an echo, or one way through a proxy.
  ///
  ///     try await withThrowingTaskGroup { group in
  ///       for (from, to) in [(client, server), (server, client)] {
  ///         group.addTask {
  ///           try await from.copy(to: to)
  ///           to.closeWrite()
  ///         }
  ///       }
  ///       try await group.waitForAll()
  ///     }
  ///
  /// Small messages that the destination takes at once are passed on without the task being resumed for each. While it waits for
  /// something to come it holds no memory for it. What the destination does not take at once, up to 64
  /// KiB, is held until it does, and nothing more is read meanwhile.
  ///
  /// - Parameters:
  ///   - destination: Where to write: another connection, of whatever reactor, or this one. It is not closed.
  ///   - deadline: Until when all of it has to be done.
  /// - Returns: How many bytes were copied.
  /// - Throws: As ``read(upTo:deadline:file:line:)`` and ``write(_:deadline:file:line:)-([UInt8],_,_,_)``. What was received is
  ///   lost if it could not be written; a wait for more that is cancelled or times out loses nothing.
  /// - Precondition: No other task reads here or writes there.
  /// - Isolation: May be awaited from any thread.
  @discardableResult
  public func copy(
    to destination: Connection, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Int {
    let due = deadline.isNever ? .max : reactor.resolve(deadline)
    return try await copy(to: destination, until: due, WaitSite(file, line))
  }

  private func copy(to destination: Connection, until due: Int64, _ site: WaitSite) async throws -> Int {
    // Others may be here now and resumed elsewhere.
    guard reactor.isInSpawnedTask else {
      return try await reactor.visit { try await self.relay(to: destination, until: due, site) }
    }
    return try await relay(to: destination, until: due, site)
  }

  /// In a task that is resumed on the reactor, as long as that is open.
  private func relay(to destination: Connection, until due: Int64, _ site: WaitSite) async throws -> Int {
    let relay = Relay(from: self, to: destination)
    defer { withExtendedLifetime(relay) {} }
    while true {
      relay.handleWhatComes()
      do {
        _ = try await awaitInput(betweenMessages: false, until: due, site)
      } catch {
        socket.endHandlingReadable()
        throw error
      }
      socket.endHandlingReadable()
      switch try relay.passOn() {
      case .nothing, .all: break
      case .turn:
        await reactor.yieldToPoll()
        try expectTime(.readable, limit(due))
      case .rest(let bytes, let sent):
        try await destination.write(bytes, from: sent, until: due, site)
      case .end: return relay.count
      }
    }
  }
}

/// Passes on from one connection to another what has come. Where all of it is taken at once, that needs no task: then it is
/// done in the event that tells of it, while the task that copies goes on waiting.
private final class Relay {
  /// How many bytes were received to be passed on.
  private(set) var count = 0
  private let reactor: Unmanaged<Reactor>
  private let source: Connection
  private let destination: Connection
  /// What the task has to see to.
  private var left: Result<Portion, any Error>?
  /// What bounded the task's wait when it began: the connection's deadline.
  private var due: Int64

  /// What came of passing on what there is.
  enum Portion {
    case nothing
    /// It was written.
    case all
    /// The same, and others are to have a turn.
    case turn
    /// Of these bytes so many were written.
    case rest([UInt8], Int)
    case end
  }

  init(from source: Connection, to destination: Connection) {
    reactor = .passUnretained(source.reactor)
    self.source = source
    self.destination = destination
    due = source.limits.due
  }

  /// What there is now, or what ``handle()`` left, for the task. A wait begins afterwards.
  func passOn() throws -> Portion {
    // A reactor that was closed meanwhile resumes its tasks elsewhere.
    guard source.reactor.isCurrent else { throw ReactorClosedError() }
    due = source.limits.due
    guard let left else { return try portion() }
    self.left = nil
    return try left.get()
  }

  /// In the event, until the task ends that: see ``Socket/handleReadable(by:_:)``.
  func handleWhatComes() {
    source.socket.handleReadable(
      by: { Unmanaged<Relay>.fromOpaque($0)._withUnsafeGuaranteedRef { $0.handle() } },
      Unmanaged.passUnretained(self).toOpaque(),
      using: DescriptorHandlerMemory(source, source.socket, destination, destination.sender))
  }

  /// - Returns: Whether the task is to wait on. Not if it has something to do, or has to begin another wait, with another limit.
  private func handle() -> Bool {
    guard canDoWithoutTask else { return false }
    let came = Result { try portion() }
    switch came {
    case .success(.nothing): return true
    case .success(.all), .success(.turn):
      source.turns.waited()
      destination.turns.waited()
      return !source.mayHaveMore
    case .success(.rest), .success(.end), .failure:
      left = came
      return false
    }
  }

  private var canDoWithoutTask: Bool {
    source.socket.layer == nil && destination.socket.layer == nil && destination.reactor === source.reactor
      && source.limits.idle == nil && source.limits.due == due && !destination.isWriting
  }

  @inline(never)
  private func portion() throws -> Portion {
    let scratch = reactor._withUnsafeGuaranteedRef { $0.scratch }
    guard let received = try source.receiveNow(into: scratch) else { return .nothing }
    if received == 0 { return .end }
    count += received
    let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<received])
    guard let sent = try destination.startWriting(bytes) else { return .all }
    return sent == received ? .turn : .rest([UInt8](bytes), sent)
  }
}
