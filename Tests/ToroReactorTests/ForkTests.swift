import CLibevent
import Glibc
import Testing
import Toro

// Each in a process of its own, with few threads, as a program that forks is.

/// What became of a forked child.
private struct Child {
  let status: Int32
  let message: String

  var hasSucceeded: Bool { status == 0 }
  var wasStopped: Bool { status & 0x7f != 0 && status & 0x7f != 0x7f }

  /// Forks, runs `body` in the child, which ends with its result, and waits for it.
  init(_ body: () -> Bool) {
    let fork = unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> Int32).self)
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0)
    let process = fork()
    if process == 0 {
      dup2(ends[1], 2)
      signal(SIGILL, SIG_DFL)
      signal(SIGTRAP, SIG_DFL)
      alarm(30)
      _exit(body() ? 0 : 1)
    }
    close(ends[1])
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(ends[0], &buffer, buffer.count)
      if count <= 0 { break }
      text += buffer[..<count]
    }
    close(ends[0])
    var status: Int32 = 0
    waitpid(process, &status, 0)
    self.status = status
    message = String(decoding: text, as: UTF8.self)
  }
}

private func require(_ condition: Bool, _ what: String = "", line: UInt = #line) {
  if !condition { fatalError("line \(line): \(what)") }
}

/// Waits, timers, posts from another thread and descriptors, in whatever process this is.
private func exercise(_ reactor: Reactor) throws {
  let log = Log()
  let pipe = Pipe()
  let event = Event(on: reactor)
  let thread = Thread {
    busyWait(500_000)
    pipe.send()
    event.set()
  }
  try reactor.run {
    async let readable: Void = reactor.readable(pipe.readEnd)
    try await reactor.sleep(until: .after(.milliseconds(1)))
    try await event.wait()
    try await readable
    log("done")
  }
  thread.join()
  require(log.all == ["done"])
}

