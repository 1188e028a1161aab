// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

private typealias Core = AsyncResultCore<ForeignPointer>

@c @implementation
public func toro_async_result_new(_ reactor: OpaquePointer?, _ flags: UInt32) -> OpaquePointer? {
  make(on: reactor, flags: flags) { Core(name: nil, on: $0, deferred: $1) }
}

@c @implementation
public func toro_async_result_free(_ result: OpaquePointer?) { free(result, as: Core.self) }

@c @implementation
public func toro_async_result_set_name(_ result: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(result, as: Core.self, name)
}

@c @implementation
public func toro_async_result_close(_ result: OpaquePointer?) -> Int32 {
  call(result, as: Core.self) { core, _ in
    core.close()
    return Status.ok
  }
}

@c @implementation
public func toro_async_result_set(_ result: OpaquePointer?, _ value: UnsafeMutableRawPointer?) -> Int32 {
  call(result, as: Core.self) { core, _ in
    if core.isClosed { return Status.closed }
    if core.result != nil { return Status.alreadySet }
    try? core.set(.success(ForeignPointer(value)))
    return Status.ok
  }
}

@c @implementation
public func toro_async_result_ready(_ result: OpaquePointer?) -> Bool {
  look(result, as: Core.self, elsewhere: false) { $0.result != nil }
}

@c @implementation
public func toro_async_result_try_get(
  _ result: OpaquePointer?, _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
  call(result, as: Core.self, ifValid: { _ in value != nil }) { core, _ in
    if core.isClosed { return Status.closed }
    guard case .success(let found) = core.result else { return Status.wouldBlock }
    value?.pointee = found.address
    return Status.ok
  }
}

@c @implementation
public func toro_async_result_get(
  _ result: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_item_fn?,
  _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(result, as: Core.self, deadline, function != nil, id) { core, reactor in
    !core.isClosed && core.get(until: deadline.due(on: reactor), telling: address(function), argument, id: id)
  }
}
