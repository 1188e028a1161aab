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

  /// One whole turn. The inbox has been taken.
  func turn(blocking: Bool) {
    counters.turns &+= 1
    let batch = min(ready.count, batchLimit)
    poll(blocking: blocking && batch == 0)
    if !hasReadClockInPoll { readClock() }
    let now = lastNow
    // An event of the program's may have taken its time, and what is due have come meanwhile.
    if heap.nextDue <= now, clockKind == .monotonic, loop.wasShared { loop.poll(block: false, until: .max) }
    // Whom the poll made ready has a turn before the next, which would find the same descriptors ready again.
    batchLimit = min(max(ready.count, Reactor.leastBatchLimit), Reactor.greatestBatchLimit)
    runsSincePoll = batch
    runBatch(batch)
    expire(now)
  }

  func readClock() {
    lastNow = readMonotonicClock()
    readsClock = false
  }

  private func poll(blocking: Bool) {
    counters.polls &+= 1
    hasReadClockInPoll = false
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
      if isHeld || loop.isWatching, pollHasTold() { return }
      takeInbox()
      if blocking && ready.isEmpty && heap.nextDue != .max {
        virtualNow.store(max(virtualNow.load(ordering: .relaxed), heap.nextDue), ordering: .relaxed)
        return
      }
    }
    // What the program itself made due, by `advance`, ends in this turn.
    let isNothingDue = heap.nextDue > virtualNow.load(ordering: .relaxed)
    guard blocking, ready.isEmpty, isNothingDue, inbox.fallAsleep() else { return }
    if !stopRequested.load(ordering: .acquiring) { loop.poll(block: true, until: .max) }
    _ = inbox.wake()
  }

  /// Polls, and says whether that has told anything: what waits for time, or at all, is to be looked at anew then.
  private func pollHasTold() -> Bool {
    let (eventsBefore, countBefore) = (descriptorEvents, loop.addedCount)
    loop.poll(block: false, until: .max)
    if loop.hasOthersEvents { loop.poll(block: false, until: .max) }  // which may have made others ready, unseen
    if descriptorEvents != eventsBefore { return true }
    // The program's own events may come and go for ever: time goes on all the same.
    looksInVain = loop.addedCount == countBefore ? 0 : looksInVain + 1
    return (1...16).contains(looksInVain)
  }

  func runBatch(_ count: Int) {
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
  var canProgress: Bool { heap.count > backgroundTimers || isHeld || loop.isWatching }

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
