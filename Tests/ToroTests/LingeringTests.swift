import Glibc
import Testing
import Toro

import class Toro.Semaphore

/// A task that waits may run what is ready before it on its own stack. Nobody must be able to tell.
@Suite("Waiting on the stack")
struct LingeringTests {
  @TaskLocal static var mark = "none"

  @Test("What is ready runs in the order in which it would have run without")
  func order() throws {
    try inVirtualTime { reactor in
      let log = Log<String>()
      let semaphore = Semaphore(0)
      let tasks = ["a", "b", "c"].map { name in
        reactor.spawn {
          log.note("\(name) waits")
          try await semaphore.acquire()
          log.note("\(name) has it")
        }
      }
      reactor.execute { log.note("call") }
      let releaser = reactor.spawn {
        log.note("release")
        semaphore.release(3)
        await reactor.yield()
        log.note("after a turn")
      }
      for task in tasks { try await task.value }
      await releaser.value
      #expect(
        log.take() == [
          "a waits", "b waits", "c waits", "call", "release", "a has it", "b has it", "c has it", "after a turn",
        ])
    }
  }

  @Test("A wait that is decided by a task which runs above it goes on when that task suspends, not before")
  func notInsideTheNotifier() throws {
    try inVirtualTime { reactor in
      let log = Log<String>()
      let event = Event()
      let notifier = reactor.spawn {
        event.set()
        log.note("set")
        await reactor.yield()
        log.note("later")
      }
      try await event.wait()
      log.note("woken")
      await notifier.value
      #expect(log.take() == ["set", "woken", "later"])
    }
  }

  @Test("Each task keeps its identity and its task-locals")
  func identity() throws {
    try inVirtualTime { reactor in
      let (ping, pong) = (Semaphore(0), Semaphore(0))
      func play(_ name: String, _ mine: Semaphore, _ other: Semaphore) -> Task<Void, any Error> {
        reactor.spawn {
          try await LingeringTests.$mark.withValue(name) {
            let task = withUnsafeCurrentTask { $0?.hashValue }
            for _ in 0..<100 {
              try await mine.acquire()
              #expect(LingeringTests.mark == name)
              #expect(withUnsafeCurrentTask { $0?.hashValue } == task)
              other.release()
            }
          }
        }
      }
      let tasks = [play("one", ping, pong), play("two", pong, ping)]
      ping.release()
      for task in tasks { try await task.value }
      #expect(LingeringTests.mark == "none")
    }
  }

  @Test("A task that is cancelled by one which runs above it throws at its turn", arguments: [false, true])
  func cancelledAbove(inGroup: Bool) throws {
    try inVirtualTime { reactor in
      let lock = Lock()
      #expect(lock.tryAcquire())
      let log = Log<String>()
      @Sendable func wait() async {
        await #expect(throws: CancellationError.self) { try await lock.acquire() }
        log.note("cancelled")
      }
      // A child of a group has no cancellation handler of its own.
      let waiting = reactor.spawn {
        if inGroup { await withTaskGroup { $0.addTask { await wait() } } } else { await wait() }
      }
      await reactor.spawn {
        while lock.waiterCount == 0 { await reactor.yield() }
        waiting.cancel()
        #expect(lock.waiterCount == 0)
        log.note("cancels")
        lock.release()
      }.value
      await waiting.value
      #expect(log.take() == ["cancels", "cancelled"])
      #expect(!lock.isLocked)
    }
  }

  @Test("Whom a cancelled wait was in the way of is told before anybody else runs")
  func toldFirst() throws {
    try inVirtualTime { reactor in
      let semaphore = Semaphore(1)
      let log = Log<String>()
      let large = reactor.spawn {
        await #expect(throws: CancellationError.self) { try await semaphore.acquire(2) }
        log.note("cancelled")
      }
      try await reactor.sleep(for: .seconds(1))
      semaphore.acquire { log.note("\($0)") }
      reactor.execute { log.note("call") }
      large.cancel()
      try await reactor.sleep(for: .seconds(1))
      #expect(log.take() == ["granted", "call", "cancelled"])
    }
  }

  @Test("A child task that is cancelled before it waits does not wait, whatever is ready")
  func cancelledBefore() throws {
    try inVirtualTime { reactor in
      let lock = Lock()
      #expect(lock.tryAcquire())
      for _ in 0..<10 { reactor.spawn { await reactor.yield() } }
      await withTaskGroup(of: Void.self) { group in
        group.cancelAll()
        for _ in 0..<10 {
          group.addTask {
            await #expect(throws: CancellationError.self) { try await lock.acquire() }
          }
        }
      }
      #expect(lock.waiterCount == 0)
    }
  }

  @Test("It ends with the batch: a wait that 1,000 tasks stand before is parked, and loses nothing")
  func batches() throws {
    try inVirtualTime { reactor in
      let semaphore = Semaphore(0)
      let count = Box(0)
      let first = reactor.spawn { try await semaphore.acquire() }
      for _ in 0..<1_000 {
        reactor.spawn {
          count.value += 1
          await reactor.yield()
          count.value += 1
        }
      }
      reactor.spawn { semaphore.release() }
      try await first.value
      #expect(count.value >= 1_000)
      while count.value < 2_000 { await reactor.yield() }
    }
  }

  @Test("A run that ends above a waiting task leaves it waiting; the next run goes on with it")
  func bodyEnds() throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    let semaphore = Semaphore(0, on: reactor)
    let log = Log<String>()
    let waiting = reactor.spawn {
      try await semaphore.acquire()
      log.note("woken")
    }
    try reactor.run {
      semaphore.release()
      log.note("body")
    }
    #expect(log.take() == ["body"])
    try reactor.run { try await waiting.value }
    #expect(log.take() == ["woken"])
  }

  @Test("A stop above a waiting task ends the run when its turn ends")
  func stop() throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    let semaphore = Semaphore(0, on: reactor)
    let log = Log<String>()
    reactor.spawn {
      try await semaphore.acquire()
      log.note("woken")
    }
    reactor.spawn {
      reactor.stop()
      semaphore.release()
      log.note("stopped")
      await reactor.yield()
      log.note("went on")
    }
    try reactor.run()
    #expect(log.take() == ["stopped"])
    try reactor.run()
    #expect(log.take() == ["woken", "went on"])
  }

  @Test("A close above a waiting task ends its wait")
  func close() throws {
    let reactor = try Reactor(clock: .virtual)
    let semaphore = Semaphore(0, on: reactor)
    let log = Log<String>()
    reactor.spawn {
      await #expect(throws: ReactorClosedError.self) { try await semaphore.acquire() }
      log.note("ended")
    }
    reactor.spawn {
      reactor.close()
      log.note("closed")
    }
    try reactor.run()
    #expect(log.take() == ["closed", "ended"])
    #expect(reactor.isClosed)
  }

  @Test("One turn at a time, a waiting task runs no more than its turn")
  func stepping() throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    let (ping, pong) = (Semaphore(1, on: reactor), Semaphore(0, on: reactor))
    let count = Box(0)
    @Sendable func play(_ mine: Semaphore, _ other: Semaphore) async throws {
      for _ in 0..<5 {
        try await mine.acquire()
        count.value += 1
        other.release()
      }
    }
    reactor.spawn { try await play(ping, pong) }
    reactor.spawn { try await play(pong, ping) }
    var counts: [Int] = []
    while count.value < 10 {
      try reactor.runOnce(blocking: false)
      counts.append(count.value)
    }
    // Two tasks are ready in the first turn, one in each that follows.
    #expect(counts.first == 1 || counts.first == 2)
    #expect(zip(counts, counts.dropFirst()).allSatisfy { $1 - $0 <= 1 })
  }

  @Test("A task that holds a default actor gives it up while it waits")
  func actors() throws {
    actor Account {
      var balance = 0
      func deposit() { balance += 1 }
      func depositWhen(_ event: Event) async throws {
        try await event.wait()
        balance += 1
      }
    }
    try inVirtualTime { reactor in
      let account = Account()
      let event = Event()
      let waiting = reactor.spawn { try await account.depositWhen(event) }
      let other = reactor.spawn {
        await account.deposit()
        #expect(await account.balance == 1)
        event.set()
      }
      await other.value
      try await waiting.value
      #expect(await account.balance == 2)
    }
  }

  /// Changed in place by a call that waits.
  private struct Tally {
    var count = 0

    mutating func add(_ semaphore: Semaphore) async throws {
      count += 1
      try await semaphore.acquire()
      count += 1
    }
  }

  @Test("An access that a task holds while it waits is not in the way of those that run above it")
  func accesses() throws {
    try inVirtualTime { reactor in
      let (tally, semaphore) = (Box(Tally()), Semaphore(0))
      let waiting = reactor.spawn { try await tally.value.add(semaphore) }
      let reader = reactor.spawn {
        semaphore.release()
        return tally.value.count
      }
      #expect(await reader.value == 1)
      try await waiting.value
      #expect(tally.value.count == 2)

      // Accesses that begin and end in each other's turns.
      let (tallies, semaphores) = ((0..<5).map { _ in Box(Tally()) }, (0..<5).map { _ in Semaphore(1) })
      let tasks = (0..<5).map { number in
        reactor.spawn {
          for round in 0..<100 {
            try await tallies[number].value.add(semaphores[number])
            semaphores[(number * 3 + 1) % 5].release()
            if round % 3 == number % 3 { await reactor.yield() }
            semaphores[number].release()
          }
        }
      }
      for task in tasks { try await task.value }
      #expect(tallies.allSatisfy { $0.value.count == 200 })
    }
  }

  @Test("Another reactor may be run by a task that runs above a waiting one")
  func twoReactors() throws {
    try inVirtualTime { reactor in
      let event = Event()
      reactor.spawn {
        let inner = try! Reactor(clock: .virtual)
        defer { inner.close() }
        let value = try! inner.run {
          let (ping, pong) = (Semaphore(1), Semaphore(0))
          let other = inner.spawn { for _ in 0..<10 { try await pong.acquire(); ping.release() } }
          for _ in 0..<10 { try await ping.acquire(); pong.release() }
          try await other.value
          return 7
        }
        #expect(value == 7)
        #expect(Reactor.current === reactor)
        event.set()
      }
      try await event.wait()
      #expect(Reactor.current === reactor)
    }
  }
}

