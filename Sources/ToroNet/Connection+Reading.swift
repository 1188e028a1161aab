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

  /// Reads what has come into memory of the caller's, waiting until there is something: no allocation, no copy but the
  /// system's.
  ///
  /// - Parameters:
  ///   - buffer: Where to put it, at least 1 byte. It must stay valid until the call returns, and is no one else's meanwhile.
  ///   - deadline: As for ``read(upTo:deadline:file:line:)``.
  /// - Returns: How many bytes were read, 0 at the end of the stream.
  /// - Throws: As ``read(upTo:deadline:file:line:)``.
  /// - Precondition: No other task reads.
  /// - Isolation: May be awaited from any thread.
  @inlinable @inline(__always)
  public func read(
    into buffer: UnsafeMutableRawBufferPointer, deadline: Deadline = .never, file: StaticString = #fileID,
    line: UInt = #line
  ) async throws -> Int {
    let due = deadline.isNever ? .max : reactor.resolve(deadline)
    switch try startReading(into: buffer, until: due, WaitSite(file, line), #isolation) {
    case .read(let count): return count
    case .suspend:
      await reactor.suspend()
      if let count = try finishReading(into: buffer) { return count }
    case .goOn: return try await read(into: buffer, until: due, WaitSite(file, line), hasBegun: true)
    case .otherwise: break
    }
    return try await read(into: buffer, until: due, WaitSite(file, line), hasBegun: false)
  }

  /// Reads this many bytes, waiting until they are there.
  ///
  /// - Parameters:
  ///   - count: How many bytes, at least 0. They are held in memory until all are there.
  ///   - deadline: Until when to wait for the last of them.
  /// - Returns: The bytes, or `nil` at the end of the stream.
  /// - Throws: ``EndOfStreamError`` if the stream ends after some of them, which can still be read. Else as
  ///   ``read(upTo:deadline:file:line:)``: no byte is lost by a time-out or a cancellation.
  /// - Precondition: No other task reads.
  /// - Isolation: May be awaited from any thread.
  public func read(
    exactly count: Int, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> [UInt8]? {
    require(count >= 0, "\(subject).read(exactly: \(count)): at least 0")
    return try await read(exactly: count, until: reactor.resolve(deadline), WaitSite(file, line))
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
    return try await readText(maxLength, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// As ``readLine(maxLength:deadline:file:line:)``, for the line's bytes as they are.
  public func readLineBytes(
    maxLength: Int = 65_536, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> [UInt8]? {
    require(maxLength >= 0, "\(subject).readLineBytes(maxLength: \(maxLength)): at least 0")
    return try await readLine(.readLineBytes, maxLength, until: reactor.resolve(deadline), WaitSite(file, line)) {
      Array($0)
    }
  }

  // MARK: On the reactor

  /// How a read goes on.
  @usableFromInline
  enum ReadStart {
    case read(Int)
    /// After a suspension, by ``finishReading(into:)``.
    case suspend
    /// With the wait that has begun, in a way that is rarer and takes frames of its own.
    case goOn
    /// From the beginning, in such a way.
    case otherwise
  }

  /// All of a read that comes before the common wait, in a call that is not async.
  @usableFromInline @inline(never)
  func startReading(
    into buffer: UnsafeMutableRawBufferPointer, until due: Int64, _ site: WaitSite, _ isolation: (any Actor)?
  ) throws -> ReadStart {
    require(buffer.count >= 1, "\(subject).read(into:): a buffer of at least 1 byte")
    guard reactor.isInside, !mayHaveMore, !hasEnded, socket.layer == nil, !mayTryFirst(due) else { return .otherwise }
    beginReading()
    guard input.isEmpty else {
      isReading = false
      return .read(input.take(into: buffer))
    }
    turns.waited()
    do {
      switch try socket.beginReadable(until: limit(due), site, isolation) {
      case .suspends: return .suspend
      case .isDecided: return try finishReading(into: buffer).map { .read($0) } ?? .otherwise
      case .goesOn: return .goOn
      }
    } catch {
      isReading = false
      throw translate(error)
    }
  }

  /// What came of the read after the suspension; `nil` if the wait was for nothing.
  @usableFromInline @inline(never)
  func finishReading(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
    defer { isReading = false }
    do {
      guard try socket.endReadable() else { throw TimeoutError("\(subject).read") }
    } catch {
      throw translate(error)
    }
    return try receive(into: buffer)
  }

  func read(upTo count: Int, until due: Int64, _ site: WaitSite) async throws -> [UInt8] {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.read(upTo: count, until: due, site) }
    }
    beginReading()
    defer { isReading = false }
    if !input.isEmpty { return input.take(count) }
    var tryFirst = mayTryFirst(due)
    while !hasEnded {
      try await awaitInput(tryFirst, until: due, site)
      tryFirst = false
      if let bytes = try receiveBytes(count), !bytes.isEmpty { return bytes }
    }
    return []
  }

  private func receiveBytes(_ limit: Int) throws -> [UInt8]? {
    try reactor.withScratch { scratch in
      let portion = UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(limit, scratch.count)])
      return try receive(into: portion).map { [UInt8](UnsafeRawBufferPointer(rebasing: portion[..<$0])) }
    }
  }

  /// The ways that are rarer.
  ///
  /// - Parameter hasBegun: Whether ``startReading(into:until:_:_:)`` has begun to wait.
  @usableFromInline
  func read(
    into buffer: UnsafeMutableRawBufferPointer, until due: Int64, _ site: WaitSite, hasBegun: Bool
  ) async throws -> Int {
    guard reactor.isInside else {
      nonisolated(unsafe) let buffer = buffer
      return try await reactor.visit { try await self.read(into: buffer, until: due, site, hasBegun: false) }
    }
    if !hasBegun { beginReading() }
    defer { isReading = false }
    if hasBegun {
      try await expectInTime(.readable) { try await socket.goOnReadable(until: limit(due), site) }
      if let count = try receive(into: buffer) { return count }
    }
    if !input.isEmpty { return input.take(into: buffer) }
    var tryFirst = mayTryFirst(due)
    while !hasEnded {
      try await awaitInput(tryFirst, until: due, site)
      tryFirst = false
      if let count = try receive(into: buffer) { return count }
    }
    return 0
  }

  private func read(exactly count: Int, until due: Int64, _ site: WaitSite) async throws -> [UInt8]? {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.read(exactly: count, until: due, site) }
    }
    beginReading()
    defer { isReading = false }
    var tryFirst = mayTryFirst(due)
    while input.count < count && !hasEnded {
      try await awaitInput(tryFirst, until: due, site)
      tryFirst = false
      try reactor.withScratch { scratch in
        let wanted = UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(scratch.count, count - input.count)])
        if let received = try receive(into: wanted) {
          input.append(UnsafeRawBufferPointer(rebasing: wanted[..<received]))
        }
      }
    }
    if input.count >= count { return count == 0 ? [] : input.take(count) }
    if input.isEmpty { return nil }
    throw EndOfStreamError(expected: count, received: input.count)
  }

  func awaitRequest(until due: Int64, _ site: WaitSite) async throws -> Bool {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.awaitRequest(until: due, site) }
    }
    beginReading()
    awaitsRequest = true
    defer {
      isReading = false
      awaitsRequest = false
    }
    var tryFirst = mayTryFirst(due)
    while input.isEmpty && !hasEnded {
      let isStopping = serving?.isStopping ?? false
      try await awaitInput(tryFirst || isStopping, for: .awaitRequest, until: due, site)
      tryFirst = false
      if try !receiveAhead() && isStopping { return false }
    }
    return !input.isEmpty
  }

  /// Receives a portion into ``input``: whether there was something to receive, or the end.
  func receiveAhead() throws -> Bool {
    try reactor.withScratch { scratch in
      let portion = UnsafeMutableRawBufferPointer(rebasing: scratch[..<portionSize])
      guard let count = try receive(into: portion) else { return false }
      input.append(UnsafeRawBufferPointer(rebasing: portion[..<count]))
      return true
    }
  }

  func readText(_ maxLength: Int, until due: Int64, _ site: WaitSite) async throws -> String? {
    try await readLine(.readLine, maxLength, until: due, site) { String(decoding: $0, as: UTF8.self) }
  }

  private func readLine<Line: Sendable>(
    _ role: WaitRole, _ maxLength: Int, until due: Int64, _ site: WaitSite,
    _ make: @Sendable (UnsafeBufferPointer<UInt8>) -> Line
  ) async throws -> Line? {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.readLine(role, maxLength, until: due, site, make) }
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
      try await awaitInput(tryFirst, for: role, until: due, site)
      tryFirst = false
      _ = try receiveAhead()
    }
    switch input.lastLine(maxLength: maxLength, make) {
    case .line(let line): return line
    case .tooLong: throw LineTooLongError(maxLength: maxLength)
    case .incomplete, nil: return nil
    }
  }

  @inline(__always)
  func beginReading() {
    require(!isReading, "\(subject): two tasks read at the same time")
    isReading = true
  }

  /// Whether to read before any wait: what can succeed at once does, whatever the deadline and also in a cancelled task.
  func mayTryFirst(_ due: Int64) -> Bool { due == .min || reactor.isTaskCancelled }

  /// Waits until a read is worth trying.
  @inline(__always)
  func awaitInput(
    _ tryFirst: Bool, for role: WaitRole = .readable, until due: Int64, _ site: WaitSite
  ) async throws {
    if tryFirst || mayHaveMore {
      if turns.isSpent() {
        await reactor.yieldToPoll()
        // Who sends without a pause must not make a call go on for ever.
        if !tryFirst { try expectTime(role, limit(due)) }
      }
      return
    }
    turns.waited()
    try await expectInTime(role) { try await socket.readable(for: role, until: limit(due), site) }
  }

  /// Throws where a call has no more time, or is cancelled.
  func expectTime(_ role: WaitRole, _ due: Int64) throws {
    if reactor.isTaskCancelled { throw CancellationError() }
    if due != .max, reactor.readMonotonicClock() >= due { throw timeout(role) }
  }

  private func timeout(_ role: WaitRole) -> TimeoutError {
    TimeoutError("\(subject).\(role == .readable ? "read" : role.verb)")
  }

  /// Says what a wait for the descriptor that ended means.
  @inline(__always)
  func expectInTime(_ role: WaitRole, _ wait: () async throws -> Bool) async throws {
    do {
      if try await wait() { return }
    } catch {
      throw translate(error)
    }
    throw timeout(role)
  }

  /// How much is read ahead at once.
  private var portionSize: Int { 16_384 }

  /// Receives once: how many bytes, 0 if the peer has ended, `nil` if there is nothing yet.
  func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
    if socket.isClosed { throw ClosedError(subject) }
    mayHaveMore = false
    switch socket.receive(into: buffer) {
    case .moved(let count) where count > 0:
      mayHaveMore = count == buffer.count
      return count
    case .moved:
      // The system tells once what cut the connection, be it to a read or a write.
      if let failure { throw SocketError("read", errno: failure, address: peerAddress) }
      hasEnded = true
      return 0
    case .blocked:
      return nil
    case .failed(let code):
      failure = code
      throw socket.layer?.failure ?? SocketError("read", errno: code, address: peerAddress)
    }
  }
}
