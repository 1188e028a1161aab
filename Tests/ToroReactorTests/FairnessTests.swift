import Glibc
import Testing
import Toro

import class Toro.Semaphore

@Suite("Fairness", .timeLimit(.minutes(10)))
struct FairnessTests {
  @Test("Two tasks that ping-pong for ever starve neither a 10 ms timer nor a pipe (scenario 31)")
  func pingPong() async throws {
    try await inReactor(.monotonic) { reactor in
      let ping = Semaphore(1)
      let pong = Semaphore(0)
      for (mine, other) in [(ping, pong), (pong, ping)] {
        reactor.spawn {
          while true {
            try await mine.acquire()
            other.release()
          }
        }
      }
      let pipe = Pipe()
      let thread = Thread {
        for _ in 0..<20 {
          busyWait(200_000)
          pipe.send()
        }
      }
      async let timer: Void = reactor.sleep(until: .after(.milliseconds(10)))
      var received = 0
      while received < 20 {
        try await reactor.readable(pipe.readEnd)
        received += pipe.receive().count
      }
      try await timer
      thread.join()
    }
  }

  @Test("A flood of callbacks and calls that renew themselves does not starve timers (scenario 31)")
  func flood() async throws {
    final class Flood: Sendable {
      let reactor: Reactor
      let event: Event
      init(_ reactor: Reactor) {
        self.reactor = reactor
        event = Event(on: reactor, deferred: true)
      }
      @Sendable func call() { reactor.execute(call) }
      @Sendable func callback(_ outcome: WaitOutcome) {
        guard outcome == .granted else { return }
        event.set()
        event.wait(callback: callback)
      }
    }
    try await withReactor(.monotonic) { reactor in
      let flood = Flood(reactor)
      for _ in 0..<200 { flood.call() }
      flood.event.set()
      for _ in 0..<200 { flood.event.wait(callback: flood.callback) }
      try reactor.run {
        reactor.spawn {
          while !Task.isCancelled { await reactor.yield() }
        }
        try await reactor.sleep(until: .after(.milliseconds(10)))
        // What another thread posts is not starved either.
        let posted = Event()
        let thread = Thread { reactor.execute { posted.set() } }
        try await posted.wait()
        thread.join()
      }
      reactor.close()
    }
  }

  @Test("A task that yields for ever does not stop a stop")
  func yieldsForever() async throws {
    try await withReactor(.monotonic) { reactor in
      let running = Latch()
      let thread = Thread {
        running.wait()
        reactor.stop()
      }
      #expect(throws: StoppedError.self) {
        try reactor.run {
          running.open()
          while !Task.isCancelled { await reactor.yield() }
        }
      }
      thread.join()
    }
  }

  @Test("What is posted as a wait times out is not lost (scenario 30)")
  func postAtTimeout() async throws {
    try await inReactor(.monotonic) { (reactor) async throws in
      let ran = Counter()
      let never = Event()
      let thread = Thread {
        var random = Randomness(seed: 30)
        for _ in 0..<1000 {
          busyWait(Int.random(in: 0..<60_000, using: &random))
          reactor.execute { ran.add() }
        }
      }
      while ran.value < 1000 {
        #expect(try await never.wait(deadline: .after(.microseconds(30))) == false)
      }
      thread.join()
    }
  }

  @Test("A release from another thread wakes the waiter, each time (scenario 29)")
  func releaseFromThread() async throws {
    try await inReactor(.monotonic) { reactor in
      let there = Semaphore(0)
      let here = Latch()
      let thread = Thread {
        for _ in 0..<1000 {
          here.wait()
          there.release()
        }
      }
      for _ in 0..<1000 {
        here.open()
        try await there.acquire()
      }
      thread.join()
      #expect(there.count == 0)
    }
  }

  @Test("A primitive of one reactor, used from a task of another, is waited for there (scenario 32)")
  func twoReactors() async throws {
    try await withReactor(.monotonic) { first in
      let lock = Lock(on: first)
      let queue = Queue<Int>(capacity: 1, on: first)
      let done = Shared(false)
      let other = Thread {
        do {
          let second = try Reactor()
          try second.run {
            for number in 0..<200 {
              try await lock.withLock {
                #expect(second.isCurrent)
                #expect(!first.isCurrent)
              }
              try await queue.put(number)
              #expect(second.isCurrent)
            }
            try await first.perform { done.value = true }
            #expect(second.isCurrent)
          }
          second.close()
        } catch { Issue.record(error) }
      }
      try first.run { () async throws in
        for number in 0..<200 {
          #expect(try await queue.get() == number)
          try await lock.withLock {
            #expect(first.isCurrent)
            await first.yield()
          }
        }
        while !done.value { try await first.sleep(until: .after(.microseconds(100))) }
        #expect(!lock.isLocked)
      }
      other.join()
    }
  }
}