/// Code that is not at an `await` runs to its end, also where a task starts in the middle of it.
@Suite("Tasks that start at once")
struct ImmediateTests {
  /// State that is whole only between calls.
  private actor Ledger: ReactorActor {
    nonisolated let reactor: Reactor
    private var isWhole = true
    private(set) var broken = 0

    init(on reactor: Reactor) { self.reactor = reactor }

    func look() { if !isWhole { broken += 1 } }

    func change(_ lock: Lock) -> Task<Void, any Error> {
      isWhole = false
      defer { isWhole = true }
      return Task.immediate {
        look()
        broken -= 1
        try await lock.withLock { look() }
      }
    }
  }

  @Test("Nobody enters an actor while it runs a call in which a task starts and waits")
  func actor() async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let lock = Lock()
      #expect(lock.tryAcquire())
      let ledger = Ledger(on: reactor)
      await ledger.look()
      for _ in 0..<10 { reactor.spawn { await ledger.look() } }
      let task = await ledger.change(lock)
      for _ in 0..<10 { reactor.spawn { await ledger.look() } }
      let other = await ledger.change(lock)
      #expect(await ledger.broken == 0)
      lock.release()
      try await task.value
      try await other.value
      #expect(await ledger.broken == 0)
    }
  }

  @Test("What is ready does not run in a task, a call or a callback in which a task starts and waits")
  func synchronousCode() async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let lock = Lock()
      #expect(lock.tryAcquire())
      let (isInside, seen, started) = (Box(false), Box(0), Box(0))
      @Sendable func start() {
        for _ in 0..<5 {
          reactor.execute { if isInside.value { seen.value += 1 } }
          reactor.spawn { if isInside.value { seen.value += 1 } }
        }
        isInside.value = true
        Task.immediate {
          started.value += 1
          await reactor.yield()
          try await lock.withLock { started.value += 1 }
        }
        Task.immediate { try await lock.withLock { started.value += 1 } }
        isInside.value = false
      }
      start()
      reactor.execute(start)
      reactor.schedule(at: .after(.seconds(1)), start)
      let semaphore = Semaphore(0)
      for deadline in [Deadline.never, .after(.seconds(2))] {
        semaphore.acquire(deadline: deadline) { _ in start() }
      }
      semaphore.release()
      try await reactor.sleep(for: .seconds(3))
      #expect(seen.value == 0)
      lock.release()
      while lock.waiterCount > 0 || started.value < 15 {
        usleep(1_000)  // some of them begin on the runtime's pool, which has no virtual time
        await reactor.yield()
      }
      #expect(started.value == 15)
    }
  }

  @Test("A task that started at once and yields is not taken for the one in which it started")
  func yields() async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let lock = Lock()
      #expect(lock.tryAcquire())
      let outcome = Log<String>()
      let outer = reactor.spawn(name: "outer") {
        let inner = Task.immediate {
          await reactor.yield()
          #expect(Task.name == nil)
          do { try await lock.acquire() } catch { outcome.note("inner \(error)") }
        }
        do { try await lock.acquire() } catch { outcome.note("outer \(error)") }
        return inner
      }
      while lock.waiterCount < 2 { await reactor.yield() }
      #expect(reactor.waits.compactMap(\.task) == ["outer"])
      outer.cancel()
      let inner = await outer.value
      #expect(lock.waiterCount == 1)
      inner.cancel()
      await inner.value
      #expect(outcome.take() == ["outer CancellationError()", "inner CancellationError()"])
    }
  }

  /// An executor of the program's own: runs its jobs in calls, or in the code of another actor.
  private final class Pump: SerialExecutor, @unchecked Sendable {
    private(set) var isRunning = false
    private var jobs: [UnownedJob] = []
    private let wake: @Sendable (Pump) -> Void

    init(_ wake: @escaping @Sendable (Pump) -> Void) { self.wake = wake }

    func enqueue(_ job: consuming ExecutorJob) {
      jobs.append(UnownedJob(job))
      wake(self)
    }

    func drain() {
      while !jobs.isEmpty {
        isRunning = true
        jobs.removeFirst().runSynchronously(on: asUnownedSerialExecutor())
        isRunning = false
      }
    }
  }

  private actor Guest {
    private nonisolated let pump: Pump
    init(_ pump: Pump) { self.pump = pump }
    nonisolated var unownedExecutor: UnownedSerialExecutor { pump.asUnownedSerialExecutor() }

    func play(_ mine: Semaphore, _ other: Semaphore) async throws {
      for _ in 0..<10 {
        try await mine.acquire()
        #expect(pump.isRunning)
        await mine.reactor.yield()
        #expect(pump.isRunning)
        _ = try await mine.wait(deadline: .after(.seconds(-1)))
        #expect(pump.isRunning)
        other.release()
      }
    }
  }

  private actor Host: ReactorActor {
    nonisolated let reactor: Reactor
    init(on reactor: Reactor) { self.reactor = reactor }
    func drain(_ pump: Pump) { pump.drain() }
  }

  @Test(
    "An actor on an executor of the program's own goes on there", arguments: ["call", "timer", "callback", "actor"])
  func otherExecutors(_ way: String) async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let host = Host(on: reactor)
      let bell = Semaphore(0)
      let pump = Pump { pump in
        switch way {
        case "call": reactor.execute { pump.drain() }
        case "timer": reactor.schedule(at: .after(.nanoseconds(1))) { pump.drain() }
        case "callback":
          bell.acquire(deadline: .after(.nanoseconds(1))) { _ in pump.drain() }
        default: reactor.spawn { await host.drain(pump) }
        }
      }
      let (ping, pong) = (Semaphore(1), Semaphore(0))
      let (one, two) = (Guest(pump), Guest(pump))
      let tasks = (0..<2).flatMap { _ in
        [reactor.spawn { try await one.play(ping, pong) }, reactor.spawn { try await two.play(pong, ping) }]
      }
      for task in tasks { try await task.value }
      #expect(ping.count == 1)
    }
  }
}
