// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

@c @implementation
public func toro_semaphore_new(_ reactor: OpaquePointer?, _ value: Int64, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags, ifValid: value >= 0) {
    SemaphoreCore(permits: Int(value), bound: nil, name: nil, on: $0, deferred: $1)
  }
}

@c @implementation
public func toro_bounded_semaphore_new(_ reactor: OpaquePointer?, _ value: Int64, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags, ifValid: value >= 0) {
    SemaphoreCore(permits: Int(value), bound: Int(value), name: nil, on: $0, deferred: $1)
  }
}

@c @implementation
public func toro_semaphore_free(_ semaphore: OpaquePointer?) { free(semaphore, as: SemaphoreCore.self) }

@c @implementation
public func toro_semaphore_set_name(_ semaphore: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(semaphore, as: SemaphoreCore.self, name)
}

@c @implementation
public func toro_semaphore_close(_ semaphore: OpaquePointer?) -> Int32 {
  call(semaphore, as: SemaphoreCore.self) { core, _ in
    core.close()
    return Status.ok
  }
}

/// Whether so many permits can ever be acquired.
@inline(__always)
private func isAcquirable(_ permits: Int64, _ core: SemaphoreCore) -> Bool { permits >= 1 && permits <= core.bound }

@c @implementation
public func toro_semaphore_acquire(
  _ semaphore: OpaquePointer?, _ permits: Int64, _ deadline: toro_deadline, _ function: toro_wait_fn?,
  _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(
    semaphore, as: SemaphoreCore.self, .acquire, asking: Int(permits), deadline, function, argument, id,
    ifValid: { isAcquirable(permits, $0) })
}

@c @implementation
public func toro_semaphore_try_acquire(_ semaphore: OpaquePointer?, _ permits: Int64) -> Int32 {
  call(semaphore, as: SemaphoreCore.self, ifValid: { isAcquirable(permits, $0) }) { core, _ in
    if core.tryAcquire(Int(permits)) { return Status.ok }
    return core.isClosed ? Status.closed : Status.wouldBlock
  }
}

@c @implementation
public func toro_semaphore_release(_ semaphore: OpaquePointer?, _ permits: Int64) -> Int32 {
  call(semaphore, as: SemaphoreCore.self, ifValid: { _ in permits >= 1 }) { core, _ in
    if Int(permits) > core.bound &- core.permits { return Status.overReleased }
    core.release(Int(permits))
    return Status.ok
  }
}

@c @implementation
public func toro_semaphore_wait(
  _ semaphore: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?,
  _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(semaphore, as: SemaphoreCore.self, .wait, asking: 1, deadline, function, argument, id)
}

@c @implementation
public func toro_semaphore_count(_ semaphore: OpaquePointer?) -> Int64 {
  look(semaphore, as: SemaphoreCore.self, elsewhere: 0) { Int64($0.permits) }
}

@c @implementation
public func toro_semaphore_locked(_ semaphore: OpaquePointer?) -> Bool {
  look(semaphore, as: SemaphoreCore.self, elsewhere: false) { $0.permits == 0 }
}

@c @implementation
public func toro_semaphore_waiters(_ semaphore: OpaquePointer?) -> Int {
  look(semaphore, as: SemaphoreCore.self, elsewhere: 0) { $0.waiterCount }
}
