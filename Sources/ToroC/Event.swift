// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

@c @implementation
public func toro_event_new(_ reactor: OpaquePointer?, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags) { EventCore(name: nil, on: $0, deferred: $1) }
}

@c @implementation
public func toro_event_free(_ event: OpaquePointer?) { free(event, as: EventCore.self) }

@c @implementation
public func toro_event_set_name(_ event: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(event, as: EventCore.self, name)
}

@c @implementation
public func toro_event_close(_ event: OpaquePointer?) -> Int32 {
  call(event, as: EventCore.self) { core, _ in
    core.close()
    return Status.ok
  }
}

@c @implementation
public func toro_event_set(_ event: OpaquePointer?) -> Int32 {
  call(event, as: EventCore.self) { core, _ in
    core.set()
    return Status.ok
  }
}

@c @implementation
public func toro_event_clear(_ event: OpaquePointer?) -> Int32 {
  call(event, as: EventCore.self) { core, _ in
    core.isSet = false
    return Status.ok
  }
}

@c @implementation
public func toro_event_is_set(_ event: OpaquePointer?) -> Bool {
  look(event, as: EventCore.self, elsewhere: false) { $0.isSet }
}

@c @implementation
public func toro_event_waiters(_ event: OpaquePointer?) -> Int {
  look(event, as: EventCore.self, elsewhere: 0) { $0.waiterCount }
}

@c @implementation
public func toro_event_wait(
  _ event: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(event, as: EventCore.self, .wait, deadline, function, argument, id)
}
