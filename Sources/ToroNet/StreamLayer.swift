import Glibc
import Toro

/// What a connection's bytes go through where they do not go to its socket as they are: TLS, or a bufferevent of the host's.
///
/// The one seam between a connection and what carries it. Its calls stand for those of ``Socket`` that have the same names,
/// and a plain socket has none. All are for the reactor's thread, but ``close()``.
protocol StreamLayer: AnyObject, Sendable {
  /// What made reads or writes fail, where an `errno` does not say it.
  var failure: (any Error)? { get }
  /// How much was taken by ``send(_:)-(UnsafeRawBufferPointer)`` and not by the system yet.
  var unsentCount: Int { get }
  /// Whether what there is no room for may be held to be sent later.
  var isOpen: Bool { get }
  /// Whether nobody between the two ends can read or change what passes.
  var isSecure: Bool { get }
  /// Whether ``close()`` closes the descriptor too.
  var closesDescriptor: Bool { get }

  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer

  /// Takes as much as there is room for, at least something or it is blocked, and passes on what it took before; nothing else
  /// if there are no bytes.
  func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer

  func send(_ parts: UnsafeMutableBufferPointer<iovec>) -> Socket.Transfer

  /// Waits until a receive is worth trying.
  func readable(until due: Int64, _ site: WaitSite) async throws -> Bool

  /// Waits until a send is worth trying.
  func writable(until due: Int64, _ site: WaitSite) async throws -> Bool

  /// Calls back when a send is worth trying, or the connection was closed.
  func whenWritable(_ body: @escaping @Sendable (WaitOutcome) -> Void)

  /// Says to the peer that nothing more will be written: what that takes is counted as not sent yet. May be called again.
  func endWriting()

  /// Takes what the socket has received and no user of the connection can know of, before the descriptor is closed: the
  /// system tells the peer that the connection was cut if it is closed with something unread, and drops what is on its way
  /// there.
  func discardReceived()

  /// Ends the waits of who uses the connection as closed.
  func closeForUsers()

  /// Closes what carries it, on any thread, once.
  func close()
}

extension StreamLayer {
  var isSecure: Bool { false }

  func discardReceived() {}

  /// Sends a part of a file by way of this process.
  func send(contentsOf file: Int32, from offset: inout Int, count: Int) -> Socket.Transfer {
    // Nothing is read from the file that there is no room for.
    if case .failed(let code) = send(UnsafeRawBufferPointer(start: nil, count: 0)) { return .failed(code) }
    if unsentCount > 0 { return .blocked }
    return withUnsafeTemporaryAllocation(byteCount: min(count, 65_536), alignment: 16) { memory in
      var read = pread(file, memory.baseAddress, memory.count, offset)
      while read < 0 && errno == EINTR { read = pread(file, memory.baseAddress, memory.count, offset) }
      if read <= 0 { return Socket.Transfer(read) }
      let transfer = send(UnsafeRawBufferPointer(rebasing: memory[..<read]))
      if case .moved(let sent) = transfer { offset += sent }
      return transfer
    }
  }
}
