import Synchronization
import Testing
import Toro

/// Ways that programs go now and then, and that no test of a primitive's rules takes.
@Suite("What is seldom done")
struct SeldomTests {
  private struct Failure: Error {}

  /// Runs `body` on a thread of the runtime's while `reactor` waits for it.
  private func elsewhere(_ reactor: Reactor, _ body: @escaping @Sendable () async throws -> Void) -> Task<
    Void, any Error
  > {
    reactor.hold()  // virtual time would jump past it
    return Task.detached {
      defer { reactor.unhold() }
      try await body()
    }
  }

  @Test("A result that fails on another thread fails those who wait")
  func failElsewhere() async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let result = AsyncResult<Int>(on: reactor)
      let other = elsewhere(reactor) { try await result.fail(fromAnyThread: Failure()) }
      await #expect(throws: Failure.self) { _ = try await result.get() }
      try await other.value
    }
  }

  @Test("Who comes to a barrier from another thread is one of its parties")
  func barrierElsewhere() async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let barrier = Barrier(parties: 2, on: reactor)
      let last = Mutex(0)
      let other = elsewhere(reactor) {
        if try await barrier.wait() { last.withLock { $0 += 1 } }
      }
      if try await barrier.wait() { last.withLock { $0 += 1 } }
      try await other.value
      #expect(last.withLock { $0 } == 1 && barrier.waiterCount == 0)
    }
  }

  @Test("firstOf may be awaited on another thread")
  func firstOfElsewhere() async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let event = Event(on: reactor)
      let queue = Queue<Int>(on: reactor)
      let other = elsewhere(reactor) {
        let chosen = try await firstOf(queue.choice { $0 }, event.choice { 0 })
        #expect(chosen == 7)
      }
      try await reactor.sleep(for: .zero)
      try await queue.put(7)
      try await other.value
    }
  }

  @Test("A condition is notified from another thread")
  func notifyElsewhere() async throws {
    try await inVirtualTimeOnOwnThread { reactor in
      let condition = Condition(on: reactor)
      reactor.hold()
      let waiter = reactor.spawn { try await condition.wait(deadline: .never) }
      await reactor.yield()
      let other = Task.detached {
        condition.notify(1)
        reactor.unhold()
      }
      let isNotified = try await waiter.value
      #expect(isNotified)
      await other.value
    }
  }

  @Test("firstOf refuses at once where a choice is closed and no other is ready")
  func closedChoice() throws {
    try inVirtualTime { reactor in
      let lock = Lock(on: reactor)
      let event = Event(on: reactor)
      lock.close()
      let log = Log<WaitOutcome>()
      firstOf(lock.choice { 1 }, event.choice { 2 }) { log.note($0.outcome) }
      #expect(log.take() == [.closed])
      await #expect(throws: ClosedError.self) { _ = try await firstOf(event.choice { 2 }, lock.choice { 1 }) }
      event.set()
      let chosen = try await firstOf(lock.choice { 1 }, event.choice { 2 })
      #expect(chosen == 2)
    }
  }

  @Test("A reactor that closes ends a firstOf once, whichever of its waits comes first, and begins none")
  func firstOfAtClose() throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = Lock(on: reactor)
    #expect(lock.tryAcquire())
    let log = Log<WaitOutcome>()
    // Slots are used again, the last that was given back first: so the group's own wait gets one below its member's.
    let used = (0..<2).map { _ in lock.acquire { _ in } }
    for wait in used { wait.cancel() }
    firstOf(lock.choice { 1 }) { log.note($0.outcome) }
    reactor.close()
    #expect(log.take() == [.closed])
    firstOf(lock.choice { 1 }) { log.note($0.outcome) }
    #expect(log.take() == [.closed])
  }

  @Test("A lock's description has its state, and who was handed it while that is noted")
  func lockDescription() throws {
    try inVirtualTime { reactor in
      let lock = Lock(name: "cache", on: reactor)
      #expect(lock.description == #"<Lock "cache" unlocked waiters=0>"#)
      #expect(lock.tryAcquire())
      #expect(lock.description == #"<Lock "cache" locked waiters=0>"#)
      reactor.notesHolders = true
      let unrecorded = Task(name: "other", executorPreference: reactor.taskExecutor) { try await lock.acquire() }
      await settle(reactor)
      #expect(reactor.waits.first?.task == "other")
      lock.release()
      #expect(lock.description.hasPrefix(#"<Lock "cache" locked by "other" at "#))
      lock.close()
      #expect(lock.description.hasSuffix("closed waiters=0>"))
      try await unrecorded.value
    }
  }

  @Test("An iterator may be asked for one item at a time")
  func iterator() throws {
    try inVirtualTime { reactor in
      let queue = Queue(initial: [1], on: reactor)
      var iterator = queue.makeAsyncIterator()
      let item = try await iterator.next()
      #expect(item == 1)
      reactor.execute { queue.close() }
      let end = try await iterator.next()
      #expect(end == nil)
    }
  }

  @Test("A deadline that has been resolved is the same moment again")
  func resolvedDeadline() throws {
    let reactor = try Reactor(clock: .virtual)
    #expect(Deadline(due: .max) == .never)
    #expect(Deadline(due: 5) == .at(.init(nanoseconds: 5)))
    #expect(reactor.resolve(Deadline(due: 5)) == 5)
    reactor.close()
  }

  @Test("A call of the system that gives no reason is named all the same")
  func systemErrorWithoutReason() {
    #expect(SystemError("event_new", errno: 0).description == "event_new failed")
  }

  @Test("A put in C's form whose deadline has passed is told so on the next turn")
  func functionPut() throws {
    let reactor = try Reactor(clock: .virtual)
    let core = QueueCore<FifoStorage<ForeignPointer>>(
      capacity: 0, initial: [ForeignPointer](), name: nil, on: reactor, deferred: false)
    let told: @convention(c) (Int32, UnsafeMutableRawPointer?) -> Void = { outcome, argument in
      argument?.storeBytes(of: outcome, as: Int32.self)
    }
    var outcome: Int32 = -1
    try withUnsafeMutableBytes(of: &outcome) { outcome in
      #expect(
        core.put(
          ForeignPointer(nil), until: .min, telling: unsafeBitCast(told, to: UnsafeRawPointer.self),
          outcome.baseAddress,
          id: nil))
      #expect(outcome.load(as: Int32.self) == -1)
      _ = try reactor.runOnce(blocking: false)
    }
    #expect(outcome == Int32(WaitOutcome.timedOut.rawValue))
    core.abandon()
    reactor.close()
  }

  @Test("A notice lets go who waits for another library's callback, and none after it is closed")
  func notice() throws {
    try inVirtualTime { reactor in
      let notice = Notice(on: reactor, #"Connection "a""#, "read")
      func wait() -> Task<Bool, any Error> {
        reactor.spawn { try await notice.wait(.wait, until: .max, WaitSite(#fileID, #line)) }
      }
      let first = wait()
      await settle(reactor)
      #expect(reactor.waits.first.map { "\($0)" }?.contains(#"Connection "a".read"#) == true)
      notice.give()
      let isGiven = try await first.value
      #expect(isGiven)
      let second = wait()
      await settle(reactor)
      notice.close()
      await #expect(throws: ClosedError.self) { _ = try await second.value }
      await #expect(throws: ClosedError.self) { _ = try await wait().value }
    }
  }
}
