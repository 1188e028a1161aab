import CToroShims
import Glibc
import Synchronization

/// A libevent loop that runs Swift tasks, callbacks and I/O on one thread.
///
/// A reactor owns an `event_base`, or adopts one that a C program made. It is the executor of what it spawns and of the
/// actors that choose it (``ReactorActor``): all of that runs on its thread, one piece at a time. The primitives (``Lock``,
/// ``Queue`` and their kin) belong to a reactor and need no locks.
///
/// **Thread.** A reactor is bound to the thread that made it, until ``run()``, ``runOnce(blocking:)`` or ``bind()`` is
/// called on another while it does not run. What may be called from any thread says so.
///
/// **Lifetime.** Primitives, and spawned tasks that have not ended, keep their reactor: a task that waits when
/// ``run(detectsDeadlock:name:_:)`` returns stays suspended, and the reactor with it, until the next run or ``close()``.
/// Write `defer { reactor.close() }` where the reactor is made. Dropping the last reference closes it too, which happens
/// only where no task is left.
public final class Reactor: SerialExecutor, @unchecked Sendable {
  // What other threads may read.
  @usableFromInline let owner: Atomic<UInt64>
  /// Replaced in a forked child only, which has one thread.
  nonisolated(unsafe) var inbox = Inbox()
  let closedFlag = Atomic<Bool>(false)
  let stopRequested = Atomic<Bool>(false)
  let holdCount = Atomic<Int>(0)
  /// Holds under which virtual time stands still: something outside works, and may take any time.
  let awayCount = Atomic<Int>(0)
  let runningFlag = Atomic<Bool>(false)
  /// Another thread wants the reactor closed: whoever ends the run, or finds that none goes on, does it.
  let closeRequested = Atomic<Bool>(false)
  let virtualNow = Atomic<Int64>(0)
  let clockKind: ClockKind
  let forkCount = Atomic<UInt32>(toro_fork_count())

  // What the reactor's thread alone touches. Exclusivity is a matter of that thread, so it is not checked at each access.
  @exclusivity(unchecked) var eventLoop: EventLoop?
  @exclusivity(unchecked) var ready = RingBuffer<Ready>(minimumCapacity: 256)
  @exclusivity(unchecked) private var incoming: [Ready] = []
  @exclusivity(unchecked) var heap = DeadlineHeap()
  @exclusivity(unchecked) var pool = WaiterPool()
  @exclusivity(unchecked) var liveTasks = LiveTasks()
  /// Callbacks of decided waits, in line to be run by the outermost call.
  @exclusivity(unchecked) var callbacks = WaitList()
  /// Sources whose waiters left unseen.
  @exclusivity(unchecked) var unbalanced: [WaitSource] = []
  /// Sources without a handle whose callbacks are in line.
  @exclusivity(unchecked) var kept: [WaitSource] = []
  /// Whether there is anything in the three above.
  @exclusivity(unchecked) @usableFromInline var needsSettling = false
  @exclusivity(unchecked) @usableFromInline var isTelling = false
  @exclusivity(unchecked) package var pendingWaits = 0
  @exclusivity(unchecked) var pendingTimers = 0
  /// Of the calls that keep nothing going.
  @exclusivity(unchecked) var backgroundTimers = 0
  /// The context of the job that runs. It says something of the current task only where that is ``running``.
  @exclusivity(unchecked) var context = TaskContext.preferring
  /// The task whose job the reactor runs, or what else the runtime gave it as a job: compared, never used to reach it.
  ///
  /// Another task may run within that job, which `Task.immediate` began, or an executor of the program's own. It is in the
  /// middle of somebody's synchronous code, and where it goes on is not the reactor's to say.
  @exclusivity(unchecked) var running: UnsafeMutableRawPointer?
  /// The waiter of the task that is on its way to being parked.
  @exclusivity(unchecked) var parking: WaiterPointer?
  /// The context of the task that is on its way to being parked for a turn.
  @exclusivity(unchecked) var yielding = TaskContext.preferring
  @exclusivity(unchecked) var isInTurn = false
  @exclusivity(unchecked) var isHosted = false {
    didSet { tellsLoop = isHosted || isPolledFor }
  }
  /// Whether a poll that may block goes on, with events of the program's own, and is to return when something is to be done.
  @exclusivity(unchecked) var isPolledFor = false {
    didSet { tellsLoop = isHosted || isPolledFor }
  }
  /// Whether the loop is to know of what is queued or timed.
  @exclusivity(unchecked) private(set) var tellsLoop = false
  @exclusivity(unchecked) var closePhase = ClosePhase.open
  /// Itself, between a request to close and the close, if nobody else may have a reference.
  @exclusivity(unchecked) var keeper: Reactor?
  /// What letting go of things in a forked child is still to do, until the reactor is re-initialised or closed there.
  let releasesInChild = Locked<[Ready]>([])
  /// The clock as last read: never ahead of it.
  @exclusivity(unchecked) var lastNow: Int64 = 0
  /// Whether the clock may have moved by more than a turn's worth: the next turn reads it, polling or not.
  @exclusivity(unchecked) var readsClock = false
  /// Whether ``lastNow`` is of the poll that goes on.
  @exclusivity(unchecked) var hasReadClockInPoll = false
  /// How many polls in virtual time have found only that the program's own events are others now.
  @exclusivity(unchecked) var looksInVain = 0
  /// Events of descriptors, counted.
  @exclusivity(unchecked) var descriptorEvents: UInt64 = 0
  /// Runs of jobs since the last poll.
  @exclusivity(unchecked) var runsSincePoll = 0
  /// How many entries may run between two polls.
  @exclusivity(unchecked) var batchLimit = leastBatchLimit
  /// Entries of the batch that runs which have not run.
  @exclusivity(unchecked) var batchLeft = 0
  /// Whether the loop would make batch after batch: it runs, the body of `run { }` has not ended and nobody closes.
  @exclusivity(unchecked) var isSpinning = false
  /// Of `run { }`.
  @exclusivity(unchecked) var bodyHasEnded = false
  /// Whether a task lingers on the stack.
  @exclusivity(unchecked) var isLingeredOver = false
  @exclusivity(unchecked) var counters = Counters()
  #if Metrics
  package let traffic = Traffic()
  #endif

