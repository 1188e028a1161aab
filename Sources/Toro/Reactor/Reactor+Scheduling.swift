import Synchronization

/// The callback of a scheduled call.
struct CallCallback {
  let call: @Sendable () -> Void
}

extension Reactor {
  /// Runs `body` on the reactor's thread, after all that was queued before. From any thread.
  ///
  /// A closed reactor drops it.
  public func execute(_ body: @escaping @Sendable () -> Void) {
    expectNoFork("Reactor.execute(_:)")
    if isCurrent { takeInbox() }  // what came before goes first
    enqueue(.call(body))
  }

  /// As ``execute(_:)``. False if the reactor is closed, or about to be.
  package func execute(
    _ function: @convention(c) (UnsafeMutableRawPointer?) -> Void, _ argument: UnsafeMutableRawPointer?
  ) -> Bool {
    guard isCurrent else { return offer(.function(function, argument)) }
    if isClosing { return false }
    takeInbox()  // what came before goes first
    enqueueReady(.function(function, argument))
    return true
  }

  /// Runs `body` on the reactor's thread when the deadline has passed.
  ///
  /// When it is due it is queued; until it runs it can be cancelled. It keeps ``run()`` going. O(log n).
  ///
  /// - Parameters:
  ///   - deadline: When to run it, at the earliest. ``Deadline/never`` never does.
  ///   - body: What to run.
  /// - Returns: What cancels it.
  /// - Isolation: On the reactor's thread. A closed reactor drops it.
  @discardableResult
  public func schedule(at deadline: Deadline, _ body: @escaping @Sendable () -> Void) -> Wait {
    guard isHere("Reactor.schedule(at:_:)") else { return endedWait }
    let waiter = pool.take(for: timers)
    waiter.storeCallback(CallCallback(call: body))
    return Wait(id: addScheduled(waiter, resolve(deadline)), of: self)
  }

  /// As ``schedule(at:_:)``, but what is left to do in the background keeps neither a run nor a host's loop going: the call
  /// may come late, or never.
  ///
  /// - Parameter due: On the reactor's clock, and not never.
  package func scheduleInBackground(at due: Int64, _ body: @escaping @Sendable () -> Void) -> Wait {
    assert(due != .max)
    let waiter = pool.take(for: timers)
    waiter.storeCallback(CallCallback(call: body))
    return Wait(id: addScheduled(waiter, due, as: .background), of: self)
  }

  package func schedule(
    at due: Int64, _ function: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void,
    _ argument: UnsafeMutableRawPointer?
  ) -> UInt64 {
    let waiter = pool.take(for: timers)
    waiter.pointee.told = (
      UInt(bitPattern: unsafeBitCast(function, to: UnsafeRawPointer.self)), UInt(bitPattern: argument)
    )
    waiter.pointee.receiver = .function
    return addScheduled(waiter, due)
  }

  func addScheduled(_ waiter: WaiterPointer, _ due: Int64, as role: WaitRole = .scheduled) -> UInt64 {
    waiter.pointee.role = role
    if isClosing {
      waiter.pointee.state = .decided
      dropScheduled(waiter)
      return 0
    }
    if due == .min {
      takeInbox()  // what came before goes first
      waiter.pointee.state = .due
      enqueueReady(.scheduled(waiter))
    } else {
      waiter.pointee.state = .waiting
      if role == .background { backgroundTimers &+= 1 } else { pendingTimers &+= 1 }
      addTimer(waiter, due)
    }
    return waiter.pointee.id
  }

  /// A call left the heap.
  func forgetCall(_ waiter: WaiterPointer) {
    if waiter.pointee.role == .background { backgroundTimers &-= 1 } else { pendingTimers &-= 1 }
  }

  func runScheduled(_ waiter: WaiterPointer) {
    let isCancelled = waiter.pointee.state == .decided
    if waiter.pointee.receiver == .function {
      let (function, argument) = waiter.pointee.told
      recycle(waiter)
      guard !isCancelled, closePhase != .closing else { return }
      let call = unsafeBitCast(
        UnsafeRawPointer(bitPattern: function), to: (@convention(c) (UnsafeMutableRawPointer?) -> Void).self)
      call(UnsafeMutableRawPointer(bitPattern: argument))
    } else {
      let callback = waiter.takeCallback(as: CallCallback.self)
      recycle(waiter)
      if !isCancelled { callback.call() }
    }
  }

  func dropScheduled(_ waiter: WaiterPointer) {
    if waiter.pointee.receiver == .callback { _ = waiter.takeCallback(as: CallCallback.self) }
    pool.give(waiter)
  }

  /// Adds a waiter to the deadline heap. `.max` is never.
  @inline(__always)
  func addTimer(_ waiter: WaiterPointer, _ due: Int64) {
    guard due != .max else { return }
    heap.insert(waiter, due: due, in: pool.table)
    if tellsLoop { tellLoop() }
  }

  // MARK: Sleeping

  /// Waits until the deadline has passed.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first; ``ReactorClosedError`` if the reactor is closed.
  /// - Isolation: May be awaited from any thread.
  public func sleep(until deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await sleepers.wait(.sleep, until: resolve(deadline), WaitSite(file, line))
  }

  /// Waits this long, on the reactor's clock: in virtual time, which does not see `Task.sleep(for:)`, no time at all.
  ///
  /// - Throws: As ``sleep(until:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func sleep(for duration: Duration, file: StaticString = #fileID, line: UInt = #line) async throws {
    try await sleep(until: .after(duration), file: file, line: line)
  }

  // MARK: Holding

  /// Keeps the reactor from ending, or calling a deadlock, for want of work: something outside will wake it. In virtual
  /// time the clock stands still meanwhile. Counted; from any thread. ``unhold(file:line:)`` ends it.
  public func hold() {
    awayCount.add(1, ordering: .relaxed)
    holdsChanged()
  }

  /// Ends one ``hold()``. From any thread.
  ///
  /// - Precondition: There is a hold.
  public func unhold(file: StaticString = #fileID, line: UInt = #line) {
    require(
      awayCount.subtract(1, ordering: .releasing).newValue >= 0, "Reactor.unhold(): there is no hold to end",
      file: file,
      line: line)
    holdsChanged()
  }

  /// A hold under which virtual time still jumps.
  package func holdJumping(_ change: Int) -> Bool {
    var old = holdCount.load(ordering: .relaxed)
    repeat {
      if old + change < 0 { return false }
      let (exchanged, original) = holdCount.compareExchange(expected: old, desired: old + change, ordering: .releasing)
      if exchanged { break }
      old = original
    } while true
    holdsChanged()
    return true
  }

  private func holdsChanged() {
    if isCurrent {
      if isHostedOutsideTurn { loop.arm() }
    } else if !isClosed {
      post(.settle)
    }
  }
}
