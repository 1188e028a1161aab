import Glibc
import Synchronization
import Toro

/// A descriptor and the watches by which tasks wait for it, closed once, by whoever is first.
///
/// Listeners, connections and signals own one each. The watches, and all but ``close()``, are for the reactor's thread.
final class Socket: @unchecked Sendable {
  let reactor: Reactor
  private let openDescriptor: Atomic<Int32>
  /// Whether it is closed for who uses it: the descriptor may stay open until what was written has been sent.
  private let closedFlag = Atomic<Bool>(false)
  /// Told once when the descriptor has been closed. Set before anybody else has the socket, and read by who closes it.
  @exclusivity(unchecked) private var closingHook: (@Sendable () -> Void)?
  private let reading: DescriptorWatch
  /// What bytes go through instead of the system's calls; `nil` of a plain socket. Set before anybody waits.
  @exclusivity(unchecked) var layer: (any StreamLayer)?
  /// Made when first needed: most writes need no wait.
  @exclusivity(unchecked) private var writing: DescriptorWatch?
  /// What ``name(reading:_:)`` was told, for the watch that is made later.
  @exclusivity(unchecked) private var subject: (() -> String)?

  /// Takes over an open descriptor.
  init(_ descriptor: Int32, on reactor: Reactor) {
    self.reactor = reactor
    openDescriptor = Atomic(descriptor)
    reading = DescriptorWatch(on: reactor, descriptor, .readable)
  }

  /// Says how `Reactor.waits` is to name the waits: before the first one.
  func name(reading call: String, _ subject: @escaping () -> String) {
    self.subject = subject
    reading.name(call, of: subject)
  }

  deinit {
    if reactor.isCurrent { closeHere() } else { closeDescriptor() }
  }

  /// The descriptor, or -1 once it is closed.
  var descriptor: Int32 { openDescriptor.load(ordering: .relaxed) }
  var isClosed: Bool { closedFlag.load(ordering: .relaxed) }

  // MARK: Moving bytes

  /// What a system call that moves bytes came to.
  enum Transfer {
    /// This many were moved; none at the end of the stream.
    case moved(Int)
    /// There is nothing to read, or no room to write, now.
    case blocked
    case failed(Int32)

    @inline(__always)
    init(_ count: Int) {
      if count >= 0 { self = .moved(count) } else { self = errno == EAGAIN ? .blocked : .failed(errno) }
    }
  }

