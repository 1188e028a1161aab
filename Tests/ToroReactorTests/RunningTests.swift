import Testing
import Toro

import class Toro.Semaphore

@Suite("Running", .timeLimit(.minutes(10)))
struct RunningTests {
  @Test("run { } returns what its body returns")
  func bodyReturns() async throws {
    #expect(try await withReactor { reactor in try reactor.run { 42 } } == 42)
  }

  @Test("run { } throws what its body throws")
  func bodyThrows() async throws {
    struct Failure: Error {}
    try await withReactor { reactor in
      #expect(throws: Failure.self) { try reactor.run { throw Failure() } }
    }
  }

  @Test("The body of run { } starts on the thread that runs, where the reactor is current")
  func bodyIsOnThread() async throws {
    try await withReactor(.monotonic) { reactor in
      let here = currentThread()
      try reactor.run {
        #expect(currentThread() == here)
        #expect(reactor.isCurrent)
        #expect(Reactor.current === reactor)
        await Task.yield()
        #expect(currentThread() == here)
      }
      #expect(Reactor.currentIfAny == nil)
    }
  }

  @Test("run() returns when nothing is left to do")
  func runReturns() async throws {
    try await withReactor(.monotonic) { reactor in
      try reactor.run()
      let log = Log()
      reactor.execute { log("call") }
      reactor.schedule(at: .after(.milliseconds(1))) { log("timer") }
      reactor.spawn { log("task") }
      try reactor.run()
      #expect(log.all == ["call", "task", "timer"])
    }
  }

