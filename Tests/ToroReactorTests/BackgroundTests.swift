import CLibevent
import Glibc
import Testing
import Toro

/// What the reactor does if it has the occasion, and what is no work that is left.
@Suite("In the background", .timeLimit(.minutes(10)))
struct BackgroundTests {
  @Test("A descriptor that nobody waits for is watched, and one that is waited for is the waiter's")
  func watching() async throws {
    try await inReactor(.monotonic) { reactor in
      let pipe = Pipe()
      let watch = DescriptorWatch(on: reactor, pipe.readEnd, .readable)
      defer { watch.close() }
      let log = Log()
      let isWatched1 = watch.watchUnawaited { log("unasked: \(pipe.receive())") }
      #expect(isWatched1)
      pipe.send("a")
      try await reactor.sleep(for: .milliseconds(5))
      // Once: until it is asked again, what comes is of no interest.
      pipe.send("b")
      try await reactor.sleep(for: .milliseconds(5))
      #expect(log.all == ["unasked: a"])
      log("read: \(pipe.receive())")
      let isWatched2 = watch.watchUnawaited { log("unasked") }
      #expect(isWatched2)
      watch.endWatchingUnawaited()
      pipe.send("c")
      try await reactor.sleep(for: .milliseconds(5))
      #expect(try await watch.wait(.readable, until: .max, .unknown))
      let isWatched3 = watch.watchUnawaited { log("unasked: \(pipe.receive())") }
      #expect(isWatched3)
      try await reactor.sleep(for: .milliseconds(5))
      #expect(log.all == ["unasked: a", "read: b", "unasked: c"])
    }
  }

  @Test("A watch that is closed is of no use")
  func closed() async throws {
    try await inReactor(.monotonic) { reactor in
      let pipe = Pipe()
      let watch = DescriptorWatch(on: reactor, pipe.readEnd, .readable)
      let isWatched4 = watch.watchUnawaited { Issue.record("closed") }
      #expect(isWatched4)
      watch.close()
      pipe.send()
      try await reactor.sleep(for: .milliseconds(5))
      let isWatched = watch.watchUnawaited {}
      #expect(!isWatched)
    }
  }

  @Test("A call in the background comes in its time, if the reactor runs then, and can be cancelled")
  func calls() async throws {
    try await inReactor(.virtual) { reactor in
      let log = Log()
      let now = reactor.clock.now.nanoseconds
      _ = reactor.scheduleInBackground(at: now + 20) { log("second") }
      _ = reactor.scheduleInBackground(at: now + 10) { log("first") }
      let never = reactor.scheduleInBackground(at: now + 15) { log("cancelled") }
      never.cancel()
      try await reactor.sleep(for: .nanoseconds(100))
      #expect(log.all == ["first", "second"])
    }
  }

  @Test("Neither keeps a run going, nor hides a deadlock")
  func own() throws {
    for clock in [Reactor.ClockKind.monotonic, .virtual(unixTime: nil)] {
      let reactor = try Reactor(clock: clock)
      defer { reactor.close() }
      let pipe = Pipe()
      let watch = DescriptorWatch(on: reactor, pipe.readEnd, .readable)
      defer { watch.close() }
      let isWatched5 = watch.watchUnawaited {}
      #expect(isWatched5)
      let call = reactor.scheduleInBackground(at: reactor.clock.now.nanoseconds + 3_600_000_000_000) {}
      try reactor.run()
      #expect(throws: DeadlockError.self) { try reactor.run(detectsDeadlock: true) { try await Event().wait() } }
      try reactor.run { try await reactor.sleep(for: .milliseconds(1)) }
      call.cancel()
      try reactor.run()
    }
  }

  @Test("Neither keeps a host's loop going, and both are done while it goes", arguments: Drive.allCases)
  func adopted(_ drive: Drive) async throws {
    try await withHost { base, reactor in
      let pipe = Pipe()
      let watch = DescriptorWatch(on: reactor, pipe.readEnd, .readable)
      let log = Log()
      let isWatched6 = watch.watchUnawaited { log("unasked: \(pipe.receive())") }
      #expect(isWatched6)
      _ = reactor.scheduleInBackground(at: reactor.clock.now.nanoseconds + 3_600_000_000_000) { log("too early") }
      _ = reactor.scheduleInBackground(at: reactor.clock.now.nanoseconds + 1_000_000) { log("called") }
      drive.run(base)
      #expect(log.all == [])
      pipe.send("a")
      reactor.schedule(at: .after(.milliseconds(20))) { log("end") }
      drive.run(base)
      #expect(log.all.sorted() == ["called", "end", "unasked: a"])
      // It is waited for as before.
      let isWatched7 = watch.watchUnawaited { log("unasked") }
      #expect(isWatched7)
      watch.endWatchingUnawaited()
      let task = reactor.spawn { try await watch.wait(.readable, until: .max, .unknown) }
      reactor.schedule(at: .after(.milliseconds(1))) { pipe.send("b") }
      drive.run(base)
      _ = task
      #expect(log.all.count == 3 && pipe.receive() == "b" && reactor.waits.isEmpty)
      watch.close()
    }
  }
}
