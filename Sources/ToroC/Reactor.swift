// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Glibc
import Toro

// MARK: Making and freeing

private func make(_ build: () throws(SystemError) -> Reactor) -> OpaquePointer? {
  do throws(SystemError) {
    return OpaquePointer(Unmanaged.passRetained(try build()).toOpaque())
  } catch {
    errno = error.errno != 0 ? error.errno : ENOMEM
    return nil
  }
}

@c @implementation
public func toro_reactor_new() -> OpaquePointer? {
  make { () throws(SystemError) in try Reactor() }
}

@c @implementation
public func toro_reactor_new_virtual() -> OpaquePointer? {
  make { () throws(SystemError) in try Reactor(clock: .virtual) }
}

@c @implementation
public func toro_reactor_adopt(_ base: OpaquePointer?) -> OpaquePointer? {
  guard let base else {
    errno = EINVAL
    return nil
  }
  return make { () throws(SystemError) in
    let reactor = try Reactor(adopting: base)
    guard reactor.isForked else { return reactor }
    reactor.takeBackAdoption()
    throw SystemError("fork", errno: ECHILD)
  }
}

@c @implementation
public func toro_reactor_free(_ handle: OpaquePointer?) {
  guard let handle else { return }
  let reactor = Unmanaged<Reactor>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue()
  reactor.closeFromAnyThread()
  withExtendedLifetime(reactor) {}
}

@c @implementation
public func toro_reactor_after_fork(_ handle: OpaquePointer?) -> Int32 {
  guard let handle else { return Status.invalid }
  return borrow(handle, as: Reactor.self) { reactor in
    guard !reactor.isClosed && reactor.isForked else { return reactor.isCurrent ? Status.ok : refusal(reactor) }
    do throws(SystemError) {
      try reactor.reinitializeAfterFork()
      return Status.ok
    } catch {
      return Status.system(error.errno)
    }
  }
}

// MARK: Threads

/// Answers a call that is made on any thread.
@inline(__always)
private func callFromAnyThread(
  _ handle: OpaquePointer?, ifValid isValid: (Reactor) -> Bool = { _ in true }, _ body: (Reactor) -> Int32
) -> Int32 {
  guard let handle else { return Status.invalid }
  return borrow(handle, as: Reactor.self) { reactor in
    if !reactor.isCurrent && (reactor.isClosed || reactor.isForked) { return refusal(reactor) }
    return isValid(reactor) ? body(reactor) : Status.invalid
  }
}

@c @implementation
public func toro_reactor_bind(_ handle: OpaquePointer?) -> Int32 {
  callFromAnyThread(handle) { $0.bindUnlessRunning() ? Status.ok : Status.busy }
}

@c @implementation
public func toro_reactor_is_current(_ handle: OpaquePointer?) -> Bool {
  look(handle, elsewhere: false) { _ in true }
}

@c @implementation
public func toro_reactor_execute(
  _ handle: OpaquePointer?, _ function: toro_fn?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  callFromAnyThread(handle, ifValid: { _ in function != nil }) { reactor in
    reactor.execute(function.unsafelyUnwrapped, argument) ? Status.ok : Status.closed
  }
}

@c @implementation
public func toro_reactor_hold(_ handle: OpaquePointer?) -> Int32 {
  callFromAnyThread(handle) { reactor in
    _ = reactor.holdJumping(1)
    return Status.ok
  }
}

@c @implementation
public func toro_reactor_unhold(_ handle: OpaquePointer?) -> Int32 {
  callFromAnyThread(handle) { $0.holdJumping(-1) ? Status.ok : Status.notLocked }
}

// MARK: Running

@inline(__always)
private func run(_ handle: OpaquePointer?, _ body: (Reactor) -> RunAnswer) -> Int32 {
  callFromAnyThread(handle) { borrowed in
    let reactor = Unmanaged.passUnretained(borrowed).takeUnretainedValue()  // its handle may be freed meanwhile
    defer { withExtendedLifetime(reactor) {} }
    return switch body(reactor) {
    case .ended: Status.ok
    case .deadlock: Status.deadlock
    case .nothingToDo: Status.wouldBlock
    case .closed: Status.closed
    case .adopted: Status.invalid
    case .busy: Status.busy
    }
  }
}

@c @implementation
public func toro_reactor_run(_ handle: OpaquePointer?) -> Int32 {
  run(handle) { $0.runUnlessRefused() }
}

@c @implementation
public func toro_reactor_run_once(_ handle: OpaquePointer?, _ block: Bool) -> Int32 {
  run(handle) { $0.runOnceUnlessRefused(blocking: block) }
}

@c @implementation
public func toro_reactor_stop(_ handle: OpaquePointer?) -> Int32 {
  callFromAnyThread(handle, ifValid: { !$0.isAdopted }) { reactor in
    reactor.requestStop()
    return Status.ok
  }
}

// MARK: Time

@c @implementation
public func toro_reactor_advance(_ handle: OpaquePointer?, _ nanoseconds: Int64) -> Int32 {
  call(handle, ifValid: { nanoseconds >= 0 && $0.isVirtual }) { reactor in
    reactor.advance(nanoseconds: nanoseconds)
    return Status.ok
  }
}

@c @implementation
public func toro_reactor_now_unix_ns(_ handle: OpaquePointer?) -> Int64 {
  look(handle, elsewhere: 0) { $0.unixNanoseconds }
}

@c @implementation
public func toro_reactor_call_at(
  _ handle: OpaquePointer?, _ when: toro_deadline, _ function: toro_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  id?.pointee = 0
  return call(handle, ifValid: { _ in function != nil && when.isValid }) { reactor in
    if reactor.isClosing { return Status.closed }
    let called = reactor.schedule(at: when.due(on: reactor), function.unsafelyUnwrapped, argument)
    id?.pointee = called
    return Status.ok
  }
}

@c @implementation
public func toro_cancel(_ handle: OpaquePointer?, _ id: UInt64) -> Int32 {
  call(handle) { reactor in
    guard reactor.cancelHere(id) else { return Status.invalid }
    reactor.settle()
    return Status.ok
  }
}

// MARK: Hosting

@c @implementation
public func toro_reactor_base(_ handle: OpaquePointer?) -> OpaquePointer? {
  look(handle, elsewhere: nil) { $0.base }
}

@c @implementation
public func toro_reactor_fd(_ handle: OpaquePointer?) -> Int32 {
  guard handle != nil else {
    errno = EINVAL
    return -1
  }
  return look(handle, elsewhere: -1) { reactor in
    if let descriptor = reactor.fileDescriptor { return descriptor }
    errno = ENOTSUP
    return -1
  }
}

@c @implementation
public func toro_reactor_next_deadline_ns(_ handle: OpaquePointer?) -> Int64 {
  look(handle, elsewhere: -1) { reactor in
    guard let deadline = reactor.nextDeadline else { return -1 }
    return max(0, deadline.nanoseconds - reactor.now.nanoseconds)
  }
}

// MARK: Looking

@c @implementation
public func toro_reactor_pending(_ handle: OpaquePointer?) -> Int {
  look(handle, elsewhere: 0) { $0.pendingWaits }
}

@c @implementation
public func toro_reactor_dump(
  _ handle: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
  if size != 0 { buffer?.pointee = 0 }
  return look(handle, elsewhere: 0) { copy($0.description, to: buffer, size) }
}