  @Test("run() waits for a spawned task that is elsewhere")
  func runWaitsForTasks() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      reactor.spawn {
        // Elsewhere, in the runtime's time: the run must not take the reactor for idle meanwhile.
        await Task.detached { try? await Task.sleep(for: .milliseconds(5)) }.value
        log("back")
      }
      try reactor.run()
      #expect(log.all == ["back"])
    }
  }

  @Test("run { } leaves other tasks, and the next run goes on with them")
  func tasksOutliveRun() async throws {
    try await withReactor { reactor in
      let event = Event(on: reactor)
      let log = Log()
      try reactor.run {
        reactor.spawn {
          try await event.wait()
          log("woken")
        }
        await reactor.yield()
      }
      #expect(log.all == [])
      event.set()
      try reactor.run()
      #expect(log.all == ["woken"])
    }
  }

  @Test("A reactor runs inside the turn of another, and each is current in its own")
  func nestedReactors() async throws {
    try await withReactor { outer in
      try outer.run {
        let inner = try Reactor(clock: .virtual)
        #expect(Reactor.current === outer)
        let value = try inner.run {
          #expect(Reactor.current === inner)
          try await inner.sleep(until: .after(.seconds(5)))
          return 7
        }
        #expect(value == 7)
        #expect(Reactor.current === outer)
        inner.close()
        #expect(Reactor.current === outer)
      }
    }
  }

  @Test("A reactor may run on one thread after another")
  func changesThread() async throws {
    let reactor = try Reactor(clock: .virtual)
    for round in 1...3 {
      let value = try await onOwnThread {
        try reactor.run {
          try await reactor.sleep(until: .after(.seconds(1)))
          return round
        }
      }
      #expect(value == round)
    }
    try await onOwnThread { reactor.close() }
  }

  // MARK: One turn

  @Test("runOnce tells whether there was anything that could be done")
  func runOnceTells() async throws {
    try await withReactor(.monotonic) { (reactor) throws in
      #expect(try reactor.runOnce(blocking: false) == false)
      #expect(try reactor.runOnce(blocking: true) == false)
      reactor.execute {}
      #expect(try reactor.runOnce(blocking: true))
      #expect(try reactor.runOnce(blocking: true) == false)
      let timer = reactor.schedule(at: .after(.seconds(3600))) {}
      #expect(try reactor.runOnce(blocking: false))
      timer.cancel()
      #expect(try reactor.runOnce(blocking: true) == false)
      reactor.hold()
      #expect(try reactor.runOnce(blocking: false))
      reactor.unhold()
      #expect(try reactor.runOnce(blocking: false) == false)
    }
  }

  @Test("A blocking turn waits for the next deadline")
  func runOnceBlocks() async throws {
    try await withReactor(.monotonic) { (reactor) throws in
      let log = Log()
      let due = reactor.now.advanced(by: .milliseconds(3))
      reactor.schedule(at: .at(due)) { log("due") }
      while log.count == 0 { #expect(try reactor.runOnce(blocking: true)) }
      #expect(reactor.now >= due)
    }
  }

  // MARK: Stopping

  @Test("A stop before run() ends it at once, and only it (scenario 30)")
  func stopBeforeRun() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      reactor.execute { log("ran") }
      reactor.stop()
      reactor.stop()
      try reactor.run()
      #expect(log.all == [])
      try reactor.run()
      #expect(log.all == ["ran"])
    }
  }

  @Test("A stop from another thread before run() is not forgotten (scenario 30)")
  func stopFromElsewhereBeforeRun() async throws {
    try await withReactor(.monotonic) { reactor in
      reactor.hold()
      Thread { reactor.stop() }.join()
      try reactor.run()
      reactor.unhold()
    }
  }

  @Test("A stop before run { } throws without starting the body")
  func stopBeforeBody() async throws {
    try await withReactor { reactor in
      let log = Log()
      reactor.stop()
      #expect(throws: StoppedError.self) { try reactor.run { log("started") } }
      #expect(log.all == [])
      try reactor.run { log("started") }
      #expect(log.all == ["started"])
    }
  }

  @Test("A stop cancels the body of run { } and runs it to its end")
  func stopCancelsBody() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      let waiting = Latch()
      let stopper = Thread {
        waiting.wait()
        reactor.stop()
      }
      #expect(throws: StoppedError.self) {
        try reactor.run {
          reactor.execute { waiting.open() }
          do { try await Event().wait() } catch is CancellationError { log("cancelled") }
          #expect(Task.isCancelled)
          for _ in 0..<10 { await reactor.yield() }
          log("ended")
        }
      }
      #expect(log.all == ["cancelled", "ended"])
      stopper.join()
    }
  }

  @Test("A body that stops its own reactor is cancelled, ends, and the stop is spent")
  func bodyStops() async throws {
    try await withReactor { (reactor) throws in
      for yields in 0..<3 {
        let log = Log()
        #expect(throws: StoppedError.self) {
          try reactor.run {
            reactor.stop()
            for _ in 0..<yields { await reactor.yield() }
            log("ended")
          }
        }
        #expect(log.all == ["ended"])
        #expect(try reactor.run { 1 } == 1)
      }
    }
  }

  @Test("A stop ends run() when its turn has ended, and what was queued in it is left for the next")
  func stopInTurn() async throws {
    try await withReactor { reactor in
      let log = Log()
      let lock = Lock(on: reactor)
      #expect(lock.tryAcquire())
      lock.acquire(deadline: .after(.milliseconds(1))) { log("\($0)") }
      reactor.advance(by: .milliseconds(1))
      reactor.execute {
        reactor.stop()
        reactor.execute { log("queued in the turn") }
        log("stop")
      }
      reactor.execute { log("queued before") }
      try reactor.run()
      #expect(log.take() == ["stop", "queued before", "timedOut"])
      try reactor.run()
      #expect(log.take() == ["queued in the turn"])
    }
  }

  @Test("A stop made in runOnce is left for the next, which it ends at once")
  func stopInRunOnce() async throws {
    try await withReactor(.monotonic) { (reactor) throws in
      let log = Log()
      reactor.execute { reactor.stop() }
      reactor.execute { log("same turn") }
      #expect(try reactor.runOnce(blocking: false))
      #expect(log.take() == ["same turn"])
      reactor.execute { log("later") }
      #expect(try reactor.runOnce(blocking: true))
      #expect(log.take() == [])
      #expect(try reactor.runOnce(blocking: true))
      #expect(log.take() == ["later"])
    }
  }

  @Test("A stop from another thread wakes a loop that is blocked, every time")
  func stopWakes() async throws {
    try await withReactor(.monotonic) { reactor in
      reactor.hold()
      for _ in 0..<200 {
        let thread = Thread { reactor.stop() }
        try reactor.run()
        thread.join()
      }
      reactor.unhold()
    }
  }

  // MARK: Holding

  @Test("A hold keeps run() going until it is ended, from any thread")
  func holdKeeps() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      reactor.hold()
      reactor.hold()
      let thread = Thread {
        reactor.unhold()
        reactor.execute { log("held") }
        reactor.unhold()
      }
      try reactor.run()
      #expect(log.all == ["held"])
      thread.join()
    }
  }

  @Test("A hold ended on the reactor's thread lets run() end")
  func unholdInside() async throws {
    try await withReactor(.monotonic) { reactor in
      reactor.hold()
      reactor.schedule(at: .after(.milliseconds(1))) { reactor.unhold() }
      try reactor.run()
    }
  }

  // MARK: Threads

  @Test("bind() makes the calling thread the reactor's")
  func binds() async throws {
    let reactor = try Reactor(clock: .virtual)
    try await onOwnThread {
      let lock = Lock(on: reactor)
      #expect(!reactor.isCurrent)
      reactor.bind()
      #expect(reactor.isCurrent)
      #expect(lock.tryAcquire())
      #expect(lock.isLocked)
      reactor.close()
    }
  }

  @Test("A reactor is current on its own thread, and nowhere else")
  func currency() async throws {
    try await withReactor { reactor in
      #expect(reactor.isCurrent)
      #expect(Reactor.currentIfAny == nil)
      Thread { #expect(!reactor.isCurrent) }.join()
      reactor.execute { #expect(Reactor.current === reactor) }
      reactor.schedule(at: .after(.seconds(1))) { #expect(Reactor.current === reactor) }
      try reactor.run()
      #expect(Reactor.currentIfAny == nil)
    }
  }
}
