import Glibc
import Synchronization
import Testing
import Toro

import class Toro.Semaphore

/// An actor without an executor of its own.
private actor Ordinary {
  var visits = 0

  func visit() async -> Int {
    visits += 1
    await Task.yield()
    return visits
  }
}

nonisolated(nonsending) private func nonsending() async { await Task.yield() }

@concurrent private func concurrent() async -> UInt {
  await Task.yield()
  return currentThread()
}

@Suite("Executors", .timeLimit(.minutes(10)))
struct ExecutorTests {
  @Test("Child tasks of groups and async let stay on the reactor's thread")
  func childTasks() async throws {
    try await inReactor(.monotonic) { reactor in
      let here = currentThread()
      let threads = await withTaskGroup(of: UInt.self) { group in
        for _ in 0..<20 {
          group.addTask {
            await Task.yield()
            return currentThread()
          }
        }
        return await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(threads == [here])
      try await withThrowingTaskGroup(of: UInt.self) { group in
        group.addTask {
          try await reactor.sleep(until: .after(.microseconds(100)))
          async let grandchild = currentThread()
          return await grandchild
        }
        for try await thread in group { #expect(thread == here) }
      }
      async let child = {
        await reactor.yield()
        return currentThread()
      }()
      #expect(await child == here)
      #expect(currentThread() == here)
    }
  }

  @Test("A task that prefers the reactor's executor stays on its thread")
  func preferringTasks() async throws {
    try await inReactor(.monotonic) { reactor in
      let here = currentThread()
      let event = Event()
      let task = Task(executorPreference: reactor.taskExecutor) {
        var threads = [currentThread()]
        await Task.yield()
        threads.append(currentThread())
        try await event.wait()
        threads.append(currentThread())
        async let child = currentThread()
        threads.append(await child)
        return threads
      }
      try await reactor.sleep(until: .after(.milliseconds(1)))
      event.set()
      #expect(try await task.value == [here, here, here, here])
      await Task.detached {
        await withTaskExecutorPreference(reactor.taskExecutor) {
          #expect(currentThread() == here)
        }
        #expect(currentThread() != here)
      }.value
    }
  }

  @Test("An actor on the reactor runs on its thread, also after it has waited")
  func residents() async throws {
    try await inReactor(.monotonic) { reactor in
      let here = currentThread()
      let resident = Resident(on: reactor)
      let event = Event()
      #expect(await resident.threadOfVisit() == here)
      let fromHere = reactor.spawn { try await resident.wait(for: event) }
      let fromElsewhere = Task.detached { try await resident.wait(for: event) }
      while event.waiterCount < 2 { try await reactor.sleep(until: .after(.microseconds(100))) }
      event.set()
      #expect(try await fromHere.value == [here, here])
      #expect(try await fromElsewhere.value == [here, here])
      #expect(currentThread() == here)
      #expect(await resident.visits == 2)
    }
  }

  @Test("Code on the reactor's thread may assume an actor's isolation")
  func assumesIsolation() async throws {
    try await withReactor { reactor in
      let resident = Resident(on: reactor)
      reactor.execute { resident.assumeIsolated { _ = $0.visit() } }
      try reactor.run()
      #expect(try reactor.run { await resident.visits } == 1)
    }
  }

  @Test("So may the callback of a wait, whoever ends it")
  func assumesIsolationInCallbacks() async throws {
    try await withReactor { reactor in
      let resident = Resident(on: reactor)
      let note: @Sendable (WaitOutcome) -> Void = { _ in resident.assumeIsolated { _ = $0.visit() } }
      let condition = Condition(on: reactor)
      condition.wait(callback: note)
      condition.notify()
      condition.wait(deadline: .after(.seconds(1)), callback: note)
      try reactor.run()
      condition.wait(callback: note)
      reactor.spawn { condition.notify() }
      try reactor.run()
      condition.wait(callback: note).cancel()
      #expect(try reactor.run { await resident.visits } == 4)
    }
  }

  @Test("A task comes back from actors, global functions, yields, sleeps and other tasks")
  func comesBack() async throws {
    try await inReactor(.monotonic) { reactor in
      let here = currentThread()
      let ordinary = Ordinary()
      #expect(await ordinary.visit() == 1)
      #expect(currentThread() == here)
      await nonsending()
      #expect(currentThread() == here)
      _ = await concurrent()
      #expect(currentThread() == here)
      await Task.yield()
      #expect(currentThread() == here)
      try await Task.sleep(for: .microseconds(100))  // the runtime's own, in its time: the task must come back here
      #expect(currentThread() == here)
      #expect(await Task.detached { currentThread() }.value != here)
      #expect(currentThread() == here)
      let continued = await withCheckedContinuation { (continuation: CheckedContinuation<UInt, Never>) in
        Thread { continuation.resume(returning: currentThread()) }.detach()
      }
      #expect(continued != here)
      #expect(currentThread() == here)
      let (stream, source) = AsyncStream.makeStream(of: Int.self)
      let thread = Thread {
        for number in 1...3 { source.yield(number) }
        source.finish()
      }
      for await _ in stream { #expect(currentThread() == here) }
      thread.join()
    }
  }

  @Test("An unstructured Task { } does not inherit the reactor")
  func unstructuredTasks() async throws {
    try await inReactor(.monotonic) { reactor in
      #expect(await Task { reactor.isCurrent }.value == false)
      #expect(reactor.isCurrent)
    }
  }

  @Test("A task made at once waits on the reactor, is woken, and its parent goes on")
  func immediateTasks() async throws {
    try await inReactor(.monotonic) { reactor in
      let log = Log()
      let event = Event()
      let task = Task.immediate {
        #expect(reactor.isCurrent)
        log("begun")
        try await event.wait()
        log("woken")
      }
      log("parent")
      #expect(event.waiterCount == 1)
      event.set()
      try await task.value
      #expect(log.all == ["begun", "parent", "woken"])
    }
  }

  @Test("A task made at once that waits can be cancelled, from here and elsewhere")
  func immediateTasksCancelled() async throws {
    try await inReactor(.monotonic) { reactor in
      let event = Event()
      for fromElsewhere in [false, true] {
        let task = Task.immediate { try await event.wait() }
        #expect(event.waiterCount == 1)
        if fromElsewhere { Thread { task.cancel() }.join() } else { task.cancel() }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(event.waiterCount == 0)
      }
      // The parent is not taken for its child.
      let child = Task.immediate { try await event.wait() }
      child.cancel()
      async let parentsWait: Void = event.wait()
      await reactor.yield()
      event.set()
      try await parentsWait
      _ = await child.result
    }
  }

  @Test("A detached task made at once outlives the task that made it, and yields and waits")
  func immediateDetachedTasks() async throws {
    try await inReactor(.monotonic) { reactor in
      let event = Event()
      let tasks = Shared<[Task<Void, any Error>]>([])
      for _ in 0..<100 {
        reactor.spawn {
          tasks.append(
            Task.immediateDetached {
              await reactor.yield()
              try await event.wait()
            })
        }
      }
      while tasks.value.count < 100 { await reactor.yield() }
      try await reactor.sleep(until: .after(.milliseconds(1)))
      event.set()
      for task in tasks.value { try await task.value }
    }
  }

  @Test("Waits made by tasks elsewhere go to the reactor, and come back")
  func waitsFromElsewhere() async throws {
    try await inReactor(.monotonic) { reactor in
      let lock = Lock()
      let queue = Queue<Int>()
      let event = Event()
      try await lock.acquire()
      let tasks = (0..<8).map { number in
        Task.detached {
          try await lock.acquire()
          #expect(!reactor.isCurrent)
          lock.release()
          try await queue.put(number)
          #expect(!reactor.isCurrent)
          #expect(try await event.wait(deadline: .after(.microseconds(50))) == false)
          #expect(!reactor.isCurrent)
          try await reactor.sleep(until: .after(.microseconds(50)))
          #expect(!reactor.isCurrent)
          return try await queue.get()
        }
      }
      lock.release()
      var sum = 0
      for task in tasks { sum += try await task.value }
      #expect(sum == 28)
      #expect(queue.isEmpty)
      #expect(!lock.isLocked)
    }
  }

  @Test("An ordinary actor that waits comes back to its isolation")
  func ordinaryActorsWait() async throws {
    actor Keeper {
      var kept = 0
      func keep(_ lock: Lock) async throws {
        for _ in 0..<50 {
          try await lock.acquire()
          let before = kept
          kept = before + 1
          lock.release()
        }
      }
    }
    try await inReactor(.monotonic) { _ in
      let lock = Lock()
      let keeper = Keeper()
      let tasks = (0..<4).map { _ in Task.detached { try await keeper.keep(lock) } }
      for task in tasks { try await task.value }
      #expect(await keeper.kept == 200)
    }
  }

  @Test("What a task elsewhere notifies and awaits takes effect in its program order")
  func programOrder() async throws {
    try await inReactor(.monotonic) { reactor in
      let semaphore = Semaphore(0)
      let lock = Lock()
      try await Task.detached {
        for round in 1...300 {
          semaphore.release()
          semaphore.release()
          try await semaphore.acquire()
          #expect(try await reactor.perform { semaphore.count } == round)
          try await lock.acquire()
          lock.release()
          #expect(try await lock.acquire(deadline: .after(.zero)))
          lock.release()
        }
      }.value
      #expect(semaphore.count == 300)
    }
  }

  @Test("A task's name and its executor preference reach its children")
  func names() async throws {
    try await withReactor { reactor in
      try reactor.run(name: "main") {
        #expect(Task.name == "main")
      }
      #expect(try reactor.run { await reactor.spawn(name: "other") { Task.name }.value } == "other")
    }
  }
}

@Suite("Cancellation", .timeLimit(.minutes(10)))
struct CancellationTests {
  @Test("A cancellation from another thread ends the wait")
  func fromAnotherThread() async throws {
    try await inReactor(.monotonic) { reactor in
      let event = Event()
      for _ in 0..<100 {
        let task = reactor.spawn { try await event.wait() }
        await reactor.yield()
        #expect(event.waiterCount == 1)
        let thread = Thread { task.cancel() }
        await #expect(throws: CancellationError.self) { try await task.value }
        thread.join()
        #expect(event.waiterCount == 0)
      }
    }
  }

  @Test("A task cancelled before it starts gets what is free, and does not queue for what is not (scenario 10)")
  func beforeStart() async throws {
    try await inReactor { reactor in
      let semaphore = Semaphore(1)
      let makers: [@Sendable () -> Task<Void, any Error>] = [
        {
          reactor.spawn {
            try await semaphore.acquire()
            #expect(semaphore.waiterCount == 0)
            try await semaphore.acquire()
          }
        },
        {
          Task(executorPreference: reactor.taskExecutor) {
            try await semaphore.acquire()
            try await semaphore.acquire()
          }
        },
        {
          Task.detached {
            try await semaphore.acquire()
            try await semaphore.acquire()
          }
        },
      ]
      for make in makers {
        let task = make()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(semaphore.count == 0)
        #expect(semaphore.waiterCount == 0)
        semaphore.release()
      }
    }
  }

  @Test("Cancelling a group ends the waits of its children")
  func groups() async throws {
    try await inReactor { reactor in
      let event = Event()
      let ended = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<10 {
          group.addTask {
            do {
              try await event.wait()
              return false
            } catch { return error is CancellationError }
          }
        }
        while event.waiterCount < 10 { await reactor.yield() }
        group.cancelAll()
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(ended == 10)
      #expect(event.waiterCount == 0)
    }
  }

  @Test("What was granted before a cancellation stays granted (scenarios 1 and 11)")
  func grantedFirst() async throws {
    try await inReactor { reactor in
      let lock = Lock()
      try await lock.acquire()
      let task = reactor.spawn { try await lock.acquire() }
      await reactor.yield()
      lock.release()
      task.cancel()
      try await task.value
      #expect(lock.isLocked)
    }
  }

  @Test("A cancellation before the release lets the next have it")
  func cancelledFirst() async throws {
    try await inReactor { reactor in
      let lock = Lock()
      try await lock.acquire()
      let first = reactor.spawn { try await lock.acquire() }
      let second = reactor.spawn { try await lock.acquire() }
      await reactor.yield()
      first.cancel()
      lock.release()
      await #expect(throws: CancellationError.self) { try await first.value }
      try await second.value
      #expect(lock.isLocked)
    }
  }

  @Test("At any moment, on any thread, in every kind of task, a cancellation loses nothing", arguments: 0..<4)
  func anyMoment(kind: Int) async throws {
    try await inReactor(.monotonic) { reactor in
      let semaphore = Semaphore(1)
      let resident = Taker(on: reactor, semaphore)
      var random = Randomness(seed: UInt64(kind))
      let tasks = Shared<[Task<Void, any Error>]>([])
      let isDone = Shared(false)
      let canceller = Thread {
        var random = Randomness(seed: 99)
        while !isDone.value {
          let task = tasks.value.randomElement(using: &random)
          task?.cancel()
          busyWait(Int.random(in: 0..<5_000, using: &random))
          if Bool.random(using: &random) { usleep(20) }  // the tasks need the processors as well
        }
      }
      for _ in 0..<60 {
        let batch = (0..<20).map { _ in
          switch kind {
          case 0: reactor.spawn { try await take(semaphore, reactor) }
          case 1: Task.detached { try await take(semaphore, reactor) }
          case 2: Task(executorPreference: reactor.taskExecutor) { try await take(semaphore, reactor) }
          default: Task.detached { try await resident.take() }
          }
        }
        tasks.value = batch
        if Bool.random(using: &random) { await reactor.yield() }
        batch.randomElement(using: &random)?.cancel()
        for task in batch { _ = await task.result }
      }
      isDone.value = true
      canceller.join()
      // A task that has ended is not waited for: what it forwarded may still be on its way.
      for _ in 0..<2 { await reactor.yield() }
      #expect(semaphore.count == 1)
      #expect(semaphore.waiterCount == 0)
    }
  }

  @Test("A deadline, a release and a cancellation that race leave one outcome (scenario 6)")
  func raceOfThree() async throws {
    try await inReactor(.monotonic) { reactor in
      let semaphore = Semaphore(0)
      let granted = Counter()
      let released = Counter()
      for round in 0..<300 {
        let task = reactor.spawn {
          if try await semaphore.acquire(deadline: .after(.microseconds(30))) { granted.add() }
        }
        await reactor.yield()
        let thread = Thread {
          busyWait(round * 200)
          if round % 3 == 0 { task.cancel() }
          semaphore.release()
          released.add()
        }
        _ = await task.result
        thread.join()
      }
      for _ in 0..<2 { await reactor.yield() }
      #expect(semaphore.count + granted.value == released.value)
    }
  }
}

private actor Taker: ReactorActor {
  let reactor: Reactor
  let semaphore: Semaphore

  init(on reactor: Reactor, _ semaphore: Semaphore) {
    self.reactor = reactor
    self.semaphore = semaphore
  }

  func take() async throws { try await ToroReactorTests.take(semaphore, reactor) }
}

private func take(_ semaphore: Semaphore, _ reactor: Reactor) async throws {
  try await semaphore.acquire()
  await reactor.yield()
  semaphore.release()
}
