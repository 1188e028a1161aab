import CLibevent
import Testing
import Toro

import class Toro.Semaphore

/// The order that toro.h fixes under "A turn" and "Order".
@Suite("A turn", .timeLimit(.minutes(10)))
struct TurnTests {
  @Test("Events come first, then what was queued when the turn began, then what is due")
  func order() async throws {
    try await withReactor { reactor in
      let log = Log()
      let pipe = Pipe()
      pipe.send()
      let lock = Lock(on: reactor)
      #expect(lock.tryAcquire())
      lock.acquire(deadline: .after(.milliseconds(1))) { log("due: \($0)") }
      reactor.advance(by: .milliseconds(1))
      reactor.execute { log("queued") }
      let watched = event_new(
        reactor.base, pipe.readEnd, Int16(EV_READ),
        { _, _, context in Unmanaged<Log>.fromOpaque(context!).takeUnretainedValue()("event") },
        Unmanaged.passUnretained(log).toOpaque())
      event_add(watched, nil)
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["event", "queued", "due: timedOut"])
      event_free(watched)
    }
  }

  @Test("What is queued in a turn waits for the next")
  func queuedInTurn() async throws {
    try await withReactor { reactor in
      let log = Log()
      reactor.execute {
        log("a")
        reactor.execute { log("c") }
      }
      reactor.execute { log("b") }
      try reactor.runOnce(blocking: false)
      #expect(log.take() == ["a", "b"])
      try reactor.runOnce(blocking: false)
      #expect(log.take() == ["c"])
    }
  }

  @Test("What is due ends by deadline, then by age")
  func dueOrder() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      for (name, delay) in [("c", 2), ("a", 1), ("d", 2), ("b", 1), ("e", 3), ("later", 9)] {
        event.wait(deadline: .after(.milliseconds(delay))) { log("\(name) \($0)") }
      }
      reactor.advance(by: .milliseconds(5))
      try reactor.runOnce(blocking: false)
      #expect(log.take() == ["a", "b", "c", "d", "e"].map { "\($0) timedOut" })
      reactor.advance(by: .milliseconds(4))
      try reactor.runOnce(blocking: false)
      #expect(log.take() == ["later timedOut"])
    }
  }

  @Test("What an advance makes due ends on the next turn, also while somebody elsewhere holds the reactor")
  func dueWhileHeld() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      event.wait(deadline: .after(.seconds(5))) { log("\($0)") }
      reactor.hold()
      reactor.advance(by: .seconds(10))
      try reactor.runOnce(blocking: true)
      #expect(log.take() == ["timedOut"])
      // In a descriptor's event, too: in the same turn or the next.
      event.wait(deadline: .after(.seconds(5))) { log("\($0)") }
      let pipe = Pipe()
      pipe.send()
      let watched = event_new(
        reactor.base, pipe.readEnd, Int16(EV_READ),
        { _, _, context in
          Unmanaged<Reactor>.fromOpaque(context!).takeUnretainedValue().advance(by: .seconds(10))
        }, Unmanaged.passUnretained(reactor).toOpaque())
      event_add(watched, nil)
      defer { event_free(watched) }
      try reactor.runOnce(blocking: true)
      if log.all.isEmpty { try reactor.runOnce(blocking: true) }
      #expect(log.take() == ["timedOut"])
      reactor.unhold()
    }
  }

  @Test(
    "Who sleeps for no time, or waits until a moment that has passed, lets descriptors and deadlines have their turn")
  func sleepingForNoTime() async throws {
    for passing in [{ try await $0.sleep(for: .zero) }, { _ = try await Event(on: $0).wait(deadline: .after(.zero)) }]
      as [@Sendable (Reactor) async throws -> Void]
    {
      try await withReactor(.monotonic) { reactor in
        let log = Log()
        let pipe = Pipe()
        try reactor.run {
          let reader = reactor.spawn {
            _ = try await reactor.readable(pipe.readEnd)
            log("readable")
          }
          await reactor.yield()
          pipe.send()
          for _ in 0..<2 { try await passing(reactor) }
          log("has slept")
          try await reader.value
        }
        #expect(log.all == ["readable", "has slept"])
      }
    }
  }

  @Test("Each that is due is told, with what its callback does, before the next ends")
  func toldBeforeNext() async throws {
    try await withReactor { reactor in
      let log = Log()
      let lock = Lock(on: reactor)
      #expect(lock.tryAcquire())
      lock.acquire(deadline: .after(.milliseconds(1))) {
        log("first \($0)")
        lock.release()
      }
      lock.acquire(deadline: .after(.milliseconds(2))) { log("second \($0)") }
      reactor.advance(by: .milliseconds(3))
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["first timedOut", "second granted"])
    }
  }

  @Test("A time-out lets those pass whom it was in the way of, before they are due themselves")
  func timeoutLetsPass() async throws {
    try await withReactor { reactor in
      let log = Log()
      let semaphore = Semaphore(1, on: reactor)
      semaphore.acquire(2, deadline: .after(.milliseconds(1))) { log("large \($0)") }
      semaphore.acquire(1, deadline: .after(.milliseconds(1))) { log("small \($0)") }
      reactor.advance(by: .milliseconds(1))
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["large timedOut", "small granted"])
    }
  }

  @Test("What a time-out lets pass on an object that defers is told on the next turn")
  func deferredTimeout() async throws {
    try await withReactor { reactor in
      let log = Log()
      let semaphore = Semaphore(1, on: reactor, deferred: true)
      semaphore.acquire(2, deadline: .after(.milliseconds(1))) { log("large \($0)") }
      semaphore.acquire(1, deadline: .after(.milliseconds(1))) { log("small \($0)") }
      reactor.advance(by: .milliseconds(1))
      try reactor.runOnce(blocking: false)
      #expect(log.all == [])
      #expect(semaphore.waiterCount == 0)
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["large timedOut", "small granted"])
    }
  }

  @Test("A call that is due is queued, and can be cancelled until it runs")
  func dueCallIsCancelled() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      let call = reactor.schedule(at: .after(.milliseconds(1))) { log("ran") }
      event.wait(deadline: .after(.milliseconds(1))) { _ in
        log("queued already")
        call.cancel()
      }
      reactor.advance(by: .milliseconds(1))
      try reactor.run()
      #expect(log.all == ["queued already"])
    }
  }

  @Test("A call that is due may cancel the next that is")
  func dueCallCancelsNext() async throws {
    try await withReactor { reactor in
      let log = Log()
      let next = Shared<Wait?>(nil)
      reactor.schedule(at: .after(.milliseconds(1))) {
        log("first")
        next.value?.cancel()
      }
      next.value = reactor.schedule(at: .after(.milliseconds(1))) { log("second") }
      try reactor.run()
      #expect(log.all == ["first"])
    }
  }

  @Test("Calls given to execute and schedule run what they end before they return")
  func outermostCalls() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      for name in ["execute", "schedule"] {
        let body: @Sendable () -> Void = {
          event.clear()
          event.wait { _ in log("told") }
          event.set()
          log(name)
        }
        if name == "execute" { reactor.execute(body) } else { reactor.schedule(at: .after(.seconds(1)), body) }
      }
      try reactor.run()
      #expect(log.all == ["told", "execute", "told", "schedule"])
    }
  }

  @Test("What the host's own event ends is told before the call returns")
  func eventIsOutermost() async throws {
    try await withReactor { reactor in
      final class Context: Sendable {
        let log = Log()
        let event: Event
        init(_ reactor: Reactor) { event = Event(on: reactor) }
      }
      let context = Context(reactor)
      let pipe = Pipe()
      pipe.send()
      context.event.wait { _ in context.log("told") }
      let watched = event_new(
        reactor.base, pipe.readEnd, Int16(EV_READ),
        { _, _, context in
          let context = Unmanaged<Context>.fromOpaque(context!).takeUnretainedValue()
          context.event.set()
          context.log("set")
        }, Unmanaged.passUnretained(context).toOpaque())
      event_add(watched, nil)
      try reactor.runOnce(blocking: false)
      #expect(context.log.all == ["told", "set"])
      event_free(watched)
    }
  }

  @Test("Wait callbacks never nest: the outermost call runs what they end, afterwards, in order")
  func callbacksDoNotNest() async throws {
    try await withReactor { reactor in
      let log = Log()
      let lock = Lock(on: reactor)
      #expect(lock.tryAcquire())
      for name in ["a", "b", "c"] {
        lock.acquire { _ in
          log("\(name) begins")
          lock.release()
          log("\(name) ends")
        }
      }
      lock.release()
      log("returned")
      #expect(log.all == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends", "returned"])
    }
  }

  @Test("Tasks are resumed on a later turn, never inside the notifier")
  func tasksAreResumedLater() async throws {
    try await inReactor { reactor in
      let log = Log()
      let event = Event()
      let task = reactor.spawn {
        try await event.wait()
        log("task")
      }
      await reactor.yield()
      event.wait { _ in log("callback") }
      event.set()
      log("set")
      try await task.value
      #expect(log.all == ["callback", "set", "task"])
    }
  }

  @Test("A wait whose deadline has passed at the call has ended there, and is told on the next turn")
  func passedDeadline() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      for deadline in [
        Deadline.after(.zero), .after(.seconds(-1)), .at(reactor.now), .unixTime(0), .unixTime(-.infinity),
      ] {
        let wait = event.wait(deadline: deadline) { log("\($0)") }
        #expect(wait.id == 0)
        #expect(event.waiterCount == 0)
      }
      event.set()
      #expect(log.all == [])
      try reactor.runOnce(blocking: false)
      #expect(log.all == Array(repeating: "timedOut", count: 5))
    }
  }

  @Test("More than a batch is run in several turns, in order, and none of them blocks")
  func batches() async throws {
    try await withReactor(.monotonic) { reactor in
      let log = Log()
      for number in 0..<1000 { reactor.execute { log("\(number)") } }
      var turns = 0
      while log.count < 1000 {
        try reactor.runOnce(blocking: true)
        turns += 1
      }
      #expect(turns > 1)
      #expect(log.all == (0..<1000).map { "\($0)" })
    }
  }
}