  @exclusivity(unchecked) private var executors: Executors?
  /// The parking executor's two words, where they can be pointed to.
  @usableFromInline let parkingExecutor: UnsafeMutablePointer<UnownedSerialExecutor>
  @exclusivity(unchecked) private var ownSources: OwnSources?
  @exclusivity(unchecked) private var scratchMemory: UnsafeMutableRawPointer?
  /// Whether locks note who holds them (``Lock``'s description and ``waits`` then tell). Off by default; costs some tens of
  /// nanoseconds an acquire when on, nothing measurable when off.
  ///
  /// Set it on the reactor's thread.
  public var notesHolders: Bool {
    get { isCurrent && noting }
    set {
      expectCurrent("Reactor.notesHolders")
      noting = newValue
    }
  }

  @exclusivity(unchecked) @usableFromInline var noting = false

  enum ClosePhase {
    case open, requested, closing, closed
  }

  /// Which time a reactor's deadlines are read on.
  public enum ClockKind: Sendable, Hashable {
    /// The system's monotonic clock.
    case monotonic
    /// Time that stands still while there is something to do, and jumps to the next deadline when there is not. For
    /// tests: an hour's time-outs take no time, and happen in the same order each run. Starts at `unixTime` seconds, or
    /// at the wall clock's reading if that is `nil`.
    case virtual(unixTime: Int64?)

    /// Virtual time that starts now.
    public static var virtual: ClockKind { .virtual(unixTime: nil) }
  }

  /// Makes a reactor with an `event_base` of its own, bound to the calling thread.
  ///
  /// - Parameter clock: ``ClockKind/monotonic``, or ``ClockKind/virtual`` for tests.
  /// - Throws: ``SystemError`` if the system is out of descriptors or memory.
  public convenience init(clock: ClockKind = .monotonic) throws(SystemError) {
    try self.init(clock: clock, hostBase: nil)
  }

