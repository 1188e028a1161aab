import Testing
import Toro

import class Toro.Semaphore

/// What a person reads when something went wrong.
@Suite("Messages", .timeLimit(.minutes(10)))
struct MessageTests {
  private func inReactor(_ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    try reactor.run { try await body(reactor) }
  }

  @Test("Errors say whose they are")
  func subjects() throws {
    try inReactor { _ in
      let page = AsyncResult<Int>(name: "page")
      let notReady = #expect(throws: NotReadyError.self) { try page.value }
      #expect(notReady?.subject == #"AsyncResult "page""#)
      #expect(notReady?.description == #"not set yet: AsyncResult "page""#)
      try page.set(1)
      let alreadySet = #expect(throws: AlreadySetError.self) { try page.set(2) }
      #expect(alreadySet?.description == #"set before: AsyncResult "page""#)

      let clients = BoundedSemaphore(2, name: "clients")
      let overReleased = #expect(throws: OverReleaseError.self) { try clients.release() }
      #expect(overReleased?.subject == #"BoundedSemaphore "clients""#)
      #expect(
        overReleased?.description
          == #"BoundedSemaphore "clients".release(1): more permits would be free than there are (2)"#)

      let jobs = Queue<Int>(initial: [1, 2], name: "jobs")
      let capacity = #expect(throws: CapacityError.self) { try jobs.setCapacity(1) }
      #expect(capacity?.description == #"Queue "jobs".setCapacity(1): below the 2 items that are in it"#)
    }
  }

  @Test("A bounded semaphore calls itself one")
  func boundedSemaphore() throws {
    try inReactor { _ in
      #expect("\(BoundedSemaphore(1))" == "<BoundedSemaphore permits=1/1 waiters=0>")
      #expect("\(BoundedSemaphore(1, name: "clients"))" == #"<BoundedSemaphore "clients" permits=1/1 waiters=0>"#)
      #expect("\(Semaphore(1))" == "<Semaphore permits=1 waiters=0>")
    }
  }

  @Test("An outcome is printed by its name, with a value or without")
  func outcomes() {
    let outcomes: [WaitOutcome] = [.granted, .timedOut, .cancelled, .closed]
    #expect(outcomes.map { "\($0)" } == ["granted", "timedOut", "cancelled", "closed"])
    let results: [WaitResult<Int>] = [.granted(1), .timedOut, .cancelled, .closed]
    #expect(results.map { "\($0)" } == ["granted(1)", "timedOut", "cancelled", "closed"])
  }

  @Test("A wait in firstOf is listed with its choices, one in a barrier as the call that waits")
  func waits() throws {
    try inReactor { reactor in
      let stop = Event(name: "stop")
      let jobs = Queue<Int>(name: "jobs")
      let phase = Barrier(parties: 2, name: "phase")
      let chooser = reactor.spawn(name: "chooser") {
        try await firstOf(jobs.choice { $0 }, stop.choice { 0 })
      }
      let comer = reactor.spawn { try await phase.wait() }
      await reactor.yield()
      let waits = reactor.waits
      let choosing = try #require(waits.first { $0.call == "firstOf" })
      #expect(choosing.subject == #"Queue "jobs".get, Event "stop".wait"#)
      #expect(
        choosing.description.hasPrefix(
          #"firstOf(Queue "jobs".get, Event "stop".wait) by "chooser" at ToroTests/MessageTests.swift:"#))
      #expect(waits.contains { $0.description.hasPrefix(#"Barrier "phase".wait at "#) })
      stop.set()
      #expect(try await chooser.value == 0)
      comer.cancel()
      _ = await comer.result
    }
  }

  @Test("A Task.sleep on the reactor's clock is listed without a place, which it does not tell")
  func sleep() throws {
    try inReactor { reactor in
      let sleeper = reactor.spawn(name: "sleeper") {
        try await Task.sleep(for: .seconds(1), clock: reactor.clock)
      }
      await reactor.yield()
      let wait = try #require(reactor.waits.first)
      #expect(wait.file == nil)
      #expect(wait.line == nil)
      #expect(wait.since == reactor.now)
      #expect(wait.description == #"Reactor.sleep by "sleeper" for 0 µs until 1 s from now"#)
      try await sleeper.value
    }
  }

  @Test("What waits in withDeadline has the caller's name")
  func withDeadlineName() throws {
    try inReactor { reactor in
      let event = Event(name: "e")
      let caller = reactor.spawn(name: "caller") {
        try await withDeadline(.after(.seconds(1))) { try await event.wait() }
      }
      while event.waiterCount == 0 { await reactor.yield() }
      #expect(reactor.waits.contains { $0.subject == #"Event "e""# && $0.task == "caller" })
      event.set()
      try await caller.value
    }
  }

  @Test("A descriptor that is not open is told by its number", arguments: [-1, 999_999])
  func descriptor(_ number: Int32) throws {
    try inReactor { reactor in
      let error = await #expect(throws: SystemError.self) { try await reactor.readable(number) }
      #expect(error?.description == "poll: descriptor \(number): Bad file descriptor")
    }
  }
}
