import Testing
import Toro

import class Toro.Semaphore

/// `withLock` and its kin.
@Suite("Scopes")
struct ScopeTests {
  struct Oops: Error {}

  enum Kind: CaseIterable { case lock, semaphore, bounded, read, write }

  /// A scope of this kind; with what somebody else holds, where asked; and whether it is held.
  private struct Subject: Sendable {
    let run: @Sendable (Deadline, () async throws -> Int) async throws -> Int
    let block: @Sendable () -> Void
    let unblock: @Sendable () -> Void
    let close: @Sendable () -> Void
    let isHeld: @Sendable () -> Bool
  }

  private func make(_ kind: Kind, on reactor: Reactor) -> Subject {
    switch kind {
    case .lock:
      let lock = Lock(name: "it", on: reactor)
      return Subject(
        run: { try await lock.withLock(deadline: $0, $1) }, block: { #expect(lock.tryAcquire()) },
        unblock: { lock.release() }, close: { lock.close() }, isHeld: { lock.isLocked })
    case .semaphore:
      let semaphore = Semaphore(3, name: "it", on: reactor)
      return Subject(
        run: { try await semaphore.withPermit(2, deadline: $0, $1) }, block: { #expect(semaphore.tryAcquire(3)) },
        unblock: { semaphore.release(3) }, close: { semaphore.close() }, isHeld: { semaphore.count < 3 })
    case .bounded:
      let semaphore = BoundedSemaphore(3, name: "it", on: reactor)
      return Subject(
        run: { try await semaphore.withPermit(2, deadline: $0, $1) }, block: { #expect(semaphore.tryAcquire(3)) },
        unblock: { #expect(throws: Never.self) { try semaphore.release(3) } }, close: { semaphore.close() },
        isHeld: { semaphore.count < 3 })
    case .read:
      let lock = ReadWriteLock(name: "it", on: reactor)
      return Subject(
        run: { try await lock.withReadLock(deadline: $0, $1) }, block: { #expect(lock.tryAcquireWrite()) },
        unblock: { lock.releaseWrite() }, close: { lock.close() }, isHeld: { lock.readers > 0 || lock.isWriteLocked })
    case .write:
      let lock = ReadWriteLock(name: "it", on: reactor)
      return Subject(
        run: { try await lock.withWriteLock(deadline: $0, $1) }, block: { #expect(lock.tryAcquireRead()) },
        unblock: { lock.releaseRead() }, close: { lock.close() }, isHeld: { lock.readers > 0 || lock.isWriteLocked })
    }
  }

  @Test(
    "A scope holds while its body runs, and releases when it returns, throws, or is cancelled", arguments: Kind.allCases
  )
  func releases(_ kind: Kind) throws {
    try inVirtualTime { reactor in
      let subject = make(kind, on: reactor)
      let result = try await subject.run(.after(.zero)) {
        #expect(subject.isHeld())
        await reactor.yield()
        return 42
      }
      #expect(result == 42 && !subject.isHeld())
      await #expect(throws: Oops.self) { try await subject.run(.never) { throw Oops() } }
      #expect(!subject.isHeld())
      let task = reactor.spawn {
        try await subject.run(.never) {
          try await reactor.sleep(until: .never)
          return 1
        }
      }
      await settle(reactor)
      #expect(subject.isHeld())
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(!subject.isHeld())
    }
  }

  @Test("A scope whose deadline passes throws TimeoutError, and its body does not run", arguments: Kind.allCases)
  func timesOut(_ kind: Kind) throws {
    try inVirtualTime { reactor in
      let subject = make(kind, on: reactor)
      subject.block()
      for deadline in [Deadline.after(.seconds(5)), .after(.zero)] {
        let error = await #expect(throws: TimeoutError.self) {
          try await subject.run(deadline) {
            Issue.record("the body ran")
            return 0
          }
        }
        #expect(error?.subject.hasSuffix("\"it\"") == true)
      }
      subject.unblock()
      #expect(!subject.isHeld())
    }
  }

  @Test(
    "A scope that is cancelled or closed while it waits throws so, and its body does not run", arguments: Kind.allCases)
  func ends(_ kind: Kind) throws {
    try inVirtualTime { reactor in
      let subject = make(kind, on: reactor)
      subject.block()
      let tasks = (0..<2).map { _ in
        reactor.spawn {
          try await subject.run(.never) {
            Issue.record("the body ran")
            return 0
          }
        }
      }
      await settle(reactor)
      tasks[0].cancel()
      subject.close()
      await #expect(throws: CancellationError.self) { try await tasks[0].value }
      await #expect(throws: ClosedError.self) { try await tasks[1].value }
      subject.unblock()
      #expect(!subject.isHeld())
    }
  }

  @Test("Only one body at a time, in order of arrival", arguments: [Kind.lock, .semaphore, .bounded, .write])
  func oneAtATime(_ kind: Kind) throws {
    try inVirtualTime { reactor in
      let subject = make(kind, on: reactor)
      let inside = Box(0)
      let log = Log<Int>()
      let tasks = (0..<20).map { index in
        reactor.spawn {
          try await subject.run(.never) {
            inside.value += 1
            #expect(inside.value == 1)
            try await reactor.sleep(until: .after(.milliseconds(3)))
            inside.value -= 1
            log.note(index)
            return index
          }
        }
      }
      for task in tasks { _ = try await task.value }
      #expect(log.entries == Array(0..<20))
    }
  }

  @Test("A write scope may downgrade: what it holds at its end is released")
  func downgradedScope() throws {
    try inVirtualTime { reactor in
      let lock = ReadWriteLock(on: reactor)
      try await lock.withWriteLock {
        lock.downgrade()
        #expect(lock.tryAcquireRead())
        lock.releaseRead()
        await reactor.yield()
      }
      #expect(lock.readers == 0 && !lock.isWriteLocked)
    }
  }
}
