/// How a wait begins in the form that C has: a function and its argument are told, and nothing is allocated.
///
/// Each call answers whether the wait was accepted: not if what it waits on is closed, and then nobody is told. An `id` is
/// stored before anything is told, since what is told may free where it is stored.
extension Reactor {
  /// - Parameters:
  ///   - source: What to wait on.
  ///   - role: Which kind of wait.
  ///   - amount: How much it asks for; the source must be able to grant it.
  ///   - deadline: Until when: read if it has to wait.
  ///   - receiver: Which kind of function `function` is.
  ///   - id: Where the wait's identity goes; holds 0 where it has ended when this returns.
  @inlinable @inline(__always)
  package func wait(
    on source: WaitSource, _ role: WaitRole, _ amount: Int = 0, until deadline: @autoclosure () -> Int64,
    telling function: UnsafeRawPointer, as receiver: Receiver = .function, _ argument: UnsafeMutableRawPointer?,
    id: UnsafeMutablePointer<UInt64>?
  ) -> Bool {
    switch admitUnlessClosing(source, role, amount) {
    case .closed:
      return false
    case .granted:
      tellAtOnce(source, .granted, nil, function, receiver, argument)
    case .wait:
      let due = deadline()
      if due == .min {
        tellAtOnce(source, .timedOut, nil, function, receiver, argument)
      } else {
        begin(on: source, role, UInt(bitPattern: amount), due, function, receiver, argument, id)
      }
    }
    return true
  }

  @usableFromInline @inline(__always)
  func admitUnlessClosing(_ source: WaitSource, _ role: WaitRole, _ amount: Int) -> Admission {
    isClosing ? .closed : source.admit(role, amount)
  }

  /// Puts a wait in line.
  @usableFromInline
  package func begin(
    on source: WaitSource, _ role: WaitRole, _ payload: UInt, _ due: Int64, _ function: UnsafeRawPointer,
    _ receiver: Receiver, _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
  ) {
    let waiter = pool.take(for: source)
    waiter.pointee.payload.0 = payload
    start(waiter, on: source, role, due, .unknown, nil)
    waiter.storeFunction(function, receiver, argument)
    id?.pointee = waiter.pointee.id
  }

  /// Tells a wait that ended at the call, and then the put that it let in, if it is a get.
  @usableFromInline
  package func tellAtOnce(
    _ source: WaitSource, _ outcome: WaitOutcome, _ item: UnsafeMutableRawPointer?, _ function: UnsafeRawPointer,
    _ receiver: Receiver, _ argument: UnsafeMutableRawPointer?, letIn: WaiterPointer? = nil
  ) {
    let waiter = pool.take(for: source)
    waiter.pointee.payload.0 = UInt(bitPattern: item)
    waiter.storeFunction(function, receiver, argument)
    tellAtOnce(waiter, outcome, letIn)
  }
}

extension UnsafeMutablePointer<Waiter> {
  @inline(__always)
  func storeFunction(_ function: UnsafeRawPointer, _ receiver: Receiver, _ argument: UnsafeMutableRawPointer?) {
    pointee.receiver = receiver
    pointee.told = (UInt(bitPattern: function), UInt(bitPattern: argument))
  }
}

/// A pointer of C's, which Toro passes on and never looks behind.
@usableFromInline
package struct ForeignPointer: @unchecked Sendable {
  @usableFromInline package let address: UnsafeMutableRawPointer?
  @inlinable package init(_ address: UnsafeMutableRawPointer?) { self.address = address }
}

extension QueueCore where Storage.Element == ForeignPointer {
  @inlinable
  package func put(
    _ item: ForeignPointer, until deadline: @autoclosure () -> Int64, telling function: UnsafeRawPointer,
    _ argument: UnsafeMutableRawPointer?, id: UnsafeMutablePointer<UInt64>?
  ) -> Bool {
    let reactor = reactor
    if isClosed || reactor.isClosing { return false }
    if putNow(item) {
      reactor.tellAtOnce(self, .granted, nil, function, .function, argument)
      return true
    }
    let due = deadline()
    if due == .min {
      reactor.tellAtOnce(self, .timedOut, nil, function, .function, argument)
    } else {
      reactor.begin(on: self, .put, UInt(bitPattern: item.address), due, function, .function, argument, id)
    }
    return true
  }

  @inlinable
  package func get(
    until deadline: @autoclosure () -> Int64, telling function: UnsafeRawPointer, _ argument: UnsafeMutableRawPointer?,
    id: UnsafeMutablePointer<UInt64>?
  ) -> Bool {
    let reactor = reactor
    if reactor.isClosing { return false }
    if let (item, letIn) = takeNow() {
      reactor.tellAtOnce(self, .granted, item.address, function, .itemFunction, argument, letIn: letIn)
      return true
    }
    return reactor.wait(
      on: self, .get, until: deadline(), telling: function, as: .itemFunction, argument, id: id)
  }
}

extension AsyncResultCore where Value == ForeignPointer {
  package func get(
    until deadline: @autoclosure () -> Int64, telling function: UnsafeRawPointer, _ argument: UnsafeMutableRawPointer?,
    id: UnsafeMutablePointer<UInt64>?
  ) -> Bool {
    if !reactor.isClosing, case .success(let value) = result {
      reactor.tellAtOnce(self, .granted, value.address, function, .itemFunction, argument)
      return true
    }
    return reactor.wait(
      on: self, .get, until: deadline(), telling: function, as: .itemFunction, argument, id: id)
  }
}
