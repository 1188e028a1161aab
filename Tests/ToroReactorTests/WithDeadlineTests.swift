import Testing
import Toro

@Suite("withDeadline", .timeLimit(.minutes(10)))
struct WithDeadlineTests {
  @Test("What the body returns or throws in time comes back, and no timer is left")
  func inTime() async throws {
    struct Failure: Error {}
    try await inReactor { reactor in
      let value = try await withDeadline(.after(.seconds(2))) {
        try await reactor.sleep(until: .after(.seconds(1)))
        return 5
      }
      #expect(value == 5)
      #expect(reactor.nextDeadline == nil)
      await #expect(throws: Failure.self) {
        try await withDeadline(.after(.seconds(2))) { throw Failure() }
      }
      #expect(reactor.nextDeadline == nil)
      #expect(try await withDeadline(.never) { 6 } == 6)
    }
  }

  @Test("The TimeoutError says where the call stands")
  func place() async throws {
    try await withReactor(.virtual) { reactor in
      try reactor.run {
        let line = #line + 1  // a macro's arguments stand where the macro does
        let error = await #expect(throws: TimeoutError.self) {
          try await withDeadline(.after(.seconds(1))) { try await reactor.sleep(for: .seconds(2)) }
        }
        #expect(error?.subject == "withDeadline at WithDeadlineTests.swift:\(line)")
      }
    }
  }

  @Test("A task that is joined is bounded by the deadline, and cancelled; its value alone is waited for")
  func joined() async throws {
    try await inReactor { reactor in
      let start = reactor.now
      let slow = reactor.spawn { try await reactor.sleep(for: .seconds(3_600)) }
      await #expect(throws: TimeoutError.self) {
        try await withDeadline(.after(.seconds(5))) { try await slow.join().get() }
      }
      #expect(start.duration(to: reactor.now) == .seconds(5))
      await #expect(throws: CancellationError.self) { try await slow.value }
      let quick = reactor.spawn { 7 }
      let seven = try await withDeadline(.after(.seconds(5))) { await quick.join().get() }
      #expect(seven == 7)
    }
  }

  @Test("A body that is late is cancelled, and TimeoutError thrown")
  func late() async throws {
    try await inReactor { reactor in
      let log = Log()
      let start = reactor.now
      await #expect(throws: TimeoutError.self) {
        try await withDeadline(.after(.seconds(2))) {
          do { try await Event().wait() } catch {
            log("\(type(of: error))")
            throw error
          }
        }
      }
      #expect(log.all == ["CancellationError"])
      #expect(start.duration(to: reactor.now) == .seconds(2))
    }
  }

  @Test("A body that ignores cancellation is waited for, and its value comes back")
  func ignores() async throws {
    try await inReactor { reactor in
      let value = try await withDeadline(.after(.milliseconds(1))) {
        while !Task.isCancelled { try? await reactor.sleep(until: .after(.milliseconds(1))) }
        await reactor.yield()
        return 3
      }
      #expect(value == 3)
    }
  }

  @Test("A deadline that has passed cancels the body before it starts")
  func passed() async throws {
    try await inReactor { reactor in
      for deadline in [Deadline.after(.zero), .at(reactor.now), .unixTime(0)] {
        let wasCancelled = try await withDeadline(deadline) { Task.isCancelled }
        #expect(wasCancelled)
        await #expect(throws: TimeoutError.self) {
          try await withDeadline(deadline) { try await Event().wait() }
        }
      }
    }
  }

  @Test("Cancelling the caller cancels the body, and is not taken for a time-out")
  func cancelled() async throws {
    try await inReactor { reactor in
      let task = reactor.spawn {
        try await withDeadline(.after(.seconds(10))) { try await Event().wait() }
      }
      try await reactor.sleep(until: .after(.seconds(1)))
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test("Deadlines nest: the sooner counts")
  func nested() async throws {
    try await inReactor { reactor in
      let start = reactor.now
      let log = Log()
      try await withDeadline(.after(.seconds(10))) {
        do {
          try await withDeadline(.after(.seconds(1))) { try await Event().wait() }
        } catch is TimeoutError { log("inner") }
      }
      #expect(start.duration(to: reactor.now) == .seconds(1))
      do {
        try await withDeadline(.after(.seconds(1))) {
          try await withDeadline(.after(.seconds(10))) { try await Event().wait() }
        }
      } catch is TimeoutError { log("outer") }
      #expect(start.duration(to: reactor.now) == .seconds(2))
      #expect(log.all == ["inner", "outer"])
    }
  }

  @Test("It may be awaited from elsewhere: the body runs on the reactor")
  func fromElsewhere() async throws {
    try await inReactor(.monotonic) { reactor in
      let here = currentThread()
      try await Task.detached { () async throws in
        #expect(try await withDeadline(.after(.seconds(3600)), on: reactor) { currentThread() } == here)
        #expect(currentThread() != here)
        await #expect(throws: TimeoutError.self) {
          try await withDeadline(.after(.milliseconds(1)), on: reactor) { try await Event().wait() }
        }
      }.value
    }
  }
}

