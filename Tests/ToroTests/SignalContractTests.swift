import Testing
import Toro

/// What holds for everything whose waits end together, in each form.
@Suite("Every wait for a signal")
struct SignalContractTests {
  @Test("A signal wakes all who wait, in order (scenario 17)", arguments: SignalCase.all)
  func wakesAllInOrder(_ test: SignalCase) throws {
    try test.play { scene, signal in
      for label in 1...20 { _ = await scene.wait(signal, "\(label)", deadline: label % 2 == 0 ? .never : nil) }
      #expect(signal.waiterCount == 20)
      #expect(scene.log.entries == [])
      signal.signal()
      #expect(signal.waiterCount == 0)
      await scene.settle()
      #expect(scene.log.entries == (1...20).map { "\($0) granted" })
    }
  }

  @Test(
    "Who comes after the signal goes on at once where it stays, and waits where it does not", arguments: SignalCase.all)
  func afterTheSignal(_ test: SignalCase) throws {
    try test.play { scene, signal in
      signal.signal()
      for deadline in [.never] + Deadline.passed {
        let wait = await scene.wait(signal, deadline: deadline)
        #expect(wait.outcome == (test.kind.stays ? .granted : deadline == .never ? nil : .timedOut))
        wait.cancel()
      }
    }
  }

  @Test("A wait ends at its deadline and is gone", arguments: SignalCase.all)
  func timesOut(_ test: SignalCase) throws {
    try test.play { scene, signal in
      let start = scene.reactor.now
      let patient = await scene.wait(signal, "patient", deadline: .after(.seconds(7200)))
      let hasty = await scene.wait(signal, "hasty", deadline: .after(.seconds(3600)))
      try await scene.reactor.sleep(until: .at(start.advanced(by: .nanoseconds(3_599_999_999_999))))
      await scene.settle()
      #expect(hasty.outcome == nil)
      try await scene.reactor.sleep(until: .after(.nanoseconds(1)))
      await scene.settle()
      #expect(hasty.outcome == .timedOut)
      #expect(signal.waiterCount == 1)
      signal.signal()
      await scene.settle()
      #expect(patient.outcome == .granted)
    }
  }

  @Test(
    "A deadline that has passed times out on the next turn, without queueing (scenario 20)", arguments: SignalCase.all)
  func passedDeadline(_ test: SignalCase) throws {
    try test.play { scene, signal in
      for deadline in Deadline.passed {
        let start = scene.reactor.now
        #expect(await scene.wait(signal, deadline: deadline).outcome == .timedOut)
        #expect(signal.waiterCount == 0 && scene.reactor.now == start)
      }
    }
  }

  @Test("Huge and infinite deadlines neither overflow nor pass (scenario 20)", arguments: SignalCase.all)
  func unreachableDeadline(_ test: SignalCase) throws {
    try test.play { scene, signal in
      var waits: [Pending] = []
      for deadline in Deadline.unreachable { waits.append(await scene.wait(signal, deadline: deadline)) }
      try await scene.pass(.seconds(86_400 * 365 * 100))
      #expect(waits.allSatisfy { $0.outcome == nil })
      signal.signal()
      await scene.settle()
      #expect(waits.allSatisfy { $0.outcome == .granted })
    }
  }

  @Test(
    "A cancelled wait is gone; one cancelled after the signal was granted (scenarios 6, 7)", arguments: SignalCase.all)
  func cancelling(_ test: SignalCase) throws {
    try test.play { scene, signal in
      let before = await scene.wait(signal, "before")
      let after = await scene.wait(signal, "after")
      before.cancel()
      #expect(signal.waiterCount == 1)
      signal.signal()
      after.cancel()
      await scene.settle()
      #expect(before.outcome == .cancelled && before.tellings == 1)
      #expect(after.outcome == .granted && after.tellings == 1)
    }
  }

  @Test(
    "Closing ends every waiter once, save the joins of gates and queues, which go on (scenario 13)",
    arguments: SignalCase.all)
  func closing(_ test: SignalCase) throws {
    try test.play { scene, signal in
      var waits: [Pending] = []
      for _ in 0..<5 { waits.append(await scene.wait(signal, deadline: .after(.seconds(3600)))) }
      signal.close()
      await scene.settle()
      if test.kind.closeEndsWaits {
        #expect(waits.allSatisfy { $0.outcome == .closed && $0.tellings == 1 })
        #expect(await scene.wait(signal).outcome == .closed)
        #expect(await scene.wait(signal, deadline: .after(.zero)).outcome == .closed)
      } else {
        #expect(waits.allSatisfy { $0.outcome == nil })
        signal.signal()
        await scene.settle()
        #expect(waits.allSatisfy { $0.outcome == .granted && $0.tellings == 1 })
      }
    }
  }

  @Test("Signalled, then its deadline passes before it runs: one outcome (scenario 21)", arguments: SignalCase.all)
  func signalledThenDue(_ test: SignalCase) throws {
    try test.play { scene, signal in
      let wait = await scene.wait(signal, deadline: .after(.seconds(1)))
      signal.signal()
      scene.reactor.advance(by: .seconds(10))
      try await scene.pass(.seconds(10))
      #expect(wait.outcome == .granted && wait.tellings == 1)
    }
  }

  @Test("1,000 satisfied waits with hour-long deadlines leave nothing behind (scenario 18)", arguments: SignalCase.all)
  func satisfiedWaitsLeaveNothing(_ test: SignalCase) throws {
    let (kind, form) = (test.kind, test.form)
    let reactor = try Reactor(clock: .virtual)
    let signal = kind.make(on: reactor, deferred: form == .deferred)
    let start = reactor.now
    try reactor.run {
      let scene = Scene(reactor, form)
      var waits: [Pending] = []
      for _ in 0..<1000 { waits.append(await scene.wait(signal, deadline: .after(.seconds(3600)))) }
      signal.signal()
      await scene.settle()
      #expect(waits.allSatisfy { $0.outcome == .granted })
    }
    try reactor.run()
    #expect(reactor.now == start)
    #expect(reactor.description == "<Reactor ready=0 tasks=0 timed=0 waits=0>")
  }

  @Test("A wait in a cancelled task throws and leaves no waiter (scenario 10)", arguments: SignalKind.allCases)
  func cancelledBefore(_ kind: SignalKind) throws {
    try inVirtualTime { reactor in
      let signal = kind.make(on: reactor)
      let task = reactor.spawn {
        #expect(await outcome { try await signal.attend(deadline: .after(.seconds(1))) } == .cancelled)
        #expect(await outcome { try await signal.attend(deadline: .after(.zero)) } == .cancelled)
        await #expect(throws: CancellationError.self) { try await signal.attend() }
        #expect(signal.waiterCount == 0)
        signal.signal()
        if kind.stays { try await signal.attend() }
      }
      task.cancel()
      try await task.value
    }
  }
}
