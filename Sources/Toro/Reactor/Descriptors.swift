import CLibevent
import CToroShims
import Glibc

extension Reactor {
  /// Waits until a descriptor can be read without blocking, or has ended, or failed.
  ///
  /// - Parameter descriptor: An open descriptor that can be polled. It must stay open while it is waited for.
  /// - Throws: `CancellationError` if the task is cancelled first; ``SystemError`` if the descriptor cannot be watched;
  ///   ``ReactorClosedError``.
  /// - Isolation: May be awaited from any thread.
  public func readable(_ descriptor: Int32, file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await wait(for: descriptor, .readable, until: .max, WaitSite(file, line))
  }

  /// Waits until a descriptor can be read without blocking, unless the deadline passes first.
  ///
  /// - Returns: Whether it can be read.
  /// - Throws: As ``readable(_:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func readable(
    _ descriptor: Int32, deadline: Deadline, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Bool {
    try await wait(for: descriptor, .readable, until: resolve(deadline), WaitSite(file, line))
  }

  /// Waits until a descriptor can be written without blocking, or has failed.
  ///
  /// - Throws: As ``readable(_:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func writable(_ descriptor: Int32, file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await wait(for: descriptor, .writable, until: .max, WaitSite(file, line))
  }

  /// Waits until a descriptor can be written without blocking, unless the deadline passes first.
  ///
  /// - Returns: Whether it can be written.
  /// - Throws: As ``readable(_:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func writable(
    _ descriptor: Int32, deadline: Deadline, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Bool {
    try await wait(for: descriptor, .writable, until: resolve(deadline), WaitSite(file, line))
  }

  fileprivate func wait(for descriptor: Int32, _ role: WaitRole, until due: Int64, _ site: WaitSite) async throws
    -> Bool
  {
    guard isCurrent else {
      try expectOpen("Reactor.\(role.verb)(\(descriptor))")
      return try await home.wait(for: descriptor, role, on: self, until: due, site)
    }
    if descriptor < 0 { throw SystemError("poll", errno: EBADF) }  // which poll itself would ignore
    var request = pollfd(fd: descriptor, events: Int16(role == .readable ? POLLIN : POLLOUT), revents: 0)
    let count = poll(&request, 1, 0)
    if count < 0 { throw SystemError("poll", errno: errno) }
    if Int32(request.revents) & Int32(POLLNVAL) != 0 { throw SystemError("poll", errno: EBADF) }
    if count > 0 { return true }
    let watch = DescriptorWatch(on: self, descriptor, events: role == .readable ? Int16(EV_READ) : Int16(EV_WRITE))
    defer { watch.close() }
    return try await watch.wait(role, until: due, site)
  }
}

extension ReactorHome {
  fileprivate func wait(
    for descriptor: Int32, _ role: WaitRole, on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    visit()
    try reactor.expectArrival()
    return try await reactor.wait(for: descriptor, role, until: due, site)
  }
}

/// One libevent event for one descriptor and direction, added while somebody waits for it.
///
/// What streams and listeners wait on. After ``close()``, which must come before the descriptor's, waits end as closed.
/// One at a time waits for each.
package final class DescriptorWatch: WaitSource, @unchecked Sendable {
  package let descriptor: Int32
  private let event: UnsafeMutablePointer<event>
  private let keepsReactor: Reactor
  private var isAdded = false

  package init(on reactor: Reactor, _ descriptor: Int32, events: Int16) {
    self.descriptor = descriptor
    keepsReactor = reactor
    event = .allocate(capacity: 1)
    super.init(name: nil, on: reactor)
    event_assign(
      event, reactor.loop.base, descriptor, events,
      { _, _, context in
        Unmanaged<DescriptorWatch>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue().fired()
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    assert(!isAdded, "closed before it goes")
    event.deallocate()
  }

  override class var typeName: String { "Descriptor" }
  override var stateDescription: String { "\(descriptor)" }

  private func fired() {
    isAdded = false  // not persistent: libevent took it out
    reactor.inDescriptorEvent {
      while let waiter = waiters.popFirst() { decide(waiter, .granted) }
      settle()
    }
  }

  override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    if isClosed { return .closed }
    if !isAdded {
      guard event_add(event, nil) == 0 else { return .closed }
      isAdded = true
    }
    return .wait
  }

  /// A waiter that gives up: the event must not keep the loop going.
  override func rebalance() {
    if waiters.isEmpty && isAdded {
      event_del(event)
      isAdded = false
    }
  }

  package func close() {
    if isAdded && !reactor.isClosed { event_del(event) }
    isAdded = false
    closeAll()
    settle()
  }
}

extension Reactor {
  /// Runs what a descriptor's event ends, as part of the turn whose poll found it.
  func inDescriptorEvent(_ body: () -> Void) {
    if isInTurn { return body() }
    owner.store(toro_number_this_thread(), ordering: .releasing)
    withTurn(body)
    if loop.isAdopted { loop.arm() }
  }
}
