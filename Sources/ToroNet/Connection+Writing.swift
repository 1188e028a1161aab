import Glibc
import Toro

extension Connection {
  /// Writes all of the bytes: waits until the system has taken them, but for a rest that is held and sent when there is room
  /// (``waterMarks``).
  ///
  /// - Parameters:
  ///   - bytes: What to write.
  ///   - deadline: Until when to wait. What can be sent now is sent whatever the deadline.
  /// - Throws: `TimeoutError` if the deadline passes first, `CancellationError` if the task is cancelled first: a part of the
  ///   bytes may have been sent then, so that as a rule the connection is of no more use. ``SocketError`` if the peer is
  ///   gone, also if an earlier write that had returned could not be sent; `ClosedError` after ``close()``;
  ///   `ReactorClosedError`.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  @inlinable @inline(__always)
  public func write(
    _ bytes: [UInt8], deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws {
    guard let sent = try bytes.withUnsafeBytes({ try startWriting($0) }) else { return }
    try await write(bytes, from: sent, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Writes all of a text, as UTF-8.
  ///
  /// - Throws: As ``write(_:deadline:file:line:)-([UInt8],_,_,_)``.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  @inlinable @inline(__always)
  public func write(
    _ text: String, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws {
    var text = text
    // Most texts are sent at once, and need no copy.
    guard let sent = try text.withUTF8({ try startWriting(UnsafeRawBufferPointer($0)) }) else { return }
    try await write(Array(text.utf8), from: sent, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Writes several parts, one after the other, in as few system calls as there are rooms for them.
  ///
  /// - Throws: As ``write(_:deadline:file:line:)-([UInt8],_,_,_)``.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  public func write(
    _ parts: [[UInt8]], deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws {
    try await write(parts, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Writes bytes of the caller's memory, without a copy where the system takes them at once.
  ///
  /// - Parameters:
  ///   - bytes: They must stay valid and unchanged until the call returns.
  ///   - deadline: As for the others.
  /// - Throws: As ``write(_:deadline:file:line:)-([UInt8],_,_,_)``.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  @inlinable @inline(__always)
  public func write(
    _ bytes: UnsafeRawBufferPointer, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws {
    guard let sent = try startWriting(bytes) else { return }
    try await write([UInt8](bytes), from: sent, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until all that was written has been taken by the system.
  ///
  /// - Throws: As ``write(_:deadline:file:line:)-([UInt8],_,_,_)``.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  public func flush(deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line) async throws {
    try await flush(until: reactor.resolve(deadline), WaitSite(file, line))
  }

  // MARK: On the reactor

  /// All of a write that needs no wait.
  ///
  /// - Returns: How much was sent if there is more to do; `nil` if not.
  @usableFromInline @inline(never)
  package func startWriting(_ bytes: UnsafeRawBufferPointer) throws -> Int? {
    guard reactor.isCurrent, socket.layer == nil else { return 0 }
    expectNoWriter()
    let sent = try sendOrHold(bytes)
    return sent == bytes.count && !turns.isSpent() ? nil : sent
  }

  /// The rest of a write.
  @usableFromInline
  package func write(_ bytes: [UInt8], from start: Int, until due: Int64, _ site: WaitSite) async throws {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.write(bytes, from: start, until: due, site) }
    }
    beginWriting()
    defer { isWriting = false }
    if start == bytes.count && start > 0 { return await reactor.yieldToPoll() }
    var sent = start
    // A part was sent before, so there is no room.
    if sent > 0 { try await awaitRoom(until: due, site) }
    while true {
      sent += try bytes.withUnsafeBytes { try sendOrHold(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
      if sent == bytes.count { break }
      try await awaitRoom(until: due, site)
    }
    if socket.layer != nil { try await awaitMarks(until: due, site) }
    await letOthersRun()
  }

  package func write(_ parts: [[UInt8]], until due: Int64, _ site: WaitSite) async throws {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.write(parts, until: due, site) }
    }
    beginWriting()
    defer { isWriting = false }
    // What was written before goes first.
    while !sender.output.isEmpty {
      _ = try sendOrHold(UnsafeRawBufferPointer(start: nil, count: 0))
      if !sender.output.isEmpty { try await awaitRoom(until: due, site) }
    }
    var next = 0  // of the parts
    var start = 0  // in that part
    while next < parts.count {
      var sent = try sendParts(parts, next, start)
      let isFull = sent == 0
      while next < parts.count, sent >= parts[next].count - start {
        sent -= parts[next].count - start
        next += 1
        start = 0
      }
      start += sent
      if next == parts.count { break }
      let rest = parts[next...].reduce(-start) { $0 + $1.count }
      if isFull, sender.takes(rest) {
        for part in parts[next...] {
          part.withUnsafeBytes { sender.hold(UnsafeRawBufferPointer(rebasing: $0[start...])) }
          start = 0
        }
        break
      }
      if isFull { try await awaitRoom(until: due, site) }
    }
    if socket.layer != nil { try await awaitMarks(until: due, site) }
    await letOthersRun()
  }

  /// Sends from a place in the parts as much as one call takes.
  private func sendParts(_ parts: [[UInt8]], _ next: Int, _ start: Int) throws -> Int {
    if socket.isClosed { throw ClosedError(subject) }
    let slice = parts[next..<min(parts.count, next + 64)]
    return try withUnsafeTemporaryAllocation(of: iovec.self, capacity: slice.count) { vectors in
      func collect(_ index: Int) throws -> Int {
        if index == slice.endIndex { return try translate { try sender.send(vectors) } }
        return try slice[index].withUnsafeBytes { bytes in
          let part = UnsafeRawBufferPointer(rebasing: index == next ? bytes[start...] : bytes[...])
          vectors[index - next] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
          return try collect(index + 1)
        }
      }
      return try collect(next)
    }
  }

  private func flush(until due: Int64, _ site: WaitSite) async throws {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.flush(until: due, site) }
    }
    beginWriting()
    defer { isWriting = false }
    while true {
      _ = try sendOrHold(UnsafeRawBufferPointer(start: nil, count: 0))
      if sender.unsentCount == 0 { return }
      try await awaitRoom(until: due, site)
    }
  }

  @inline(__always)
  func expectNoWriter() {
    require(!isWriting, "\(subject): two tasks write at the same time")
  }

  func beginWriting() {
    expectNoWriter()
    isWriting = true
  }

  func letOthersRun() async {
    if turns.isSpent() { await reactor.yieldToPoll() }
  }

  func awaitRoom(until due: Int64, _ site: WaitSite) async throws {
    turns.waited()
    do {
      if try await socket.writable(until: limit(due), site) { return }
    } catch {
      throw translate(error)
    }
    throw TimeoutError("\(subject).write")
  }

  /// Waits until a layer holds no more than the marks allow of what it has taken.
  func awaitMarks(until due: Int64, _ site: WaitSite) async throws {
    guard sender.unsentCount > sender.marks.high else { return }
    while sender.unsentCount > sender.marks.low {
      try await awaitRoom(until: due, site)
      _ = try sendOrHold(UnsafeRawBufferPointer(start: nil, count: 0))
    }
  }

  /// Sends what there is room for, and holds the rest if the marks allow.
  ///
  /// - Returns: How much the writer is rid of.
  @inline(__always)
  func sendOrHold(_ bytes: UnsafeRawBufferPointer) throws -> Int {
    if socket.isClosed { throw ClosedError(subject) }
    let sent = try translate { try sender.send(bytes) }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
    if rest.isEmpty || !sender.takes(rest.count) { return sent }
    sender.hold(rest)
    return bytes.count
  }

  private func translate<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as Sender.Failure {
      // EPIPE also says that the peer had ended in order, which is for reads to tell.
      if error.code != EPIPE { failure = error.code }
      throw socket.layer?.failure ?? SocketError("write", errno: error.code, address: peerAddress)
    }
  }
}
