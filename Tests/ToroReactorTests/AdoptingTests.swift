import CLibevent
import Glibc
import Testing
import Toro

import class Toro.Semaphore

/// How a host drives its base.
enum Drive: CaseIterable, Sendable {
  case dispatch, once, nonblock

  /// Drives until nothing is left on the base.
  func run(_ base: OpaquePointer) {
    switch self {
    case .dispatch: while event_base_dispatch(base) == 0 { if event_base_got_exit(base) != 0 { return } }
    case .once: while event_base_loop(base, EVLOOP_ONCE) == 0 {}
    case .nonblock: while event_base_loop(base, EVLOOP_NONBLOCK) == 0 {}
    }
  }
}

/// A base as a C program makes it.
func makeHostBase(locks: Bool) -> OpaquePointer {
  if locks { return event_base_new() }
  let config = event_config_new()
  defer { event_config_free(config) }
  event_config_set_flag(config, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
  return event_base_new_with_config(config)
}

/// Runs `body` with a host's base and the reactor that adopted it, on a thread of its own, and closes and frees them.
func withHost(
  locks: Bool = true, _ body: @escaping @Sendable (OpaquePointer, Reactor) throws -> Void
) async throws {
  try await onOwnThread {
    let base = makeHostBase(locks: locks)
    defer { event_base_free(base) }
    let reactor = try Reactor(adopting: base)
    defer { reactor.close() }
    try body(base, reactor)
  }
}

/// An event of the host's own: a timer that repeats.
private final class HostTimer {
  let fired = Counter()
  private var timer: UnsafeMutablePointer<event>?
  private let action: (Int) -> Void

  init(_ base: OpaquePointer, microseconds: Int, _ action: @escaping (Int) -> Void = { _ in }) {
    self.action = action
    timer = event_new(
      base, -1, Int16(EV_PERSIST),
      { _, _, context in
        let timer = Unmanaged<HostTimer>.fromOpaque(context!).takeUnretainedValue()
        timer.action(timer.fired.add())
      }, Unmanaged.passUnretained(self).toOpaque())
    var interval = timeval(tv_sec: 0, tv_usec: microseconds)
    event_add(timer, &interval)
  }

  func cancel() {
    if let timer { event_free(timer) }
    timer = nil
  }

  deinit { cancel() }
}

/// Work of every kind, which a driven base must bring to its end.
private func exercise(_ base: OpaquePointer, _ reactor: Reactor, _ drive: Drive) {
  let log = Log()
  let here = currentThread()
  let pipe = Pipe()
  let lock = Lock(on: reactor)
  let event = Event(on: reactor)
  reactor.spawn {
    #expect(currentThread() == here)
    #expect(Reactor.current === reactor)
    try await lock.acquire()
    try await reactor.sleep(until: .after(.milliseconds(1)))
    lock.release()
    log("slept")
  }
  reactor.spawn {
    try await lock.withLock { await reactor.yield() }
    #expect(currentThread() == here)
    log("locked")
  }
  reactor.spawn {
    try await reactor.readable(pipe.readEnd)
    log(pipe.receive())
  }
  reactor.spawn {
    let isSet = try await event.wait(deadline: .after(.milliseconds(1)))
    log("timed out: \(!isSet)")
    await Task.yield()
    try await Task.sleep(for: .microseconds(100))  // the runtime's own, in its time: the task must come back here
    #expect(currentThread() == here)
  }
  reactor.schedule(at: .after(.microseconds(500))) { log("called") }
  reactor.hold()
  let thread = Thread {
    for _ in 0..<100 { reactor.execute { #expect(currentThread() == here) } }
    pipe.send("piped")
    reactor.execute {
      log("posted")
      reactor.unhold()
    }
  }
  drive.run(base)
  thread.join()
  #expect(
    Set(log.all).isSubset(of: ["slept", "locked", "piped", "timed out: true", "called", "posted"]) && log.count == 6,
    "\(log)")
}

@Suite("Adopted bases", .timeLimit(.minutes(10)))
struct AdoptingTests {
  @Test(
    "Work of every kind comes to its end on the host's loop, however it is driven (scenario 34)",
    arguments: [true, false], Drive.allCases)
  func drives(locks: Bool, drive: Drive) async throws {
    try await withHost(locks: locks) { base, reactor in
      #expect(reactor.isCurrent)
      for _ in 0..<3 { exercise(base, reactor, drive) }
    }
  }

  // Locks are for all bases of a process, so it is one of its own.
  @Test("The same on bases with locks, in a process that uses libevent on several threads")
  func drivesWithLocks() async {
    await #expect(processExitsWith: .success) {
      let library = dlopen("libevent_pthreads-2.1.so.7", RTLD_NOW) ?? dlopen("libevent_pthreads.so", RTLD_NOW)
      let symbol = try #require(dlsym(library, "evthread_use_pthreads"))
      #expect(unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)() == 0)
      for locks in [true, false] {
        for drive in Drive.allCases {
          try await withHost(locks: locks) { base, reactor in exercise(base, reactor, drive) }
        }
      }
    }
  }

  @Test("A bare wait does not keep the host's loop alive", arguments: Drive.allCases)
  func bareWait(drive: Drive) async throws {
    try await withHost { base, reactor in
      let log = Log()
      let event = Event(on: reactor)
      event.wait { log("\($0)") }
      reactor.spawn {
        try await event.wait()
        log("task")
      }
      drive.run(base)
      #expect(event.waiterCount == 2)
      event.set()
      #expect(log.all == ["granted"])
      drive.run(base)
      #expect(log.all == ["granted", "task"])
    }
  }

  @Test("A timed wait keeps the host's loop alive until it ends, and no longer", arguments: Drive.allCases)
  func timedWait(drive: Drive) async throws {
    try await withHost { base, reactor in
      let log = Log()
      let event = Event(on: reactor)
      event.wait(deadline: .after(.milliseconds(2))) { log("\($0)") }
      drive.run(base)
      #expect(log.take() == ["timedOut"])
      // One that ended before its deadline leaves nothing that would keep it for an hour.
      event.wait(deadline: .after(.seconds(3600))) { log("\($0)") }
      event.set()
      drive.run(base)
      event.clear()
      let wait = event.wait(deadline: .after(.seconds(3600))) { log("\($0)") }
      reactor.execute { wait.cancel() }
      drive.run(base)
      #expect(log.take() == ["granted", "cancelled"])
    }
  }

  @Test("A hold keeps the host's loop alive until it is ended elsewhere", arguments: Drive.allCases)
  func holds(drive: Drive) async throws {
    try await withHost { base, reactor in
      let log = Log()
      reactor.hold()
      let thread = Thread {
        busyWait(1_000_000)
        reactor.execute { log("posted") }
        reactor.unhold()
      }
      drive.run(base)
      #expect(log.all == ["posted"])
      thread.join()
    }
  }

  @Test("A wait does not time out early on a base whose clock is coarse")
  func notEarly() async throws {
    try await withHost { base, reactor in
      for microseconds in [10, 500, 1000, 4001] {
        let due = reactor.now.advanced(by: .microseconds(microseconds))
        reactor.schedule(at: .at(due)) { #expect(reactor.now >= due) }
      }
      Drive.dispatch.run(base)
    }
  }

  @Test("A host that steps without blocking makes progress, in its own rhythm (scenario 34)")
  func steps() async throws {
    try await withHost { base, reactor in
      let ticks = Counter()
      reactor.spawn {
        for _ in 0..<10 {
          ticks.add()
          await reactor.yield()
        }
      }
      var steps = 0
      while event_base_loop(base, EVLOOP_NONBLOCK) == 0 {
        steps += 1
        #expect(ticks.value <= steps + 1)
      }
      #expect(ticks.value == 10)
    }
  }

  @Test("The reactor is closed while the host goes on: waits end closed, the host's events do not notice (scenario 34)")
  func closedMeanwhile() async throws {
    try await onOwnThread {
      let base = makeHostBase(locks: false)
      let reactor = try Reactor(adopting: base)
      let log = Log()
      let event = Event(on: reactor)
      let pipe = Pipe()
      event.wait { log("callback \($0)") }
      event.wait(deadline: .after(.seconds(3600))) { log("timed \($0)") }
      reactor.schedule(at: .after(.seconds(3600))) { Issue.record("ran") }
      reactor.hold()
      reactor.spawn {
        do { try await event.wait() } catch { log("task \(type(of: error))") }
      }
      reactor.spawn {
        do { try await reactor.readable(pipe.readEnd) } catch { log("descriptor \(type(of: error))") }
      }
      let timer = HostTimer(base, microseconds: 300) { count in
        if count == 3 { reactor.close() }
        if count == 6 { event_base_loopexit(base, nil) }
      }
      event_base_dispatch(base)
      #expect(timer.fired.value >= 6)
      #expect(
        log.all.sorted() == [
          "callback closed", "descriptor ReactorClosedError", "task ReactorClosedError", "timed closed",
        ])
      #expect(reactor.isClosed)
      timer.cancel()
      #expect(event_base_dispatch(base) == 1, "something was left on the base")
      #expect(Reactor.currentIfAny == nil)
      event_base_free(base)
    }
  }

  @Test("close() in a callback of a host's event, and in a turn of the reactor's, takes effect when that ends")
  func closedInCallback() async throws {
    for inTurn in [false, true] {
      try await onOwnThread {
        let base = makeHostBase(locks: true)
        let reactor = try Reactor(adopting: base)
        let log = Log()
        let event = Event(on: reactor)
        let other = Event(on: reactor)
        other.wait { log("other \($0)") }
        event.wait { _ in
          reactor.close()
          log("closing")
        }
        let timer = HostTimer(base, microseconds: 100) { count in
          if count == 1 { if inTurn { reactor.execute { event.set() } } else { event.set() } }
          if count == 5 { event_base_loopexit(base, nil) }
        }
        event_base_dispatch(base)
        #expect(log.all == ["closing", "other closed"])
        #expect(reactor.isClosed)
        timer.cancel()
        #expect(event_base_dispatch(base) == 1)
        event_base_free(base)
      }
    }
  }

  @Test("Adopting a base twice gives the same reactor, closed when it was closed as often")
  func twice() async throws {
    try await onOwnThread {
      let base = makeHostBase(locks: true)
      let other = makeHostBase(locks: true)
      let first = try Reactor(adopting: base)
      let second = try Reactor(adopting: base)
      let third = try Reactor(adopting: other)
      #expect(first === second)
      #expect(first !== third)
      let log = Log()
      Event(on: first).wait { log("\($0)") }
      let event = Event(on: first)
      event.wait { log("\($0)") }
      #expect(log.take() == ["closed"])
      second.close()
      #expect(!first.isClosed)
      #expect(log.all == [])
      first.close()
      #expect(first.isClosed)
      #expect(log.all == ["closed"])
      let fourth = try Reactor(adopting: base)
      #expect(fourth !== first)
      #expect(!fourth.isClosed)
      fourth.close()
      third.close()
      event_base_free(base)
      event_base_free(other)
    }
  }

  @Test("Adopting leaves the host's base as it was: its events, and after the end nothing of ours")
  func untouched() async throws {
    try await onOwnThread {
      let base = makeHostBase(locks: true)
      let flags = UInt32(EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE | EVENT_BASE_COUNT_VIRTUAL)
      let timer = HostTimer(base, microseconds: 500_000_000)
      let before = event_base_get_num_events(base, flags)
      for isTwice in [false, true] {
        let reactor = try Reactor(adopting: base)
        if isTwice { try Reactor(adopting: base).close() }
        reactor.execute {}
        reactor.schedule(at: .after(.seconds(3600))) {}
        for _ in 0..<5 { event_base_loop(base, EVLOOP_NONBLOCK) }
        #expect(!reactor.isClosed)
        reactor.close()
      }
      #expect(event_base_get_num_events(base, flags) == before)
      timer.cancel()
      event_base_free(base)
    }
  }

  @Test("Tasks that are always ready do not starve the host's own events (scenario 31)")
  func fairToHost() async throws {
    try await withHost { base, reactor in
      let isDone = Shared(false)
      for _ in 0..<100 {
        reactor.spawn {
          while !isDone.value { await reactor.yield() }
        }
      }
      let timer = HostTimer(base, microseconds: 1000) { count in if count == 5 { isDone.value = true } }
      while !isDone.value { event_base_loop(base, EVLOOP_ONCE) }
      timer.cancel()
      Drive.dispatch.run(base)
    }
  }

  @Test("Posts from other threads reach the host's loop while it is blocked, every time (scenario 30)")
  func posts() async throws {
    for locks in [true, false] {
      try await withHost(locks: locks) { base, reactor in
        reactor.hold()
        let ran = Counter()
        let thread = Thread {
          var random = Randomness(seed: 1)
          for _ in 0..<500 {
            busyWait(Int.random(in: 0..<40_000, using: &random))
            reactor.execute { ran.add() }
          }
          reactor.execute { reactor.unhold() }
        }
        Drive.dispatch.run(base)
        thread.join()
        #expect(ran.value == 500)
      }
    }
  }

  @Test("Among Toro's own work the order is that of a turn")
  func order() async throws {
    try await withHost { base, reactor in
      let log = Log()
      let event = Event(on: reactor)
      reactor.execute {
        log("1")
        reactor.execute { log("3") }
      }
      // On a busy machine the deadline may have passed before both wait for it: then once more, later.
      for milliseconds in [5, 50, 500, 5000] {
        let due = reactor.now.advanced(by: .milliseconds(milliseconds))
        let waits = ["a", "b"].map { name in event.wait(deadline: .at(due)) { log("due \(name): \($0)") } }
        if waits.allSatisfy({ $0.id != 0 }) { break }
        for wait in waits { wait.cancel() }
      }
      reactor.execute {
        log("2")
        while reactor.nextDeadline.map({ $0 > reactor.now }) ?? false {}
      }
      Drive.dispatch.run(base)
      #expect(log.all.filter { !$0.hasPrefix("due") } == ["1", "2", "3"])
      #expect(log.all.filter { $0.hasPrefix("due") }.suffix(2) == ["due a: timedOut", "due b: timedOut"])
    }
  }
}

@Suite("Hosting a reactor", .timeLimit(.minutes(10)))
struct HostingTests {
  /// A loop on poll(2), as another loop would do it; false if it never came to its end.
  private static func host(_ reactor: Reactor, until isDone: () -> Bool) throws -> Bool {
    guard let descriptor = reactor.fileDescriptor else { return false }
    for _ in 0..<1_000_000 {
      if isDone() { return true }
      var timeout: Int32 = 20_000
      if let next = reactor.nextDeadline {
        let nanoseconds = next.nanoseconds - reactor.now.nanoseconds
        timeout = Int32(clamping: max(0, (nanoseconds + 999_999) / 1_000_000))
      }
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let count = poll(&request, 1, timeout)
      if count == 0 && timeout == 20_000 { return false }
      try reactor.runOnce(blocking: false)
    }
    return false
  }

  @Test("Work of every kind comes to its end on a loop of poll(2)")
  func polls() async throws {
    try await withReactor(.monotonic) { (reactor) throws in
      let log = Log()
      let pipe = Pipe()
      let lock = Lock(on: reactor)
      reactor.execute { log("queued before the descriptor was asked for") }
      reactor.spawn {
        try await lock.acquire()
        try await reactor.sleep(until: .after(.milliseconds(2)))
        lock.release()
        log("slept")
      }
      reactor.spawn {
        try await lock.withLock { await reactor.yield() }
        log("locked")
      }
      reactor.spawn {
        try await reactor.readable(pipe.readEnd)
        log("piped")
      }
      let thread = Thread {
        for _ in 0..<200 {
          reactor.execute {}
          busyWait(5_000)
        }
        pipe.send()
        reactor.execute { log("posted") }
      }
      #expect(try HostingTests.host(reactor) { log.count == 5 })
      thread.join()
      #expect(Set(log.all).count == 5)
    }
  }

  @Test("The descriptor is readable when there is work, and not when there is none")
  func readability() async throws {
    try await withReactor(.monotonic) { (reactor) throws in
      let descriptor = try #require(reactor.fileDescriptor)
      #expect(reactor.fileDescriptor == descriptor)
      func isReadable() -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, 0) == 1
      }
      func settle() throws {
        for _ in 0..<10 where isReadable() { try reactor.runOnce(blocking: false) }
      }
      try settle()
      #expect(!isReadable())
      reactor.execute {}
      #expect(isReadable())
      try settle()
      #expect(!isReadable())
      Thread { reactor.execute {} }.join()
      #expect(isReadable())
      try settle()
      #expect(!isReadable())
      // More than a turn runs: the rest still shows.
      let ran = Counter()
      for _ in 0..<1000 { reactor.execute { ran.add() } }
      while ran.value < 1000 {
        #expect(isReadable())
        try reactor.runOnce(blocking: false)
      }
      try settle()
      #expect(!isReadable())
      // A notification outside a turn that makes a task ready.
      let event = Event(on: reactor)
      reactor.spawn { try await event.wait() }
      try settle()
      #expect(event.waiterCount == 1)
      event.set()
      #expect(isReadable())
      try settle()
      // A descriptor that somebody waits for.
      let pipe = Pipe()
      reactor.spawn { try await reactor.readable(pipe.readEnd) }
      try settle()
      #expect(!isReadable())
      pipe.send()
      #expect(isReadable())
      try settle()
      #expect(!isReadable())
    }
  }

  @Test("nextDeadline tells of timed waits and calls alone")
  func nextDeadline() async throws {
    try await withReactor { reactor in
      #expect(reactor.nextDeadline == nil)
      let event = Event(on: reactor)
      event.wait { _ in }
      #expect(reactor.nextDeadline == nil)
      let late = event.wait(deadline: .after(.seconds(9))) { _ in }
      #expect(reactor.nextDeadline == reactor.now.advanced(by: .seconds(9)))
      let early = reactor.schedule(at: .after(.seconds(3))) {}
      #expect(reactor.nextDeadline == reactor.now.advanced(by: .seconds(3)))
      early.cancel()
      #expect(reactor.nextDeadline == reactor.now.advanced(by: .seconds(9)))
      late.cancel()
      #expect(reactor.nextDeadline == nil)
    }
  }

  @Test("Each of several reactors finds its own descriptor")
  func descriptors() async throws {
    try await onOwnThread {
      let reactors = try (0..<20).map { _ in try Reactor() }
      let descriptors = reactors.compactMap(\.fileDescriptor)
      #expect(Set(descriptors).count == 20)
      for reactor in reactors { reactor.close() }
    }
  }
}
