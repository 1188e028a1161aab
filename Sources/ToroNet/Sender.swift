import Glibc
import Toro

/// A connection's way out: what is written is sent at once, and what the system has no room for is held, within the marks,
/// and sent when there is room.
///
/// It outlives its connection for as long as something is left to send, and at most ``closingTime``. All of it belongs to the
/// reactor's thread.
final class Sender: @unchecked Sendable {
  /// How long a closed connection may take to send what was written.
  static let closingTime = Duration.seconds(10)

  let socket: Socket
  @exclusivity(unchecked) private(set) var output = Output()
  /// What ended the sending, to be told to the next write.
  @exclusivity(unchecked) private(set) var failure: Int32?
  /// Whether a callback waits for room.
  @exclusivity(unchecked) private var isFlushing = false
  @exclusivity(unchecked) private var endsAfterwards = false
  @exclusivity(unchecked) private var closesAfterwards = false
  @exclusivity(unchecked) private var giveUp: Wait?

  init(_ socket: Socket) { self.socket = socket }

  var marks: WaterMarks {
    get { output.marks }
    set { output.marks = newValue }
  }

  /// Whether ``end()`` was called.
  var hasEnded: Bool { endsAfterwards }

  /// How much was written and not taken by the system yet.
  var unsentCount: Int { output.count + (socket.layer?.unsentCount ?? 0) }

  /// Whether a writer may go on that leaves this much here.
  func takes(_ rest: Int) -> Bool {
    guard let layer = socket.layer else { return output.takes(rest) }
    return layer.isOpen && output.takes(rest, beside: layer.unsentCount)
  }

  // MARK: Sending

  /// Sends as much as there is room for: first what is held, then of `rest`.
  ///
  /// - Returns: How much of `rest` was sent.
  /// - Throws: The error's number.
  func send(_ rest: UnsafeRawBufferPointer) throws(Failure) -> Int {
    if let failure { throw Failure(code: failure) }
    // A layer may have something left to send of its own.
    if output.isEmpty { return rest.isEmpty && socket.layer == nil ? 0 : try count(socket.send(rest)) }
    let held = output.count
    let sent = try output.withUnsent { held -> Result<Int, Failure> in
      withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
        parts[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: held.baseAddress), iov_len: held.count)
        parts[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: rest.baseAddress), iov_len: rest.count)
        return Result { () throws(Failure) in try count(socket.send(parts)) }
      }
    }.get()
    output.drop(min(sent, held))
    return max(0, sent - held)
  }

  /// The same for what is in several parts.
  func send(_ parts: UnsafeMutableBufferPointer<iovec>) throws(Failure) -> Int {
    assert(output.isEmpty)
    if let failure { throw Failure(code: failure) }
    return try count(socket.send(parts))
  }

  private func count(_ transfer: Socket.Transfer) throws(Failure) -> Int {
    switch transfer {
    case .moved(let count): return count
    case .blocked: return 0
    case .failed(let code):
      fail(code)
      throw Failure(code: code)
    }
  }

  func fail(_ code: Int32) {
    failure = failure ?? code
    output.removeAll()
  }

  /// Holds the rest of a write, to be sent when there is room.
  func hold(_ rest: UnsafeRawBufferPointer) {
    output.append(rest)
    flushLater()
  }

  func flushLater() {
    guard !isFlushing, unsentCount > 0, failure == nil else { return }
    isFlushing = true
    socket.whenWritable { outcome in self.flush(outcome) }
  }

  private func flush(_ outcome: WaitOutcome) {
    isFlushing = false
    if outcome == .granted {
      _ = try? send(UnsafeRawBufferPointer(start: nil, count: 0))
      flushLater()
    } else if let code = socket.writeWatchFailure {
      fail(code)
    } else if !closesAfterwards {
      return  // closed for its users: ``close()`` sees to the rest
    } else {
      fail(ECANCELED)  // the reactor is closed
    }
    finishIfSent()
  }

  /// Ends what was to be ended, once all that was written has been sent.
  private func finishIfSent() {
    guard endsAfterwards || closesAfterwards else { return }
    // A layer may have a last word.
    if output.isEmpty, failure == nil { socket.layer?.endWriting() }
    guard unsentCount == 0 || failure != nil else { return flushLater() }
    if endsAfterwards { shutdown(socket.descriptor, Int32(SHUT_WR)) }
    if closesAfterwards {
      giveUp?.cancel()
      giveUp = nil
      closeSocket()
    }
  }

  private func closeSocket() {
    socket.layer?.discardReceived()
    socket.close()
  }

  // MARK: Ending

  /// Says that nothing more will be written, when all that was has been sent.
  func end() {
    guard !endsAfterwards else { return }
    endsAfterwards = true
    finishIfSent()
  }

  /// Closes the socket when all that was written has been sent, or after ``closingTime``.
  func close() {
    guard !closesAfterwards else { return }
    if output.isEmpty, failure == nil { socket.layer?.endWriting() }
    if unsentCount == 0 || failure != nil {
      closesAfterwards = true
      return closeSocket()
    }
    socket.closeForUsers()  // also of the callback that waits for room
    closesAfterwards = true
    giveUp = socket.reactor.schedule(at: .after(Self.closingTime)) { self.reset() }
    flushLater()
  }

  /// Closes the socket now, and has the system tell the peer that the connection was cut.
  func reset() {
    closesAfterwards = true
    output.removeAll()
    giveUp?.cancel()
    giveUp = nil
    if socket.descriptor >= 0 {
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(socket.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
    socket.close()
  }

  struct Failure: Error {
    let code: Int32
  }
}
