import Glibc
import Testing
import Toro

import class Toro.Semaphore

/// To be run under the thread sanitizer too, where it is clean without suppressions:
/// `SWIFT_BACKTRACE=enable=no swift test --scratch-path .build-tsan --sanitize thread --filter Threads`
@Suite("Threads", .timeLimit(.minutes(10)))
struct ThreadsTests {
  @Test("Eight threads post, cancel, release, put, get and stop at random, and nothing is lost")
  func conserves() async throws {
    try await withReactor(.monotonic) { reactor in
      let arena = Arena(reactor)
      let threads = (0..<8).map { number in
        Thread {
          var random = Randomness(seed: UInt64(number))
          for _ in 0..<250 { arena.act(&random) }
          arena.finished.add()
        }
      }
      var stops = 0
      while true {
        do {
          try reactor.run {
            while arena.finished.value < 8 { try await reactor.sleep(until: .after(.microseconds(200))) }
            for task in arena.tasks.value { _ = await task.result }
            // What the last tasks forwarded as they ended.
            for _ in 0..<2 { await reactor.yield() }
          }
          break
        } catch is StoppedError { stops += 1 } catch is CancellationError { stops += 1 }
      }
      for thread in threads { thread.join() }
      #expect(arena.ran.value == arena.posted.value)
      #expect(arena.semaphore.count == 3)
      #expect(arena.semaphore.waiterCount == 0)
      #expect(!arena.lock.isLocked)
      #expect(arena.inLock.value == 0)
      #expect(arena.put.value == arena.got.value + arena.queue.count)
      #expect(arena.queue.waiterCount == 0)
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("Primitives made, used and dropped on other threads than their reactor's")
  func primitivesElsewhere() async throws {
    try await withReactor(.monotonic) { reactor in
      let ended = Counter()
      let threads = (0..<4).map { _ in
        Thread {
          for _ in 0..<100 {
            let event = Event(on: reactor)
            let lock = Lock(on: reactor)
            reactor.execute { [event] in event.wait { _ in ended.add() } }
            event.set()
            lock.close()
          }
        }
      }
      try reactor.run {
        while ended.value < 400 { try await reactor.sleep(until: .after(.microseconds(200))) }
      }
      for thread in threads { thread.join() }
    }
  }

  @Test("Threads post, stop and wake a reactor that is closed under them")
  func closing() async throws {
    for round in 0..<30 {
      try await onOwnThread {
        let reactor = try Reactor()
        let lock = Lock(on: reactor)
        let resident = Resident(on: reactor)
        let begun = Counter()
        let tasks = Shared<[Task<Void, Never>]>([])
        let threads = (0..<8).map { number in
          Thread {
            for step in 0..<40 {
              begun.add()
              switch (number + step) % 5 {
              case 0: reactor.execute {}
              case 1: reactor.stop()
              case 2: lock.close()
              case 3:
                reactor.hold()
                reactor.unhold()
              default:
                let task = Task {
                  await resident.visit()
                  _ = try? await lock.acquire(deadline: .after(.microseconds(10)))
                }
                tasks.append(task)
              }
            }
          }
        }
        while begun.value < round * 10 { try reactor.runOnce(blocking: false) }
        reactor.close()
        for thread in threads { thread.join() }
        let waited = Latch()
        Task {
          for task in tasks.value { await task.value }
          waited.open()
        }
        waited.wait()
      }
    }
  }

  @Test("Two reactors on two threads hand items to each other through queues of both")
  func twoReactors() async throws {
    let first = try Reactor()
    let second = try Reactor()
    let there = Queue<Int>(capacity: 2, on: first)
    let back = Queue<Int>(capacity: 2, on: second)
    let isDone = Event(on: second)
    async let sums: Int = onOwnThread {
      try second.run {
        var sum = 0
        for _ in 0..<300 {
          let item = try await there.get()
          sum += item
          try await back.put(item * 2)
        }
        try await isDone.wait()  // until then the other needs this loop
        return sum
      }
    }
    let doubled = try await onOwnThread {
      try first.run {
        async let sent: Void = {
          for number in 1...300 { try await there.put(number) }
        }()
        var sum = 0
        for _ in 0..<300 { sum += try await back.get() }
        try await sent
        isDone.set()
        return sum
      }
    }
    #expect(try await sums == 45_150)
    #expect(doubled == 90_300)
    try await onOwnThread {
      first.close()
      second.close()
    }
  }

  @Test("Blocking code from many tasks on many threads")
  func blocking() async throws {
    try await inReactor(.monotonic) { (reactor) async throws in
      let sum = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<100 {
          group.addTask { try await reactor.runBlocking { number } }
          group.addTask { try await Task.detached { try await reactor.runBlocking { number } }.value }
        }
        return try await group.reduce(0, +)
      }
      #expect(sum == 9_900)
    }
  }
}

/// What the threads fight over.
private final class Arena: Sendable {
  let reactor: Reactor
  let semaphore: Semaphore
  let lock: Lock
  let queue: Queue<Int>
  let event: Event
  let finished = Counter()
  let posted = Counter()
  let ran = Counter()
  let put = Counter()
  let got = Counter()
  let inLock = Counter()
  let tasks = Shared<[Task<Void, any Error>]>([])

  init(_ reactor: Reactor) {
    self.reactor = reactor
    semaphore = Semaphore(3, on: reactor)
    lock = Lock(on: reactor)
    queue = Queue(capacity: 4, on: reactor)
    event = Event(on: reactor)
  }

  func act(_ random: inout Randomness) {
    let deadline = Deadline.after(.microseconds(Int.random(in: 0..<2000, using: &random)))
    switch Int.random(in: 0..<12, using: &random) {
    case 0:
      posted.add()
      reactor.execute { self.ran.add() }
    case 1: reactor.stop()
    case 2: tasks.value.randomElement(using: &random)?.cancel()
    case 3: event.set()
    case 4: event.clear()
    case 5:
      keep(
        Task.detached {
          if try await self.semaphore.acquire(2, deadline: deadline) { self.semaphore.release(2) }
        })
    case 6:
      keep(
        self.reactor.spawn {
          if try await self.semaphore.acquire(deadline: deadline) {
            await self.reactor.yield()
            self.semaphore.release()
          }
        })
    case 7:
      keep(
        Task(executorPreference: reactor.taskExecutor) {
          if try await self.queue.put(1, deadline: deadline) { self.put.add() }
        })
    case 8:
      keep(
        Task.detached {
          if try await self.queue.put(1, deadline: deadline) { self.put.add() }
        })
    case 9:
      keep(
        Task.detached {
          if try await self.queue.get(deadline: deadline) != nil { self.got.add() }
        })
    case 10:
      keep(
        self.reactor.spawn {
          if try await self.queue.get(deadline: deadline) != nil { self.got.add() }
          _ = try await self.event.wait(deadline: deadline)
        })
    default:
      keep(
        Task.detached {
          try await self.lock.withLock {
            #expect(self.inLock.add() == 1)
            await Task.yield()
            self.inLock.add(-1)
          }
        })
    }
  }

  private func keep(_ task: Task<Void, any Error>) { tasks.append(task) }
}
