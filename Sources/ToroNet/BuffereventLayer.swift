import CLibevent
import Glibc
import Toro

/// A bufferevent of the host's under a connection.
///
/// It reads only while a read waits, so that it neither reads ahead nor keeps the host's loop going otherwise; the callbacks
/// do no more than end the waits. What it holds to be written counts as not sent.
final class BuffereventLayer: StreamLayer, @unchecked Sendable {
  private let reactor: Reactor
  /// `nil` once it is freed.
  @exclusivity(unchecked) private var bufferevent: OpaquePointer?
  private weak var sender: Sender?
  private let input: Notice
  @exclusivity(unchecked) private var output: Notice
  private let subject: String
  @exclusivity(unchecked) private var hasEnded = false
  @exclusivity(unchecked) private var failureCode: Int32?
  @exclusivity(unchecked) private var hasEndedWriting = false
  /// How many wait to read.
  @exclusivity(unchecked) private var readers = 0

  init(_ bufferevent: OpaquePointer, on reactor: Reactor, _ sender: Sender, subject: String) {
    self.reactor = reactor
    self.bufferevent = bufferevent
    self.sender = sender
    self.subject = subject
    input = Notice(on: reactor, subject, "read")
    output = Notice(on: reactor, subject, "write")
    bufferevent_disable(bufferevent, Int16(EV_READ))
    bufferevent_set_timeouts(bufferevent, nil, nil)
    bufferevent_setwatermark(bufferevent, Int16(EV_READ), 0, 0)
    bufferevent_setwatermark(bufferevent, Int16(EV_WRITE), BuffereventLayer.lowMark, 0)
    bufferevent_setcb(
      bufferevent, { _, context in BuffereventLayer.behind(context)?.input.give() },
      { _, context in BuffereventLayer.behind(context)?.output.give() },
      { _, events, context in BuffereventLayer.behind(context)?.note(events) },
      Unmanaged.passUnretained(self).toOpaque())
    bufferevent_enable(bufferevent, Int16(EV_WRITE))
  }

  private static func behind(_ context: UnsafeMutableRawPointer?) -> BuffereventLayer? {
    context.map { Unmanaged<BuffereventLayer>.fromOpaque($0).takeUnretainedValue() }
  }

  /// At how few bytes writers are told that there is room.
  private static let lowMark = 16_384

  var failure: (any Error)? { nil }
  var isOpen: Bool { failureCode == nil }
  var closesDescriptor: Bool { true }

  var unsentCount: Int {
    guard let bufferevent, failureCode == nil else { return 0 }
    return evbuffer_get_length(bufferevent_get_output(bufferevent))
  }

  private var unreadCount: Int {
    bufferevent.map { evbuffer_get_length(bufferevent_get_input($0)) } ?? 0
  }

  /// What its event callback says.
  private func note(_ events: Int16) {
    let code = errno
    if Int32(events) & BEV_EVENT_EOF != 0 { hasEnded = true }
    if Int32(events) & BEV_EVENT_ERROR != 0 { failureCode = code == 0 ? EPROTO : code }
    withExtendedLifetime(self) {
      input.give()
      output.give()
    }
  }

  // MARK: Moving bytes

  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
    guard let bufferevent else { return .failed(EBADF) }
    let count = bufferevent_read(bufferevent, buffer.baseAddress, buffer.count)
    if count > 0 { return .moved(count) }
    if hasEnded { return .moved(0) }
    if let failureCode { return .failed(failureCode) }
    return .blocked
  }

  func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
    guard let bufferevent else { return .failed(EBADF) }
    if let failureCode { return .failed(failureCode) }
    if bytes.isEmpty { return .moved(0) }
    if hasEndedWriting { return .failed(EPIPE) }
    // It is given what the marks allow, and something in any case.
    let room = max(sender?.marks.high ?? 0, BuffereventLayer.lowMark) - unsentCount
    if room <= 0 { return .blocked }
    let count = min(room, bytes.count)
    return bufferevent_write(bufferevent, bytes.baseAddress, count) == 0 ? .moved(count) : .failed(ENOMEM)
  }

  func send(_ parts: UnsafeMutableBufferPointer<iovec>) -> Socket.Transfer {
    var sent = 0
    for part in parts where part.iov_len > 0 {
      let transfer = send(UnsafeRawBufferPointer(start: part.iov_base, count: part.iov_len))
      guard case .moved(let count) = transfer else { return sent > 0 ? .moved(sent) : transfer }
      sent += count
      if count < part.iov_len { break }
    }
    return .moved(sent)
  }

  func endWriting() {
    guard let bufferevent, !hasEndedWriting else { return }
    hasEndedWriting = true
    // A filter may have a last word; one of a pair passes the end on by this. It says nothing to a socket.
    bufferevent_flush(bufferevent, Int16(EV_WRITE), BEV_FINISHED)
  }

  // MARK: Waiting

  func readable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    guard let bufferevent else { throw ClosedError(subject) }
    if unreadCount > 0 || hasEnded || failureCode != nil { return true }
    readers += 1
    bufferevent_enable(bufferevent, Int16(EV_READ))
    defer {
      readers -= 1
      if readers == 0, let bufferevent = self.bufferevent { bufferevent_disable(bufferevent, Int16(EV_READ)) }
    }
    // One of a pair may have had something at once.
    if unreadCount > 0 || hasEnded || failureCode != nil { return true }
    return try await input.wait(.readable, until: due, site)
  }

  func writable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    if unsentCount == 0 || failureCode != nil { return true }
    return try await output.wait(.writable, until: due, site)
  }

  func whenWritable(_ body: @escaping @Sendable (WaitOutcome) -> Void) {
    _ = reactor.wait(on: output, .writable, until: .never, .unknown, body)
  }

  // MARK: Closing

  func closeForUsers() {
    input.close()
    output.close()
    output = Notice(on: reactor, subject, "write")
  }

  func close() {
    if reactor.isCurrent || reactor.isClosed { free() } else { reactor.executeRelease { self.free() } }
  }

  private func free() {
    guard let bufferevent else { return }
    self.bufferevent = nil
    input.close()
    output.close()
    bufferevent_setcb(bufferevent, nil, nil, nil, nil)
    bufferevent_free(bufferevent)
  }
}
