import CToroShims
import Synchronization

extension Reactor {
  /// Runs until nothing is left to do, or until stopped.
  ///
  /// What is left is: ready work, timed waits and calls, watched descriptors and the program's own events, holds, spawned
  /// tasks, and waits. Binds the calling thread.
  ///
  /// - Throws: ``DeadlockError`` if waits are left and nothing is ready, timed, watched or held; ``ReactorClosedError``.
  /// - Precondition: The reactor owns its base, and does not run.
  public func run() throws {
    try beginRun("Reactor.run()")
    defer { endRun() }
    if spinToEnd() == .deadlock { throw DeadlockError(waits: waits) }
  }

  private func spinToEnd() -> SpinEnd {
    bodyHasEnded = false
    return spin(asksDeadlock: true)
  }

  /// As ``run()``, and tells what a caller did wrong rather than stop.
  package func runUnlessRefused() -> RunAnswer {
    if let refusal = refuseRun() { return refusal }
    defer { endRun() }
    return spinToEnd() == .deadlock ? .deadlock : .ended
  }

  /// Runs a task made of `body`, and the loop, until the task returns.
  ///
  /// It occupies the calling thread. On the main thread nothing that is isolated to `@MainActor` runs meanwhile, the global
  /// variables of `main.swift` included: a body that awaits them never returns. Run the reactor on a thread of its own, or
  /// keep the state in a ``ReactorActor``.
  ///
  /// Tasks that were spawned and have not ended stay suspended when it returns, and keep the reactor; the next run goes on
  /// with them, ``close()`` ends them.
  ///
  /// When the reactor is stopped, the body's task is cancelled, run to its end, and ``StoppedError`` thrown. A stop that
  /// was made before throws without starting it. In virtual time, or with `detectsDeadlock`, a deadlock does likewise
  /// and throws the ``DeadlockError`` as first seen. In real time it is not looked for otherwise, since a task on another
  /// thread may yet end a wait.
  ///
  /// - Parameters:
  ///   - detectsDeadlock: Whether waits that nothing on this reactor can end are an error.
  ///   - name: The task's name, for ``waits``.
  ///   - body: What to run. It prefers this reactor as its executor and starts on it.
  /// - Returns: What the body returns.
  /// - Throws: What the body throws; ``StoppedError``; ``DeadlockError``; ``ReactorClosedError``.
  /// - Precondition: As for ``run()``.
  public func run<Value: Sendable>(
    detectsDeadlock: Bool = false, name: String? = nil, _ body: sending @escaping () async throws -> Value
  ) throws -> Value {
    try beginRun("Reactor.run { }")
    defer { endRun() }
    if consumeStop() { throw StoppedError() }
    let outcome = RunOutcome<Value>()
    bodyHasEnded = false
    let task = spawn(name: name) {
      do { outcome.result = .success(try await body()) } catch { outcome.result = .failure(error) }
      self.bodyHasEnded = true
      self.isSpinning = false
    }
    let asks = detectsDeadlock || clockKind != .monotonic
    var cut: (any Error)?
    while true {
      switch spin(asksDeadlock: asks) {
      case .done:
        if let cut { throw cut }
        return try outcome.result.unsafelyUnwrapped.get()
      case .deadlock:
        if cut == nil {
          cut = DeadlockError(waits: waits)
          task.cancel()
        } else {
          liveTasks.cancelAll()
          if ready.isEmpty { throw cut.unsafelyUnwrapped }
        }
      case .stopped:
        if cut == nil { cut = StoppedError() }
        task.cancel()
      case .closed:
        throw cut ?? StoppedError()
      case .idle:
        preconditionFailure("a live task is something left to do")
      }
    }
  }

  /// Runs one turn: polls, runs what was queued when it began, ends what is due.
  ///
  /// - Parameter blocking: Whether to wait in the poll until something happens. It never waits when something is ready.
  /// - Returns: False if nothing is ready, timed, watched or held, so that no turn could have done anything.
  /// - Throws: ``ReactorClosedError``.
  /// - Precondition: As for ``run()``.
  @discardableResult
  public func runOnce(blocking: Bool) throws -> Bool {
    try beginRun("Reactor.runOnce(blocking:)")
    defer { endRun() }
    return turnOnce(blocking: blocking)
  }

  /// As ``runOnce(blocking:)``, and tells what a caller did wrong rather than stop.
  package func runOnceUnlessRefused(blocking: Bool) -> RunAnswer {
    if let refusal = refuseRun() { return refusal }
    defer { endRun() }
    return turnOnce(blocking: blocking) ? .ended : .nothingToDo
  }

  private func turnOnce(blocking: Bool) -> Bool {
    // Another loop that polls the descriptor must not find it readable for what has been seen.
    if isHosted { loop.clearWake() }
    if consumeStop() { return true }
    return withTurn {
      takeInbox()
      if ready.isEmpty && !canProgress && (liveTasks.count == 0 || pendingWaits > 0) && !hasPosted { return false }
      turn(blocking: blocking)
      return true
    }
  }

