// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

@c @implementation
public func toro_barrier_new(_ reactor: OpaquePointer?, _ parties: Int, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags, ifValid: parties >= 1) {
    BarrierCore(parties: parties, name: nil, on: $0, deferred: $1)
  }
}

@c @implementation
public func toro_barrier_free(_ barrier: OpaquePointer?) { free(barrier, as: BarrierCore.self) }

@c @implementation
public func toro_barrier_set_name(_ barrier: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(barrier, as: BarrierCore.self, name)
}

@c @implementation
public func toro_barrier_close(_ barrier: OpaquePointer?) -> Int32 {
  call(barrier, as: BarrierCore.self) { core, _ in
    core.close()
    return Status.ok
  }
}

@c @implementation
public func toro_barrier_wait(
  _ barrier: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?,
  _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(barrier, as: BarrierCore.self, .arrive, deadline, function, argument, id)
}

@c @implementation
public func toro_barrier_parties(_ barrier: OpaquePointer?) -> Int {
  look(barrier, as: BarrierCore.self, elsewhere: 0) { $0.parties }
}

@c @implementation
public func toro_barrier_waiters(_ barrier: OpaquePointer?) -> Int {
  look(barrier, as: BarrierCore.self, elsewhere: 0) { $0.waiterCount }
}
