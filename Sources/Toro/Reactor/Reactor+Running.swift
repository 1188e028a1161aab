import CToroShims
import Synchronization

extension Reactor {
  /// How many entries run between two polls: a task that yields forever delays I/O by some tens of microseconds.
  static var leastBatchLimit: Int { 64 }
  static var greatestBatchLimit: Int { 1024 }

  // Measured with 10,000 and 100,000 tasks; with hundreds that wait in turn it is all in the caches.
  private static var manyReady: Int { 256 }
  private static var fetchDistance: Int { 6 }
  private static var fetchSize: Int32 { 1536 }

  // MARK: Running

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

  // MARK: Turns

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
        } else if runsSincePoll >= batchLimit {
          turn(blocking: false)
        } else {
          if readsClock { readClock() }
          let batch = min(ready.count, batchLimit &- runsSincePoll)
          runsSincePoll &+= batch
          runBatch(batch)
          if heap.nextDue <= lastNow { expire(lastNow) }
        }
      }
    }
  }

  /// One whole turn. The inbox has been taken.
  private func turn(blocking: Bool) {
    counters.turns &+= 1
    let batch = min(ready.count, batchLimit)
    poll(blocking: blocking && batch == 0)
    readClock()
    // Whom the poll made ready has a turn before the next, which would find the same descriptors ready again.
    batchLimit = min(max(ready.count, Reactor.leastBatchLimit), Reactor.greatestBatchLimit)
    let now = lastNow
    runsSincePoll = batch
    runBatch(batch)
    expire(now)
  }

  private func readClock() {
    lastNow = readMonotonicClock()
    readsClock = false
  }

  private func poll(blocking: Bool) {
    counters.polls &+= 1
    if clockKind != .monotonic {
      pollVirtually(blocking: blocking)
    } else if blocking && !stopRequested.load(ordering: .relaxed) && inbox.fallAsleep() {
      if stopRequested.load(ordering: .acquiring) {  // a stop before we fell asleep did not wake us
        loop.poll(block: false, until: .max)
      } else {
        loop.poll(block: true, until: heap.nextDue)
      }
      _ = inbox.wake()
    } else {
      loop.poll(block: false, until: .max)
    }
  }

  /// In virtual time the loop blocks only for what is outside; otherwise it jumps to the next deadline.
  private func pollVirtually(blocking: Bool) {
    let mayJump = awayCount.load(ordering: .relaxed) == 0
    if mayJump || !blocking {
      if isHeld || loop.isWatching { loop.poll(block: false, until: .max) }
      takeInbox()
      if blocking && ready.isEmpty && heap.nextDue != .max {
        virtualNow.store(max(virtualNow.load(ordering: .relaxed), heap.nextDue), ordering: .relaxed)
        return
      }
    }
    guard blocking, ready.isEmpty, inbox.fallAsleep() else { return }
    if !stopRequested.load(ordering: .acquiring) { loop.poll(block: true, until: .max) }
    _ = inbox.wake()
  }

  private func runBatch(_ count: Int) {
    batchLeft = count
    while batchLeft > 0 {
      batchLeft &-= 1
      fetchAhead()
      runNext()
    }
  }

  /// Where many are ready, asks for the memory of one that comes soon: its task, and the first of its frames. Tasks that have
  /// waited among many are not in the processor's caches, and most of what it takes to resume one would be the wait for them.
  @inline(__always)
  private func fetchAhead() {
    guard ready.count >= Reactor.manyReady else { return }
    if case .job(let job, _) = ready[Reactor.fetchDistance] {
      toro_fetch_ahead(unsafeBitCast(job, to: UnsafeRawPointer.self), Reactor.fetchSize)
    }
  }

  /// Lets others have their turn on the stack of a task that waits, instead of suspending it at once.
  ///
  /// Two tasks that hand something to and fro are the common case, and suspending is most of what a hand-over costs. So one
  /// task at a time, that would be parked, runs what is ready before it, in the same order and in the same batches as the
  /// loop would, and goes on if its own turn comes. Nothing can be told from it but by the clock. When the batches end, it
  /// is parked after all. Only for the task whose job the reactor runs (``isRunning``): below any other is synchronous code
  /// that is not at an `await`.
  ///
  /// - Precondition: ``mayLinger``.
  /// - Returns: Whether the wait was decided and it is the task's turn. Else it has to suspend.
  @inline(never)
  func linger(_ waiter: WaiterPointer) -> Bool {
    // Cancelled as its handler was installed: its job is put in line as it arrives.
    if waiter.pointee.state == .decided { return false }
    let own = (context, running)
    (context, running) = (.preferring, nil)
    isLingeredOver = true
    let accesses = toro_put_accesses_aside()
    defer {
      toro_put_accesses_back(accesses)
      isLingeredOver = false
      (context, running) = own
    }
    waiter.pointee.receiver = .lingeringTask
    settle()  // as where its job ends: of what a cancellation ended
    repeat {
      while batchLeft > 0 {
        batchLeft &-= 1
        if case .resume(waiter) = ready.first {
          ready.dropFirst()
          counters.runs &+= 1
          return true
        }
        fetchAhead()
        runNext()
      }
    } while goesOn()
    if waiter.pointee.state == .waiting { waiter.pointee.receiver = .task }
    return false
  }

  var mayLinger: Bool {
    @inline(__always) get { !isLingeredOver && !ready.isEmpty && closePhase == .open && !isTelling }
  }

  /// Begins another batch, if that is all that the loop would do now.
  private func goesOn() -> Bool {
    guard isSpinning, !ready.isEmpty, runsSincePoll < batchLimit, heap.nextDue > lastNow, !readsClock,
      !stopRequested.load(ordering: .relaxed), !inbox.mayHaveEntries
    else { return false }
    batchLeft = min(ready.count, batchLimit &- runsSincePoll)
    runsSincePoll &+= batchLeft
    return true
  }

  /// Runs the entry that leads the ready queue: an outermost call.
  @inline(__always)
  func runNext() {
    counters.runs &+= 1
    switch ready.removeFirst() {
    case .job(let job, let jobContext):
      resume(job, jobContext)
      settle()
    case let entry:
      run(entry)
    }
  }

  @inline(__always)
  private func resume(_ job: UnownedJob, _ jobContext: TaskContext) {
    context = jobContext
    running = unsafeBitCast(job, to: UnsafeMutableRawPointer.self)
    if jobContext.isIsolated {
      job.runSynchronously(on: serialExecutorReference)
    } else {
      job.runSynchronously(on: taskExecutorReference)
    }
    running = nil
    context = .preferring
  }

  /// Closes when the turn ends.
  func requestClose() {
    if closePhase == .open { closePhase = .requested }
    isSpinning = false
    if isPolledFor { loop.returnFromPoll() }
  }

  @inline(never)
  func run(_ entry: consuming Ready) {
    switch entry {
    case .job: preconditionFailure("run by runNext")
    case .resume(let waiter):
      assert(waiter.pointee.receiver == .parkedTask, "its task has been parked since")
      resume(unsafeBitCast(waiter.pointee.told.0, to: UnownedJob.self), TaskContext(bits: waiter.pointee.told.1))
    case .call(let body):
      body()
      hasRunCall()
    case .function(let function, let argument):
      if closePhase == .closing { break }
      function(argument)
      hasRunCall()
    case .callback(let waiter):
      hasRunCall()
      isTelling = true
      tell(waiter)
      isTelling = false
    case .scheduled(let waiter):
      hasRunCall()
      runScheduled(waiter)
    case .cancelTask(let record): endWait(of: record)
    case .cancelWait(let id): cancelHere(id)
    case .abandoned(let source): source.abandon()
    case .keep, .settle: break
    case .recycle(let waiter): recycle(waiter)
    case .close: requestClose()
    }
    settle()
  }

  /// Code that may take its time: what is due ends on the next turn, and not only on the next that polls.
  @inline(__always)
  private func hasRunCall() {
    if heap.count > 0 { readsClock = true }
  }

  /// Whether something other than a bare wait or a task that is elsewhere can bring the loop on.
  private var canProgress: Bool { heap.count > backgroundTimers || isHeld || loop.isWatching }

  // MARK: Adopted bases

  /// A turn that a host gives an adopted base: its poll and its own events are the host's.
  func hostTurn() {
    guard !isClosed else { return }
    owner.store(toro_number_this_thread(), ordering: .releasing)
    runningFlag.store(true, ordering: .relaxed)
    withExtendedLifetime(self) {
      withTurn {
        takeInbox()
        let batch = min(ready.count, batchLimit)
        readClock()
        let now = lastNow
        counters.turns &+= 1
        runBatch(batch)
        expire(now)
      }
      if closePhase == .requested { finishClosing() }
      runningFlag.store(false, ordering: .releasing)
      if !isClosed {
        _ = inbox.fallAsleep() || armForInbox()
        loop.arm()
      }
    }
  }

  private func armForInbox() -> Bool {
    takeInbox()
    return inbox.fallAsleep()
  }

  // MARK: What the loop asks

  var hasReadyWork: Bool { !ready.isEmpty }
  /// When a host's loop has to come back. What is done in the background waits for what else brings it there.
  var nextDue: Int64 { heap.count > backgroundTimers ? heap.nextDue : .max }
  /// Acquires what a thread that ended its hold had posted before.
  var isHeld: Bool { holdCount.load(ordering: .acquiring) > 0 || awayCount.load(ordering: .acquiring) > 0 }
  var hasPosted: Bool { inbox.mayHaveEntries }
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
