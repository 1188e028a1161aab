// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

private typealias Core = ReadWriteLockCore

@c @implementation
public func toro_rwlock_new(_ reactor: OpaquePointer?, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags) { Core(name: nil, on: $0, deferred: $1) }
}

@c @implementation
public func toro_rwlock_free(_ lock: OpaquePointer?) { free(lock, as: Core.self) }

@c @implementation
public func toro_rwlock_set_name(_ lock: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(lock, as: Core.self, name)
}

@c @implementation
public func toro_rwlock_close(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: Core.self) { core, _ in
    core.close()
    return Status.ok
  }
}

// MARK: Acquiring

@c @implementation
public func toro_rwlock_acquire_read(
  _ lock: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(lock, as: Core.self, .read, deadline, function, argument, id)
}

@c @implementation
public func toro_rwlock_acquire_write(
  _ lock: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(lock, as: Core.self, .write, deadline, function, argument, id)
}

@c @implementation
public func toro_rwlock_try_acquire_read(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: Core.self) { core, _ in
    if core.tryAcquireRead() { return Status.ok }
    return core.isClosed ? Status.closed : Status.wouldBlock
  }
}

@c @implementation
public func toro_rwlock_try_acquire_write(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: Core.self) { core, _ in
    if core.tryAcquireWrite() { return Status.ok }
    return core.isClosed ? Status.closed : Status.wouldBlock
  }
}

// MARK: Releasing

@c @implementation
public func toro_rwlock_release_read(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: Core.self) { core, _ in
    guard core.readers > 0 else { return Status.notLocked }
    core.releaseRead()
    return Status.ok
  }
}

@c @implementation
public func toro_rwlock_release_write(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: Core.self) { core, _ in
    guard core.isWriteLocked else { return Status.notLocked }
    core.releaseWrite()
    return Status.ok
  }
}

@c @implementation
public func toro_rwlock_downgrade(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: Core.self) { core, _ in
    guard core.isWriteLocked else { return Status.notLocked }
    core.downgrade()
    return Status.ok
  }
}

// MARK: Looking

@c @implementation
public func toro_rwlock_readers(_ lock: OpaquePointer?) -> Int {
  look(lock, as: Core.self, elsewhere: 0) { $0.readers }
}

@c @implementation
public func toro_rwlock_write_locked(_ lock: OpaquePointer?) -> Bool {
  look(lock, as: Core.self, elsewhere: false) { $0.isWriteLocked }
}

@c @implementation
public func toro_rwlock_waiters(_ lock: OpaquePointer?) -> Int {
  look(lock, as: Core.self, elsewhere: 0) { $0.waiterCount }
}
