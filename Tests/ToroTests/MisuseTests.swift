import Foundation
import Testing
import Toro

import class Toro.Semaphore

/// What is a programmer's error stops the program, with a message that says what and where.
///
/// Each test runs its body in a process of its own.
@Suite("Misuse stops with a message")
struct MisuseTests {
  /// How the message begins where the place of the call is known.
  private let here = "ToroTests/MisuseTests.swift:"

  private func expect(_ result: ExitTest.Result?, says words: String..., at location: SourceLocation = #_sourceLocation)
  {
    guard let result else { return }
    let text = String(decoding: result.standardErrorContent, as: UTF8.self)
    for word in words {
      #expect(text.contains(word), "the message was: \(text.prefix(300))", sourceLocation: location)
    }
  }

  @Test("Releasing a lock that is not locked")
  func lock() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        Lock(name: "cache", on: try Reactor()).release()
      }, says: here, "Lock \"cache\".release(): the lock is not locked")
  }

  @Test("Releasing a lock twice, though a waiter had it in between")
  func lockTwice() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let lock = Lock(on: try Reactor())
        _ = lock.tryAcquire()
        lock.acquire { _ in }
        lock.release()
        lock.release()
        lock.release()
      }, says: here, "not locked")
  }

  @Test("Releasing a reader's hold that nobody has")
  func reader() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let lock = ReadWriteLock(name: "table", on: try Reactor())
        _ = lock.tryAcquireWrite()
        lock.releaseRead()
      }, says: here, "ReadWriteLock \"table\".releaseRead(): no reader holds the lock")
  }

  @Test("Releasing a writer's hold that nobody has")
  func writer() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let lock = ReadWriteLock(on: try Reactor())
        _ = lock.tryAcquireRead()
        lock.releaseWrite()
      }, says: here, "releaseWrite(): no writer holds the lock")
  }

  @Test("Downgrading what is not held to write")
  func downgrade() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        ReadWriteLock(on: try Reactor()).downgrade()
      }, says: here, "downgrade(): no writer holds the lock")
  }

  @Test("taskDone more often than items were put")
  func taskDone() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let queue = Queue<Int>(initial: [1], name: "jobs", on: try Reactor())
        queue.taskDone()
        queue.taskDone()
      }, says: here, "Queue \"jobs\".taskDone(): more often than items were put")
  }

  @Test("Leaving a gate that nobody is in")
  func gate() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        Gate(on: try Reactor()).leave()
      }, says: here, "leave(): nobody is in the gate")
  }

  @Test("A negative number of permits, to begin with, to release, to acquire; none to acquire")
  func negativePermits() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Semaphore(-1, on: try Reactor())
      }, says: "Semaphore(-1)")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        Semaphore(1, name: "s", on: try Reactor()).release(-2)
      }, says: here, "Semaphore \"s\".release(-2)")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Semaphore(1, on: try Reactor()).tryAcquire(-2)
      }, says: "acquire(-2): at least one permit")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        Semaphore(1, on: try Reactor()).acquire(0) { _ in }
      }, says: "acquire(0): at least one permit")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try Reactor(clock: .virtual).run { try await Semaphore(1).acquire(0) }
      }, says: "acquire(0): at least one permit")
  }

  @Test("More permits than can be counted")
  func overflow() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        Semaphore(Int.max, on: try Reactor()).release()
      }, says: "more permits than can be counted")
  }

  @Test("Acquiring more permits than there can ever be")
  func aboveTheBound() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = BoundedSemaphore(3, on: try Reactor()).tryAcquire(4)
      }, says: "acquire(4): more than there are (3)")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try Reactor(clock: .virtual).run { _ = try await BoundedSemaphore(3).acquire(4, deadline: .after(.zero)) }
      }, says: "acquire(4): more than there are (3)")
  }

  @Test("Notifying a negative number")
  func negativeNotify() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        Condition(name: "ready", on: try Reactor()).notify(-1)
      }, says: "Condition \"ready\".notify(-1)")
  }

  @Test("A negative capacity, to begin with or later; more initial items than there is room for")
  func capacity() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = LifoQueue<Int>(capacity: -1, on: try Reactor())
      }, says: "LifoQueue(capacity: -1): a negative capacity")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try Queue<Int>(name: "q", on: try Reactor()).setCapacity(-1)
      }, says: "Queue \"q\".setCapacity(-1): a negative capacity")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Queue<Int>(capacity: 2, initial: [1, 2, 3], on: try Reactor())
      }, says: "more initial items than its capacity of 2")
  }

  @Test("A barrier for nobody")
  func barrier() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Barrier(parties: 0, on: try Reactor())
      }, says: "Barrier(parties: 0)")
  }

  @Test("A deadline that is no number")
  func notANumber() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Deadline.unixTime(.nan)
      }, says: "Deadline.unixTime(NaN)")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try Reactor(clock: .virtual).run { _ = try await Event().wait(deadline: .unixTime(-.nan)) }
      }, says: "Deadline.unixTime(NaN)")
  }

  @Test("The current reactor where there is none")
  func noReactor() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { _ = Lock() },
      says: "no reactor runs on this thread", "on:", "reactor.execute")
  }

  @Test("Waiting for nothing, or for primitives of two reactors")
  func firstOfNothing() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try Reactor(clock: .virtual).run { let _: Int = try await firstOf() }
      }, says: "firstOf(): nothing to wait for")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let (one, other) = (Event(on: try Reactor()), Event(on: try Reactor()))
        firstOf(one.choice { 1 }, other.choice { 2 }) { _ in }
      }, says: "different reactors")
  }

  @Test("Calls that answer at once, off the reactor's thread: the message says how to get there")
  func offThread() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let lock = Lock(name: "cache", on: try Reactor())
        onAnotherThread { _ = lock.tryAcquire() }
      }, says: "Lock \"cache\".tryAcquire()", "reactor.execute", "reactor.perform")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let queue = Queue<Int>(name: "jobs", on: try Reactor())
        onAnotherThread { _ = queue.count }
      }, says: "Queue \"jobs\".count", "reactor.execute")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let event = Event(name: "e", on: try Reactor())
        onAnotherThread { event.wait { _ in } }
      }, says: "Event \"e\".wait", "reactor.execute")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let semaphore = BoundedSemaphore(1, on: try Reactor())
        onAnotherThread { try? semaphore.release() }
      }, says: "release", "reactor.execute")
  }

  @Test("Virtual time does not go back, and real time is not moved")
  func advancing() async {
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try Reactor(clock: .virtual).advance(by: .seconds(-1))
      }, says: "time does not go back")
    expect(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try Reactor().advance(by: .seconds(1))
      }, says: "this reactor's time is real")
  }

  @Test("Descriptions and notifications are legal on any thread")
  func anyThread() throws {
    let reactor = try Reactor()
    let lock = Lock(name: "cache", on: reactor)
    let text = Box("")
    let thread = Thread { text.value = "\(lock) \(reactor)" }
    thread.start()
    while !thread.isFinished { usleep(100) }  // another thread runs in real time
    #expect(text.value == "<Lock \"cache\"> <Reactor>")
  }
}

/// Runs `body`, which is to stop the program, on another thread; does not return.
private func onAnotherThread(_ body: @escaping @Sendable () -> Void) {
  Thread.detachNewThread(body)
  Thread.sleep(forTimeInterval: 60)
}
