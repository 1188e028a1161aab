import CLibevent
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
    guard isInside else {
      try expectOpen("Reactor.\(role.verb)(\(descriptor))")
      return try await home.wait(for: descriptor, role, on: self, until: due, site)
    }
    if try isReady(descriptor, role == .readable ? POLLIN : POLLOUT) { return true }
    let watch = DescriptorWatch(on: self, descriptor, events: Int16(role.event), forOneWait: true)
    defer { watch.close() }
    return try await watch.wait(role, until: due, site)
  }
}

extension WaitRole {
  var event: Int32 { self == .readable ? EV_READ : EV_WRITE }
}

/// Whether a descriptor can be read or written without blocking now.
private func isReady(_ descriptor: Int32, _ events: Int32) throws(SystemError) -> Bool {
  if descriptor < 0 { throw notOpen(descriptor) }  // which poll itself would ignore
  var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
  let count = poll(&request, 1, 0)
  if count < 0 { throw SystemError("poll", errno: errno) }
  if Int32(request.revents) & POLLNVAL != 0 { throw notOpen(descriptor) }
  return count > 0
}

private func notOpen(_ descriptor: Int32) -> SystemError {
  SystemError("poll", errno: EBADF, reason: "descriptor \(descriptor): \(errorText(EBADF))")
}

extension Reactor {
  /// Waits for a descriptor in the form that C has (``wait(on:_:_:until:telling:as:_:id:)``), to be read, written, or
  /// whichever comes first.
  package func wait(
    for descriptor: Int32, reading: Bool, writing: Bool, until deadline: @autoclosure () -> Int64,
    telling function: UnsafeRawPointer, _ argument: UnsafeMutableRawPointer?, id: UnsafeMutablePointer<UInt64>?
  ) throws(SystemError) -> Bool {
    if isClosing { return false }
    if try isReady(descriptor, (reading ? POLLIN : 0) | (writing ? POLLOUT : 0)) {
      tellAtOnce(sleepers, .granted, nil, function, .function, argument)
      return true
    }
    let due = deadline()
    if due == .min {
      tellAtOnce(sleepers, .timedOut, nil, function, .function, argument)
      return true
    }
    let watch = DescriptorWatch(
      on: self, descriptor, events: Int16((reading ? EV_READ : 0) | (writing ? EV_WRITE : 0)), forOneWait: true)
    let role = reading ? WaitRole.readable : .writable
    guard watch.admit(role, 0) == .wait else { throw SystemError("event_add", errno: watch.failure) }
    begin(on: watch, role, 0, due, function, .function, argument, id)
    watch.keepUntilTold()
    settle()
    return true
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
