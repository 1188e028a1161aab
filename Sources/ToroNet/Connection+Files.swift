import Glibc
import Toro

extension Connection {
  /// Writes a part of a file, without a copy through this process.
  ///
  /// - Parameters:
  ///   - descriptor: A file that is open for reading. It must stay open until the call returns; its own position is not used.
  ///   - offset: Where in the file to begin.
  ///   - count: How many bytes; `nil` is to the file's end.
  ///   - deadline: Until when to wait.
  /// - Returns: How many bytes were written: fewer than `count` if the file ends before.
  /// - Throws: As ``write(_:deadline:file:line:)-([UInt8],_,_,_)``; ``SocketError`` with the operation `sendfile` if the file cannot be
  ///   read so.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  @discardableResult
  public func write(
    contentsOf descriptor: Int32, from offset: Int = 0, count: Int? = nil, deadline: Deadline = .never,
    file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Int {
    require(offset >= 0 && count ?? 0 >= 0, "\(subject).write(contentsOf:from: \(offset)): a negative place or count")
    return try await write(
      contentsOf: descriptor, offset, count ?? .max, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  private func write(
    contentsOf descriptor: Int32, _ offset: Int, _ count: Int, until due: Int64, _ site: WaitSite
  ) async throws -> Int {
    guard reactor.isInside else {
      return try await reactor.visit {
        try await self.write(contentsOf: descriptor, offset, count, until: due, site)
      }
    }
    beginWriting()
    defer { isWriting = false }
    // What was written before goes first.
    while !sender.output.isEmpty {
      _ = try sendOrHold(UnsafeRawBufferPointer(start: nil, count: 0))
      if !sender.output.isEmpty { try await awaitRoom(until: due, site) }
    }
    var place = offset
    while place - offset < count {
      if socket.isClosed { throw ClosedError(subject) }
      switch socket.send(contentsOf: descriptor, from: &place, count: count - (place - offset)) {
      case .moved(0): return place - offset
      case .moved: await letOthersRun()
      case .blocked: try await awaitRoom(until: due, site)
      case .failed(let code):
        if [EPIPE, ECONNRESET].contains(code) { sender.fail(code) }
        if let failure = socket.layer?.failure { throw failure }
        throw SocketError(code == EPIPE ? "write" : "sendfile", errno: code, address: peerAddress)
      }
    }
    if socket.layer != nil { try await awaitMarks(until: due, site) }
    return place - offset
  }
}
