import Testing
import Toro

@Suite("Results, barriers and gates")
struct ResultBarrierGateTests {
  struct Failed: Error, Equatable { var code = 7 }

  @Test("A result is set once; a second value or failure is refused, and changes nothing")
  func setOnce() throws {
    let reactor = try Reactor(clock: .virtual)
    let result = AsyncResult<Int>(on: reactor)
    #expect(!result.isReady)
    #expect(throws: NotReadyError.self) { try result.value }
    try result.set(1)
    #expect(result.isReady)
    #expect(throws: AlreadySetError.self) { try result.set(2) }
    #expect(throws: AlreadySetError.self) { try result.fail(Failed()) }
    #expect(try result.value == 1)
    let failed = AsyncResult<Int>(on: reactor)
    try failed.fail(Failed())
    #expect(failed.isReady)
    #expect(throws: Failed()) { try failed.value }
    #expect(throws: AlreadySetError.self) { try failed.set(2) }
  }

  @Test("A failure reaches every getter, in both forms")
  func failure() throws {
    try inVirtualTime { reactor in
      let result = AsyncResult<Int>(on: reactor)
      let getters = (0..<3).map { _ in reactor.spawn { try await result.get() } }
      let timed = reactor.spawn { try await result.get(deadline: .after(.seconds(1))) }
      let seen = Box<(any Error)?>(nil)
      result.get {
        if case .granted(.failure(let error)) = $0 { seen.value = error }
      }
      await settle(reactor)
      #expect(result.waiterCount == 5)
      try result.fail(Failed())
      #expect(seen.value as? Failed == Failed())
      for getter in getters { await #expect(throws: Failed()) { try await getter.value } }
      await #expect(throws: Failed()) { try await timed.value }
      await #expect(throws: Failed()) { try await result.get() }
      await #expect(throws: Failed()) { try await result.get(deadline: .after(.zero)) }
    }
  }

  @Test("A result closed unset refuses values; what was set before can still be got")
  func closedResult() throws {
    try inVirtualTime { reactor in
      let unset = AsyncResult<Int>(on: reactor)
      unset.close()
      #expect(throws: ClosedError.self) { try unset.set(1) }
      #expect(throws: ClosedError.self) { try unset.value }
      #expect(unset.isClosed && !unset.isReady)
      let set = AsyncResult<Int>(name: "page", on: reactor)
      try set.set(1)
      set.close()
      #expect(try set.value == 1)
      #expect(try await set.get() == 1)
      #expect("\(set)" == "<AsyncResult \"page\" ready closed waiters=0>")
      try await AsyncResult<Int>(on: reactor).set(fromAnyThread: 3)
    }
  }

  private func arrive(_ scene: Scene, _ barrier: Barrier, _ label: String, deadline: Deadline? = nil) async -> Pending {
    await scene.begin(
      label,
      {
        if let deadline { return try await barrier.wait(deadline: deadline) != nil }
        _ = try await barrier.wait()
        return true
      }, { barrier.wait(deadline: deadline ?? .never, callback: $0) })
  }

  @Test("A barrier lets go when so many have come, and starts over", arguments: Form.allCases)
  func barrier(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let barrier = Barrier(parties: 3, on: scene.reactor, deferred: form == .deferred)
      for round in 1...3 {
        _ = await arrive(scene, barrier, "a")
        _ = await arrive(scene, barrier, "b", deadline: .after(.seconds(9)))
        #expect(scene.log.entries == [] && barrier.waiterCount == 2, "round \(round)")
        _ = await arrive(scene, barrier, "c", deadline: .after(.zero))
        // The last to come does not wait. A callback of its own is told after those it let go.
        if form == .task {
          #expect(Set(scene.log.take()) == ["a granted", "b granted", "c granted"])
        } else {
          #expect(scene.log.take() == ["a granted", "b granted", "c granted"])
        }
      }
    }
  }

  @Test("Who gives up has not come to the barrier", arguments: Form.allCases)
  func barrierLeft(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let barrier = Barrier(parties: 2, on: scene.reactor, deferred: form == .deferred)
      let impatient = await arrive(scene, barrier, "impatient", deadline: .after(.seconds(1)))
      try await scene.pass(.seconds(1))
      #expect(impatient.outcome == .timedOut)
      let cancelled = await arrive(scene, barrier, "cancelled")
      cancelled.cancel()
      #expect(await arrive(scene, barrier, "late", deadline: .after(.zero)).outcome == .timedOut)
      let first = await arrive(scene, barrier, "first")
      #expect(first.outcome == nil)
      let second = await arrive(scene, barrier, "second")
      await scene.settle()
      #expect(first.outcome == .granted && second.outcome == .granted && cancelled.outcome == .cancelled)
      let closed = await arrive(scene, barrier, "closed")
      barrier.close()
      await scene.settle()
      #expect(closed.outcome == .closed && barrier.isClosed)
      #expect(await arrive(scene, barrier, "closed").outcome == .closed)
    }
  }

  @Test("One of a barrier's parties is told that it was the last to come")
  func barrierLast() throws {
    try inVirtualTime { reactor in
      let barrier = Barrier(parties: 3, name: "phase", on: reactor)
      let parties = (0..<3).map { _ in reactor.spawn { try await barrier.wait() } }
      var last: [Bool] = []
      for party in parties { last.append(try await party.value) }
      #expect(last == [false, false, true])
      #expect(try await Barrier(parties: 1, on: reactor).wait())
      #expect(try await barrier.wait(deadline: .after(.zero)) == nil)
      #expect("\(barrier)" == "<Barrier \"phase\" parties=3 waiters=0>" && barrier.parties == 3)
    }
  }

  @Test("A gate counts who is in it, lets nobody in once it is closed, and is joined when the last has left")
  func gate() throws {
    try inVirtualTime { reactor in
      let gate = Gate(name: "clients", on: reactor)
      try gate.enter()
      #expect(gate.tryEnter() && gate.count == 2)
      let inside = reactor.spawn { try await gate.withGate { try await reactor.sleep(until: .after(.seconds(5))) } }
      await settle(reactor)
      #expect(gate.count == 3)
      gate.close()
      #expect(throws: ClosedError.self) { try gate.enter() }
      #expect(!gate.tryEnter() && gate.isClosed && gate.count == 3)
      await #expect(throws: ClosedError.self) { try await gate.withGate { Issue.record("inside a closed gate") } }
      gate.leave()
      gate.leave()
      #expect(try await gate.join(deadline: .after(.seconds(1))) == false)
      let start = reactor.now
      try await gate.join()
      #expect(start.duration(to: reactor.now) == .seconds(4))
      try await inside.value
      #expect("\(gate)" == "<Gate \"clients\" count=0 closed waiters=0>")
    }
  }
}
