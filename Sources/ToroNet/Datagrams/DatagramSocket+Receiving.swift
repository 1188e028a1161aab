import CToroShims
import Glibc
import Toro

extension DatagramSocket {
  /// Receives a datagram, waiting until one comes.
  ///
  /// - Parameter deadline: Until when to wait. One that is there now is received whatever the deadline.
  /// - Returns: The datagram, whom it is from, and how much of it was cut off, if it was longer than ``Options/maxLength``.
  /// - Throws: `TimeoutError` if the deadline passes first, `CancellationError` if the task is cancelled first: no datagram is taken
  ///   then. ``SocketError``: of a connected socket, with `ECONNREFUSED`, that nobody listens where an earlier datagram was sent.
  ///   `ClosedError` after ``close()``; `ReactorClosedError`.
  /// - Isolation: May be awaited from any thread.
  public func receive(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Datagram {
    try await receive(until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Receives a datagram into memory of the caller's, waiting until one comes: no allocation, no copy but the system's.
  ///
  /// - Parameters:
  ///   - buffer: Where to put it. It must stay valid until the call returns, and is no one else's meanwhile. What it has no room for
  ///     is cut off.
  ///   - deadline: As for ``receive(deadline:file:line:)``.
  /// - Returns: How many bytes are in the buffer, whom they are from, and how many were cut off.
  /// - Throws: As ``receive(deadline:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func receive(
    into buffer: UnsafeMutableRawBufferPointer, deadline: Deadline = .never, file: StaticString = #fileID,
    line: UInt = #line
  ) async throws -> (count: Int, address: SocketAddress, missingCount: Int) {
    try await receive(into: buffer, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Receives the datagrams that have come, waiting until there is one: in one system call (`recvmmsg`).
  ///
  /// - Parameters:
  ///   - count: How many to receive at most, at least 1. Those that are there are returned without waiting for that many. Not more
  ///     than 64 are received at once, and not more than 1 MiB has room for, each having ``Options/maxLength``.
  ///   - deadline: As for ``receive(deadline:file:line:)``.
  /// - Returns: At least one datagram, in the order in which they came.
  /// - Throws: As ``receive(deadline:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func receive(
    upTo count: Int, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> [Datagram] {
    require(count >= 1, "\(subject).receive(upTo: \(count)): at least 1")
    return try await receive(upTo: count, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  // MARK: On the reactor

  func receive(until due: Int64, _ site: WaitSite) async throws -> Datagram {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.receive(until: due, site) }
    }
    return try await whenThere(until: due, site) {
      if maxLength <= scratchSize {
        return try reactor.withScratch { try receiveNow(UnsafeMutableRawBufferPointer(rebasing: $0[..<maxLength])) }
      }
      return try withUnsafeTemporaryAllocation(byteCount: maxLength, alignment: 16) { try receiveNow($0) }
    }
  }

  private func receive(
    into buffer: UnsafeMutableRawBufferPointer, until due: Int64, _ site: WaitSite
  ) async throws -> (count: Int, address: SocketAddress, missingCount: Int) {
    guard reactor.isInside else {
      nonisolated(unsafe) let buffer = buffer
      return try await reactor.visit { try await self.receive(into: buffer, until: due, site) }
    }
    return try await whenThere(until: due, site) { try receiveNow(into: buffer) }
  }

  private func receive(upTo count: Int, until due: Int64, _ site: WaitSite) async throws -> [Datagram] {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.receive(upTo: count, until: due, site) }
    }
    let most = Swift.min(count, toro_max_datagrams)
    return try await whenThere(until: due, site) {
      if maxLength * most <= scratchSize { return try reactor.withScratch { try receiveNow(most, $0) } }
      let room = Swift.max(1, Swift.min(most, (1 << 20) / maxLength))
      return try withUnsafeTemporaryAllocation(byteCount: maxLength * room, alignment: 16) { try receiveNow(room, $0) }
    }
  }

  /// Calls `receive`, which returns `nil` if nothing has come, when something may have.
  private func whenThere<Value>(until due: Int64, _ site: WaitSite, _ receive: () throws -> Value?) async throws
    -> Value
  {
    // What can succeed at once does, whatever the deadline and also in a cancelled task.
    var tryFirst = mayHaveMore || due == .min || Task.isCancelled
    while true {
      if tryFirst {
        if turns.isSpent() { await reactor.yieldToPoll() }
      } else {
        turns.waited()
        do {
          guard try await socket.readable(until: due, site) else { throw TimeoutError("\(subject).receive") }
        } catch {
          throw socketError(error, of: subject, peerAddress)
        }
      }
      if socket.isClosed { throw ClosedError(subject) }
      if let value = try receive() {
        mayHaveMore = true
        return value
      }
      mayHaveMore = false
      tryFirst = false
    }
  }

  // MARK: At once

  private func receiveNow(_ buffer: UnsafeMutableRawBufferPointer) throws -> Datagram? {
    guard let (count, address, missingCount) = try receiveNow(into: buffer) else { return nil }
    var datagram = Datagram([UInt8](UnsafeRawBufferPointer(rebasing: buffer[..<count])), to: address)
    datagram.missingCount = missingCount
    return datagram
  }

  private func receiveNow(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws -> (count: Int, address: SocketAddress, missingCount: Int)? {
    while true {
      let (whole, code, address) = socket.receiveDatagram(into: buffer)
      if whole >= 0 {
        let count = Swift.min(whole, buffer.count)
        return (count, address ?? unknownAddress, whole - count)
      }
      if try isNothingThere(code) { return nil }
    }
  }

  private func receiveNow(_ count: Int, _ memory: UnsafeMutableRawBufferPointer) throws -> [Datagram]? {
    try withUnsafeTemporaryAllocation(of: toro_datagram.self, capacity: count) { slots in
      while true {
        for index in 0..<count {
          slots[index].bytes = memory.baseAddress?.advanced(by: index * maxLength)
          slots[index].count = maxLength
        }
        let received = toro_receive_datagrams(socket.descriptor, slots.baseAddress, Int32(count))
        if received > 0 { return slots[..<Int(received)].map(datagram(in:)) }
        if received < 0, try isNothingThere(errno) { return nil }
      }
    }
  }

  private func datagram(in slot: toro_datagram) -> Datagram {
    let count = Swift.min(slot.count, maxLength)
    let address = withUnsafeBytes(of: slot.address) {
      SocketAddress(UnsafeRawBufferPointer(rebasing: $0[..<Swift.min(Int(slot.address_length), $0.count)]))
    }
    var datagram = Datagram(
      [UInt8](UnsafeRawBufferPointer(start: slot.bytes, count: count)), to: address ?? unknownAddress)
    datagram.missingCount = slot.count - count
    return datagram
  }

  /// Of a sender that has no address: a Unix socket that was not bound.
  private var unknownAddress: SocketAddress { SocketAddress(unixSocketWithoutPath: ()) }

  /// What a failed receive means: that there is nothing, or to try again.
  private func isNothingThere(_ code: Int32) throws -> Bool {
    if code == EAGAIN { return true }
    if code == EINTR { return false }
    // The error has been taken off the socket; there may be datagrams behind it.
    mayHaveMore = true
    throw SocketError("receive", errno: code, address: peerAddress ?? localAddress)
  }
}

/// How much `Reactor.withScratch` lends.
private let scratchSize = 65_536
