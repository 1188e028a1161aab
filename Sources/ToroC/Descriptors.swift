// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

@c @implementation
public func toro_fd_wait(
  _ handle: OpaquePointer?, _ descriptor: Int32, _ events: Int32, _ deadline: toro_deadline,
  _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  id?.pointee = 0
  let readable = Int32(TORO_READABLE)
  let writable = Int32(TORO_WRITABLE)
  let isValid = function != nil && deadline.isValid && events != 0 && events & ~(readable | writable) == 0
  return call(handle, ifValid: { _ in isValid }) { reactor in
    do throws(SystemError) {
      let isAccepted = try reactor.wait(
        for: descriptor, reading: events & readable != 0, writing: events & writable != 0,
        until: deadline.due(on: reactor), telling: address(function), argument, id: id)
      return isAccepted ? Status.ok : Status.closed
    } catch {
      return Status.system(error.errno)
    }
  }
}
