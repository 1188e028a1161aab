import Testing
import Toro

@Suite("Reader-writer locks")
struct ReadWriteLockTests {
  private func read(_ scene: Scene, _ lock: ReadWriteLock, _ label: String, deadline: Deadline? = nil) async -> Pending
  {
    await scene.begin(
      label,
      {
        if let deadline { return try await lock.acquireRead(deadline: deadline) }
        try await lock.acquireRead()
        return true
      }, { lock.acquireRead(deadline: deadline ?? .never, callback: $0) })
  }

  private func write(_ scene: Scene, _ lock: ReadWriteLock, _ label: String, deadline: Deadline? = nil) async -> Pending
  {
    await scene.begin(
      label,
      {
        if let deadline { return try await lock.acquireWrite(deadline: deadline) }
        try await lock.acquireWrite()
        return true
      }, { lock.acquireWrite(deadline: deadline ?? .never, callback: $0) })
  }

  @Test("Readers share, a writer is alone", arguments: Form.allCases)
  func sharing(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let lock = ReadWriteLock(on: scene.reactor, deferred: form == .deferred)
      #expect(await read(scene, lock, "r1").outcome == .granted)
      #expect(await read(scene, lock, "r2", deadline: .after(.zero)).outcome == .granted)
      #expect(lock.tryAcquireRead() && lock.readers == 3 && !lock.isWriteLocked)
      #expect(!lock.tryAcquireWrite())
      #expect(await write(scene, lock, "w", deadline: .after(.zero)).outcome == .timedOut)
      for _ in 0..<3 { lock.releaseRead() }
      #expect(await write(scene, lock, "w").outcome == .granted)
      #expect(lock.isWriteLocked && lock.readers == 0)
      #expect(!lock.tryAcquireRead() && !lock.tryAcquireWrite())
      lock.releaseWrite()
      #expect(lock.tryAcquireWrite())
    }
  }

  @Test("Neither readers nor writers starve: who comes later waits behind", arguments: Form.allCases)
  func fairness(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let lock = ReadWriteLock(on: scene.reactor, deferred: form == .deferred)
      #expect(lock.tryAcquireRead())
      _ = await write(scene, lock, "w1")
      _ = await read(scene, lock, "r1")
      _ = await read(scene, lock, "r2")
      _ = await write(scene, lock, "w2")
      _ = await read(scene, lock, "r3")
      #expect(!lock.tryAcquireRead())
      #expect(lock.waiterCount == 5)
      lock.releaseRead()
      await scene.settle()
      #expect(scene.log.take() == ["w1 granted"])
      lock.releaseWrite()
      await scene.settle()
      #expect(scene.log.take() == ["r1 granted", "r2 granted"])
      #expect(lock.readers == 2)
      lock.releaseRead()
      lock.releaseRead()
      await scene.settle()
      #expect(scene.log.take() == ["w2 granted"])
      lock.releaseWrite()
      await scene.settle()
      #expect(scene.log.take() == ["r3 granted"])
    }
  }

  @Test(
    "A reader holds, a writer times out, the reader leaves: the lock is whole again (scenario 12)",
    arguments: Form.allCases)
  func wholeAgain(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let lock = ReadWriteLock(on: scene.reactor, deferred: form == .deferred)
      #expect(lock.tryAcquireRead())
      let writer = await write(scene, lock, "w", deadline: .after(.seconds(1)))
      let reader = await read(scene, lock, "r")
      #expect(reader.outcome == nil)
      try await scene.pass(.seconds(1))
      #expect(writer.outcome == .timedOut)
      // The writer was in the way.
      #expect(reader.outcome == .granted && lock.readers == 2)
      lock.releaseRead()
      lock.releaseRead()
      #expect(lock.tryAcquireWrite())
      lock.releaseWrite()
      #expect(lock.readers == 0 && !lock.isWriteLocked && lock.waiterCount == 0)
    }
  }

  @Test("A writer that is cancelled lets the readers behind it pass", arguments: Form.allCases)
  func cancelledWriter(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let lock = ReadWriteLock(on: scene.reactor, deferred: form == .deferred)
      #expect(lock.tryAcquireRead())
      let writer = await write(scene, lock, "w1")
      _ = await read(scene, lock, "r1")
      _ = await write(scene, lock, "w2")
      _ = await read(scene, lock, "r2")
      writer.cancel()
      #expect(lock.readers == 2 && lock.waiterCount == 2)
      await scene.settle()
      #expect(scene.log.entries == ["w1 cancelled", "r1 granted"])
    }
  }

  @Test("A downgrade keeps a reader's hold and lets the readers at the head join it", arguments: Form.allCases)
  func downgrading(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let lock = ReadWriteLock(on: scene.reactor, deferred: form == .deferred)
      #expect(lock.tryAcquireWrite())
      _ = await read(scene, lock, "r1")
      _ = await read(scene, lock, "r2")
      _ = await write(scene, lock, "w")
      _ = await read(scene, lock, "r3")
      lock.downgrade()
      #expect(lock.readers == 3 && !lock.isWriteLocked && lock.waiterCount == 2)
      await scene.settle()
      #expect(scene.log.entries == ["r1 granted", "r2 granted"])
      for _ in 0..<3 { lock.releaseRead() }
      await scene.settle()
      #expect(scene.log.entries.last == "w granted")
    }
  }

  @Test("Closing ends readers and writers that wait; the holder may still release", arguments: Form.allCases)
  func closing(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let lock = ReadWriteLock(on: scene.reactor, deferred: form == .deferred)
      #expect(lock.tryAcquireWrite())
      let waits = [await read(scene, lock, "r"), await write(scene, lock, "w"), await read(scene, lock, "r")]
      lock.close()
      await scene.settle()
      #expect(waits.allSatisfy { $0.outcome == .closed && $0.tellings == 1 })
      lock.releaseWrite()
      #expect(!lock.isWriteLocked && !lock.tryAcquireRead() && !lock.tryAcquireWrite())
      #expect(await read(scene, lock, "r").outcome == .closed)
    }
  }

  @Test("Reader-writer locks describe themselves")
  func descriptions() throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = ReadWriteLock(name: "table", on: reactor)
    #expect("\(lock)" == "<ReadWriteLock \"table\" unlocked waiters=0>")
    #expect(lock.tryAcquireRead())
    lock.acquireWrite { _ in }
    #expect("\(lock)" == "<ReadWriteLock \"table\" readers=1 waiters=1>")
    lock.releaseRead()
    #expect("\(lock)" == "<ReadWriteLock \"table\" written waiters=0>")
    lock.close()
    #expect("\(lock)" == "<ReadWriteLock \"table\" written closed waiters=0>")
  }
}
