import CToro
import Glibc
import Toro

// A handle is the address of the object behind it, retained once for the program that has it: a `Reactor`, or the source of
// a primitive. A source does not keep its reactor, so each handle of one also retains that: it outlives the reactor's own
// handle, and answers that its reactor is closed. The paths that are called often borrow both without a retain.

/// The object behind a handle.
@inline(__always)
func borrow<Object: AnyObject, Result>(
  _ handle: OpaquePointer, as type: Object.Type, _ body: (Object) -> Result
) -> Result {
  Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle))._withUnsafeGuaranteedRef(body)
}

// MARK: Answers

/// Why a call is not answered off the reactor's thread: a reactor that is closed has no thread.
@inline(never)
func refusal(_ reactor: Reactor) -> Int32 {
  if reactor.isClosed { return Status.closed }
  if reactor.isForked { return Status.system(ECHILD) }
  return Status.wrongThread
}

/// What a call with arguments that make no sense answers.
@inline(never)
func invalid(_ reactor: Reactor) -> Int32 {
  !reactor.isClosed && reactor.isForked ? Status.system(ECHILD) : Status.invalid
}

/// The same for calls that have no status to answer: `errno` says it.
@inline(never)
func noteRefusal(_ reactor: Reactor) {
  errno = reactor.isClosed ? ESHUTDOWN : reactor.isForked ? ECHILD : EPERM
}

/// Answers a call on the reactor's thread.
///
/// - Parameters:
///   - isValid: Whether the arguments make sense for this object, wherever the call was made.
///   - body: What the call does there.
@inline(__always)
func call<Source: WaitSource>(
  _ handle: OpaquePointer?, as type: Source.Type, ifValid isValid: (Source) -> Bool = { _ in true },
  _ body: (Source, Reactor) -> Int32
) -> Int32 {
  guard let handle else { return Status.invalid }
  return borrow(handle, as: type) { source in
    source.owner._withUnsafeGuaranteedRef { reactor in
      guard isValid(source) else { return invalid(reactor) }
      guard reactor.isCurrent else { return refusal(reactor) }
      return body(source, reactor)
    }
  }
}

/// The same for calls of a reactor's own.
@inline(__always)
func call(
  _ handle: OpaquePointer?, ifValid isValid: (Reactor) -> Bool = { _ in true }, _ body: (Reactor) -> Int32
) -> Int32 {
  guard let handle else { return Status.invalid }
  return borrow(handle, as: Reactor.self) { reactor in
    guard isValid(reactor) else { return invalid(reactor) }
    guard reactor.isCurrent else { return refusal(reactor) }
    return body(reactor)
  }
}

/// Answers a call that only looks; `elsewhere` off the reactor's thread.
@inline(__always)
func look<Source: WaitSource, Value>(
  _ handle: OpaquePointer?, as type: Source.Type, elsewhere: Value, _ body: (Source) -> Value
) -> Value {
  guard let handle else { return elsewhere }
  return borrow(handle, as: type) { source in
    source.owner._withUnsafeGuaranteedRef { reactor in
      if reactor.isCurrent { return body(source) }
      noteRefusal(reactor)
      return elsewhere
    }
  }
}

@inline(__always)
func look<Value>(_ handle: OpaquePointer?, elsewhere: Value, _ body: (Reactor) -> Value) -> Value {
  guard let handle else { return elsewhere }
  return borrow(handle, as: Reactor.self) { reactor in
    if reactor.isCurrent { return body(reactor) }
    noteRefusal(reactor)
    return elsewhere
  }
}

/// Writes a text as snprintf does.
///
/// - Returns: How long all of it is, without the 0 at the end.
func copy(_ text: String, to buffer: UnsafeMutablePointer<CChar>?, _ size: Int) -> Int {
  var text = text
  return text.withUTF8 { bytes in
    guard let buffer, size != 0 else { return bytes.count }
    let count = min(bytes.count, size < 0 ? .max : size - 1)
    for index in 0..<count { buffer[index] = CChar(bitPattern: bytes[index]) }
    buffer[count] = 0
    return bytes.count
  }
}

// MARK: Waits

/// Begins a wait.
///
/// - Parameters:
///   - isValid: Whether what it asks for makes sense for this object.
///   - begin: Begins it on the reactor's thread; false if what it waits on is closed.
@inline(__always)
func wait<Source: WaitSource>(
  _ handle: OpaquePointer?, as type: Source.Type, _ deadline: toro_deadline, _ hasFunction: Bool,
  _ id: UnsafeMutablePointer<UInt64>?, ifValid isValid: (Source) -> Bool = { _ in true },
  _ begin: (Source, Reactor) -> Bool
) -> Int32 {
  id?.pointee = 0
  return call(handle, as: type, ifValid: { hasFunction && deadline.isValid && isValid($0) }) { source, reactor in
    begin(source, reactor) ? Status.ok : Status.closed
  }
}

/// The wait of a source that has a list and a policy, and nothing to hand over.
@inline(__always)
func wait<Source: WaitSource>(
  _ handle: OpaquePointer?, as type: Source.Type, _ role: WaitRole, asking amount: Int = 0, _ deadline: toro_deadline,
  _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?,
  ifValid isValid: (Source) -> Bool = { _ in true }
) -> Int32 {
  wait(handle, as: type, deadline, function != nil, id, ifValid: isValid) { source, reactor in
    reactor.wait(
      on: source, role, amount, until: deadline.due(on: reactor), telling: address(function), argument, id: id)
  }
}

@inline(__always)
func address(_ function: toro_wait_fn?) -> UnsafeRawPointer {
  unsafeBitCast(function.unsafelyUnwrapped, to: UnsafeRawPointer.self)
}

@inline(__always)
func address(_ function: toro_item_fn?) -> UnsafeRawPointer {
  unsafeBitCast(function.unsafelyUnwrapped, to: UnsafeRawPointer.self)
}

// MARK: Making and freeing

/// Makes an object of a reactor. `nil`, with `errno`: the arguments make no sense, or this is not the reactor's thread.
func make<Source: WaitSource>(
  on handle: OpaquePointer?, flags: UInt32, ifValid isValid: Bool = true, _ build: (Reactor, _ deferred: Bool) -> Source
) -> OpaquePointer? {
  guard let handle, isValid, flags & ~UInt32(TORO_DEFER_CALLBACKS) == 0 else {
    errno = EINVAL
    return nil
  }
  return borrow(handle, as: Reactor.self) { reactor in
    guard reactor.isCurrent, !reactor.isClosing else {
      noteRefusal(reactor)
      return nil
    }
    _ = Unmanaged.passRetained(reactor)
    return OpaquePointer(Unmanaged.passRetained(build(reactor, flags != 0)).toOpaque())
  }
}

/// Frees an object, on any thread: its waits end as closed, on the reactor's thread.
func free<Source: WaitSource>(_ handle: OpaquePointer?, as type: Source.Type) {
  guard let handle else { return }
  let source = Unmanaged<Source>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue()
  let reactor = source.owner.takeRetainedValue()
  source.abandon()
  withExtendedLifetime(reactor) {}
}

/// Names an object for descriptions.
func setName<Source: WaitSource>(
  _ handle: OpaquePointer?, as type: Source.Type, _ name: UnsafePointer<CChar>?
) -> Int32 {
  call(handle, as: type) { source, _ in
    source.name = name.map { String(cString: $0) }
    return Status.ok
  }
}