@Suite("runBlocking", .timeLimit(.minutes(10)), .serialized)
struct RunBlockingTests {
  @Test("Blocking code runs on another thread while the reactor goes on, and what it returns comes back")
  func goesOn() async throws {
    try await inReactor(.monotonic) { reactor in
      let here = currentThread()
      let latch = Latch()
      let log = Log()
      reactor.schedule(at: .after(.milliseconds(1))) {
        log("reactor goes on")
        latch.open()
      }
      let thread = try await reactor.runBlocking {
        latch.wait()
        return currentThread()
      }
      #expect(thread != here)
      #expect(currentThread() == here)
      #expect(log.all == ["reactor goes on"])
    }
  }

  @Test("What blocking code throws is thrown")
  func throwsErrors() async throws {
    struct Failure: Error {}
    try await inReactor(.monotonic) { reactor in
      await #expect(throws: Failure.self) { try await reactor.runBlocking { throw Failure() } }
    }
  }

  @Test("The pool is bounded, and serves all")
  func bounded() async throws {
    try await inReactor(.monotonic) { reactor in
      let running = Counter()
      let most = Most()
      let threads = try await withThrowingTaskGroup(of: UInt.self) { group in
        for _ in 0..<40 {
          group.addTask {
            try await reactor.runBlocking {
              let now = running.add()
              most.note(now)
              busyWait(200_000)
              running.add(-1)
              return currentThread()
            }
          }
        }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(most.value <= 4)
      #expect(threads.count <= 4)
      #expect(running.value == 0)
    }
  }

  @Test("Cancelled before a thread has begun it, blocking code does not run; afterwards it is waited for")
  func cancelled() async throws {
    try await inReactor(.monotonic) { reactor in
      let latch = Latch()
      let begun = Counter()
      let running = (0..<4).map { _ in
        reactor.spawn {
          try await reactor.runBlocking {
            begun.add()
            latch.wait()
            return 1
          }
        }
      }
      while begun.value < 4 { try await reactor.sleep(until: .after(.microseconds(100))) }
      let waiting = reactor.spawn { try await reactor.runBlocking { Issue.record("ran") } }
      await reactor.yield()
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      running[0].cancel()
      for _ in 0..<10 { await reactor.yield() }
      for _ in 0..<4 { latch.open() }
      for task in running { #expect(try await task.value == 1) }
      // In a task that is cancelled already.
      let late = reactor.spawn { try await reactor.runBlocking { Issue.record("ran") } }
      late.cancel()
      await #expect(throws: CancellationError.self) { try await late.value }
    }
  }

  @Test("Blocking code holds the reactor: no deadlock, and virtual time stands still")
  func holds() async throws {
    try await withReactor { reactor in
      let start = reactor.now
      try reactor.run {
        let event = Event()
        async let waiting: Void = event.wait()
        let timer = reactor.schedule(at: .after(.seconds(1))) { Issue.record("time jumped") }
        try await reactor.runBlocking { busyWait(1_000_000) }
        #expect(reactor.now == start)
        timer.cancel()
        event.set()
        try await waiting
      }
    }
  }

  @Test("It may be awaited from elsewhere, and on a closed reactor throws")
  func elsewhere() async throws {
    let reactor = try await inReactor(.monotonic) { (reactor) async throws in
      #expect(try await Task.detached { try await reactor.runBlocking { 3 } }.value == 3)
      return reactor
    }
    await #expect(throws: ReactorClosedError.self) { try await reactor.runBlocking { 3 } }
  }
}
