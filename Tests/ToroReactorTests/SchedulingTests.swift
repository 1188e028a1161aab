import Testing
import Toro

@Suite("Scheduling", .timeLimit(.minutes(10)))
struct SchedulingTests {
  @Test("What is executed from another thread runs on the reactor's, in order, once")
  func executeFromThread() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      let here = currentThread()
      reactor.hold()
      let thread = Thread {
        for number in 0..<1000 {
          reactor.execute {
            #expect(currentThread() == here)
            log("\(number)")
          }
        }
        reactor.execute { reactor.unhold() }
      }
      try reactor.run()
      thread.join()
      #expect(log.all == (0..<1000).map { "\($0)" })
    }
  }

  @Test("What is executed on the reactor's thread runs after what was queued before, tasks included")
  func executeInOrder() async throws {
    try await withReactor { reactor in
      let log = Log()
      reactor.execute { log("1") }
      reactor.spawn { log("2") }
      reactor.execute { log("3") }
      reactor.spawn { log("4") }
      #expect(log.all == [])
      try reactor.run()
      #expect(log.all == ["1", "2", "3", "4"])
    }
  }

  @Test("A scheduled call runs at its deadline, in virtual time exactly then")
  func scheduleExactly() async throws {
    try await withReactor { reactor in
      let log = Log()
      let start = reactor.now
      for hours in [3, 1, 2] {
        reactor.schedule(at: .after(.seconds(hours * 3600))) {
          #expect(start.duration(to: reactor.now) == .seconds(hours * 3600))
          log("\(hours)")
        }
      }
      try reactor.run()
      #expect(log.all == ["1", "2", "3"])
    }
  }

  @Test("A scheduled call does not run early in real time")
  func scheduleNotEarly() async throws {
    try await withReactor(.monotonic) { reactor in
      for microseconds in [1, 50, 999, 1000, 1001, 2500] {
        let due = reactor.now.advanced(by: .microseconds(microseconds))
        reactor.schedule(at: .at(due)) { #expect(reactor.now >= due) }
      }
      try reactor.run()
    }
  }

  @Test("A call whose deadline has passed runs on the next turn")
  func scheduleInThePast() async throws {
    try await withReactor { reactor in
      let log = Log()
      reactor.schedule(at: .after(.seconds(-1))) { log("past") }
      reactor.execute { log("executed") }
      #expect(log.all == [])
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["past", "executed"])
    }
  }

  @Test("A call scheduled for never does not run, keeps nothing going, and can be cancelled or left")
  func scheduleNever() async throws {
    try await withReactor { reactor in
      let call = reactor.schedule(at: .never) { Issue.record("ran") }
      reactor.schedule(at: .after(.seconds(Int64.max))) { Issue.record("ran") }
      try reactor.run()
      call.cancel()
      call.cancel()
      try reactor.run()
    }
  }

  @Test("A scheduled call can be cancelled, on any thread, and then keeps nothing going")
  func scheduleCancelled() async throws {
    try await withReactor(.monotonic) { reactor in
      let one = reactor.schedule(at: .after(.seconds(3600))) { Issue.record("ran") }
      let other = reactor.schedule(at: .after(.seconds(3600))) { Issue.record("ran") }
      one.cancel()
      let thread = Thread { other.cancel() }
      try reactor.run()
      thread.join()
    }
  }

  @Test("Cancelling a call that has run does nothing, also when its slot is used again")
  func staleCancel() async throws {
    try await withReactor { reactor in
      let log = Log()
      let old = reactor.schedule(at: .after(.seconds(1))) { log("old") }
      try reactor.run()
      reactor.schedule(at: .after(.seconds(1))) { log("new") }
      old.cancel()
      try reactor.run()
      #expect(log.all == ["old", "new"])
    }
  }

  @Test("sleep waits until its deadline, and those with equal ones wake in order")
  func sleeps() async throws {
    try await inReactor { reactor in
      let log = Log()
      let start = reactor.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (name, seconds) in [("d", 2), ("a", 1), ("e", 2), ("b", 1), ("c", 1)] {
          group.addTask {
            try await reactor.sleep(until: .after(.seconds(seconds)))
            #expect(start.duration(to: reactor.now) == .seconds(seconds))
            log(name)
          }
        }
        try await group.waitForAll()
      }
      #expect(log.all == ["a", "b", "c", "d", "e"])
    }
  }

  @Test("sleep until a deadline that has passed lets others run, and returns")
  func sleepsNot() async throws {
    try await inReactor { reactor in
      let log = Log()
      reactor.execute { log("other") }
      try await reactor.sleep(until: .after(.zero))
      log("slept")
      try await reactor.sleep(until: .after(.seconds(-5)))
      #expect(log.all == ["other", "slept"])
    }
  }

  @Test("sleep ends with CancellationError when its task is cancelled, and leaves no timer")
  func sleepIsCancelled() async throws {
    try await withReactor(.monotonic) { reactor in
      let task = reactor.spawn { try await reactor.sleep(until: .after(.seconds(3600))) }
      reactor.execute { task.cancel() }
      try reactor.run()
      let result = try reactor.run { await task.result }
      #expect(throws: CancellationError.self) { try result.get() }
    }
  }

  @Test("sleep in a task that is cancelled throws at once")
  func sleepInCancelled() async throws {
    try await withReactor { (reactor) throws in
      let task = reactor.spawn { () -> Int in
        do {
          try await reactor.sleep(until: .after(.seconds(3600)))
          return 0
        } catch { return reactor.waits.count + 1 }
      }
      task.cancel()
      let start = reactor.now
      #expect(try reactor.run { await task.value } == 1)
      #expect(reactor.now == start)
    }
  }

  @Test("yield lets everything run that is ready now, and no more")
  func yields() async throws {
    try await inReactor { reactor in
      let log = Log()
      reactor.execute {
        log("first")
        reactor.execute { log("queued by the first") }
      }
      reactor.execute { log("second") }
      await reactor.yield()
      #expect(log.take() == ["first", "second"])
      await reactor.yield()
      #expect(log.take() == ["queued by the first"])
    }
  }

  @Test("Tasks that yield take turns")
  func yieldsInTurn() async throws {
    try await inReactor { reactor in
      let log = Log()
      await withTaskGroup(of: Void.self) { group in
        for name in ["a", "b", "c"] {
          group.addTask {
            for round in 1...3 {
              log("\(name)\(round)")
              await reactor.yield()
            }
          }
        }
      }
      #expect(log.all == ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"])
    }
  }

  @Test("yield works in a cancelled task, and off the reactor")
  func yieldsAnywhere() async throws {
    try await inReactor(.monotonic) { reactor in
      let task = reactor.spawn {
        for _ in 0..<5 { await reactor.yield() }
        return reactor.isCurrent
      }
      task.cancel()
      #expect(await task.value)
      await Task.detached {
        await reactor.yield()
        #expect(!reactor.isCurrent)
      }.value
    }
  }

  @Test("perform runs its body on the reactor's thread, and comes back with what it returns or throws")
  func performs() async throws {
    struct Failure: Error {}
    try await inReactor(.monotonic) { reactor in
      let lock = Lock()
      let here = currentThread()
      #expect(try await reactor.perform { lock.tryAcquire() })
      try await Task.detached {
        let thread = try await reactor.perform { currentThread() }
        #expect(thread == here)
        #expect(currentThread() != here)
        #expect(try await reactor.perform { lock.isLocked })
        await #expect(throws: Failure.self) { try await reactor.perform { throw Failure() } }
      }.value
    }
  }

  @Test("spawn works from any thread, and its value can be awaited from any")
  func spawns() async throws {
    try await withReactor(.monotonic) { reactor in
      let here = currentThread()
      let task = Shared<Task<UInt, Never>?>(nil)
      Thread { task.value = reactor.spawn(name: "spawned") { currentThread() } }.join()
      let spawned = try #require(task.value)
      #expect(try reactor.run { await Task.detached { await spawned.value }.value } == here)
    }
  }

  @Test("A spawned task that throws ends with its error, and the reactor goes on")
  func spawnThrows() async throws {
    struct Failure: Error {}
    try await inReactor { reactor in
      let task = reactor.spawn { () async throws -> Int in throw Failure() }
      await #expect(throws: Failure.self) { try await task.value }
    }
  }
}