@Suite("Forking", .timeLimit(.minutes(10)))
struct ForkTests {
  @Test("Calls in the child fail clearly until it is re-initialised; the parent does not notice (scenario 33)")
  func failsClearly() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        let reactor = try Reactor()
        let lock = Lock(name: "cache", on: reactor)
        require(lock.tryAcquire())
        let told = Log()
        lock.acquire { told("\($0)") }
        let calls: [(String, () -> Void)] = [
          ("run", { try? reactor.run() }), ("runOnce", { _ = try? reactor.runOnce(blocking: false) }),
          ("run { }", { try? reactor.run {} }), ("stop", { reactor.stop() }), ("execute", { reactor.execute {} }),
          ("schedule", { reactor.schedule(at: .never) {} }), ("spawn", { reactor.spawn {} }),
          ("hold", { reactor.hold() }), ("close", { reactor.close() }), ("tryAcquire", { _ = lock.tryAcquire() }),
          ("release", { lock.release() }), ("isLocked", { _ = lock.isLocked }), ("acquire", { lock.acquire { _ in } }),
          ("nextDeadline", { _ = reactor.nextDeadline }), ("waits", { _ = reactor.waits }),
          ("bind", { reactor.bind() }),
        ]
        for (name, call) in calls {
          let child = Child {
            call()
            return true
          }
          require(child.wasStopped, "\(name): \(child)")
          require(child.message.contains("forked") && child.message.contains("reinitializeAfterFork"), "\(child)")
        }
        let child = Child { !reactor.isCurrent && !reactor.isClosed && Reactor.currentIfAny == nil }
        require(child.hasSucceeded, "\(child)")
        lock.release()
        require(told.all == ["granted"])
        try exercise(reactor)
      }
    }
  }

  @Test("After reinitializeAfterFork() the child's reactor works, and the parent's events all still fire (scenario 33)")
  func reinitialized() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        let reactor = try Reactor()
        let told = Log()
        let event = Event(on: reactor)
        event.wait { told("\($0)") }
        reactor.schedule(at: .after(.milliseconds(1))) { told("timer") }
        let child = Child {
          do {
            try reactor.reinitializeAfterFork()
            require(reactor.isCurrent)
            try exercise(reactor)
            event.set()
            require(told.all.sorted() == ["granted", "timer"])
            reactor.close()
            return true
          } catch { return false }
        }
        require(child.hasSucceeded, "\(child)")
        try exercise(reactor)
        event.set()
        require(told.all.sorted() == ["granted", "timer"])
        try exercise(reactor)
        reactor.close()
      }
    }
  }

  @Test(
    "A reactor that is dropped in the child, or whose copy is closed there, leaves the parent's alone (scenario 33)")
  func dropped() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        final class Holder { var reactor: Reactor? }
        let holder = Holder()
        holder.reactor = try Reactor()
        let pipe = Pipe()
        weak let weakly = holder.reactor
        let child = Child {
          holder.reactor = nil
          return weakly == nil
        }
        require(child.hasSucceeded, "\(child)")
        let reactor = holder.reactor!
        reactor.hold()
        let thread = Thread {
          busyWait(1_000_000)
          reactor.execute {
            pipe.send()
            reactor.unhold()
          }
        }
        try reactor.run()
        thread.join()
        require(pipe.receive() == "x")
        try exercise(reactor)
      }
    }
  }

  @Test("A process that forks in a turn goes on with it in the child, where the reactor is current again (scenario 33)")
  func inTurn() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        let reactor = try Reactor()
        let log = Log()
        try reactor.run {
          try await reactor.sleep(until: .after(.microseconds(100)))
          let child = Child {
            do { try reactor.reinitializeAfterFork() } catch { return false }
            return Reactor.current === reactor && Lock().tryAcquire()
          }
          require(child.hasSucceeded, "\(child)")
          try await reactor.sleep(until: .after(.microseconds(100)))
          log("parent")
        }
        require(log.all == ["parent"])
        try exercise(reactor)
      }
    }
  }

  @Test("On an adopted base the host re-initialises its own first; then both go on (scenario 33)")
  func adopted() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        let base = makeHostBase(locks: false)
        let reactor = try Reactor(adopting: base)
        let told = Log()
        func work() {
          reactor.hold()
          let thread = Thread {
            busyWait(500_000)
            reactor.execute { told("posted") }
            reactor.unhold()
          }
          reactor.spawn {
            try await reactor.sleep(until: .after(.milliseconds(1)))
            told("slept")
          }
          event_base_dispatch(base)
          thread.join()
          require(told.take().sorted() == ["posted", "slept"])
        }
        work()
        let child = Child {
          require(event_reinit(base) == 0)
          do { try reactor.reinitializeAfterFork() } catch { return false }
          require(Reactor.current === reactor)
          work()
          reactor.close()
          return true
        }
        require(child.hasSucceeded, "\(child)")
        work()
        reactor.close()
        event_base_free(base)
      }
    }
  }

  @Test("A child has threads of its own for blocking code")
  func blockingCode() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        let reactor = try Reactor()
        // All threads of the pool are there, some idle and some busy.
        let latch = Latch()
        let began = Counter()
        let busy = (0..<3).map { _ in
          reactor.spawn {
            try await reactor.runBlocking {
              began.add()
              latch.wait()
            }
          }
        }
        try reactor.run {
          try await reactor.runBlocking {}
          while began.value < 3 { try await reactor.sleep(for: .microseconds(100)) }
        }
        let child = Child {
          do {
            let other = try Reactor()
            return try other.run { try await other.runBlocking { 7 } } == 7
          } catch {
            return false
          }
        }
        require(child.hasSucceeded, "\(child)")
        for _ in 0..<3 { latch.open() }
        try reactor.run { for task in busy { try await task.value } }
        reactor.close()
      }
    }
  }

  @Test("Threads of a child meet at what threads share, as the parent's do")
  func contention() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        let shared = Locked(0)
        let reactor = try Reactor()
        /// Several threads, this one among them, at one lock and at one reactor.
        func meet() throws {
          let told = Locked(0)
          let threads = (0..<3).map { _ in
            Thread {
              for _ in 0..<20_000 { shared.withLock { $0 += 1 } }
              for _ in 0..<2_000 { reactor.execute { told.withLock { $0 += 1 } } }
              reactor.unhold()
            }
          }
          for _ in threads { reactor.hold() }
          for _ in 0..<20_000 { shared.withLock { $0 += 1 } }
          try reactor.run()
          for thread in threads { thread.join() }
          require(told.withLock { $0 } == 6_000)
        }
        try meet()
        let child = Child {
          do {
            try reactor.reinitializeAfterFork()
            try meet()
            return shared.withLock { $0 } == 160_000
          } catch { return false }
        }
        require(child.hasSucceeded, "\(child)")
        try meet()
        reactor.close()
      }
    }
  }

  @Test("What a thread of the parent was at as it forked is left alone in the child")
  func heldByAnother() async {
    await #expect(processExitsWith: .success) {
      try await onOwnThread {
        let held = Locked(1)
        let free = Locked(2)
        let holds = Latch()
        let latch = Latch()
        let thread = Thread {
          held.withLock { _ in
            holds.open()
            latch.wait()
          }
        }
        holds.wait()
        let child = Child {
          require(held.valueInChild == nil && free.valueInChild == 2)
          held.emptyInChild(leaving: 0)
          free.emptyInChild(leaving: 0)
          require(held.valueInChild == nil && free.valueInChild == 0)
          return free.withLock { $0 } == 0
        }
        require(child.hasSucceeded, "\(child)")
        latch.open()
        thread.join()
        require(held.withLock { $0 } == 1 && free.withLock { $0 } == 2)
      }
    }
  }
}