  init(clock: ClockKind, hostBase: OpaquePointer?) throws(SystemError) {
    clockKind = clock
    isAdopted = hostBase != nil
    owner = Atomic(toro_number_this_thread())
    parkingExecutor = .allocate(capacity: 1)
    if case .virtual(let unixTime) = clock {
      virtualUnixEpoch =
        unixTime.map { $0.multipliedReportingOverflow(by: 1_000_000_000).partialValue } ?? readUnixClock()
    } else {
      virtualUnixEpoch = 0
    }
    eventLoop = try EventLoop(for: self, adopting: hostBase)
    let executors = Executors(self)
    parkingExecutor.initialize(to: executors.parking.unownedExecutor)
    self.executors = executors
    ownSources = OwnSources(self)
    isHosted = hostBase != nil
    tellsLoop = isHosted  // an initializer's assignment is not observed
    lastNow = readMonotonicClock()
  }

  let virtualUnixEpoch: Int64
  /// Whether the base is a host's.
  package let isAdopted: Bool

  deinit {
    // Nobody else has a reference, so no thread can be running it; callback waits may be left.
    if closePhase != .closed { tearDown() }
    ready.deallocate()
    heap.deallocate()
    pool.deallocate()
    liveTasks.deallocate()
    parkingExecutor.deallocate()
    scratchMemory?.deallocate()
  }

  // MARK: Which reactor, which thread

  /// The reactor whose turn runs on this thread. On the thread of an adopted base, that base's reactor.
  ///
  /// Stops the program with a message where there is none.
  public static var current: Reactor {
    guard let reactor = currentIfAny else {
      fatalError(
        "Reactor.current: no reactor runs on this thread. Pass `on:`, or get there with `reactor.execute { }` or `reactor.spawn { }`"
      )
    }
    return reactor
  }

  /// The reactor whose turn runs on this thread, or `nil`.
  public static var currentIfAny: Reactor? {
    guard let pointer = toro_current_reactor() else { return AdoptedBases.reactorOfThisThread() }
    return Unmanaged<Reactor>.fromOpaque(pointer).takeUnretainedValue()
  }

  /// Whether the calling thread is the reactor's. From any thread; about a nanosecond.
  @inlinable @inline(__always)
  public var isCurrent: Bool { owner.load(ordering: .relaxed) == toro_current_thread_number() }

  /// As ``isCurrent``, and true on the thread that finishes the jobs of a closed reactor.
  var isOnThread: Bool { isCurrent || isClosed }

  /// Whether the reactor's turn runs on the calling thread: what a wait needs, whose task is parked as a job of this turn.
  /// Another reactor's turn on the thread that both belong to will not do.
  @usableFromInline package var isInside: Bool {
    @inline(__always) get { toro_current_reactor() == Unmanaged.passUnretained(self).toOpaque() }
  }

  /// Whether ``close()`` has been called and has taken effect. From any thread.
  public var isClosed: Bool { closedFlag.load(ordering: .acquiring) }

  /// Makes the calling thread the reactor's.
  ///
  /// - Precondition: The reactor does not run.
  public func bind() {
    expectNoFork("Reactor.bind()")
    require(
      !runningFlag.load(ordering: .acquiring) || isCurrent, "Reactor.bind(): the reactor runs on another thread")
    owner.store(toro_number_this_thread(), ordering: .releasing)
  }

  /// Makes it no thread's until it runs: what is spawned or posted meanwhile may come from any.
  ///
  /// - Precondition: The reactor does not run.
  package func unbind() { owner.store(.max - 1, ordering: .releasing) }

  /// Stops the program, with a message that says how to get there, unless called on the reactor's thread.
  func expectCurrent(_ call: @autoclosure () -> String) {
    if isCurrent { return }
    expectNoFork(call())
    fatalError(
      "\(call()): not on its reactor's thread. Get there with `reactor.execute { … }`, `reactor.spawn { … }` or `await reactor.perform { … }`"
    )
  }

  /// The same for calls that a closed reactor lets pass from any thread.
  package func expectOnThread(_ call: @autoclosure () -> String) {
    if !isClosed { expectCurrent(call()) }
  }

  /// For calls of the callback form: true on the reactor's thread; false if the reactor is closed, where waits end as
  /// closed and calls are dropped; stops the program with a message elsewhere.
  func isHere(_ call: @autoclosure () -> String) -> Bool {
    if isCurrent { return true }
    expectOnThread(call())
    return false
  }

  /// The wait of a callback that was told at once.
  var endedWait: Wait { Wait(id: 0, of: self) }

