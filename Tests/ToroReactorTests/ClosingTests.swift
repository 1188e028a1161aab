import Glibc
import Synchronization
import Testing
import Toro

import class Toro.Semaphore

@Suite("Closing", .timeLimit(.minutes(10)))
struct ClosingTests {
  @Test("close() ends every wait as closed, in both forms, and cancels and awaits the tasks that were spawned")
  func endsAll() async throws {
    try await withReactor { reactor in
      let log = Log()
      let lock = Lock(on: reactor)
      #expect(lock.tryAcquire())
      lock.acquire { log("callback \($0)") }
      reactor.schedule(at: .after(.seconds(1))) { Issue.record("ran") }
      reactor.schedule(at: .never) { Issue.record("ran") }
      for number in 1...3 {
        reactor.spawn {
          do { try await lock.acquire() } catch is ReactorClosedError { log("task \(number) closed") }
          #expect(Task.isCancelled)
          await reactor.yield()
          log("task \(number) ended")
        }
      }
      try reactor.runOnce(blocking: false)
      reactor.close()
      #expect(
        log.all == [
          "callback closed", "task 1 closed", "task 2 closed", "task 3 closed", "task 1 ended", "task 2 ended",
          "task 3 ended",
        ])
      #expect(reactor.isClosed)
      #expect(!reactor.isCurrent)
    }
  }

  @Test("A wait in a task that the reactor's end cancels throws ReactorClosedError")
  func waitsInClosing() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      reactor.spawn {
        for _ in 0..<3 {
          do { try await event.wait() } catch { log("\(type(of: error))") }
        }
        do { try await reactor.sleep(until: .after(.seconds(1))) } catch { log("\(type(of: error))") }
        event.wait { log("callback \($0)") }
        reactor.schedule(at: .after(.seconds(1))) { Issue.record("ran") }
      }
      try reactor.runOnce(blocking: false)
      reactor.close()
      #expect(log.all == Array(repeating: "ReactorClosedError", count: 4) + ["callback closed"])
    }
  }

  @Test("A task that ignores cancellation is waited for, wherever it is")
  func waitsForTasks() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      reactor.spawn {
        await Task.detached { busyWait(3_000_000) }.value
        log("back")
        try? await Task.sleep(for: .milliseconds(1))  // elsewhere, in the runtime's time: the close waits for it
        await withCheckedContinuation { continuation in
          Thread { continuation.resume() }.detach()
        }
        log("ended")
      }
      try reactor.runOnce(blocking: false)
      reactor.close()
      #expect(log.all == ["back", "ended"])
    }
  }

  @Test("A task that was spawned and has not begun begins cancelled, and is waited for")
  func notBegun() async throws {
    try await withReactor { reactor in
      let log = Log()
      reactor.spawn { log(Task.isCancelled ? "begun cancelled" : "begun") }
      reactor.close()
      #expect(log.all == ["begun cancelled"])
    }
  }

  @Test("What is done in the meantime: waits throw, notifications do nothing, try-calls fail, on any thread")
  func afterwards() async throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = Lock(on: reactor)
    let semaphore = Semaphore(5, on: reactor)
    let queue = Queue<Int>(on: reactor)
    let event = Event(on: reactor)
    let result = AsyncResult<Int>(on: reactor)
    let condition = Condition(on: reactor)
    try await onOwnThread { reactor.close() }
    #expect(reactor.isClosed)

    await #expect(throws: ReactorClosedError.self) { try await lock.acquire() }
    await #expect(throws: ReactorClosedError.self) { try await semaphore.acquire() }
    await #expect(throws: ReactorClosedError.self) { try await semaphore.acquire(deadline: .after(.seconds(1))) }
    await #expect(throws: ReactorClosedError.self) { try await queue.get() }
    await #expect(throws: ReactorClosedError.self) { try await queue.put(1) }
    await #expect(throws: ReactorClosedError.self) { try await event.wait() }
    await #expect(throws: ReactorClosedError.self) { try await result.get() }
    await #expect(throws: ReactorClosedError.self) { try await condition.wait() }
    await #expect(throws: ReactorClosedError.self) { try await reactor.sleep(until: .after(.seconds(1))) }
    await #expect(throws: ReactorClosedError.self) { try await reactor.clock.sleep(until: reactor.now) }
    await #expect(throws: ReactorClosedError.self) { try await reactor.readable(0) }
    await #expect(throws: ReactorClosedError.self) { try await reactor.perform {} }
    await #expect(throws: ReactorClosedError.self) { try await withDeadline(.never, on: reactor) {} }
    #expect(throws: ReactorClosedError.self) { try reactor.run() }
    #expect(throws: ReactorClosedError.self) { try reactor.run {} }
    #expect(throws: ReactorClosedError.self) { try reactor.runOnce(blocking: false) }
    lock.release()
    lock.close()
    semaphore.release(3)
    queue.close()
    event.set()
    event.clear()
    condition.notifyAll()
    reactor.stop()
    reactor.hold()
    reactor.unhold()
    reactor.execute { Issue.record("ran") }
    #expect(!lock.tryAcquire())
    #expect(!semaphore.tryAcquire())
    #expect(semaphore.count == 0)
    #expect(!queue.tryPut(1))
    #expect(queue.tryGet() == nil)
    #expect(!event.isSet)
    #expect(reactor.waits.isEmpty)
    reactor.close()
    await reactor.yield()
  }

  @Test("A wait of the callback form on a closed reactor is told that it is closed; a call is not made")
  func callbacksAfterwards() async throws {
    try await withReactor { reactor in
      let log = Log()
      let lock = Lock(on: reactor)
      let queue = Queue<Int>(on: reactor)
      reactor.close()
      #expect(lock.acquire(callback: { log("lock \($0)") }).id == 0)
      queue.get { log("get \($0.outcome)") }.cancel()
      queue.put(1) { log("put \($0)") }.cancel()
      reactor.schedule(at: .after(.zero)) { Issue.record("ran") }.cancel()
      reactor.schedule(at: .after(.seconds(1))) { Issue.record("ran") }.cancel()
      #expect(log.all == ["lock closed", "get closed", "put closed"])
      #expect(reactor.nextDeadline == nil)
      #expect(reactor.fileDescriptor == nil)
    }
  }

  @Test("Jobs that arrive afterwards still run, serially, elsewhere: none is dropped")
  func lateJobs() async throws {
    let reactor = try Reactor()
    let resident = Resident(on: reactor)
    try await onOwnThread { reactor.close() }
    let concurrent = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask { await resident.visit() }
        group.addTask(executorPreference: reactor.taskExecutor) {
          #expect(concurrent.add() == 1)
          busyWait(1_000)
          concurrent.add(-1)
          await Task.yield()
        }
      }
    }
    #expect(await resident.visits == 50)
    #expect(await reactor.spawn { 7 }.value == 7)
    let task = reactor.spawn { try await Event(on: reactor).wait() }
    await #expect(throws: ReactorClosedError.self) { try await task.value }
    await resident.assertsIsolation()
  }

  @Test("A task that was elsewhere when the reactor closed comes back to the fallback")
  func tasksComeBackLate() async throws {
    let latch = Latch()
    let task = try await withReactor(.monotonic) { reactor in
      let task = Task(executorPreference: reactor.taskExecutor) {
        #expect(reactor.isCurrent)
        await withCheckedContinuation { continuation in
          Thread {
            latch.wait()
            continuation.resume()
          }.detach()
        }
        #expect(!reactor.isCurrent)
        #expect(reactor.isClosed)
        try await reactor.sleep(until: .after(.seconds(1)))
      }
      try reactor.runOnce(blocking: false)
      return task
    }
    latch.open()
    await #expect(throws: ReactorClosedError.self) { try await task.value }
  }

  /// An item that is counted while it lives.
  private final class Parcel: Sendable {
    private let alive: Counter

    init(_ alive: Counter) {
      self.alive = alive
      alive.add()
    }

    deinit { alive.add(-1) }
  }

  /// Its calls go on on the reactor, but not where the reactor resumes them.
  private actor Sender {
    func put(_ parcel: Parcel, into queue: Queue<Parcel>) async throws { try await queue.put(parcel) }
  }

  @Test("The item of a put that a close ends is let go of, wherever its task goes on", arguments: [false, true])
  func puts(inActor: Bool) async throws {
    let (alive, sender) = (Counter(), Sender())
    let task = try await withReactor { reactor in
      let queue = Queue<Parcel>(capacity: 0, on: reactor)
      // Not spawned, so that the close does not wait for its end.
      let task = Task(executorPreference: reactor.taskExecutor) {
        if inActor { try await sender.put(Parcel(alive), into: queue) } else { try await queue.put(Parcel(alive)) }
      }
      while queue.waiterCount == 0 { try reactor.runOnce(blocking: false) }
      #expect(alive.value == 1)
      return task
    }
    await #expect(throws: ReactorClosedError.self) { try await task.value }
    #expect(alive.value == 0)
  }

  @Test("close() inside a turn takes effect when the turn ends, and the run returns")
  func insideTurn() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      event.wait { log("\($0)") }
      reactor.execute {
        reactor.close()
        reactor.close()
        #expect(!reactor.isClosed)
        log("still open")
      }
      reactor.execute { log("same turn") }
      reactor.hold()
      try reactor.run()
      #expect(log.all == ["still open", "same turn", "closed"])
      #expect(reactor.isClosed)
    }
  }

  @Test("close() in the body of run { } lets it end, and a body that waits is stopped")
  func insideBody() async throws {
    try await withReactor { reactor in
      let value = try reactor.run {
        reactor.close()
        return 5
      }
      #expect(value == 5)
      #expect(reactor.isClosed)
    }
    try await withReactor { reactor in
      let log = Log()
      #expect(throws: StoppedError.self) {
        try reactor.run {
          reactor.close()
          do { try await Event().wait() } catch { log("\(type(of: error))") }
          log("ended")
        }
      }
      #expect(log.all == ["ReactorClosedError", "ended"])
      #expect(reactor.isClosed)
    }
  }

  @Test("close() inside a wait callback takes effect when the outermost call ends, also outside a turn")
  func insideCallback() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      let other = Event(on: reactor)
      other.wait { log("other \($0)") }
      event.wait { _ in
        reactor.close()
        #expect(!reactor.isClosed)
        log("first")
      }
      event.wait { log("second \($0)") }
      event.set()
      #expect(log.all == ["first", "second granted", "other closed"])
      #expect(reactor.isClosed)
    }
  }

  @Test("close() may be called on another thread while the reactor does not run")
  func fromAnotherThread() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      event.wait { log("callback \($0)") }
      reactor.spawn {
        do { try await event.wait() } catch { log("task \(type(of: error))") }
      }
      try reactor.runOnce(blocking: false)
      Thread { reactor.close() }.join()
      #expect(log.all == ["callback closed", "task ReactorClosedError"])
    }
  }

  @Test("Callbacks that were due are told their outcome, unchanged, before the rest end as closed")
  func decidedBefore() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor, deferred: true)
      event.wait { log("first \($0)") }
      event.set()
      event.clear()
      event.wait { log("second \($0)") }
      event.wait(deadline: .after(.zero)) { log("third \($0)") }
      reactor.execute { log("queued") }
      reactor.close()
      #expect(log.all.filter { $0 != "queued" } == ["first granted", "third timedOut", "second closed"])
    }
  }

  @Test("Dropping the last reference to a reactor frees it, with what was scheduled on it")
  func dropped() async throws {
    try await onOwnThread {
      final class Token: Sendable {}
      weak var scheduled: Token?
      weak var never: Token?
      weak var executed: Token?
      weak var dropped: Reactor?
      do {
        let reactor = try Reactor(clock: .virtual)
        dropped = reactor
        let tokens = (Token(), Token(), Token())
        (scheduled, never, executed) = tokens
        reactor.schedule(at: .after(.seconds(1))) { [token = tokens.0] in _ = token }
        reactor.schedule(at: .never) { [token = tokens.1] in _ = token }
        reactor.execute { [token = tokens.2] in _ = token }
        try reactor.runOnce(blocking: false)
        reactor.execute { [token = Token()] in _ = token }
      }
      #expect(dropped == nil)
      #expect(scheduled == nil)
      #expect(never == nil)
      #expect(executed == nil)
    }
  }

  @Test("A closed reactor is freed, and its primitives and waits with it")
  func freed() async throws {
    try await onOwnThread {
      weak var dropped: Reactor?
      do {
        let reactor = try Reactor(clock: .virtual)
        dropped = reactor
        let lock = Lock(on: reactor)
        reactor.spawn {
          try await lock.acquire()
          try await lock.acquire()
        }
        reactor.schedule(at: .after(.seconds(1))) { _ = reactor.isClosed }
        try reactor.runOnce(blocking: false)
        reactor.close()
      }
      // The task's own end, which keeps the reactor a moment longer, is on this thread.
      #expect(dropped == nil)
    }
  }

  @Test("What is posted while the reactor closes runs once or is refused, and is never lost (scenario 29)")
  func postsWhileClosing() async throws {
    for round in 0..<40 {
      try await onOwnThread {
        let reactor = try Reactor()
        let resident = Resident(on: reactor)
        let began = Counter()
        let visited = Counter()
        let refused = Counter()
        let ran = Counter()
        let done = Latch()
        let threads = (0..<3).map { _ in
          Thread {
            for _ in 0..<30 {
              began.add()
              Task.detached {
                await resident.visit()
                do { try await reactor.perform { _ = ran.add() } } catch is ReactorClosedError { refused.add() } catch {
                  Issue.record(error)
                }
                if visited.add() == 90 { done.open() }
              }
              reactor.execute {}
              reactor.stop()
            }
          }
        }
        while began.value < round * 2 { try reactor.runOnce(blocking: false) }
        reactor.close()
        for thread in threads { thread.join() }
        done.wait()
        #expect(ran.value + refused.value == 90)
      }
    }
  }
}

extension Resident {
  fileprivate func assertsIsolation() {
    assertIsolated()
    preconditionIsolated()
  }
}
