import Testing
import Toro

import class Toro.Semaphore

@Suite("Semaphores")
struct SemaphoreTests {
  /// Several permits at once, in a form.
  private func acquire(
    _ scene: Scene, _ semaphore: BasicSemaphore, _ permits: Int, deadline: Deadline? = nil
  ) async -> Pending {
    await scene.begin(
      "\(permits)",
      {
        if let deadline { return try await semaphore.acquire(permits, deadline: deadline) }
        try await semaphore.acquire(permits)
        return true
      }, { semaphore.acquire(permits, deadline: deadline ?? .never, callback: $0) })
  }

  private func wait(_ scene: Scene, _ semaphore: BasicSemaphore, deadline: Deadline? = nil) async -> Pending {
    await scene.begin(
      "wait",
      {
        if let deadline { return try await semaphore.wait(deadline: deadline) }
        try await semaphore.wait()
        return true
      }, { semaphore.wait(deadline: deadline ?? .never, callback: $0) })
  }

  @Test("Who asks for few waits behind who asks for many; a try does too", arguments: Form.allCases)
  func manyBeforeFew(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(2, on: scene.reactor, deferred: form == .deferred)
      let many = await acquire(scene, semaphore, 5)
      let few = await acquire(scene, semaphore, 1)
      #expect(!semaphore.tryAcquire())
      #expect(semaphore.count == 2 && !semaphore.isLocked && semaphore.waiterCount == 2)
      semaphore.release(2)
      await scene.settle()
      #expect(many.outcome == nil && few.outcome == nil && semaphore.count == 4)
      semaphore.release(2)
      await scene.settle()
      #expect(many.outcome == .granted && few.outcome == .granted)
      #expect(semaphore.count == 0 && semaphore.isLocked)
      #expect(scene.log.entries == ["5 granted", "1 granted"])
    }
  }

  enum Leaving: CaseIterable { case timeOut, cancel }

  @Test(
    "When a large request at the head gives up, the small ones behind it proceed at once (scenario 9)",
    arguments: Form.allCases, Leaving.allCases)
  func headGivesUp(_ form: Form, _ leaving: Leaving) throws {
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(2, on: scene.reactor, deferred: form == .deferred)
      let many = await acquire(scene, semaphore, 5, deadline: .after(.seconds(60)))
      let small = [
        await acquire(scene, semaphore, 1), await acquire(scene, semaphore, 1), await acquire(scene, semaphore, 1),
      ]
      if leaving == .cancel { many.cancel() } else { try await scene.pass(.seconds(60)) }
      #expect(semaphore.count == 0 && semaphore.waiterCount == 1)
      await scene.settle()
      #expect(many.outcome == (leaving == .cancel ? .cancelled : .timedOut))
      #expect(small.map(\.outcome) == [.granted, .granted, nil])
    }
  }

  @Test("A release goes to the oldest waiters, as far as it reaches (scenario 17)", arguments: Form.allCases)
  func releaseMany(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(0, on: scene.reactor, deferred: form == .deferred)
      for permits in 1...4 { _ = await acquire(scene, semaphore, permits) }
      semaphore.release(7)
      await scene.settle()
      #expect(scene.log.entries == ["1 granted", "2 granted", "3 granted"])
      #expect(semaphore.count == 1 && semaphore.waiterCount == 1)
      semaphore.release(0)
      semaphore.release(3)
      await scene.settle()
      #expect(scene.log.entries.last == "4 granted")
      #expect(semaphore.count == 0)
    }
  }

  @Test(
    "A semaphore with two waiters: cancel the first and release, in either order, and no permit is lost (scenario 3)",
    arguments: Form.allCases, [false, true])
  func cancelAndRelease(_ form: Form, _ releasesFirst: Bool) throws {
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(0, on: scene.reactor, deferred: form == .deferred)
      let first = await acquire(scene, semaphore, 1)
      let second = await acquire(scene, semaphore, 1)
      if releasesFirst { semaphore.release() }
      first.cancel()
      if !releasesFirst { semaphore.release() }
      await scene.settle()
      #expect(first.outcome == (releasesFirst ? .granted : .cancelled))
      #expect(second.outcome == (releasesFirst ? nil : .granted))
      semaphore.release()
      await scene.settle()
      #expect(second.outcome == .granted)
      #expect(semaphore.count == (releasesFirst ? 0 : 1))
    }
  }

  @Test("wait is told of a free permit and takes none; it stands in line like the others", arguments: Form.allCases)
  func waitTakesNone(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(1, on: scene.reactor, deferred: form == .deferred)
      #expect(await wait(scene, semaphore).outcome == .granted)
      #expect(semaphore.count == 1)
      let two = await acquire(scene, semaphore, 2)
      let waiting = await wait(scene, semaphore)
      #expect(two.outcome == nil && waiting.outcome == nil)
      #expect(await wait(scene, semaphore, deadline: .after(.zero)).outcome == .timedOut)
      semaphore.release()
      await scene.settle()
      #expect(two.outcome == .granted && waiting.outcome == nil)
      semaphore.release()
      await scene.settle()
      #expect(waiting.outcome == .granted && semaphore.count == 1)
    }
  }

  @Test("A bounded semaphore refuses to go above its initial value, and changes nothing", arguments: Form.allCases)
  func bounded(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let semaphore = BoundedSemaphore(2, on: scene.reactor, deferred: form == .deferred)
      #expect(semaphore.bound == 2 && semaphore.count == 2)
      #expect(throws: OverReleaseError.self) { try semaphore.release() }
      #expect(semaphore.tryAcquire(2))
      let waiting = await acquire(scene, semaphore, 1)
      let error = #expect(throws: OverReleaseError.self) { try semaphore.release(3) }
      #expect(error?.bound == 2)
      #expect(throws: OverReleaseError.self) { try semaphore.release(Int.max) }
      #expect(semaphore.count == 0 && waiting.outcome == nil)
      try semaphore.release(2)
      await scene.settle()
      #expect(waiting.outcome == .granted && semaphore.count == 1)
      await #expect(throws: OverReleaseError.self) { try await semaphore.release(fromAnyThread: 2) }
      try await semaphore.release(fromAnyThread: 1)
      #expect(semaphore.count == 2)
    }
  }

  @Test("Permits may still be released to a closed semaphore, but not acquired")
  func closed() throws {
    let reactor = try Reactor(clock: .virtual)
    let semaphore = Semaphore(1, on: reactor)
    #expect(semaphore.tryAcquire())
    semaphore.close()
    semaphore.release()
    #expect(semaphore.count == 1 && !semaphore.tryAcquire() && semaphore.isClosed)
  }

  @Test("Semaphores describe themselves")
  func descriptions() throws {
    let reactor = try Reactor(clock: .virtual)
    let semaphore = Semaphore(0, name: "clients", on: reactor)
    semaphore.acquire { _ in }
    #expect("\(semaphore)" == "<Semaphore \"clients\" permits=0 waiters=1>")
    semaphore.close()
    #expect("\(semaphore)" == "<Semaphore \"clients\" permits=0 closed waiters=0>")
    #expect("\(BoundedSemaphore(3, on: reactor))" == "<BoundedSemaphore permits=3/3 waiters=0>")
  }
}
