import Testing
import Toro

/// What holds for everything that one holder at a time has, in each form.
@Suite("Every lock-like")
struct LockContractTests {
  @Test("What is free is taken at once, whatever the deadline", arguments: LockCase.all)
  func freeIsTakenAtOnce(_ test: LockCase) throws {
    try test.play { scene, lock in
      for deadline in Deadline.passed + Deadline.unreachable {
        #expect(!lock.isTaken)
        let wait = await scene.take(lock, deadline: deadline)
        #expect(wait.outcome == .granted)
        #expect(lock.isTaken)
        #expect(lock.waiterCount == 0)
        lock.giveBack()
      }
      let wait = await scene.take(lock)
      #expect(wait.outcome == .granted)
      #expect(!lock.tryTake())
      lock.giveBack()
      #expect(lock.tryTake())
    }
  }

  @Test("Waiters are served first in, first out, by hand-off", arguments: LockCase.all)
  func firstInFirstOut(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      for label in 1...5 { _ = await scene.take(lock, "\(label)", deadline: label.isMultiple(of: 2) ? .never : nil) }
      #expect(lock.waiterCount == 5)
      for served in 1...5 {
        #expect(scene.log.entries.count == served - 1)
        lock.giveBack()
        #expect(lock.isTaken)
        await scene.settle()
        #expect(scene.log.entries.last == "\(served) granted")
        #expect(lock.waiterCount == 5 - served)
      }
      lock.giveBack()
      #expect(!lock.isTaken)
    }
  }

  @Test("Nobody overtakes between a release and the turn of who it went to (scenario 4)", arguments: LockCase.all)
  func nobodyOvertakes(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      let first = await scene.take(lock, "first")
      lock.giveBack()
      #expect(!lock.tryTake())
      let second = await scene.take(lock, "second")
      #expect(first.outcome == .granted)
      #expect(second.outcome == nil)
      lock.giveBack()
      #expect(!lock.tryTake())
      await scene.settle()
      #expect(scene.log.entries == ["first granted", "second granted"])
    }
  }

  @Test("A wait ends at its deadline, not before, and owns nothing", arguments: LockCase.all)
  func timesOut(_ test: LockCase) throws {
    try test.play { scene, lock in
      let short: Duration = test.isVirtual ? .seconds(3600) : .milliseconds(1)
      #expect(lock.tryTake())
      let start = scene.reactor.now
      let late = await scene.take(lock, "late", deadline: .after(short * 2))
      let early = await scene.take(lock, "early", deadline: .at(start.advanced(by: short)))
      let patient = await scene.take(lock, "patient")
      try await scene.reactor.sleep(until: .at(start.advanced(by: short)))
      await scene.settle()
      #expect(early.outcome == .timedOut)
      if test.isVirtual { #expect(late.outcome == nil && lock.waiterCount == 2) }
      try await scene.pass(short * 2)
      #expect(late.outcome == .timedOut)
      #expect(scene.reactor.now >= start.advanced(by: short * 2))
      #expect(lock.waiterCount == 1)
      lock.giveBack()
      await scene.settle()
      #expect(patient.outcome == .granted)
      lock.giveBack()
      #expect(lock.tryTake())
      // In real time both deadlines may have passed before the second wait began.
      if test.isVirtual { #expect(scene.log.entries == ["early timedOut", "late timedOut", "patient granted"]) }
    }
  }

  @Test(
    "A deadline that has passed times out on the next turn, without queueing (scenario 20)", arguments: LockCase.all)
  func passedDeadline(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      for deadline in Deadline.passed {
        let start = scene.reactor.now
        let wait = await scene.take(lock, deadline: deadline)
        #expect(wait.outcome == .timedOut)
        #expect(lock.waiterCount == 0)
        if test.isVirtual { #expect(scene.reactor.now == start) }
      }
      lock.giveBack()
      #expect(lock.tryTake())
    }
  }

  @Test("Huge and infinite deadlines neither overflow nor pass (scenario 20)", arguments: LockCase.virtual)
  func unreachableDeadline(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      var waits: [Pending] = []
      for deadline in Deadline.unreachable { waits.append(await scene.take(lock, deadline: deadline)) }
      try await scene.pass(.seconds(86_400 * 365 * 100))
      #expect(waits.allSatisfy { $0.outcome == nil })
      #expect(lock.waiterCount == waits.count)
      for wait in waits {
        lock.giveBack()
        await scene.settle()
        #expect(wait.outcome == .granted)
      }
    }
  }

  @Test("A cancelled wait owns nothing, and those behind it keep their places", arguments: LockCase.all)
  func cancelled(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      let waits = [
        await scene.take(lock, "a"), await scene.take(lock, "b", deadline: .after(.seconds(3600))),
        await scene.take(lock, "c"),
      ]
      waits[1].cancel()
      #expect(lock.waiterCount == 2)
      await scene.settle()
      #expect(waits[1].outcome == .cancelled)
      waits[1].cancel()
      lock.giveBack()
      lock.giveBack()
      await scene.settle()
      #expect(waits[0].outcome == .granted && waits[2].outcome == .granted)
      lock.giveBack()
      #expect(lock.tryTake())
      #expect(waits.allSatisfy { $0.tellings == 1 })
    }
  }

  @Test(
    "Release, then cancel of the waiter it went to: the grant stands, its release serves the next (scenarios 1, 3, 6)",
    arguments: LockCase.all)
  func releaseThenCancel(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      let first = await scene.take(lock, "first")
      let second = await scene.take(lock, "second")
      lock.giveBack()
      first.cancel()
      #expect(lock.isTaken)
      await scene.settle()
      #expect(first.outcome == .granted)
      #expect(second.outcome == nil)
      lock.giveBack()
      await scene.settle()
      #expect(second.outcome == .granted)
      lock.giveBack()
      #expect(!lock.isTaken && lock.tryTake())
    }
  }

  @Test("Cancel of the first waiter, then release: the second is served (scenarios 1, 3, 11)", arguments: LockCase.all)
  func cancelThenRelease(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      let first = await scene.take(lock, "first")
      let second = await scene.take(lock, "second")
      first.cancel()
      lock.giveBack()
      await scene.settle()
      #expect(first.outcome == .cancelled)
      #expect(second.outcome == .granted)
      lock.giveBack()
      #expect(!lock.isTaken && lock.tryTake())
    }
  }

  @Test("After all who waited were cancelled a release leaves it free (scenario 2)", arguments: LockCase.all)
  func allCancelled(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      var waits: [Pending] = []
      for _ in 0..<10 { waits.append(await scene.take(lock)) }
      for wait in waits { wait.cancel() }
      lock.giveBack()
      await scene.settle()
      #expect(waits.allSatisfy { $0.outcome == .cancelled })
      let last = await scene.take(lock)
      #expect(last.outcome == .granted)
    }
  }

  @Test("Closing ends every waiter once, and what is begun later ends at once (scenario 13)", arguments: LockCase.all)
  func closing(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      var waits: [Pending] = []
      for _ in 0..<5 { waits.append(await scene.take(lock, deadline: .after(.seconds(3600)))) }
      lock.close()
      #expect(lock.isClosed && lock.waiterCount == 0)
      await scene.settle()
      #expect(waits.allSatisfy { $0.outcome == .closed && $0.tellings == 1 })
      #expect(await scene.take(lock).outcome == .closed)
      #expect(await scene.take(lock, deadline: .after(.zero)).outcome == .closed)
      #expect(!lock.tryTake())
      lock.close()
      lock.giveBack()
      #expect(!lock.tryTake() || test.kind.drainsWhenClosed)
      #expect(await scene.take(lock).outcome == .closed)
      for wait in waits { wait.cancel() }
      #expect(waits.allSatisfy { $0.tellings == 1 })
    }
  }

  @Test("One that is free is not to be had when it is closed", arguments: LockCase.virtual)
  func closedWhileFree(_ test: LockCase) throws {
    if test.kind.drainsWhenClosed { return }
    try test.play { scene, lock in
      lock.close()
      #expect(await scene.take(lock).outcome == .closed)
      #expect(!lock.tryTake())
    }
  }

  @Test("A close and a cancel in the same turn: the first to happen is the outcome", arguments: LockCase.virtual)
  func closeAndCancel(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      let first = await scene.take(lock)
      let second = await scene.take(lock)
      first.cancel()
      lock.close()
      second.cancel()
      await scene.settle()
      #expect(first.outcome == .cancelled)
      #expect(second.outcome == .closed)
    }
  }

  @Test("Signalled, then its deadline passes before it runs: one outcome (scenario 21)", arguments: LockCase.virtual)
  func signalledThenDue(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      let wait = await scene.take(lock, deadline: .after(.seconds(1)))
      lock.giveBack()
      scene.reactor.advance(by: .seconds(10))
      await scene.settle()
      try await scene.pass(.seconds(10))
      #expect(wait.outcome == .granted && wait.tellings == 1)
      #expect(lock.isTaken)
    }
  }

  @Test(
    "A waiter whose deadline has ended it, but who has not run, is passed over (scenario 14)",
    arguments: LockCase.virtual)
  func timedOutButNotRun(_ test: LockCase) throws {
    try test.play { scene, lock in
      #expect(lock.tryTake())
      let deadline = Deadline.at(scene.reactor.now.advanced(by: .seconds(1)))
      let first = await scene.take(lock, "first", deadline: deadline)
      let second = await scene.take(lock, "second")
      // Ends right after the first waiter's deadline did, in the same turn, and before anything else runs.
      let condition = Condition(on: scene.reactor)
      condition.wait(deadline: deadline) { _ in lock.giveBack() }
      try await scene.pass(.seconds(1))
      #expect(first.outcome == .timedOut)
      #expect(second.outcome == .granted)
    }
  }

  @Test("1,000 satisfied waits with hour-long deadlines leave nothing behind (scenario 18)", arguments: LockCase.all)
  func satisfiedWaitsLeaveNothing(_ test: LockCase) throws {
    let (kind, form) = (test.kind, test.form)
    let reactor = try Reactor(clock: test.clock)
    let lock = kind.make(on: reactor, deferred: form == .deferred)
    let start = reactor.now
    try reactor.run {
      #expect(lock.tryTake())
      let scene = Scene(reactor, form)
      for _ in 0..<1000 {
        let wait = await scene.take(lock, deadline: .after(.seconds(3600)))
        lock.giveBack()
        await scene.settle()
        #expect(wait.outcome == .granted)
      }
    }
    #expect(reactor.description == "<Reactor ready=0 tasks=0 timed=0 waits=0>")
    try reactor.run()
    #expect(start.duration(to: reactor.now) < .seconds(test.isVirtual ? 1 : 1800))
  }

  @Test("Waits that end again and again use the same few places (scenario 19)", arguments: LockKind.allCases)
  func expiredWaitsAreNotKept(_ kind: LockKind) throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = kind.make(on: reactor)
    #expect(lock.tryTake())
    let ended = Box(0)
    let note: @Sendable (WaitOutcome) -> Void = { _ in ended.value += 1 }
    for round in 0..<3000 {
      let wait = lock.take(deadline: .after(.milliseconds(1)), then: note)
      // The low half of an identity says in which place the wait was kept.
      #expect(wait.id & 0xffff_ffff < 256)
      switch round % 3 {
      case 0: wait.cancel()
      case 1: lock.giveBack()
      default: try reactor.run()
      }
    }
    #expect(ended.value == 3000)
    #expect(lock.waiterCount == 0)
    #expect(reactor.waits.isEmpty)
  }

  @Test(
    "In a cancelled task what is free is taken; a wait throws and leaves no waiter (scenario 10)",
    arguments: LockKind.allCases, [Deadline.never, .after(.seconds(1)), .after(.zero)])
  func cancelledBefore(_ kind: LockKind, _ deadline: Deadline) throws {
    try inVirtualTime { reactor in
      let lock = kind.make(on: reactor)
      let task = reactor.spawn {
        while !Task.isCancelled { await reactor.yield() }
        #expect(await outcome { try await lock.take(deadline: deadline) } == .granted)
        #expect(await outcome { try await lock.take(deadline: deadline) } == .cancelled)
        #expect(lock.waiterCount == 0)
        await #expect(throws: CancellationError.self) { try await lock.take() }
      }
      await settle(reactor)
      task.cancel()
      await task.value
      #expect(lock.isTaken)
      lock.giveBack()
      #expect(lock.tryTake())
    }
  }

  @Test("A task cancelled before it starts does not hang (scenario 10)", arguments: LockKind.allCases)
  func cancelledBeforeStart(_ kind: LockKind) throws {
    try inVirtualTime { reactor in
      let lock = kind.make(on: reactor)
      #expect(lock.tryTake())
      let task = reactor.spawn { try await lock.take() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(lock.waiterCount == 0)
    }
  }
}
