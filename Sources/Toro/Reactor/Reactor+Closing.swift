import CToroShims

extension Reactor {
  /// Ends the reactor: every wait of a task throws ``ReactorClosedError``, every callback is told `closed`, the tasks that the
  /// reactor spawned are cancelled and run to their ends.
  ///
  /// Called in a turn it takes effect when the turn ends, and the run returns. On an adopted base the host's own events
  /// are not touched. Later waits throw ``ReactorClosedError``, later notifications do nothing, try-calls fail. A job of a
  /// task or an actor that arrives afterwards still runs, serially, on another thread.
  ///
  /// Call it on the reactor's thread, or on any while it does not run. A task that ignores cancellation is waited for.
  public func close() {
    if isClosed { return }
    expectNoFork("Reactor.close()")
    if isAdopted && AdoptedBases.leave(self) { return }
    if isAdopted && !isCurrent { return post(.close) }  // an adopted base may have no locks
    if isInTurn || isTelling {
      expectCurrent("Reactor.close()")
      requestClose()
      return
    }
    require(
      !runningFlag.load(ordering: .acquiring),
      "Reactor.close(): it runs on another thread. Call it there, or stop it first")
    owner.store(toro_number_this_thread(), ordering: .releasing)
    finishClosing()
  }

  /// As ``close()``, from whatever thread and whatever call: what the last handle that is not Swift's has for an end.
  ///
  /// While the reactor runs on another thread it closes there, when the turn ends. Between the runs of an own base it
  /// closes on the calling thread.
  package func closeFromAnyThread() {
    if isClosed { return }
    if isForked { return closeInChild() }
    if isAdopted {
      if AdoptedBases.leave(self) { return }
      if !isCurrent { return post(.close) }
    }
    if isCurrent { return closeHere() }
    closeRequested.store(true, ordering: .sequentiallyConsistent)
    if !closeIfResting() { post(.close) }
  }

  /// The base was adopted once more, in vain.
  package func takeBackAdoption() { _ = AdoptedBases.leave(self) }

  private func closeHere() {
    if !isInTurn && !isTelling { return finishClosing() }
    if closePhase == .open {
      requestClose()
      keeper = self
    }
  }

  /// Closes on this thread if another asked for it and no run goes on. False if one does: that one closes.
  @discardableResult
  func closeIfResting() -> Bool {
    guard beginRunning() else { return false }
    if closeRequested.exchange(false, ordering: .sequentiallyConsistent) { finishClosing() }
    runningFlag.store(false, ordering: .sequentiallyConsistent)
    return true
  }

  /// In a forked child: what waits there are its copies of the parent's.
  private func closeInChild() {
    if isAdopted && AdoptedBases.leave(self) { return }
    loop.separateFromParent()
    let queuedElsewhere = inbox.entriesInChild
    forgetOtherThreads()
    owner.store(toro_number_this_thread(), ordering: .releasing)
    for entry in queuedElsewhere + takeReleasesInChild() { ready.append(entry) }
    closeHere()
  }

  /// Closes, between turns.
  func finishClosing() {
    defer { keeper = nil }
    if isAdopted && !AdoptedBases.forgetUnlessAdopted(self) {  // again, since
      closePhase = .open
      return
    }
    owner.store(toro_number_this_thread(), ordering: .releasing)
    closePhase = .closing
    withTurn {
      takeInbox()
      tellDecided()
      endAllWaits()
      liveTasks.cancelAll()
      while true {
        takeInbox()
        if ready.isEmpty {
          if liveTasks.count == 0 { break }
          if pendingWaits > 0 {
            endAllWaits()
          } else if inbox.fallAsleep() {
            loop.waitForWake()
            _ = inbox.wake()
          }
        }
        let wasAlone = liveTasks.count == 0
        for _ in 0..<ready.count { runNext() }
        // Calls and other people's tasks that renew themselves must not keep it open.
        if wasAlone && liveTasks.count == 0 { break }
        liveTasks.cancelAll()
      }
    }
    tearDown()
  }

  /// Tells the deferred callbacks of what was decided before the reactor closes: first, and with their own outcomes.
  private func tellDecided() {
    var isTold = false
    while !isTold {
      isTold = true
      for _ in 0..<ready.count {
        let entry = ready.removeFirst()
        if case .callback = entry {
          isTold = false
          run(entry)
        } else {
          ready.append(entry)
        }
      }
    }
  }

  /// Ends each source's waits in its order, and drops what is scheduled.
  private func endAllWaits() {
    var left: [WaiterPointer] = []
    pool.forEachWaiting { left.append($0) }
    for waiter in left where waiter.pointee.state == .waiting {
      if waiter.pointee.role.isCall {
        cancelHere(waiter.pointee.id)
      } else {
        waiter.pointee.source.closeAbandoned()
      }
    }
    settle()
  }

  /// Lets go of everything. No task is left.
  func tearDown() {
    owner.store(toro_number_this_thread(), ordering: .relaxed)
    let wasPhase = closePhase
    closePhase = .closing
    if wasPhase != .closing { withTurn { endAllWaits() } }
    // What was queued and has not run is dropped, callbacks of ended waits excepted; jobs go on elsewhere.
    endAllWaits()
    let left = inbox.close()
    while !ready.isEmpty {
      let entry = ready.removeFirst()
      if case .callback(let waiter) = entry { tell(waiter) } else { drop(entry) }
    }
    for entry in left { drop(entry) }
    closedFlag.store(true, ordering: .releasing)
    closePhase = .closed
    owner.store(.max, ordering: .releasing)
    AdoptedBases.forget(self)
    eventLoop?.close()
    eventLoop = nil
  }

  private func drop(_ entry: Ready) {
    switch entry {
    case .job: runOnFallback(entry)
    case .resume(let waiter):
      runOnFallback(.job(unsafeBitCast(waiter.pointee.told.0, to: UnownedJob.self), .init(bits: waiter.pointee.told.1)))
    case .scheduled(let waiter), .callback(let waiter): dropScheduled(waiter)
    case .recycle(let waiter): recycle(waiter)
    default: break
    }
  }
}
