import Testing
import Toro

@Suite("Conditions and events")
struct ConditionEventTests {
  private func waiters(_ scene: Scene, _ condition: Condition, _ count: Int) async -> [Pending] {
    var waits: [Pending] = []
    for index in 0..<count { waits.append(await scene.wait(condition, "\(index)")) }
    return waits
  }

  @Test("notify(n) wakes the n who have waited longest (scenario 17)", arguments: Form.allCases)
  func notifyCount(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let condition = Condition(on: scene.reactor, deferred: form == .deferred)
      _ = await waiters(scene, condition, 6)
      condition.notify(0)
      condition.notify()
      await scene.settle()
      #expect(scene.log.take() == ["0 granted"])
      condition.notify(3)
      await scene.settle()
      #expect(scene.log.take() == ["1 granted", "2 granted", "3 granted"])
      condition.notify(100)
      await scene.settle()
      #expect(scene.log.take() == ["4 granted", "5 granted"])
      condition.notify()
      #expect(condition.waiterCount == 0)
    }
  }

  @Test(
    "notify and cancel of the first waiter, in either order: never both asleep though notified (scenario 7)",
    arguments: Form.allCases, [false, true])
  func notifyAndCancel(_ form: Form, _ notifiesFirst: Bool) throws {
    try inVirtualTime(form) { scene in
      let condition = Condition(on: scene.reactor, deferred: form == .deferred)
      let waits = await waiters(scene, condition, 2)
      if notifiesFirst { condition.notify() }
      waits[0].cancel()
      if !notifiesFirst { condition.notify() }
      await scene.settle()
      #expect(waits.map(\.outcome) == (notifiesFirst ? [.granted, nil] : [.cancelled, .granted]))
      condition.notify()
    }
  }

  @Test("A notifyAll, then a notify: the later waiter gets the second (scenario 15)", arguments: Form.allCases)
  func allThenOne(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let condition = Condition(on: scene.reactor, deferred: form == .deferred)
      let early = await waiters(scene, condition, 3)
      condition.notifyAll()
      let latest = await scene.wait(condition, "late")
      condition.notify()
      await scene.settle()
      #expect(early.allSatisfy { $0.outcome == .granted })
      #expect(latest.outcome == .granted)
    }
  }

  @Test("A callback that waits again is not woken twice by one notifyAll (scenario 15)", arguments: [false, true])
  func waitsAgain(_ deferred: Bool) throws {
    let reactor = try Reactor(clock: .virtual)
    let condition = Condition(on: reactor, deferred: deferred)
    let log = Log<String>()
    for label in ["a", "b"] {
      condition.wait { _ in
        log.note(label)
        condition.wait { _ in log.note("\(label) again") }
      }
    }
    condition.notifyAll()
    try reactor.run { await reactor.yield() }
    #expect(log.take() == ["a", "b"])
    #expect(condition.waiterCount == 2)
    condition.notify()
    condition.notify()
    try reactor.run { await reactor.yield() }
    #expect(log.take() == ["a again", "b again"])
  }

  @Test("A task that waits again is not woken twice by one notifyAll (scenario 15)")
  func taskWaitsAgain() throws {
    try inVirtualTime { reactor in
      let condition = Condition(on: reactor)
      let rounds = Box(0)
      let task = reactor.spawn {
        while true {
          try await condition.wait()
          rounds.value += 1
        }
      }
      for round in 1...5 {
        await settle(reactor)
        condition.notifyAll()
        await settle(reactor)
        #expect(rounds.value == round)
      }
      task.cancel()
    }
  }

  @Test("A notification that finds nobody is lost")
  func notKept() throws {
    let reactor = try Reactor(clock: .virtual)
    let condition = Condition(on: reactor)
    condition.notify()
    condition.notifyAll()
    let outcome = Box<WaitOutcome?>(nil)
    condition.wait(deadline: .after(.seconds(1))) { outcome.value = $0 }
    try reactor.run()
    #expect(outcome.value == .timedOut)
  }

  @Test("wait(until:) looks first, then after each notification, and once more at the deadline")
  func predicates() throws {
    try inVirtualTime { reactor in
      let condition = Condition(on: reactor)
      let level = Box(0)
      #expect(try await condition.wait(until: { level.value == 0 }))
      #expect(try await condition.wait(deadline: .after(.zero)) { level.value == 0 })
      #expect(try await condition.wait(deadline: .after(.zero)) { level.value == 1 } == false)
      let task = reactor.spawn { try await condition.wait(deadline: .after(.seconds(10))) { level.value >= 3 } }
      for _ in 0..<3 {
        await settle(reactor)
        #expect(condition.waiterCount == 1)
        level.value += 1
        condition.notify()
      }
      #expect(try await task.value)
      let start = reactor.now
      let late = reactor.spawn { try await condition.wait(deadline: .after(.seconds(10))) { level.value >= 9 } }
      for _ in 0..<3 {
        try await reactor.sleep(until: .after(.seconds(3)))
        condition.notifyAll()
      }
      #expect(try await late.value == false)
      #expect(start.duration(to: reactor.now) == .seconds(10))
      struct Unhappy: Error {}
      await #expect(throws: Unhappy.self) { try await condition.wait(until: { throw Unhappy() }) }
    }
  }

  @Test(
    "Setting an event wakes all who wait, even if it is cleared before they run (scenario 25)", arguments: Form.allCases
  )
  func setThenClear(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let event = Event(on: scene.reactor, deferred: form == .deferred)
      var waits: [Pending] = []
      for _ in 0..<3 { waits.append(await scene.wait(event)) }
      event.set()
      #expect(event.isSet)
      event.clear()
      #expect(!event.isSet)
      let later = await scene.wait(event)
      await scene.settle()
      #expect(waits.allSatisfy { $0.outcome == .granted })
      #expect(later.outcome == nil)
      event.set()
      event.set()
      await scene.settle()
      #expect(later.outcome == .granted && later.tellings == 1)
    }
  }

  @Test("Clearing an event inside its first waiter does not strand the others (scenario 25)", arguments: [false, true])
  func clearedInside(_ deferred: Bool) throws {
    let reactor = try Reactor(clock: .virtual)
    let event = Event(on: reactor, deferred: deferred)
    let log = Log<String>()
    event.wait { _ in
      log.note("first")
      event.clear()
      event.wait { _ in log.note("late") }
    }
    event.wait { _ in log.note("second") }
    event.set()
    try reactor.run { await reactor.yield() }
    #expect(log.take() == ["first", "second"])
    event.set()
    try reactor.run { await reactor.yield() }
    #expect(log.take() == ["late"])
  }

  @Test("Late arrivals at an event that is being set keep their order (scenario 25)")
  func lateArrivals() throws {
    let reactor = try Reactor(clock: .virtual)
    let event = Event(on: reactor)
    let log = Log<String>()
    for label in ["a", "b"] {
      event.wait { _ in
        log.note(label)
        event.wait { _ in log.note("late \(label)") }
      }
    }
    event.set()
    #expect(log.take() == ["a", "b", "late a", "late b"])
  }

  @Test("Conditions and events describe themselves")
  func descriptions() throws {
    let reactor = try Reactor(clock: .virtual)
    let condition = Condition(name: "ready", on: reactor)
    condition.wait { _ in }
    #expect("\(condition)" == "<Condition \"ready\" waiters=1>")
    condition.close()
    #expect("\(condition)" == "<Condition \"ready\" closed waiters=0>" && condition.isClosed)
    let event = Event(name: "loaded", on: reactor)
    #expect("\(event)" == "<Event \"loaded\" clear waiters=0>")
    event.set()
    event.close()
    #expect("\(event)" == "<Event \"loaded\" set closed waiters=0>" && event.isClosed)
  }
}
