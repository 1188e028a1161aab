import Testing
import Toro

import class Toro.Semaphore

@Suite("Deadlocks", .timeLimit(.minutes(10)))
struct DeadlockTests {
  @Test("run() throws who waits where, by which task, rather than hang")
  func tells() async throws {
    try await withReactor(.monotonic) { reactor in
      let lock = Lock(name: "cache", on: reactor)
      let event = Event(name: "loaded", on: reactor)
      #expect(lock.tryAcquire())
      let line = Shared<UInt>(0)
      reactor.spawn(name: "reader") {
        line.value = #line + 1
        try await lock.acquire()
      }
      event.wait { _ in }
      let error = try #require(throws: DeadlockError.self) { try reactor.run() }
      #expect(error.waits.count == 2)
      let byTask = try #require(error.waits.first { $0.task != nil })
      #expect(byTask.subject == #"Lock "cache""#)
      #expect(byTask.call == "acquire")
      #expect(byTask.task == "reader")
      #expect(byTask.file == #fileID)
      #expect(byTask.line == Int(line.value))
      #expect(byTask.deadline == nil)
      #expect(byTask.since != nil)
      let byCallback = try #require(error.waits.first { $0.task == nil })
      #expect(byCallback.subject == #"Event "loaded""#)
      #expect(byCallback.call == "wait")
      for part in ["deadlock: 2 waits", #"Lock "cache".acquire by "reader" at ToroReactorTests/DeadlockTests.swift:"#] {
        #expect(error.description.contains(part))
      }
    }
  }

  @Test("A deadlock changes nothing: what was missing may still be done, and the next run goes on")
  func goesOn() async throws {
    try await withReactor(.monotonic) { reactor in
      let event = Event(on: reactor)
      let log = Log()
      reactor.spawn {
        try await event.wait()
        log("woken")
      }
      #expect(throws: DeadlockError.self) { try reactor.run() }
      #expect(throws: DeadlockError.self) { try reactor.run() }
      event.set()
      try reactor.run()
      #expect(log.all == ["woken"])
    }
  }

  @Test("A callback that waits is a wait like any other")
  func callbacks() async throws {
    try await withReactor(.monotonic) { reactor in
      let event = Event(on: reactor)
      let wait = event.wait { _ in }
      #expect(throws: DeadlockError.self) { try reactor.run() }
      wait.cancel()
      try reactor.run()
    }
  }

