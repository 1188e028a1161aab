import Glibc
import Toro

extension Connection {
  /// Writes all of the bytes, waiting while the peer, or the network, does not take them.
  ///
  /// - Parameters:
  ///   - bytes: What to write.
  ///   - deadline: Until when all of it must have been taken. What can be sent now is sent whatever the deadline.
  /// - Throws: `TimeoutError` if the deadline passes first, `CancellationError` if the task is cancelled first: a part of the
  ///   bytes may have been sent then, so that as a rule the connection is of no more use. ``SocketError`` if the peer is
  ///   gone; `ClosedError` after ``close()``; `ReactorClosedError`.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  public func write(
    _ bytes: [UInt8], deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws {
    try await write(bytes, from: 0, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Writes all of a text, as UTF-8.
  ///
  /// - Throws: As ``write(_:deadline:file:line:)-([UInt8],_,_,_)``.
  /// - Precondition: No other task writes.
  /// - Isolation: May be awaited from any thread.
  public func write(
    _ text: String, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws {
    let due = reactor.resolve(deadline)
    var text = text
    var sent = 0
    if reactor.isCurrent {
      expectNoWriter()
      // Most texts are sent at once, and need no copy.
      sent = try text.withUTF8 { try send(UnsafeRawBufferPointer($0)) ?? 0 }
      if sent == text.utf8.count { return await letOthersRun() }
    }
    try await write(Array(text.utf8), from: sent, until: due, WaitSite(file, line))
  }

  // MARK: On the reactor

  private func write(_ bytes: [UInt8], from start: Int, until due: Int64, _ site: WaitSite) async throws {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.write(bytes, from: start, until: due, site) }
    }
    expectNoWriter()
    isWriting = true
    defer { isWriting = false }
    var sent = start
    // A part was sent before, so there is no room.
    var isFull = start > 0
    while true {
      if isFull {
        writeTurns.waited()
        do {
          guard try await socket.writable(until: due, site) else { throw TimeoutError("\(subject).write") }
        } catch {
          throw translate(error)
        }
      }
      let count = try bytes.withUnsafeBytes { try send(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
      sent += count ?? 0
      if sent == bytes.count { break }
      isFull = true
    }
    await letOthersRun()
  }

  private func expectNoWriter() {
    require(!isWriting, "\(subject): two tasks write at the same time")
  }

  private func letOthersRun() async {
    if writeTurns.isSpent() { await reactor.yield() }
  }

  /// Sends once: how many bytes were taken, `nil` if there is no room.
  private func send(_ bytes: UnsafeRawBufferPointer) throws -> Int? {
    if socket.isClosed { throw ClosedError(subject) }
    if bytes.isEmpty { return 0 }
    while true {
      // MSG_NOSIGNAL: a peer that is gone is an error, not the end of the program.
      let count = Glibc.send(socket.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return count }
      let code = errno
      switch code {
      case EINTR: continue
      case EAGAIN: return nil
      default:
        // EPIPE also says that the peer had ended in order, which is for reads to tell.
        if code != EPIPE { failure = code }
        throw SocketError("write", errno: code, address: peerAddress)
      }
    }
  }
}