  var loop: EventLoop {
    @inline(__always) get { eventLoop.unsafelyUnwrapped }
  }

  /// Whether work that is queued now has to be made known to the host's loop.
  var isHostedOutsideTurn: Bool {
    @inline(__always) get { isHosted && !isInTurn && closePhase != .closed }
  }

  // MARK: Posting and queueing

  /// Adds an entry to the ready queue: it runs after all that was queued before.
  @inline(__always)
  func enqueueReady(_ entry: consuming Ready) {
    ready.append(entry)
    if tellsLoop { tellLoop() }
  }

  @inline(never)
  func tellLoop() {
    if isHostedOutsideTurn { loop.arm() } else if isPolledFor { loop.returnFromPoll() }
  }

  /// Hands an entry to the reactor from another thread. A closed reactor runs jobs on the fallback and ignores the rest.
  @usableFromInline
  func post(_ entry: Ready) { _ = offer(entry) }

  /// The same, and says whether it was taken: not if the reactor is closed.
  func offer(_ entry: Ready) -> Bool {
    expectNoFork("Reactor")
    nonisolated(unsafe) let entry = entry
    switch inbox.post(entry) {
    case .done: return true
    case .wake:
      loop.wake()
      inbox.hasWoken()
      return true
    case .refused:
      runOnFallback(entry)
      return false
    }
  }

  /// Queues on this thread, posts from another.
  func enqueue(_ entry: Ready) {
    if isCurrent { enqueueReady(entry) } else { post(entry) }
  }

  func takeInbox() {
    guard inbox.mayHaveEntries else { return }
    inbox.take(into: &incoming)
    for entry in incoming { ready.append(entry) }
    incoming.removeAll(keepingCapacity: true)
  }

  // MARK: Scratch memory

  /// Memory for a call that does not suspend: 64 KiB, so that what is received needs none of each connection's own. (The
  /// standard library's temporary allocations are on the stack up to 1 KiB only.) On the reactor's thread, one at a time.
  package var scratch: UnsafeMutableRawBufferPointer {
    assert(isOnThread)
    let size = 65_536
    let memory = scratchMemory ?? .allocate(byteCount: size, alignment: 16)
    scratchMemory = memory
    return UnsafeMutableRawBufferPointer(start: memory, count: size)
  }

  /// Lends it to a closure.
  package func withScratch<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
    try body(scratch)
  }

  // MARK: Executors

  var taskExecutorReference: UnownedTaskExecutor {
    @inline(__always) get { executors.unsafelyUnwrapped.task }
  }

  var serialExecutorReference: UnownedSerialExecutor {
    @inline(__always) get { executors.unsafelyUnwrapped.serial }
  }

  /// Whether the close goes on, or is done: no wait begins.
  @usableFromInline package var isClosing: Bool { closePhase == .closing || closePhase == .closed }

  @usableFromInline var parkingLot: Parking { executors.unsafelyUnwrapped.parking }
  @usableFromInline var home: ReactorHome { executors.unsafelyUnwrapped.home }

  /// What ``schedule(at:_:)`` and ``sleep(until:file:line:)`` wait on.
  var timers: TimerSource { ownSources.unsafelyUnwrapped.timers }
  var sleepers: TimerSource { ownSources.unsafelyUnwrapped.sleepers }

  /// The executor for tasks that are to prefer this reactor, as in `Task(executorPreference: reactor.taskExecutor)` or
  /// `group.addTask(executorPreference:)`.
  public var taskExecutor: ReactorTaskExecutor { executors.unsafelyUnwrapped.companion }
}

/// The sources of a reactor's own waits.
private struct OwnSources {
  let timers: TimerSource
  let sleepers: TimerSource

  init(_ reactor: Reactor) {
    timers = TimerSource(name: nil, on: reactor)
    sleepers = TimerSource(name: nil, on: reactor)
  }
}

/// Nothing is ever granted here: time passes.
final class TimerSource: WaitSource, @unchecked Sendable {
  override class var typeName: String { "Reactor" }
}

/// What a reactor counts, for benchmarks and inspection.
struct Counters {
  var turns: UInt64 = 0
  var polls: UInt64 = 0
  var runs: UInt64 = 0
}
