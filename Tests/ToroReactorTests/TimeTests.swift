import Glibc
import Testing
import Toro

import class Toro.Semaphore

@Suite("Time", .timeLimit(.minutes(10)))
struct TimeTests {
  @Test("Virtual time jumps to the next deadline when nothing is ready, and only then")
  func jumps() async throws {
    try await inReactor { reactor in
      let start = reactor.now
      for _ in 0..<100 { await reactor.yield() }
      #expect(reactor.now == start)
      try await reactor.sleep(until: .after(.seconds(3600)))
      #expect(start.duration(to: reactor.now) == .seconds(3600))
      let event = Event()
      #expect(try await event.wait(deadline: .after(.milliseconds(1))) == false)
      #expect(start.duration(to: reactor.now) == .seconds(3600) + .milliseconds(1))
    }
  }

  @Test("A day of ticks takes no time, in the same order each run")
  func manyTimers() async throws {
    let runs = try await (0..<3).asyncMap { _ in
      try await inReactor { reactor in
        let log = Log()
        await withTaskGroup(of: Void.self) { group in
          for (name, period) in [("a", 700), ("b", 1100), ("c", 350)] {
            group.addTask {
              for tick in 1...(86_400 / period) {
                try? await reactor.sleep(until: .after(.seconds(period)))
                log("\(name)\(tick)")
              }
            }
          }
        }
        return log.all
      }
    }
    #expect(runs[0].count > 400)
    #expect(runs[0] == runs[1] && runs[1] == runs[2])
  }

