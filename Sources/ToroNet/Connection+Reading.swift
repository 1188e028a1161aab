import Glibc
import Toro

extension Connection {
  /// Reads what has come, waiting until there is something.
  ///
  /// - Parameters:
  ///   - count: How many bytes to read at most, at least 1. What is there is returned without waiting for that many.
  ///   - deadline: Until when to wait. What is there now is read whatever the deadline.
  /// - Returns: At least one byte, or none at the end of the stream.
  /// - Throws: `TimeoutError` if the deadline passes first, `CancellationError` if the task is cancelled first: no byte is
  ///   lost then, and the next read finds it. ``SocketError``; `ClosedError` after ``close()``; `ReactorClosedError`.
  /// - Precondition: No other task reads.
  /// - Isolation: May be awaited from any thread.
  public func read(
    upTo count: Int = 65_536, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> [UInt8] {
    require(count >= 1, "\(subject).read(upTo: \(count)): at least 1")
    return try await read(upTo: count, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Reads a line of text, without its end (a line feed, or a carriage return and a line feed).
  ///
  /// What is not UTF-8 is repaired. A last line may lack its end.
  ///
  /// - Parameters:
  ///   - maxLength: How many bytes a line may have, its end not counted, at least 0.
  ///   - deadline: Until when to wait for the line's end. A line that is there now is read whatever the deadline.
  /// - Returns: The line, or `nil` at the end of the stream.
  /// - Throws: ``LineTooLongError`` for a line longer than that, when it has been skipped to its end: it is not kept in
  ///   memory, and the next line can be read. Else as ``read(upTo:deadline:file:line:)``.
  /// - Precondition: No other task reads.
  /// - Isolation: May be awaited from any thread.
  public func readLine(
    maxLength: Int = 65_536, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> String? {
    require(maxLength >= 0, "\(subject).readLine(maxLength: \(maxLength)): at least 0")
    return try await readLine(maxLength, until: reactor.resolve(deadline), WaitSite(file, line)) {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// As ``readLine(maxLength:deadline:file:line:)``, for the line's bytes as they are.
  public func readLineBytes(
    maxLength: Int = 65_536, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> [UInt8]? {
    require(maxLength >= 0, "\(subject).readLineBytes(maxLength: \(maxLength)): at least 0")
    return try await readLine(maxLength, until: reactor.resolve(deadline), WaitSite(file, line)) { Array($0) }
  }

  // MARK: On the reactor

  private func read(upTo count: Int, until due: Int64, _ site: WaitSite) async throws -> [UInt8] {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.read(upTo: count, until: due, site) }
    }
    beginReading()
    defer { isReading = false }
    if !input.isEmpty { return input.take(count) }
    let limit = min(count, 65_536)
    var tryFirst = mayTryFirst(due)
    while !hasEnded {
      try await awaitInput(tryFirst, until: due, site)
      tryFirst = false
      var received: Int?
      let bytes = try [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        received = try receive(into: UnsafeMutableRawBufferPointer(buffer))
        count = received ?? 0
      }
      // A few bytes are not to hold on to the memory of many.
      if let received, received > 0 { return received < limit / 4 ? Array(bytes[...]) : bytes }
    }
    return []
  }

  private func readLine<Line: Sendable>(
    _ maxLength: Int, until due: Int64, _ site: WaitSite, _ make: @Sendable (UnsafeBufferPointer<UInt8>) -> Line
  ) async throws -> Line? {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.readLine(maxLength, until: due, site, make) }
    }
    beginReading()
    defer { isReading = false }
    var tryFirst = mayTryFirst(due)
    while true {
      switch input.nextLine(maxLength: maxLength, make) {
      case .line(let line): return line
      case .tooLong: throw LineTooLongError(maxLength: maxLength)
      case .incomplete: break
      }
      if hasEnded { break }
      try await awaitInput(tryFirst, until: due, site)
      tryFirst = false
      try withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { portion in
        if let count = try receive(into: portion) { input.append(UnsafeRawBufferPointer(rebasing: portion[..<count])) }
      }
    }
    switch input.lastLine(maxLength: maxLength, make) {
    case .line(let line): return line
    case .tooLong: throw LineTooLongError(maxLength: maxLength)
    case .incomplete, nil: return nil
    }
  }

  private func beginReading() {
    require(!isReading, "\(subject): two tasks read at the same time")
    isReading = true
  }

  /// Whether to read before any wait: what can succeed at once does, whatever the deadline and also in a cancelled task.
  private func mayTryFirst(_ due: Int64) -> Bool { due == .min || Task.isCancelled }

  /// Waits until a read is worth trying.
  private func awaitInput(_ tryFirst: Bool, until due: Int64, _ site: WaitSite) async throws {
    if tryFirst || mayHaveMore {
      if readTurns.isSpent() { await reactor.yield() }
      return
    }
    readTurns.waited()
    do {
      if try await socket.readable(until: due, site) { return }
    } catch {
      throw translate(error)
    }
    throw TimeoutError("\(subject).read")
  }

  /// Receives once: how many bytes, 0 if the peer has ended, `nil` if there is nothing yet.
  private func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
    if socket.isClosed { throw ClosedError(subject) }
    while true {
      let count = recv(socket.descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 {
        mayHaveMore = count == buffer.count
        return count
      }
      let code = count < 0 ? errno : failure ?? 0
      switch code {
      case 0:
        hasEnded = true
        return 0
      case EINTR: continue
      case EAGAIN:
        mayHaveMore = false
        return nil
      default:
        failure = code
        throw SocketError("read", errno: code, address: peerAddress)
      }
    }
  }
}
