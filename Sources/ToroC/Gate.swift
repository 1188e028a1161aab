// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

@c @implementation
public func toro_gate_new(_ reactor: OpaquePointer?, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags) { GateCore(name: nil, on: $0, deferred: $1) }
}

@c @implementation
public func toro_gate_free(_ gate: OpaquePointer?) { free(gate, as: GateCore.self) }

@c @implementation
public func toro_gate_set_name(_ gate: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(gate, as: GateCore.self, name)
}

@c @implementation
public func toro_gate_close(_ gate: OpaquePointer?) -> Int32 {
  call(gate, as: GateCore.self) { core, _ in
    core.isClosed = true
    return Status.ok
  }
}

@c @implementation
public func toro_gate_is_closed(_ gate: OpaquePointer?) -> Bool {
  look(gate, as: GateCore.self, elsewhere: false) { $0.isClosed }
}

@c @implementation
public func toro_gate_enter(_ gate: OpaquePointer?) -> Int32 {
  call(gate, as: GateCore.self) { core, _ in core.tryEnter() ? Status.ok : Status.closed }
}

@c @implementation
public func toro_gate_leave(_ gate: OpaquePointer?) -> Int32 {
  call(gate, as: GateCore.self) { core, _ in
    guard core.count > 0 else { return Status.overReleased }
    core.leave()
    return Status.ok
  }
}

@c @implementation
public func toro_gate_join(
  _ gate: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(gate, as: GateCore.self, .join, deadline, function, argument, id)
}

@c @implementation
public func toro_gate_count(_ gate: OpaquePointer?) -> Int {
  look(gate, as: GateCore.self, elsewhere: 0) { $0.count }
}

@c @implementation
public func toro_gate_waiters(_ gate: OpaquePointer?) -> Int {
  look(gate, as: GateCore.self, elsewhere: 0) { $0.waiterCount }
}