  /// Ends the run that goes on, when its turn ends; if none does, the next one at once. From any thread.
  public func stop() {
    expectNoFork("Reactor.stop()")
    require(!isAdopted, "Reactor.stop(): the host drives an adopted base, and stops it")
    requestStop()
  }

  package func requestStop() {
    stopRequested.store(true, ordering: .releasing)
    if isCurrent {
      if isPolledFor { loop.returnFromPoll() }
    } else if inbox.beginWaking() {
      loop.wake()
      inbox.hasWoken()
    }
  }

  private func consumeStop() -> Bool {
    stopRequested.load(ordering: .relaxed) && stopRequested.exchange(false, ordering: .acquiring)
  }

  private func beginRun(_ call: String) throws {
    expectNoFork(call)
    switch refuseRun() {
    case nil: break
    case .closed: throw ReactorClosedError()
    case .adopted: fatalError("\(call): the host drives an adopted base")
    default:
      fatalError(
        isCurrent && isTelling
          ? "\(call): called in a wait callback"
          : "\(call): the reactor runs already. In it, await the work directly, or start it with `reactor.spawn { }`")
    }
  }

  /// Begins a run on this thread, or says why not.
  private func refuseRun() -> RunAnswer? {
    if isClosed { return .closed }
    if isAdopted { return .adopted }
    if isCurrent && isTelling { return .busy }
    guard beginRunning() else { return .busy }
    owner.store(toro_number_this_thread(), ordering: .releasing)
    return nil
  }

  /// Takes the right to run; false if somebody has it.
  func beginRunning() -> Bool {
    runningFlag.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged
  }

  private func endRun() {
    if closePhase == .requested || closeRequested.exchange(false, ordering: .sequentiallyConsistent) {
      finishClosing()
    } else if !inbox.fallAsleep() || (isHosted && !ready.isEmpty) {
      loop.wake()  // between runs a post, or work that is left, has to wake whoever polls the descriptor
    }
    // Whoever asks for a close from now on finds that nobody runs; who asked a moment ago may have found that somebody did.
    runningFlag.store(false, ordering: .sequentiallyConsistent)
    if closeRequested.load(ordering: .sequentiallyConsistent) { closeIfResting() }
  }

  /// Makes the calling thread the reactor's; false if it runs.
  package func bindUnlessRunning() -> Bool {
    guard beginRunning() else { return false }
    owner.store(toro_number_this_thread(), ordering: .releasing)
    runningFlag.store(false, ordering: .sequentiallyConsistent)
    return true
  }

  /// Makes this the thread's current reactor while `body` runs.
  func withTurn<Result>(_ body: () throws -> Result) rethrows -> Result {
    let previous = toro_current_reactor()
    let wasInTurn = isInTurn
    toro_set_current_reactor(Unmanaged.passUnretained(self).toOpaque())
    isInTurn = true
    defer {
      isInTurn = wasInTurn
      toro_set_current_reactor(previous)
    }
    return try body()
  }

  // MARK: Turning until there is an end

  private enum SpinEnd {
    case done, stopped, idle, deadlock, closed
  }

  /// Turns until the body has ended, a stop, or nothing is left to do. Polls when nothing is ready, and every
  /// ``batchLimit`` runs.
  private func spin(asksDeadlock: Bool) -> SpinEnd {
    withTurn {
      runsSincePoll = batchLimit
      defer { isSpinning = false }
      while true {
        isSpinning = closePhase == .open
        // A stop first: made in the turn in which the body ended, it is this run's all the same.
        if closePhase != .requested && consumeStop() { return .stopped }
        if bodyHasEnded { return .done }
        if closePhase == .requested { return .closed }
        takeInbox()
        if ready.isEmpty {
          if !canProgress {
            let isIdle = liveTasks.count == 0 && pendingWaits == 0
            if isIdle || (pendingWaits > 0 && asksDeadlock) {
              // Another thread may have posted since, before it ended its hold.
              if !hasPosted { return isIdle ? .idle : .deadlock }
              continue
            }
          }
          turn(blocking: true)
          continue
        }
        if readsClock { readClock() }
        // A turn, polling, before anything ends as late: what it waits for may have come.
        if runsSincePoll >= batchLimit || heap.nextDue <= lastNow {
          turn(blocking: false)
        } else {
          let batch = min(ready.count, batchLimit &- runsSincePoll)
          runsSincePoll &+= batch
          runBatch(batch)
        }
      }
    }
  }
}

/// What came of a run that another language asked for.
package enum RunAnswer {
  /// It was stopped, or closed, or had nothing left to do; the turn was made.
  case ended
  case deadlock
  /// No turn could have done anything.
  case nothingToDo
  case closed
  /// The host drives the base.
  case adopted
  /// It runs already, or this is a callback.
  case busy
}

/// Where the body of ``Reactor/run(detectsDeadlock:name:_:)`` leaves what came of it: written and read on its thread.
private final class RunOutcome<Value>: @unchecked Sendable {
  @exclusivity(unchecked) var result: Result<Value, any Error>?
}
