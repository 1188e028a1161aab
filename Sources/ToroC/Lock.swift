// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

@c @implementation
public func toro_lock_new(_ reactor: OpaquePointer?, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags) { LockCore(name: nil, on: $0, deferred: $1) }
}

@c @implementation
public func toro_lock_free(_ lock: OpaquePointer?) { free(lock, as: LockCore.self) }

@c @implementation
public func toro_lock_set_name(_ lock: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(lock, as: LockCore.self, name)
}

@c @implementation
public func toro_lock_close(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: LockCore.self) { core, _ in
    core.close()
    return Status.ok
  }
}

@c @implementation
public func toro_lock_acquire(
  _ lock: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(lock, as: LockCore.self, .acquire, deadline, function, argument, id)
}

@c @implementation
public func toro_lock_try_acquire(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: LockCore.self) { core, _ in
    if core.tryAcquire() { return Status.ok }
    return core.isClosed ? Status.closed : Status.wouldBlock
  }
}

@c @implementation
public func toro_lock_release(_ lock: OpaquePointer?) -> Int32 {
  call(lock, as: LockCore.self) { core, _ in
    guard core.isLocked else { return Status.notLocked }
    core.release()
    return Status.ok
  }
}

@c @implementation
public func toro_lock_locked(_ lock: OpaquePointer?) -> Bool {
  look(lock, as: LockCore.self, elsewhere: false) { $0.isLocked }
}

@c @implementation
public func toro_lock_waiters(_ lock: OpaquePointer?) -> Int {
  look(lock, as: LockCore.self, elsewhere: 0) { $0.waiterCount }
}
