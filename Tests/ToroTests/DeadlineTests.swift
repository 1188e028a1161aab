import Testing
import Toro

@Suite("Deadlines")
struct DeadlineTests {
  /// How long a wait with this deadline takes, on a reactor in virtual time.
  private func delay(_ deadline: @escaping @Sendable (Reactor) -> Deadline, epoch: Int64? = nil) throws -> Duration {
    let reactor = try Reactor(clock: .virtual(unixTime: epoch))
    return try reactor.run {
      let start = reactor.now
      let isGranted = try await Event(on: reactor).wait(deadline: deadline(reactor))
      #expect(!isGranted)
      return start.duration(to: reactor.now)
    }
  }

  @Test("The three kinds of deadline mean the same moment")
  func kinds() throws {
    let hour = Duration.seconds(3600)
    #expect(try delay { _ in .after(hour) } == hour)
    #expect(try delay { .at($0.now.advanced(by: hour)) } == hour)
    #expect(try delay({ _ in .unixTime(1_000_003_600) }, epoch: 1_000_000_000) == hour)
    #expect(try delay({ _ in .unixTime(1_000_000_000.25) }, epoch: 1_000_000_000) == .milliseconds(250))
    #expect(try delay({ _ in .unixTime(1_000_000_000) }, epoch: 1_000_000_000) == .zero)
    #expect(try delay({ _ in .unixTime(999_999_999) }, epoch: 1_000_000_000) == .zero)
  }

  @Test("A wait never ends early: fractions of a nanosecond count as whole ones")
  func neverEarly() throws {
    let attosecond = Duration(secondsComponent: 0, attosecondsComponent: 1)
    #expect(try delay { _ in .after(attosecond) } == .nanoseconds(1))
    #expect(try delay { _ in .after(.nanoseconds(7) + attosecond) } == .nanoseconds(8))
    #expect(try delay { _ in .after(.seconds(3600) + attosecond) } == .seconds(3600) + .nanoseconds(1))
    #expect(try delay { _ in .after(.zero - attosecond) } == .zero)
    #expect(try delay { .at($0.now.advanced(by: attosecond)) } == .nanoseconds(1))
  }

  @Test("Virtual time at a real epoch moves by one nanosecond (scenario 23)")
  func oneNanosecond() throws {
    let reactor = try Reactor(clock: .virtual(unixTime: 1_700_000_000))
    try reactor.run {
      #expect(reactor.unixTime == .seconds(1_700_000_000))
      for step in 1...100 {
        try await reactor.sleep(until: .after(.nanoseconds(1)))
        #expect(reactor.unixTime == .seconds(1_700_000_000) + .nanoseconds(step))
      }
      reactor.advance(by: .nanoseconds(1))
      #expect(reactor.unixTime == .seconds(1_700_000_000) + .nanoseconds(101))
    }
  }

  @Test("A deadline is made monotonic once, at the call: what comes later does not move it (scenario 22)")
  func madeMonotonicOnce() throws {
    // The wall clock cannot be set here; that relative deadlines never look at it shows in that a reactor whose wall clock
    // is a day off keeps the same ones.
    let day: Int64 = 86_400
    let now: Int64 = 1_700_000_000
    for epoch in [now - day, now, now + day, 0, -day] {
      #expect(try delay({ _ in .after(.seconds(5)) }, epoch: epoch) == .seconds(5))
      #expect(try delay({ .at($0.now.advanced(by: .seconds(5))) }, epoch: epoch) == .seconds(5))
    }
  }

  @Test("Huge durations neither overflow nor pass, wherever the clock stands (scenario 20)")
  func huge() throws {
    let reactor = try Reactor(clock: .virtual)
    let event = Event(on: reactor)
    let log = Log<String>()
    reactor.advance(by: .seconds(Int64.max))
    for deadline in Deadline.unreachable { event.wait(deadline: deadline) { log.note("\($0)") } }
    try reactor.run { await settle(reactor) }
    #expect(event.waiterCount == Deadline.unreachable.count)
    event.set()
    #expect(log.entries.count == Deadline.unreachable.count && log.entries.allSatisfy { $0 == "granted" })
  }

  @Test("A real wait is not early, and late by little (scenario 20)")
  func realTime() throws {
    // Real time, since it is the real clock that is tested here: 3 milliseconds.
    let reactor = try Reactor()
    let elapsed = try reactor.run {
      let start = reactor.now
      let isSet = try await Event(on: reactor).wait(deadline: .after(.milliseconds(3)))
      #expect(!isSet)
      return start.duration(to: reactor.now)
    }
    #expect(elapsed >= .milliseconds(3))
    // A second is far more than any loop's delay; it only shows that the wait was no longer than asked for.
    #expect(elapsed < .seconds(1))
  }

  @Test("A loop of waits with short deadlines leaves nothing behind (scenario 19)", arguments: Form.allCases)
  func shortDeadlines(_ form: Form) throws {
    let reactor = try Reactor(clock: .virtual)
    let start = reactor.now
    try reactor.run {
      let scene = Scene(reactor, form)
      let queue = Queue<Int>(on: reactor, deferred: form == .deferred)
      for _ in 0..<2000 {
        let get = await scene.get(queue, deadline: .after(.milliseconds(1)))
        try await scene.pass(.milliseconds(1))
        #expect(get.outcome == .timedOut)
      }
      #expect(queue.waiterCount == 0)
    }
    try reactor.run()
    #expect(start.duration(to: reactor.now) == .seconds(2))
    #expect(reactor.description == "<Reactor ready=0 tasks=0 timed=0 waits=0>")
  }

  @Test("An hour's time-outs happen in the same order each run, and at once")
  func reproducible() throws {
    func run() throws -> [String] {
      let log = Log<String>()
      try inVirtualTime { reactor in
        let semaphore = BoundedSemaphore(2, on: reactor)
        var random = Seeded(5)
        let tasks = (0..<200).map { index in
          let (patience, work) = (Int.random(in: 1..<3600, using: &random), Int.random(in: 1..<60, using: &random))
          return reactor.spawn {
            guard try await semaphore.acquire(deadline: .after(.seconds(patience))) else {
              return log.note("\(index) gave up at \(reactor.now.nanoseconds)")
            }
            try await reactor.sleep(until: .after(.seconds(work)))
            log.note("\(index) done")
            try semaphore.release()
          }
        }
        for task in tasks { try await task.value }
      }
      return log.take()
    }
    let first = try run()
    #expect(first.count == 200)
    #expect(try run() == first)
  }
}
