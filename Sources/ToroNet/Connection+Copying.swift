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
  /// While it waits for something to come it holds no memory for it. What the destination does not take at once, up to 64
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
    var total = 0
    while true {
      guard reactor.isInside else {
        let copied = total
        return try await reactor.visit { try await copied + self.copy(to: destination, until: due, site) }
      }
      _ = try await awaitInput(betweenMessages: false, until: due, site)
      switch try passOn(to: destination) {
      case .nothing: break
      case .all(let count): total += count
      case .turn(let count):
        total += count
        await reactor.yieldToPoll()
        try expectTime(.readable, limit(due))
      case .rest(let bytes, let sent):
        try await destination.write(bytes, from: sent, until: due, site)
        total += bytes.count
      case .end: return total
      }
    }
  }

  /// What came of passing on what there is.
  private enum Portion {
    case nothing
    /// So much was written.
    case all(Int)
    /// The same, and others are to have a turn.
    case turn(Int)
    /// Of these bytes so many were written.
    case rest([UInt8], Int)
    case end
  }

  @inline(never)
  private func passOn(to destination: Connection) throws -> Portion {
    guard reactor.isCurrent else { return .nothing }
    return try reactor.withScratch { scratch in
      guard let count = try receiveNow(into: scratch) else { return .nothing }
      if count == 0 { return .end }
      let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<count])
      guard let sent = try destination.startWriting(bytes) else { return .all(count) }
      return sent == count ? .turn(count) : .rest([UInt8](bytes), sent)
    }
  }
}
