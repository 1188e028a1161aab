// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Glibc
import Toro
import ToroInspector
import ToroNet

@c @implementation
public func toro_inspector_new(_ address: UnsafePointer<CChar>?) -> OpaquePointer? {
  do {
    guard let address else { throw SystemError("toro_inspector_new", errno: EINVAL) }
    let inspector = try Inspector(at: SocketAddress(String(cString: address)))
    return OpaquePointer(Unmanaged.passRetained(inspector).toOpaque())
  } catch {
    errno = (error as? SocketError)?.errno ?? (error as? SystemError)?.errno ?? EINVAL
    return nil
  }
}

@c @implementation
public func toro_inspector_free(_ handle: OpaquePointer?) {
  guard let handle else { return }
  Unmanaged<Inspector>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue().close()
}

@c @implementation
public func toro_inspector_watch(
  _ handle: OpaquePointer?, _ reactor: OpaquePointer?, _ name: UnsafePointer<CChar>?
) -> Int32 {
  withInspector(handle, reactor) { $0.watch($1, name: name.map { String(cString: $0) } ?? "reactor") }
}

@c @implementation
public func toro_inspector_unwatch(_ handle: OpaquePointer?, _ reactor: OpaquePointer?) -> Int32 {
  withInspector(handle, reactor) { $0.unwatch($1) }
}

@c @implementation
public func toro_inspector_address(
  _ handle: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
  guard let handle else { return copy("", to: buffer, size) }
  return borrow(handle, as: Inspector.self) { copy($0.address.description, to: buffer, size) }
}

/// Answers a call that is made on any thread.
private func withInspector(
  _ handle: OpaquePointer?, _ reactor: OpaquePointer?, _ body: (Inspector, Reactor) -> Void
) -> Int32 {
  guard let handle, let reactor else { return Status.invalid }
  return borrow(reactor, as: Reactor.self) { reactor in
    if !reactor.isCurrent && (reactor.isClosed || reactor.isForked) { return refusal(reactor) }
    return borrow(handle, as: Inspector.self) { inspector in
      if inspector.isForked { return Status.system(ECHILD) }
      body(inspector, reactor)
      return Status.ok
    }
  }
}
