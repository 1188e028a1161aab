extension Reactor {
  /// Ends a wait: the one transition, made once, on the reactor, at the moment it happens. The waiter is out of its
  /// list already.
  ///
  /// A task is put in line to be resumed on a later turn. A callback is put in line to be run by ``settle()``, that is
  /// before the outermost call returns, or on the next turn if the source defers. Nothing of the user's runs in here, not
  /// even the end of an item that was not put, which is for ``recycle(_:)``:
  /// sources may decide in the middle of a change.
  @usableFromInline
  func decide(_ waiter: WaiterPointer, _ outcome: WaitOutcome) {
    assert(isOnThread, "a wait is decided on its reactor's thread")
    assert(waiter.pointee.state == .waiting, "a wait is decided once")
    if waiter.pointee.heapIndex != Waiter.notTimed {
      heap.remove(waiter, in: pool.table)
      if isHostedOutsideTurn { loop.arm() }
    }
    waiter.pointee.state = .decided
    waiter.pointee.outcome = outcome
    pendingWaits &-= 1
    switch waiter.pointee.receiver {
    case .parkedTask:
      let context = TaskContext(bits: waiter.pointee.told.1)
      context.record?.setWaiter(nil)
      enqueueReady(.job(unsafeBitCast(waiter.pointee.told.0, to: UnownedJob.self), context))
    case .lingeringTask:
      TaskContext(bits: waiter.pointee.told.1).record?.setWaiter(nil)
      enqueueReady(.resume(waiter))
    case .task:
      break  // ``parked(_:)`` sees that it is decided and does not leave it waiting
    case .callback, .delivery, .function, .itemFunction:
      tellLater(waiter)
    case .member:
      Unmanaged<ChoiceGroup>.fromOpaque(UnsafeRawPointer(bitPattern: waiter.pointee.told.0).unsafelyUnwrapped)
        ._withUnsafeGuaranteedRef { $0.memberDecided(waiter) }
    }
  }

  /// Ends a wait that is still in its list, and lets those pass whom it was in the way of. What follows is told before
  /// this returns.
  func end(_ waiter: WaiterPointer, _ outcome: WaitOutcome) {
    let source = waiter.pointee.source
    source.unlink(waiter)
    decide(waiter, outcome)
    source.rebalance()
    settle()
  }

  /// Puts a decided waiter's callback in line.
  @usableFromInline
  func tellLater(_ waiter: WaiterPointer) {
    if waiter.pointee.owner._withUnsafeGuaranteedRef({ $0.defersCallbacks }) {
      takeInbox()  // what came before goes first
      enqueueReady(.callback(waiter))
    } else {
      callbacks.append(waiter)
      needsSettling = true
    }
  }

  /// Ends an outermost call: lets sources settle whose waiters left unseen, then runs the callbacks of all waits that
  /// ended, in order, also those that end while they run. In a callback only the first: the outermost call goes on.
  @inlinable @inline(__always)
  package func settle() {
    if needsSettling { settleAll() }
  }

  @usableFromInline @inline(never)
  func settleAll() {
    if !unbalanced.isEmpty { rebalanceAll() }
    if isTelling { return }
    isTelling = true
    repeat {
      needsSettling = false
      while let waiter = callbacks.popFirst() {
        tell(waiter)
      }
      releaseKept()
    } while needsSettling
    isTelling = false
    if closePhase == .requested && !isInTurn { withExtendedLifetime(self) { finishClosing() } }
  }

  /// Runs the callback of a waiter that has been decided, after giving its slot back.
  @inline(__always)
  func tell(_ waiter: WaiterPointer) {
    let outcome = waiter.pointee.outcome
    switch waiter.pointee.receiver {
    case .callback:
      tell(waiter.takeCallback(as: OutcomeCallback.self), outcome, recycling: waiter)
    case .function:
      let (function, argument) = waiter.pointee.told
      let last = waiter.pointee.owner._withUnsafeGuaranteedRef { $0.isSingleUse ? $0.letGo() : nil }
      defer { withExtendedLifetime(last) {} }
      recycle(waiter)
      unsafeBitCast(UnsafeRawPointer(bitPattern: function), to: OutcomeFunction.self)(
        Int32(outcome.rawValue), UnsafeMutableRawPointer(bitPattern: argument))
    case .itemFunction:
      let (function, argument) = waiter.pointee.told
      let item = outcome == .granted ? waiter.pointee.payload.0 : 0
      recycle(waiter)
      unsafeBitCast(UnsafeRawPointer(bitPattern: function), to: ItemFunction.self)(
        Int32(outcome.rawValue), UnsafeMutableRawPointer(bitPattern: item),
        UnsafeMutableRawPointer(bitPattern: argument))
    case .delivery:
      // Of its own strength: the source may go in the callback.
      waiter.pointee.owner._withUnsafeGuaranteedRef { $0.delivery }.unsafelyUnwrapped.tell(waiter)
    case .task, .parkedTask, .lingeringTask, .member:
      preconditionFailure("has no callback")
    }
  }

  @inline(__always)
  private func tell(_ callback: consuming OutcomeCallback, _ outcome: WaitOutcome, recycling waiter: WaiterPointer) {
    recycle(waiter)
    callback.call(outcome)
  }

  /// Lets go of the sources whose callbacks have run. What dies with them may be kept in its turn, so not in place.
  private func releaseKept() {
    guard !kept.isEmpty else { return }
    let dead = kept
    kept = []
    withExtendedLifetime(dead) {}
  }

  /// A cancellation handler may run inside the runtime's own locks: what it ended is told on the next turn instead.
  func settleOnNextTurn() {
    rebalanceAll()
    if needsSettling && !isTelling { enqueueReady(.settle) }
  }

  private func rebalanceAll() {
    while let source = unbalanced.popLast() {
      source.needsRebalance = false
      source.rebalance()
    }
  }

  /// Has a source rebalance before the current call returns: a waiter left its list in passing.
  func rebalanceLater(_ source: WaitSource) {
    if !source.needsRebalance {
      source.needsRebalance = true
      unbalanced.append(source)
      needsSettling = true
    }
  }

  /// Keeps a source whose handle has gone alive while callbacks of its waits are in line.
  @usableFromInline
  func keepUntilTold(_ source: WaitSource) {
    if needsSettling || isTelling {
      kept.append(source)
      needsSettling = true
    }
    if source.defersCallbacks { enqueueReady(.keep(source)) }
  }

  /// Ends what is due, by deadline, then by age. Each is told, with what its callback does, before the next ends.
  func expire(_ now: Int64) {
    while heap.nextDue <= now, let waiter = heap.first(in: pool.table) {
      if waiter.pointee.role.isCall {
        heap.remove(waiter, in: pool.table)
        forgetCall(waiter)
        waiter.pointee.state = .due
        takeInbox()
        enqueueReady(.scheduled(waiter))
      } else {
        end(waiter, .timedOut)
      }
    }
  }

  // MARK: Cancelling

  /// Ends the wait or scheduled call that `id` names, from any thread.
  func cancelWait(_ id: UInt64) {
    if isCurrent {
      _ = cancelHere(id)
      settle()
    } else if id != 0, !isClosed {
      post(.cancelWait(id))
    }
  }

  /// Whether there was something to cancel. What ended is told by the next ``settle()``.
  @discardableResult
  package func cancelHere(_ id: UInt64) -> Bool {
    guard id != 0, let waiter = pool.find(id) else { return false }
    switch waiter.pointee.state {
    case .idle, .decided:
      return false
    case .due:
      waiter.pointee.state = .decided
      waiter.pointee.outcome = .cancelled
      return true
    case .waiting:
      if waiter.pointee.role.isCall {
        if waiter.pointee.heapIndex != Waiter.notTimed { heap.remove(waiter, in: pool.table) }  // not there: never due
        forgetCall(waiter)
        dropScheduled(waiter)
        if isHostedOutsideTurn { loop.arm() }
      } else {
        let source = waiter.pointee.source
        source.unlink(waiter)
        decide(waiter, .cancelled)
        source.rebalance()
      }
      return true
    }
  }
}