  /// Receives once.
  @inline(__always)
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    if let layer { return layer.receive(into: buffer) }
    return receivePlain(into: buffer)
  }

  @inline(__always)
  func receivePlain(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      noteReceived(count)
      if count >= 0 || errno != EINTR { return Transfer(count) }
    }
  }

  /// Sends once. A peer that is gone is an error, not the end of the program.
  @inline(__always)
  func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    if let layer { return layer.send(bytes) }
    return sendPlain(bytes)
  }

  @inline(__always)
  func sendPlain(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      noteSent(count)
      if count >= 0 || errno != EINTR { return Transfer(count) }
    }
  }

  /// Sends several parts at once.
  func send(_ parts: UnsafeMutableBufferPointer<iovec>) -> Transfer {
    if let layer { return layer.send(parts) }
    var message = msghdr()
    message.msg_iov = parts.baseAddress
    message.msg_iovlen = parts.count
    while true {
      let count = sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
      noteSent(count)
      if count >= 0 || errno != EINTR { return Transfer(count) }
    }
  }

  /// Sends a part of a file, without a copy in this process.
  func send(contentsOf file: Int32, from offset: inout Int, count: Int) -> Transfer {
    if let layer { return layer.send(contentsOf: file, from: &offset, count: count) }
    while true {
      // sendfile has no MSG_NOSIGNAL.
      let sent = withoutPipeSignal { sendfile(descriptor, file, &offset, min(count, 1 << 30)) }
      noteSent(sent)
      if sent >= 0 || errno != EINTR { return Transfer(sent) }
    }
  }

  // MARK: Waiting

  /// Waits until there is something to read, the peer has ended, or the socket failed.
  ///
  /// - Parameter role: What for, as people are told.
  /// - Throws: `CancellationError`; `ClosedError` after ``close()``; `ReactorClosedError`.
  @inline(__always)
  func readable(for role: WaitRole = .readable, until due: Int64, _ site: WaitSite) async throws -> Bool {
    if let layer { return try await layer.readable(until: due, site) }
    return try await reading.wait(role, until: due, site)
  }

  // The same in parts: ``DescriptorWatch``.

  @inline(__always)
  func beginReadable(
    until due: Int64, _ site: WaitSite, _ isolation: (any Actor)?
  ) throws -> DescriptorWatch.Start {
    try reading.begin(.readable, until: due, site, isolation)
  }

  @inline(__always)
  func endReadable() throws -> Bool { try reading.end() }

  /// Has a handler called when there is something to read, in place of the task that waits: ``DescriptorWatch/handle(by:)``.
  func handleReadable(
    by handler: @escaping DescriptorHandler, _ argument: UnsafeMutableRawPointer, using memory: DescriptorHandlerMemory
  ) {
    reading.handle(by: handler, argument, using: memory)
  }

  func endHandlingReadable() { reading.endHandling() }

  func goOnReadable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await reading.goOn(.readable, until: due, site)
  }

  /// Waits until there is room to write, or the socket failed.
  func writable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    if let layer { return try await layer.writable(until: due, site) }
    return try await writablePlain(until: due, site)
  }

  /// Calls back when there is room to write, or the socket failed or was closed.
  func whenWritable(_ body: @escaping @Sendable (WaitOutcome) -> Void) {
    if let layer { return layer.whenWritable(body) }
    whenWritablePlain(body)
  }

  // The same of the descriptor itself, for a layer above it.

  func readablePlain(until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await reading.wait(.readable, until: due, site)
  }

  func writablePlain(until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await writingWatch.wait(.writable, until: due, site)
  }

  func whenWritablePlain(_ body: @escaping @Sendable (WaitOutcome) -> Void) {
    _ = reactor.wait(on: writingWatch, .writable, until: .never, .unknown, body)
  }

  /// Why nobody can be told when there is room to write, if that is so.
  var writeWatchFailure: Int32? {
    guard let writing, !isClosed, writing.failure != 0 else { return nil }
    return writing.failure
  }

  private var writingWatch: DescriptorWatch {
    if let writing { return writing }
    let watch = DescriptorWatch(on: reactor, descriptor, .writable)
    if let subject { watch.name("write", of: subject) }
    if descriptor < 0 { watch.close() } else { writing = watch }
    return watch
  }

  // MARK: Closing

  /// Ends the waits as closed and closes the descriptor. From any thread; elsewhere it is passed to the reactor.
  func close() {
    if reactor.isCurrent {
      closeHere()
    } else if reactor.isClosed {
      closeDescriptor()
    } else {
      reactor.executeRelease { self.closeHere() }
    }
  }

  private func closeHere() {
    closedFlag.store(true, ordering: .relaxed)
    // The descriptor goes last: what watches it must not meet another that has its number.
    reading.close()
    writing?.close()
    closeDescriptor()
  }

  /// In a forked child: the descriptor is the parent's as well, and all else the parent's alone.
  func closeInChild() {
    let descriptor = openDescriptor.exchange(-1, ordering: .acquiringAndReleasing)
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// Has `hook` called too when the descriptor has been closed, on whatever thread. By who made the socket, before anybody else
  /// has it.
  func whenClosed(_ hook: @escaping @Sendable () -> Void) {
    guard let first = closingHook else { return closingHook = hook }
    closingHook = {
      first()
      hook()
    }
  }

  /// Has `body` called, once, when the descriptor is ready to be read while nobody waits: ``DescriptorWatch``.
  func watchUnawaited(_ body: @escaping @Sendable () -> Void) -> Bool { reading.watchUnawaited(body) }

  func endWatchingUnawaited() { reading.endWatchingUnawaited() }

  /// Lets those who wait to read look again.
  func wakeReaders() { reading.wake() }

  /// Ends the waits of who uses it as closed; the descriptor stays open, to be closed by ``close()``. On the reactor's
  /// thread.
  func closeForUsers() {
    closedFlag.store(true, ordering: .relaxed)
    reading.close()
    writing?.close()
    writing = nil
    layer?.closeForUsers()
  }

  private func closeDescriptor() {
    closedFlag.store(true, ordering: .relaxed)
    let descriptor = openDescriptor.exchange(-1, ordering: .acquiringAndReleasing)
    if let layer, layer.closesDescriptor { layer.close() } else if descriptor >= 0 { Glibc.close(descriptor) }
    guard descriptor >= 0 else { return }
    DescriptorShortage.descriptorClosed()
    guard let hook = closingHook else { return }
    closingHook = nil
    hook()
  }
}

/// How many operations may succeed one after the other without a wait in between, before the others get a turn: a peer
/// that sends faster than it is read must not have the reactor to itself.
struct Turns {
  private static let limit = 32
  private var taken = 0

  /// Counts an operation that needed no wait; true if the others are to have a turn now.
  mutating func isSpent() -> Bool {
    taken += 1
    if taken < Self.limit { return false }
    taken = 0
    return true
  }

  /// A wait has let the others run.
  mutating func waited() { taken = 0 }
}

/// Does something that may raise SIGPIPE, which this thread must not get: blocked meanwhile, and taken if it came.
private func withoutPipeSignal(_ body: () -> Int) -> Int {
  var pipe = sigset_t()
  var old = sigset_t()
  var pending = sigset_t()
  sigemptyset(&pipe)
  sigaddset(&pipe, SIGPIPE)
  sigpending(&pending)
  // One that is pending already is somebody else's.
  if sigismember(&pending, SIGPIPE) == 1 { return body() }
  pthread_sigmask(SIG_BLOCK, &pipe, &old)
  let result = body()
  let code = errno
  if result < 0 && code == EPIPE {
    var none = timespec()
    sigtimedwait(&pipe, nil, &none)
  }
  pthread_sigmask(SIG_SETMASK, &old, nil)
  errno = code
  return result
}

/// Makes a stream socket that does not block and is closed on exec.
func makeSocket(for address: SocketAddress) throws(SocketError) -> Int32 {
  let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
  let descriptor = socket(address.systemFamily, kind, address.isInternet ? Int32(IPPROTO_TCP) : 0)
  if descriptor < 0 { throw SocketError("socket", errno: errno, address: address) }
  return descriptor
}

func setOption(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
  var value = value
  setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
}

/// The address at a socket's own end.
func localAddress(of descriptor: Int32) throws(SocketError) -> SocketAddress {
  let (_, code, address) = SocketAddress.from { getsockname(descriptor, $0, $1) }
  guard let address else { throw SocketError("getsockname", errno: code) }
  return address
}
