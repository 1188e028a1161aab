import Testing
import Toro

import class Toro.Semaphore

/// When callbacks run, and what may be done in them.
@Suite("Order and re-entrancy")
struct OrderTests {
  @Test("The seed's example, in its callback form and in its task form")
  func seedExample() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    let condition = Condition(on: reactor)
    log.note("I'll wait right here")
    condition.wait { _ in log.note("I'm done waiting") }
    log.note("About to notify")
    condition.notify()
    log.note("Done notifying")
    let expected = ["I'll wait right here", "About to notify", "I'm done waiting", "Done notifying"]
    #expect(log.take() == expected)
    try reactor.run {
      let waiter = reactor.spawn {
        log.note("I'll wait right here")
        try await condition.wait()
        log.note("I'm done waiting")
      }
      await reactor.yield()
      log.note("About to notify")
      condition.notify()
      await reactor.yield()
      log.note("Done notifying")
      try await waiter.value
    }
    #expect(log.take() == expected)
  }

  @Test("A spawned task returns or throws what its body does")
  func spawning() throws {
    struct Oops: Error, Equatable { var words = [1, 2, 3] }
    try inVirtualTime { reactor in
      await #expect(throws: Oops()) { try await reactor.spawn { () async throws -> Int in throw Oops() }.value }
      await #expect(throws: Oops()) { try await reactor.spawn { () async throws in throw Oops() }.value }
      let list = try await reactor.spawn { () async throws -> [Int] in [7] }.value
      #expect(list == [7])
      #expect(await reactor.spawn { () async -> String in "fine" }.value == "fine")
    }
  }

  @Test("A task is resumed on the next turn, not inside the notifier")
  func tasksResumeLater() throws {
    try inVirtualTime { reactor in
      let lock = Lock(on: reactor)
      let isResumed = Box(false)
      #expect(lock.tryAcquire())
      let task = reactor.spawn {
        try await lock.acquire()
        isResumed.value = true
      }
      await reactor.yield()
      lock.release()
      #expect(!isResumed.value && lock.isLocked)
      await reactor.yield()
      #expect(isResumed.value)
      try await task.value
    }
  }

  @Test(
    "A callback runs before the call that ended its wait returns, or on the next turn if deferred",
    arguments: LockKind.allCases, [false, true])
  func beforeTheCallReturns(_ kind: LockKind, _ deferred: Bool) throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = kind.make(on: reactor, deferred: deferred)
    let log = Log<String>()
    func take(_ label: String, _ deadline: Deadline = .never) -> Wait {
      lock.take(deadline: deadline) { log.note("\(label) \($0)") }
    }
    func expectTold(_ entries: [String]) throws {
      if deferred { #expect(log.entries == []) } else { #expect(log.entries == entries) }
      try reactor.run { await reactor.yield() }
      #expect(log.take() == entries)
    }
    #expect(take("at once").id == 0)
    try expectTold(["at once granted"])
    let first = take("a")
    let second = take("b")
    let third = take("c")
    #expect(first.id != 0 && first != second && Set([first, first, second, third]).count == 3)
    lock.giveBack()
    try expectTold(["a granted"])
    second.cancel()
    try expectTold(["b cancelled"])
    lock.close()
    try expectTold(["c closed"])
    #expect(take("d").id == 0)
    try expectTold(["d closed"])
  }

  @Test("A deadline that has passed is told on the next turn, and its identity is spent", arguments: LockKind.allCases)
  func passedIsToldNextTurn(_ kind: LockKind) throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = kind.make(on: reactor)
    let log = Log<String>()
    #expect(lock.tryTake())
    let wait = lock.take(deadline: .after(.zero)) { log.note("\($0)") }
    #expect(wait.id == 0 && log.entries == [] && lock.waiterCount == 0)
    wait.cancel()
    lock.giveBack()
    #expect(!lock.isTaken)
    try reactor.run()
    #expect(log.entries == ["timedOut"])
  }

  @Test("Callbacks never nest: what they end is told afterwards, in order")
  func neverNested() throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = Lock(on: reactor)
    let log = Log<String>()
    #expect(lock.tryAcquire())
    for index in 1...3 {
      lock.acquire { _ in
        log.note("begin \(index)")
        lock.release()
        log.note("end \(index)")
      }
    }
    lock.release()
    #expect(log.entries == (1...3).flatMap { ["begin \($0)", "end \($0)"] })
    #expect(!lock.isLocked)
  }

  @Test("A million callbacks that each release the lock for the next: constant stack, all run (scenario 24)")
  func million() throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = Lock(on: reactor)
    let told = Box(0)
    #expect(lock.tryAcquire())
    let callback: @Sendable (WaitOutcome) -> Void = { _ in
      told.value += 1
      lock.release()
    }
    for _ in 0..<1_000_000 { lock.acquire(callback: callback) }
    lock.release()
    #expect(told.value == 1_000_000)
    #expect(!lock.isLocked && lock.waiterCount == 0)
  }

  @Test("200,000 callbacks that each wait again and are granted at once: constant stack (scenario 24)")
  func chainedAtOnce() throws {
    final class Chain: @unchecked Sendable {
      let queue: Queue<Int>
      var left = 200_000
      init(_ queue: Queue<Int>) { self.queue = queue }
      func next(_: WaitResult<Int>) {
        left -= 1
        if left > 0 && queue.tryPut(1) { queue.get(callback: next) }
      }
    }
    let reactor = try Reactor(clock: .virtual)
    let chain = Chain(Queue(on: reactor))
    #expect(chain.queue.tryPut(1))
    chain.queue.get(callback: chain.next)
    #expect(chain.left == 0)
  }

  @Test("20,000 tasks that each release the lock for the next (scenario 24)")
  func manyTasks() throws {
    try inVirtualTime { reactor in
      let lock = Lock(on: reactor)
      #expect(lock.tryAcquire())
      let told = Box(0)
      for _ in 0..<20_000 {
        reactor.spawn {
          do {
            try await lock.acquire()
            told.value += 1
            lock.release()
          } catch { Issue.record(error) }
        }
      }
      await settle(reactor)
      lock.release()
      while told.value < 20_000 { await reactor.yield() }
      #expect(!lock.isLocked)
    }
  }

  @Test("A callback may close what it waited on; the others end closed (scenario 26)", arguments: LockKind.allCases)
  func closesInside(_ kind: LockKind) throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = kind.make(on: reactor)
    let log = Log<String>()
    #expect(lock.tryTake())
    _ = lock.take(deadline: .never) {
      log.note("first \($0)")
      lock.close()
      log.note("still first")
    }
    _ = lock.take(deadline: .after(.seconds(1))) { log.note("second \($0)") }
    lock.giveBack()
    #expect(log.entries == ["first granted", "still first", "second closed"])
    try reactor.run()
    #expect(log.entries.count == 3)
  }

  @Test("A callback may cancel the next waiter, even one that is granted already (scenario 26)")
  func cancelsInside() throws {
    let reactor = try Reactor(clock: .virtual)
    let semaphore = Semaphore(0, on: reactor)
    let log = Log<String>()
    let others = Box<[Wait]>([])
    semaphore.acquire {
      log.note("first \($0)")
      for wait in others.value { wait.cancel() }
    }
    others.value = [
      semaphore.acquire { log.note("second \($0)") }, semaphore.acquire { log.note("third \($0)") },
    ]
    semaphore.release(2)
    #expect(log.entries == ["first granted", "second granted", "third cancelled"])
    #expect(semaphore.count == 0)
  }

  @Test("A callback may wait again, and join the end of the line (scenario 26)")
  func waitsAgainInside() throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = Lock(on: reactor)
    let log = Log<String>()
    #expect(lock.tryAcquire())
    lock.acquire { _ in
      log.note("a")
      lock.acquire { _ in log.note("a again") }
      lock.release()
    }
    lock.acquire { _ in
      log.note("b")
      lock.release()
    }
    lock.release()
    #expect(log.entries == ["a", "b", "a again"])
  }

  @Test("A callback may drop the last reference to the primitive: the waits left end closed (scenario 26)")
  func dropsInside() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    func each(
      _ make: (Bool) -> (
        drop: @Sendable () -> Void, wait: (@escaping @Sendable (WaitOutcome) -> Void) -> Void, wake: () -> Void
      )
    ) throws {
      for deferred in [false, true] {
        var subject:
          (drop: @Sendable () -> Void, wait: (@escaping @Sendable (WaitOutcome) -> Void) -> Void, wake: () -> Void)? =
            make(deferred)
        let drop = subject?.drop
        subject?.wait {
          log.note("first \($0)")
          drop?()
          log.note("dropped")
        }
        subject?.wait { log.note("second \($0)") }
        subject?.wake()
        subject = nil
        try reactor.run { await settle(reactor) }
        #expect(log.take() == ["first granted", "dropped", "second closed"])
      }
    }
    try each { deferred in
      let box = Box<Lock?>(Lock(on: reactor, deferred: deferred))
      #expect(box.value?.tryAcquire() == true)
      return ({ box.value = nil }, { box.value?.acquire(callback: $0) }, { box.value?.release() })
    }
    try each { deferred in
      let box = Box<Condition?>(Condition(on: reactor, deferred: deferred))
      return ({ box.value = nil }, { box.value?.wait(callback: $0) }, { box.value?.notify() })
    }
    try each { deferred in
      let box = Box<Semaphore?>(Semaphore(0, on: reactor, deferred: deferred))
      return ({ box.value = nil }, { box.value?.acquire(callback: $0) }, { box.value?.release() })
    }
    try each { deferred in
      let box = Box<Channel<Int>?>(Channel(on: reactor, deferred: deferred))
      return (
        { box.value = nil }, { callback in box.value?.get { callback($0.outcome) } }, { _ = box.value?.tryPut(1) }
      )
    }
  }

  @Test("When the last reference goes, callback waits end closed; a task's wait keeps the primitive")
  func lastReference() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    do {
      let queue = Queue<Int>(capacity: 1, initial: [1], on: reactor)
      queue.put(2) { log.note("put \($0)") }
      queue.join { log.note("join \($0)") }
      let event = Event(on: reactor)
      event.wait(deadline: .after(.seconds(1))) { log.note("wait \($0)") }
      let gate = Gate(on: reactor)
      #expect(gate.tryEnter())
      gate.join { log.note("gate \($0)") }
    }
    #expect(Set(log.take()) == ["put closed", "join closed", "wait closed", "gate closed"])
    try reactor.run()
    #expect(reactor.waits.isEmpty)
    try reactor.run {
      weak var lock: Lock?
      func begin() -> Task<Bool, any Error> {
        let made = Lock(on: reactor)
        lock = made
        #expect(made.tryAcquire())
        return reactor.spawn { try await made.acquire(deadline: .after(.seconds(1))) }
      }
      let task = begin()
      await settle(reactor)
      #expect(lock != nil && lock?.waiterCount == 1)
      let isAcquired = try await task.value
      #expect(!isAcquired)
      await settle(reactor)
      #expect(lock == nil)
    }
  }

  @Test("A wait that had timed out at the call is told though its primitive went before the next turn")
  func toldAfterTheHandleWent() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    for deferred in [false, true] {
      do {
        let lock = Lock(on: reactor, deferred: deferred)
        #expect(lock.tryAcquire())
        lock.acquire(deadline: .after(.zero)) { log.note("\($0)") }
        let queue = Queue<[Int]>(on: reactor, deferred: deferred)
        queue.get(deadline: .after(.zero)) { log.note("get \($0.outcome)") }
      }
      // What came in their place.
      let others = (0..<64).map { Lock(name: "\($0)", on: reactor) }
      try reactor.run()
      #expect(log.take() == ["timedOut", "get timedOut"])
      #expect(others.count == 64)
    }
  }

  @Test("A primitive may be notified, closed and waited on inside a callback of another")
  func acrossPrimitives() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    let event = Event(on: reactor)
    let queue = Queue<Int>(on: reactor)
    let lock = Lock(on: reactor)
    queue.get { log.note("got \($0.value ?? 0)") }
    lock.acquire { _ in log.note("locked") }
    event.wait { _ in
      #expect(queue.tryPut(5))
      lock.release()
      log.note("set")
    }
    event.set()
    #expect(log.entries == ["locked", "set", "got 5"])
  }

  @Test(
    "For a cancel or time-out, the ended wait is told first, then those whom it lets pass", arguments: [false, true])
  func endedFirst(_ cancels: Bool) throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    let semaphore = Semaphore(1, on: reactor)
    let big = semaphore.acquire(3, deadline: .after(.seconds(1))) { log.note("big \($0)") }
    semaphore.acquire { log.note("small \($0)") }
    if cancels { big.cancel() } else { try reactor.run() }
    #expect(log.entries == [cancels ? "big cancelled" : "big timedOut", "small granted"])
  }

  @Test("What is due ends by deadline, then by age, each told before the next ends")
  func dueInOrder() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    let semaphore = Semaphore(0, on: reactor)
    for (label, seconds) in [("d", 4), ("b", 2), ("a", 1), ("b2", 2), ("c", 3)] {
      semaphore.acquire(deadline: .after(.seconds(seconds))) {
        log.note("\(label) \($0)")
        if label == "b" { semaphore.release() }
      }
    }
    reactor.advance(by: .seconds(10))
    #expect(log.entries == [])
    try reactor.run()
    // The permit that b's callback released went to the oldest waiter before that one's own deadline was looked at.
    #expect(log.entries == ["a timedOut", "b timedOut", "d granted", "b2 timedOut", "c timedOut"])
  }
}
