import Glibc
import Synchronization
import Toro

/// A descriptor and the watches by which tasks wait for it, closed once, by whoever is first.
///
/// Listeners, connections and signals own one each. The watches, and all but ``close()``, are for the reactor's thread.
final class Socket: @unchecked Sendable {
  let reactor: Reactor
  private let openDescriptor: Atomic<Int32>
  private let reading: DescriptorWatch
  /// Made when first needed: most writes need no wait.
  @exclusivity(unchecked) private var writing: DescriptorWatch?
  /// What ``name(_:reading:)`` was told, for the watch that is made later.
  @exclusivity(unchecked) private var subject: String?

  /// Takes over an open descriptor.
  init(_ descriptor: Int32, on reactor: Reactor) {
    self.reactor = reactor
    openDescriptor = Atomic(descriptor)
    reading = DescriptorWatch(on: reactor, descriptor, .readable)
  }

  /// Says how `Reactor.waits` is to name the waits: before the first one.
  func name(_ subject: String, reading call: String) {
    self.subject = subject
    reading.name(subject, call)
  }

  deinit {
    if reactor.isCurrent { closeHere() } else { closeDescriptor() }
  }

  /// The descriptor, or -1 once it is closed.
  var descriptor: Int32 { openDescriptor.load(ordering: .relaxed) }
  var isClosed: Bool { descriptor < 0 }

  // MARK: Waiting

  /// Waits until there is something to read, the peer has ended, or the socket failed.
  ///
  /// - Throws: `CancellationError`; `ClosedError` after ``close()``; `ReactorClosedError`.
  func readable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await reading.wait(.readable, until: due, site)
  }

  /// Waits until there is room to write, or the socket failed.
  func writable(until due: Int64, _ site: WaitSite) async throws -> Bool {
    let watch = writing ?? makeWriting()
    if isClosed { watch.close() } else { writing = watch }
    return try await watch.wait(.writable, until: due, site)
  }

  private func makeWriting() -> DescriptorWatch {
    let watch = DescriptorWatch(on: reactor, descriptor, .writable)
    if let subject { watch.name(subject, "write") }
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
      reactor.execute { self.closeHere() }
    }
  }

  private func closeHere() {
    // The descriptor goes last: what watches it must not meet another that has its number.
    reading.close()
    writing?.close()
    closeDescriptor()
  }

  private func closeDescriptor() {
    let descriptor = openDescriptor.exchange(-1, ordering: .acquiringAndReleasing)
    if descriptor >= 0 { Glibc.close(descriptor) }
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

/// Makes a TCP socket that does not block and is closed on exec.
func makeSocket(for address: SocketAddress) throws(SocketError) -> Int32 {
  let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
  let descriptor = socket(address.systemFamily, kind, Int32(IPPROTO_TCP))
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
