import CToroShims
import Glibc
import Toro

extension DatagramSocket {
  /// Sends a datagram, waiting until the system has room for it.
  ///
  /// That it was sent says nothing of whether it arrives.
  ///
  /// - Parameters:
  ///   - bytes: What it says: up to 65,507 bytes over IPv4, and best not more than some 1,200, which no network cuts in parts.
  ///   - address: Whom to; `nil` is the one that the socket is connected to.
  ///   - deadline: Until when to wait. What there is room for now is sent whatever the deadline.
  /// - Throws: `TimeoutError` if the deadline passes first, `CancellationError` if the task is cancelled first. ``SocketError``, with
  ///   `EMSGSIZE` if it is too long; with `ECONNREFUSED` if nobody listens where an *earlier* one was sent: this one may be
  ///   sent again. `ClosedError` after ``close()``; `ReactorClosedError`. It was not sent then.
  /// - Precondition: There is an address, or the socket is connected.
  /// - Isolation: May be awaited from any thread.
  public func send(
    _ bytes: [UInt8], to address: SocketAddress? = nil, deadline: Deadline = .never, file: StaticString = #fileID,
    line: UInt = #line
  ) async throws {
    expectAddress(address)
    try await send(bytes, address, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// As ``send(_:to:deadline:file:line:)-([UInt8],_,_,_,_)``, for text.
  public func send(
    _ text: String, to address: SocketAddress? = nil, deadline: Deadline = .never, file: StaticString = #fileID,
    line: UInt = #line
  ) async throws {
    try await send(Array(text.utf8), to: address, deadline: deadline, file: file, line: line)
  }

  /// Sends datagrams in order, many in one system call (`sendmmsg`), waiting while the system has no room.
  ///
  /// - Parameters:
  ///   - datagrams: Each with whom it is to, or none for the one that the socket is connected to.
  ///   - deadline: Until when to wait.
  /// - Returns: How many were sent: all, unless something was in the way of one that is not the first: the deadline, a
  ///   cancellation, an error, ``close()``. Who sends the rest then hears of it, if it still is.
  /// - Throws: As ``send(_:to:deadline:file:line:)-([UInt8],_,_,_,_)``: none was sent then.
  /// - Precondition: As for ``send(_:to:deadline:file:line:)-([UInt8],_,_,_,_)``.
  /// - Isolation: May be awaited from any thread.
  public func send(
    _ datagrams: [Datagram], deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Int {
    for datagram in datagrams { expectAddress(datagram.address) }
    return try await send(datagrams, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  private func expectAddress(_ address: SocketAddress?) {
    require(
      address != nil || peerAddress != nil,
      "\(subject).send(_:to:): it is not connected, so say whom to, or make it with init(connectedTo:)")
  }

  // MARK: On the reactor

  private func send(_ bytes: [UInt8], _ address: SocketAddress?, until due: Int64, _ site: WaitSite) async throws {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.send(bytes, address, until: due, site) }
    }
    _ = try await whenRoom(until: due, site, address) { bytes.withUnsafeBytes { sendNow($0, to: address) } }
  }

  private func send(_ datagrams: [Datagram], until due: Int64, _ site: WaitSite) async throws -> Int {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.send(datagrams, until: due, site) }
    }
    var sent = 0
    while sent < datagrams.count {
      do {
        sent += try await whenRoom(until: due, site, datagrams[sent].address) { sendNow(datagrams[sent...]) }
      } catch {
        if sent == 0 { throw error }
        break
      }
    }
    return sent
  }

  /// Calls `send` until it has sent something, waiting in between for room.
  private func whenRoom(
    until due: Int64, _ site: WaitSite, _ address: SocketAddress?, _ send: () -> Socket.Transfer
  ) async throws -> Int {
    var refusals = 0
    while true {
      if socket.isClosed { throw ClosedError(subject) }
      switch send() {
      case .moved(let count):
        if turns.isSpent() { await reactor.yieldToPoll() }
        return count
      case .blocked where refusals == 0:
        do {
          guard try await socket.writable(until: due, site) else { throw TimeoutError("\(subject).send") }
        } catch {
          throw socketError(error, of: subject, address ?? peerAddress)
        }
        turns.waited()
      case .blocked, .failed(ENOBUFS), .failed(ENOMEM):
        // Nothing tells when there will be room: in the queue of a network interface, or of a Unix socket that this one is
        // not connected to.
        try await pause(refusals, until: due)
      case .failed(let code):
        throw SocketError("send", errno: code, address: address ?? peerAddress)
      }
      refusals += 1
    }
  }

  /// Waits a millisecond the first time, up to 32 later.
  private func pause(_ refusals: Int, until due: Int64) async throws {
    let end = due == .min ? due : Swift.min(due, reactor.due(after: 1_000_000 << Int64(Swift.min(refusals, 5))))
    if end == due && due != .max {
      try await sleep(until: due)
      throw TimeoutError("\(subject).send")
    }
    try await sleep(until: end)
  }

  private func sleep(until due: Int64) async throws {
    turns.waited()
    try await reactor.sleep(until: due == .min ? .after(.zero) : .at(.init(nanoseconds: due)))
  }

  // MARK: At once

  private func sendNow(_ bytes: UnsafeRawBufferPointer, to address: SocketAddress?) -> Socket.Transfer {
    address.map { socket.send(bytes, to: $0) } ?? socket.send(bytes)
  }

  /// Sends the first ones: `moved` says how many.
  private func sendNow(_ datagrams: ArraySlice<Datagram>) -> Socket.Transfer {
    reactor.withScratch { memory in
      withUnsafeTemporaryAllocation(
        of: toro_datagram.self, capacity: Swift.min(datagrams.count, toro_max_datagrams)
      ) { slots in
        // The system takes them from one place, so they are put there, as many as it has room for.
        var used = 0
        var count = 0
        for datagram in datagrams.prefix(slots.count) {
          guard used + datagram.bytes.count <= memory.count else { break }
          let place = UnsafeMutableRawBufferPointer(rebasing: memory[used...])
          place.copyBytes(from: datagram.bytes)
          slots[count].bytes = place.baseAddress
          slots[count].count = datagram.bytes.count
          slots[count].setAddress(datagram.address)
          used += datagram.bytes.count
          count += 1
        }
        if count == 0, let first = datagrams.first {
          let transfer = first.bytes.withUnsafeBytes { sendNow($0, to: first.address) }
          if case .moved = transfer { return .moved(1) }
          return transfer
        }
        while true {
          let sent = toro_send_datagrams(socket.descriptor, slots.baseAddress, Int32(count))
          if sent >= 0 || errno != EINTR { return Socket.Transfer(Int(sent)) }
        }
      }
    }
  }
}

extension toro_datagram {
  fileprivate mutating func setAddress(_ other: SocketAddress?) {
    address_length = 0
    guard let other else { return }
    other.withSystemAddress { pointer, length in
      withUnsafeMutableBytes(of: &address) {
        $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
      }
    }
    address_length = other.withSystemAddress { $1 }
  }
}
