// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

@c @implementation
public func toro_condition_new(_ reactor: OpaquePointer?, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags) { ConditionCore(name: nil, on: $0, deferred: $1) }
}

@c @implementation
public func toro_condition_free(_ condition: OpaquePointer?) { free(condition, as: ConditionCore.self) }

@c @implementation
public func toro_condition_set_name(_ condition: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(condition, as: ConditionCore.self, name)
}

@c @implementation
public func toro_condition_close(_ condition: OpaquePointer?) -> Int32 {
  call(condition, as: ConditionCore.self) { core, _ in
    core.close()
    return Status.ok
  }
}

@c @implementation
public func toro_condition_wait(
  _ condition: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?,
  _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(condition, as: ConditionCore.self, .wait, deadline, function, argument, id)
}

@c @implementation
public func toro_condition_notify(_ condition: OpaquePointer?, _ count: Int) -> Int32 {
  call(condition, as: ConditionCore.self) { core, _ in
    core.notify(count < 0 ? .max : count)  // a size_t above Int.max
    return Status.ok
  }
}

@c @implementation
public func toro_condition_notify_all(_ condition: OpaquePointer?) -> Int32 {
  toro_condition_notify(condition, .max)
}

@c @implementation
public func toro_condition_waiters(_ condition: OpaquePointer?) -> Int {
  look(condition, as: ConditionCore.self, elsewhere: 0) { $0.waiterCount }
}