  @Test("advance(by:) moves time on; what becomes due ends on the next turn, in order")
  func advances() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      for seconds in [3, 1, 2] { event.wait(deadline: .after(.seconds(seconds))) { _ in log("\(seconds)") } }
      reactor.advance(by: .seconds(2))
      #expect(log.all == [])
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["1", "2"])
      reactor.advance(by: .milliseconds(999))
      try reactor.runOnce(blocking: false)
      #expect(log.count == 2)
      reactor.advance(by: .milliseconds(1))
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["1", "2", "3"])
    }
  }

  @Test("A turn that does not block does not jump; one that does jumps once")
  func turnsAndJumps() async throws {
    try await withReactor { reactor in
      let log = Log()
      let start = reactor.now
      let event = Event(on: reactor)
      for seconds in [1, 2] { event.wait(deadline: .after(.seconds(seconds))) { _ in log("\(seconds)") } }
      try reactor.runOnce(blocking: false)
      #expect(reactor.now == start)
      try reactor.runOnce(blocking: true)
      #expect(log.all == ["1"])
      #expect(start.duration(to: reactor.now) == .seconds(1))
    }
  }

  @Test("Advancing by nothing changes nothing, and by far too much ends all that ends")
  func advancesFar() async throws {
    try await withReactor { reactor in
      let log = Log()
      let event = Event(on: reactor)
      event.wait(deadline: .after(.seconds(1_000_000_000))) { log("\($0)") }
      event.wait(deadline: .never) { log("never \($0)") }
      reactor.advance(by: .zero)
      try reactor.runOnce(blocking: false)
      #expect(log.all == [])
      reactor.advance(by: .seconds(Int64.max))
      try reactor.runOnce(blocking: false)
      #expect(log.all == ["timedOut"])
      #expect(event.waiterCount == 1)
    }
  }

  @Test("At a real epoch, virtual time still moves by one nanosecond (scenario 23)")
  func nanoseconds() async throws {
    try await withReactor(.virtual(unixTime: 1_700_000_000)) { reactor in
      #expect(reactor.unixTime == .seconds(1_700_000_000))
      let log = Log()
      let event = Event(on: reactor)
      for nanoseconds in [2, 1, 3] {
        event.wait(deadline: .after(.nanoseconds(nanoseconds))) { _ in log("\(nanoseconds)") }
      }
      for step in 1...3 {
        reactor.advance(by: .nanoseconds(1))
        try reactor.runOnce(blocking: false)
        #expect(log.count == step)
        #expect(reactor.unixTime == .seconds(1_700_000_000) + .nanoseconds(step))
      }
      #expect(log.all == ["1", "2", "3"])
      reactor.advance(by: .nanoseconds(7))
      event.wait(deadline: .at(reactor.now.advanced(by: .nanoseconds(1)))) { _ in log("at") }
      try reactor.run()
      #expect(reactor.unixTime == .seconds(1_700_000_000) + .nanoseconds(11))
    }
  }

  @Test("A fraction of a nanosecond is rounded up: no wait ends early")
  func attoseconds() async throws {
    try await inReactor { reactor in
      let start = reactor.now
      try await reactor.sleep(until: .after(Duration(secondsComponent: 0, attosecondsComponent: 1)))
      #expect(start.duration(to: reactor.now) == .nanoseconds(1))
      try await reactor.sleep(until: .after(Duration(secondsComponent: 100, attosecondsComponent: 1)))
      #expect(start.duration(to: reactor.now) == .seconds(100) + .nanoseconds(2))
    }
  }

  @Test("Deadlines in Unix time are read on the reactor's own idea of it")
  func unixDeadlines() async throws {
    try await inReactor(.virtual(unixTime: 1_000_000)) { reactor in
      let event = Event()
      #expect(try await event.wait(deadline: .unixTime(1_000_000.5)) == false)
      #expect(reactor.unixTime == .seconds(1_000_000) + .milliseconds(500))
      #expect(try await event.wait(deadline: .unixTime(1_000_000.25)) == false)
      #expect(reactor.unixTime == .seconds(1_000_000) + .milliseconds(500))
      let wait = event.wait(deadline: .unixTime(.infinity)) { #expect($0 == .granted) }
      let far = event.wait(deadline: .unixTime(1e300)) { #expect($0 == .granted) }
      #expect(wait.id != 0 && far.id != 0)
      try await reactor.sleep(until: .after(.seconds(1_000_000_000)))
      event.set()
    }
  }

  @Test("Deadlines in Unix time end in real time")
  func unixDeadlinesInRealTime() async throws {
    try await inReactor(.monotonic) { (reactor) async throws in
      let event = Event()
      let components = reactor.unixTime.components
      let now = Double(components.seconds) + Double(components.attoseconds) / 1e18
      #expect(try await event.wait(deadline: .unixTime(now + 0.002)) == false)
      // A double holds a quarter of a microsecond of the time since 1970.
      #expect(reactor.unixTime >= .seconds(now + 0.002) - .microseconds(1))
      #expect(try await event.wait(deadline: .unixTime(now - 1)) == false)
    }
  }

  @Test("Huge durations neither overflow nor fire (scenario 20)")
  func huge() async throws {
    for clock in [Reactor.ClockKind.monotonic, .virtual] {
      try await withReactor(clock) { reactor in
        if clock != .monotonic { reactor.advance(by: .seconds(1_000_000)) }
        let event = Event(on: reactor)
        let ended = Counter()
        for duration in [Duration.seconds(Int64.max), .nanoseconds(Int64.max), .seconds(9_223_372_036), .seconds(1e19)]
        {
          event.wait(deadline: .after(duration)) { if $0 != .granted { ended.add() } }
        }
        event.wait(deadline: .at(.init(nanoseconds: .max))) { if $0 != .granted { ended.add() } }
        for _ in 0..<3 { try reactor.runOnce(blocking: false) }
        #expect(event.waiterCount == 5)
        event.set()
        #expect(ended.value == 0)
      }
    }
  }

  @Test("reactor.clock is a clock like any other, in virtual time too")
  func clock() async throws {
    try await inReactor { reactor in
      #expect(try await elapsed(reactor.clock, .seconds(3600)) == .seconds(3600))
      try await Task.sleep(for: .seconds(60), clock: reactor.clock)
      #expect(reactor.clock.now == reactor.now)
      #expect(reactor.clock.minimumResolution == .nanoseconds(1))
      let measured = await reactor.clock.measure { try? await reactor.sleep(until: .after(.seconds(5))) }
      #expect(measured == .seconds(5))
      // From elsewhere too.
      #expect(try await Task.detached { try await elapsed(reactor.clock, .seconds(10)) }.value == .seconds(10))
    }
    try await inReactor(.monotonic) { (reactor) async throws in
      #expect(try await elapsed(reactor.clock, .milliseconds(2)) >= .milliseconds(2))
    }
  }

  @Test("Instants add up, and saturate")
  func instants() {
    let instant = ReactorClock.Instant(nanoseconds: 1_000)
    #expect(instant.advanced(by: .nanoseconds(5)).nanoseconds == 1_005)
    #expect(instant.advanced(by: .nanoseconds(-5)) < instant)
    #expect(instant.duration(to: .init(nanoseconds: 3_000)) == .nanoseconds(2_000))
    #expect(instant.advanced(by: .seconds(Int64.max)).nanoseconds == .max)
    #expect(instant.advanced(by: .seconds(Int64.min)).nanoseconds <= .min + 1_000)
  }

  @Test("Real deadlines are read on the monotonic clock, which the wall clock does not move (scenario 22)")
  func wallClockIndependence() async throws {
    try await inReactor(.monotonic) { reactor in
      func monotonic() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
      }
      let before = monotonic()
      let now = reactor.now.nanoseconds
      #expect(before <= now && now <= monotonic())
      // A deadline in Unix time has become a monotonic one when the call has been made.
      let event = Event()
      let components = reactor.unixTime.components
      event.wait(deadline: .unixTime(Double(components.seconds) + 1000)) { _ in }
      let due = try #require(reactor.nextDeadline)
      #expect(due.nanoseconds > now + 990_000_000_000 && due.nanoseconds < now + 1_060_000_000_000)
      event.set()
    }
  }

  @Test("A wait that was satisfied leaves no timer behind (scenario 18)")
  func noTimersLeft() async throws {
    try await withReactor(.monotonic) { (reactor) throws in
      try reactor.run { () async throws in
        let semaphore = Semaphore(0)
        for _ in 0..<1000 {
          reactor.execute { semaphore.release() }
          #expect(try await semaphore.acquire(deadline: .after(.seconds(3600))))
        }
      }
      #expect(reactor.nextDeadline == nil)
      try reactor.run()
    }
  }

  @Test("No wait ends early in real time")
  func notEarly() async throws {
    try await inReactor(.monotonic) { (reactor) async throws in
      let event = Event()
      for microseconds in [1, 3, 100, 1000, 1999] {
        let due = reactor.now.advanced(by: .microseconds(microseconds))
        #expect(try await event.wait(deadline: .at(due)) == false)
        #expect(reactor.now >= due)
      }
    }
  }
}

private func elapsed<C: Clock>(_ clock: C, _ duration: C.Duration) async throws -> C.Duration {
  let start = clock.now
  try await clock.sleep(until: start.advanced(by: duration), tolerance: nil)
  return start.duration(to: clock.now)
}

extension Sequence {
  fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await transform(element)) }
    return results
  }
}