  @Test("run { } that detects deadlocks cancels its body, runs it to its end, and throws the deadlock as first seen")
  func detects() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      let error = try #require(throws: DeadlockError.self) {
        try reactor.run(detectsDeadlock: true, name: "main") {
          let lock = Lock(name: "twice")
          try await lock.acquire()
          do { try await lock.acquire() } catch {
            log("\(type(of: error))")
            for _ in 0..<3 { await reactor.yield() }
            log("ended")
            throw error
          }
        }
      }
      #expect(error.waits.map(\.task) == ["main"])
      #expect(error.waits.map(\.subject) == [#"Lock "twice""#])
      #expect(log.all == ["CancellationError", "ended"])
    }
  }

  @Test("Two tasks that hold what the other wants are found in virtual time")
  func embrace() async throws {
    try await withReactor { reactor in
      let error = try #require(throws: DeadlockError.self) {
        try reactor.run {
          let a = Lock(name: "a")
          let b = Lock(name: "b")
          async let one: Void = a.withLock {
            try await reactor.sleep(until: .after(.seconds(1)))
            try await b.withLock {}
          }
          async let other: Void = b.withLock {
            try await reactor.sleep(until: .after(.seconds(1)))
            try await a.withLock {}
          }
          _ = try await (one, other)
        }
      }
      #expect(Set(error.waits.map(\.subject)) == [#"Lock "a""#, #"Lock "b""#])
    }
  }

  @Test("In a deadlock of other tasks the body is cancelled, and ends")
  func othersWait() async throws {
    try await withReactor { reactor in
      let event = Event(on: reactor)
      reactor.spawn(name: "other") { try await event.wait() }
      let error = try #require(throws: DeadlockError.self) {
        try reactor.run {
          let other = reactor.spawn(name: "awaited") { try await event.wait() }
          try await other.value
        }
      }
      #expect(Set(error.waits.map { $0.task ?? "" }) == ["other", "awaited"])
    }
  }

  @Test("run { } in real time waits for what another thread may do")
  func realTimeWaits() async throws {
    try await withReactor(.monotonic) { reactor in
      let event = Event(on: reactor)
      let waiting = Latch()
      let thread = Thread {
        waiting.wait()
        event.set()
      }
      try reactor.run {
        reactor.execute { waiting.open() }
        try await event.wait()
      }
      thread.join()
    }
  }

  @Test("While held, run() and virtual time wait for what is outside")
  func holds() async throws {
    for clock in [Reactor.ClockKind.monotonic, .virtual] {
      try await withReactor(clock) { reactor in
        let event = Event(on: reactor)
        let log = Log()
        reactor.spawn {
          try await event.wait()
          log("woken")
        }
        reactor.hold()
        let waiting = Latch()
        reactor.execute { waiting.open() }
        let thread = Thread {
          waiting.wait()
          event.set()
          reactor.unhold()
        }
        try reactor.run()
        thread.join()
        #expect(log.all == ["woken"])
      }
    }
  }

  @Test("Virtual time stands still while the reactor is held")
  func holdsStopTime() async throws {
    try await withReactor { reactor in
      let start = reactor.now
      let log = Log()
      reactor.schedule(at: .after(.seconds(10))) { log("timer after \(start.duration(to: reactor.now))") }
      reactor.hold()
      let waiting = Latch()
      reactor.execute { waiting.open() }
      let thread = Thread {
        waiting.wait()
        busyWait(1_000_000)
        reactor.execute { log("outside after \(start.duration(to: reactor.now))") }
        reactor.unhold()
      }
      try reactor.run()
      thread.join()
      #expect(log.all == ["outside after 0.0 seconds", "timer after 10.0 seconds"])
    }
  }

  @Test("A watched descriptor is no deadlock")
  func descriptors() async throws {
    try await withReactor(.monotonic) { reactor in
      let pipe = Pipe()
      let log = Log()
      reactor.spawn {
        try await reactor.readable(pipe.readEnd)
        log("readable")
      }
      let waiting = Latch()
      reactor.execute { waiting.open() }
      let thread = Thread {
        waiting.wait()
        pipe.send()
      }
      try reactor.run()
      thread.join()
      #expect(log.all == ["readable"])
    }
  }

  @Test("waits lists who waits, oldest first, with deadlines; and no one who has left")
  func lists() async throws {
    try await withReactor { reactor in
      let semaphore = Semaphore(0, name: "permits", on: reactor)
      let first = semaphore.acquire { _ in }
      reactor.advance(by: .seconds(1))
      try reactor.runOnce(blocking: false)
      reactor.spawn(name: "second") { try await semaphore.acquire(3, deadline: .after(.seconds(60))) }
      try reactor.runOnce(blocking: false)
      let waits = reactor.waits
      #expect(waits.map(\.task) == [nil, "second"])
      #expect(waits.map(\.deadline) == [nil, reactor.now.advanced(by: .seconds(60))])
      #expect(waits.allSatisfy { $0.subject == #"Semaphore "permits""# && $0.call == "acquire" })
      #expect(reactor.description.contains("waits=2"))
      #expect(reactor.description.contains(#"by "second""#))
      first.cancel()
      #expect(reactor.waits.map(\.task) == ["second"])
      reactor.advance(by: .seconds(60))
      try reactor.run()
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A description has readable times, and says of an iteration that it is one")
  func readable() async throws {
    try await withReactor(.virtual) { reactor in
      let jobs = Queue<Int>(name: "jobs", on: reactor)
      let event = Event(name: "loaded", on: reactor)
      reactor.spawn(name: "iterator") { for try await _ in jobs {} }
      reactor.spawn(name: "waiter") { try await event.wait(deadline: .after(.milliseconds(90_500))) }
      reactor.spawn {
        try await reactor.sleep(for: .microseconds(12_345))
        let texts = reactor.waits.map(\.description)
        #expect(texts[0] == #"Queue "jobs".get by "iterator" in for try await for 12 ms"#)
        #expect(texts[1].hasSuffix(" for 12 ms until 90.488 s from now"))
        #expect(reactor.waits[0].file == nil && reactor.waits[0].line == nil)
        jobs.close()
        event.set()
      }
      try reactor.run()
    }
  }

  @Test("Locks tell who holds them while that is noted")
  func holders() async throws {
    try await withReactor { reactor in
      reactor.notesHolders = true
      let lock = Lock(name: "cache", on: reactor)
      reactor.spawn(name: "holder") { try await lock.acquire() }
      reactor.spawn(name: "waiter") { try await lock.acquire() }
      let error = try #require(throws: DeadlockError.self) { try reactor.run() }
      let holder = try #require(error.waits.first?.holder)
      #expect(holder.contains("holder"))
      #expect(holder.contains("DeadlockTests.swift"))
    }
  }

  @Test(
    "A deadlock of tasks that hold what the other wants tells the circle, and a task that only waits for them is not in it"
  )
  func circle() async throws {
    try await withReactor { reactor in
      reactor.notesHolders = true
      let a = Lock(name: "a", on: reactor)
      let b = ReadWriteLock(name: "b", on: reactor)
      reactor.spawn(name: "same name") {
        try await a.withLock {
          try await reactor.sleep(until: .after(.seconds(1)))
          try await b.withWriteLock {}
        }
      }
      reactor.spawn(name: "same name") {
        try await b.withReadLock {
          try await reactor.sleep(until: .after(.seconds(1)))
          try await a.withLock {}
        }
      }
      reactor.spawn(name: "bystander") { try await a.withLock {} }
      let error = try #require(throws: DeadlockError.self) { try reactor.run() }
      #expect(error.waits.count == 3)
      let lines = error.description.split(separator: "\n").filter { $0.hasPrefix("  in a circle: ") }
      #expect(lines.count == 1)
      let circle = try #require(lines.first)
      #expect(circle.contains(#"waits for Lock "a", which "same name" holds"#))
      #expect(circle.contains(#"waits for ReadWriteLock "b", which "same name" holds"#))
      #expect(!circle.contains("bystander"))
      reactor.close()
    }
  }

  @Test("A task that waits for what it holds itself is a circle of one, whoever of several readers it is")
  func upgrade() async throws {
    try await withReactor { reactor in
      reactor.notesHolders = true
      let table = ReadWriteLock(name: "table", on: reactor)
      let event = Event(name: "never", on: reactor)
      for number in 1...2 {
        reactor.spawn(name: "reader \(number)") {
          try await table.withReadLock {
            if number == 2 { try await table.acquireWrite() } else { try await event.wait() }
          }
        }
      }
      let error = try #require(throws: DeadlockError.self) { try reactor.run() }
      #expect(
        error.description.contains(
          #"in a circle: "reader 2" waits for ReadWriteLock "table", which "reader 2" holds"#))
      let holder = try #require(error.waits.first { $0.task == "reader 2" }?.holder)
      for number in 1...2 { #expect(holder.contains("\"reader \(number)\" at ToroReactorTests/DeadlockTests.swift:")) }
      reactor.close()
    }
  }

  @Test("A reader that has left is no holder any more, and who gets the lock next is")
  func readersLeave() async throws {
    try await withReactor { reactor in
      reactor.notesHolders = true
      let table = ReadWriteLock(name: "table", on: reactor)
      let leave = Event(on: reactor)
      reactor.spawn(name: "short") { try await table.withReadLock { try await leave.wait() } }
      reactor.spawn(name: "long") { try await table.withReadLock { try await Event(name: "never").wait() } }
      reactor.spawn(name: "writer") { try await table.withWriteLock {} }
      reactor.execute { leave.set() }
      let error = try #require(throws: DeadlockError.self) { try reactor.run() }
      let holder = try #require(error.waits.first { $0.task == "writer" }?.holder)
      #expect(holder.hasPrefix(#""long" at "#) && !holder.contains("short"))
      reactor.close()
    }
  }

  @Test("Without a circle none is told: who waits for a lock whose holder sleeps")
  func chain() async throws {
    try await withReactor(.monotonic) { reactor in
      reactor.notesHolders = true
      let lock = Lock(name: "a", on: reactor)
      reactor.spawn(name: "holder") { try await lock.withLock { try await Event(name: "never").wait() } }
      reactor.spawn(name: "waiter") { try await lock.acquire() }
      let error = try #require(throws: DeadlockError.self) { try reactor.run() }
      #expect(error.waits.count == 2 && !error.description.contains("circle"))
      reactor.close()
    }
  }

  @Test("A description may be asked for from any thread")
  func descriptionsAnywhere() async throws {
    try await withReactor { reactor in
      let lock = Lock(name: "cache", on: reactor)
      #expect(reactor.description.hasPrefix("<Reactor"))
      Thread {
        #expect(reactor.description == "<Reactor>")
        #expect(lock.description == #"<Lock "cache">"#)
      }.join()
      reactor.close()
      #expect(reactor.description == "<Reactor closed>")
    }
  }
}
