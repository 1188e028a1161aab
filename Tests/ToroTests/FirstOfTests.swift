import Testing
import Toro

import class Toro.Semaphore

@Suite("firstOf")
struct FirstOfTests {
  /// Waits for two choices in a form; notes what was chosen.
  private func begin(
    _ scene: Scene, _ label: String, deadline: Deadline? = nil, _ a: Choice<String>, _ b: Choice<String>
  ) async -> Pending {
    let log = scene.log
    return await scene.begin(
      label,
      {
        if let deadline {
          guard let chosen = try await firstOf(deadline: deadline, a, b) else { return false }
          log.note(chosen)
        } else {
          log.note(try await firstOf(a, b))
        }
        return true
      },
      { end in
        firstOf(deadline: deadline ?? .never, a, b) {
          if let chosen = $0.value { log.note(chosen) }
          end($0.outcome)
        }
      })
  }

  /// Everything that can be chosen: the choice, what makes it ready, whether it is still ready (has not been consumed), and
  /// how many wait for it.
  private struct Subject: Sendable {
    let choice: Choice<String>
    let fire: @Sendable () -> Void
    let isUnconsumed: @Sendable () -> Bool
    let close: @Sendable () -> Void
    let waiterCount: @Sendable () -> Int
  }

  enum Kind: CaseIterable {
    case lock, semaphore, reader, writer, condition, event, result, get, put, channelGet, channelPut, join

    /// Whether being chosen takes something that another would go without.
    var isConsumed: Bool { ![.condition, .event, .result, .join, .reader].contains(self) }
    var closes: Bool { self != .join }
  }

  struct Pair: Sendable, CustomTestStringConvertible {
    let first: Kind
    let second: Kind
    let form: Form
    var testDescription: String { "\(first) or \(second), \(form.testDescription)" }

    static let all = Kind.allCases.flatMap { first in
      Kind.allCases.flatMap { second in [Form.task, .callback].map { Pair(first: first, second: second, form: $0) } }
    }
  }

  private func make(_ kind: Kind, _ name: String, on reactor: Reactor) -> Subject {
    switch kind {
    case .lock:
      let lock = Lock(on: reactor)
      #expect(lock.tryAcquire())
      return Subject(
        choice: lock.choice { name }, fire: { lock.release() }, isUnconsumed: { !lock.isLocked },
        close: { lock.close() }, waiterCount: { lock.waiterCount })
    case .semaphore:
      let semaphore = Semaphore(0, on: reactor)
      return Subject(
        choice: semaphore.choice(2) { name }, fire: { semaphore.release(2) }, isUnconsumed: { semaphore.count == 2 },
        close: { semaphore.close() }, waiterCount: { semaphore.waiterCount })
    case .reader, .writer:
      let lock = ReadWriteLock(on: reactor)
      #expect(lock.tryAcquireWrite())
      return Subject(
        choice: kind == .reader ? lock.readChoice { name } : lock.writeChoice { name }, fire: { lock.releaseWrite() },
        isUnconsumed: { !lock.isWriteLocked && lock.readers == 0 }, close: { lock.close() },
        waiterCount: { lock.waiterCount })
    case .condition:
      let condition = Condition(on: reactor)
      return Subject(
        choice: condition.choice { name }, fire: { condition.notify() }, isUnconsumed: { true },
        close: { condition.close() }, waiterCount: { condition.waiterCount })
    case .event:
      let event = Event(on: reactor)
      return Subject(
        choice: event.choice { name }, fire: { event.set() }, isUnconsumed: { event.isSet }, close: { event.close() },
        waiterCount: { event.waiterCount })
    case .result:
      let result = AsyncResult<String>(on: reactor)
      return Subject(
        choice: result.choice { (try? $0.get()) ?? "failed" },
        fire: { #expect(throws: Never.self) { try result.set(name) } }, isUnconsumed: { result.isReady },
        close: { result.close() }, waiterCount: { result.waiterCount })
    case .get:
      let queue = Queue<String>(on: reactor)
      return Subject(
        choice: queue.choice { $0 }, fire: { #expect(queue.tryPut(name)) }, isUnconsumed: { queue.count == 1 },
        close: { queue.close() }, waiterCount: { queue.waiterCount })
    case .put:
      let queue = Queue<String>(capacity: 1, initial: ["old"], on: reactor)
      return Subject(
        choice: queue.putChoice("new") { name }, fire: { #expect(queue.tryGet() == "old") },
        isUnconsumed: { queue.isEmpty }, close: { queue.close() }, waiterCount: { queue.waiterCount })
    case .channelGet:
      let channel = Channel<String>(on: reactor)
      return Subject(
        choice: channel.choice { $0 }, fire: { channel.put(name) { _ in } }, isUnconsumed: { channel.putterCount == 1 },
        close: { channel.close() }, waiterCount: { channel.waiterCount })
    case .channelPut:
      let channel = Channel<String>(on: reactor)
      return Subject(
        choice: channel.putChoice("new") { name },
        fire: { channel.get { #expect($0.value == "new" || $0 == .closed) } },
        isUnconsumed: { channel.getterCount == 1 },
        close: {
          // The get that fire() leaves waiting ends closed.
          if channel.getterCount == 0 { channel.close() }
        }, waiterCount: { channel.waiterCount })
    case .join:
      let queue = Queue<Int>(initial: [1], on: reactor)
      #expect(queue.tryGet() == 1)
      return Subject(
        choice: queue.joinChoice { name }, fire: { queue.taskDone() }, isUnconsumed: { queue.unfinishedTasks == 0 },
        close: { queue.close() }, waiterCount: { queue.waiterCount })
    }
  }

  @Test("Whichever is ready first is consumed, the other owns nothing and is in no line", arguments: Pair.all)
  func eachPair(_ pair: Pair) throws {
    for firesSecond in [false, true] {
      try inVirtualTime(pair.form) { scene in
        let subjects = [make(pair.first, "a", on: scene.reactor), make(pair.second, "b", on: scene.reactor)]
        let (ready, other) = firesSecond ? (subjects[1], subjects[0]) : (subjects[0], subjects[1])
        let kinds = firesSecond ? [pair.second, pair.first] : [pair.first, pair.second]
        let wait = await begin(scene, "it", subjects[0].choice, subjects[1].choice)
        #expect(wait.outcome == nil && ready.waiterCount() == 1 && other.waiterCount() == 1)
        ready.fire()
        #expect(ready.waiterCount() == 0 && other.waiterCount() == 0)
        // Ready too late: it stays as it was.
        other.fire()
        await scene.settle()
        #expect(wait.outcome == .granted && wait.tellings == 1)
        #expect(scene.log.entries == [firesSecond ? "b" : "a", "it granted"])
        if kinds[0].isConsumed { #expect(!ready.isUnconsumed()) }
        #expect(other.isUnconsumed())
        #expect(scene.reactor.waits.filter { $0.call == "firstOf" }.isEmpty)
      }
    }
  }

  @Test(
    "What is ready at the call is taken at once, the earlier argument first; the other is untouched",
    arguments: Pair.all)
  func atOnce(_ pair: Pair) throws {
    if pair.first == .condition { return }
    for deadline in [nil, Deadline.after(.zero), .never] {
      try inVirtualTime(pair.form) { scene in
        let (a, b) = (make(pair.first, "a", on: scene.reactor), make(pair.second, "b", on: scene.reactor))
        a.fire()
        b.fire()
        let wait = await begin(scene, "it", deadline: deadline, a.choice, b.choice)
        #expect(wait.outcome == .granted)
        #expect(scene.log.entries == ["a", "it granted"])
        #expect(b.isUnconsumed())
        if pair.first.isConsumed { #expect(!a.isUnconsumed()) }
      }
    }
  }

  enum End: CaseIterable { case timeOut, passedDeadline, cancel, close }

  @Test("Timed out, cancelled or closed, it owns nothing and is in no line", arguments: Pair.all, End.allCases)
  func endsWithout(_ pair: Pair, _ end: End) throws {
    if end == .close && !pair.first.closes { return }
    try inVirtualTime(pair.form) { scene in
      let (a, b) = (make(pair.first, "a", on: scene.reactor), make(pair.second, "b", on: scene.reactor))
      let deadline: Deadline? = end == .timeOut ? .after(.seconds(9)) : end == .passedDeadline ? .after(.zero) : nil
      let wait = await begin(scene, "it", deadline: deadline, a.choice, b.choice)
      switch end {
      case .timeOut: try await scene.pass(.seconds(9))
      case .passedDeadline: break
      case .cancel: wait.cancel()
      case .close: a.close()
      }
      #expect(a.waiterCount() == 0 && b.waiterCount() == 0)
      if end != .close { a.fire() }
      b.fire()
      await scene.settle()
      #expect(wait.outcome == (end == .cancel ? .cancelled : end == .close ? .closed : .timedOut))
      #expect(wait.tellings == 1)
      #expect(b.isUnconsumed() && (end == .close || a.isUnconsumed()))
    }
  }

  @Test(
    "A grant, then a cancel: the grant stands. A cancel, then a release: nothing is taken", arguments: Form.allCases)
  func grantAndCancel(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let (lock, event) = (Lock(on: scene.reactor), Event(on: scene.reactor))
      #expect(lock.tryAcquire())
      let granted = await begin(scene, "granted", lock.choice { "lock" }, event.choice { "event" })
      lock.release()
      granted.cancel()
      event.set()
      await scene.settle()
      #expect(granted.outcome == .granted && lock.isLocked)
      event.clear()
      let cancelled = await begin(scene, "cancelled", lock.choice { "lock" }, event.choice { "event" })
      cancelled.cancel()
      lock.release()
      await scene.settle()
      #expect(cancelled.outcome == .cancelled && !lock.isLocked && event.waiterCount == 0)
    }
  }

  @Test(
    "The same primitive twice: one grant, the earlier argument's", arguments: Pair.all.filter { $0.first == $0.second })
  func sameTwice(_ pair: Pair) throws {
    try inVirtualTime(pair.form) { scene in
      let subject = make(pair.first, "a", on: scene.reactor)
      let wait = await begin(scene, "it", subject.choice, subject.choice)
      #expect(subject.waiterCount() == 2)
      subject.fire()
      #expect(subject.waiterCount() == 0)
      await scene.settle()
      #expect(wait.outcome == .granted && wait.tellings == 1)
      if pair.first.isConsumed { #expect(!subject.isUnconsumed()) }
    }
  }

  @Test("A permit released twice goes once to a wait that asks twice", arguments: Form.allCases)
  func sameTwiceReleasedTwice(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(0, on: scene.reactor)
      let wait = await begin(scene, "it", semaphore.choice { "a" }, semaphore.choice { "b" })
      semaphore.release(2)
      await scene.settle()
      #expect(wait.outcome == .granted && semaphore.count == 1)
    }
  }

  @Test("A get and a put of the same channel at once: each meets who comes, not itself", arguments: Form.allCases)
  func getAndPut(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let channel = Channel<String>(on: scene.reactor)
      let first = await begin(scene, "1", channel.choice { "got \($0)" }, channel.putChoice("x") { "put x" })
      #expect(first.outcome == nil && channel.getterCount == 1 && channel.putterCount == 1)
      #expect(channel.tryPut("y"))
      await scene.settle()
      #expect(scene.log.take() == ["got y", "1 granted"] && channel.waiterCount == 0)
      let second = await begin(scene, "2", channel.choice { "got \($0)" }, channel.putChoice("x") { "put x" })
      #expect(channel.tryGet() == "x" && channel.waiterCount == 0)
      await scene.settle()
      #expect(scene.log.take() == ["put x", "2 granted"] && second.tellings == 1)
      let third = await begin(scene, "3", channel.choice { "got \($0)" }, channel.putChoice("x") { "put x" })
      let fourth = await begin(scene, "4", channel.choice { "got \($0)" }, channel.putChoice("z") { "put z" })
      await scene.settle()
      #expect(third.outcome == .granted && fourth.outcome == .granted && channel.waiterCount == 0)
      #expect(Set(scene.log.take()) == ["got x", "4 granted", "put x", "3 granted"])
    }
  }

  /// A permit asked for by a callback: how that ended.
  private func permit(of semaphore: Semaphore) -> Box<WaitOutcome?> {
    let outcome = Box<WaitOutcome?>(nil)
    semaphore.acquire { outcome.value = $0 }
    return outcome
  }

  @Test("When it leaves the head of another line, those behind it pass", arguments: Form.allCases, End.allCases)
  func leavingTheHead(_ form: Form, _ end: End) throws {
    if end == .passedDeadline { return }
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(1, on: scene.reactor)
      let event = Event(on: scene.reactor)
      let wait = await begin(
        scene, "it", deadline: .after(.seconds(5)), semaphore.choice(3) { "many" }, event.choice { "event" })
      let small = permit(of: semaphore)
      #expect(small.value == nil)
      switch end {
      case .timeOut: try await scene.pass(.seconds(5))
      case .cancel:
        wait.cancel()
        await scene.settle()
      case .close: event.close()
      case .passedDeadline: break
      }
      #expect(small.value == .granted && semaphore.count == 0)
    }
    try inVirtualTime(form) { scene in
      let semaphore = Semaphore(1, on: scene.reactor)
      let event = Event(on: scene.reactor)
      let wait = await begin(scene, "it", semaphore.choice(3) { "many" }, event.choice { "event" })
      let small = permit(of: semaphore)
      event.set()
      #expect(small.value == .granted)
      await scene.settle()
      #expect(wait.outcome == .granted)
    }
  }

  @Test("Those who are told: the chosen wait before the put that its get let in (scenario 28)")
  func getBeforePut() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    let queue = Queue<Int>(capacity: 1, initial: [1], on: reactor)
    let event = Event(on: reactor)
    queue.put(2) { log.note("put \($0)") }
    firstOf(queue.choice { "got \($0)" }, event.choice { "event" }) { log.note($0.value ?? "nothing") }
    #expect(log.take() == ["got 1", "put granted"])
    let channel = Channel<Int>(on: reactor)
    firstOf(channel.choice { "got \($0)" }, event.choice { "event" }) { log.note($0.value ?? "nothing") }
    channel.put(3) { log.note("put \($0)") }
    #expect(log.take() == ["got 3", "put granted"])
    channel.get { log.note("got \($0.value ?? 0)") }
    firstOf(channel.putChoice(4) { "put" }, event.choice { "event" }) { log.note($0.value ?? "nothing") }
    #expect(log.take() == ["got 4", "put"])
  }

  @Test("An item that is chosen is delivered once, and one that is not stays", arguments: Form.allCases)
  func items(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let queues = (0..<3).map { _ in Queue<String>(on: scene.reactor) }
      var waits: [Pending] = []
      for index in 0..<3 {
        waits.append(
          await begin(scene, "\(index)", queues[index].choice { $0 }, queues[(index + 1) % 3].choice { $0 }))
      }
      #expect(queues[1].tryPut("one"))
      #expect(queues[1].tryPut("two"))
      #expect(queues[1].tryPut("three"))
      await scene.settle()
      #expect(waits.map(\.outcome) == [.granted, .granted, nil])
      #expect(scene.log.entries == ["one", "0 granted", "two", "1 granted"])
      #expect(queues[1].count == 1)
    }
  }

  @Test("Notifying n wakes n waits, though some wait twice over")
  func notifyCount() throws {
    let reactor = try Reactor(clock: .virtual)
    let condition = Condition(on: reactor)
    let log = Log<String>()
    for label in ["a", "b"] {
      firstOf(condition.choice { label }, condition.choice { "\(label) twice" }) { log.note($0.value ?? "nothing") }
    }
    condition.wait { _ in log.note("c") }
    condition.notify(2)
    #expect(log.take() == ["a", "b"])
    condition.notifyAll()
    #expect(log.take() == ["c"])
  }

  @Test("It shows as one wait, and leaves no timer (scenario 18)")
  func leavesNothing() throws {
    let reactor = try Reactor(clock: .virtual)
    let start = reactor.now
    let (lock, event) = (Lock(on: reactor), Event(on: reactor))
    #expect(lock.tryAcquire())
    for _ in 0..<1000 {
      firstOf(deadline: .after(.seconds(3600)), lock.choice { 1 }, event.choice { 2 }) { _ in }
      #expect(reactor.waits.map(\.call) == ["firstOf"])
      lock.release()
    }
    try reactor.run()
    #expect(reactor.now == start && reactor.waits.isEmpty && lock.waiterCount == 0 && event.waiterCount == 0)
  }

  @Test("In a cancelled task it takes what is ready, and otherwise throws (scenario 10)")
  func cancelledBefore() throws {
    try inVirtualTime { reactor in
      let (lock, event) = (Lock(on: reactor), Event(on: reactor))
      let task = reactor.spawn {
        let chosen = try await firstOf(event.choice { 1 }, lock.choice { 2 })
        #expect(chosen == 2)
        await #expect(throws: CancellationError.self) { try await firstOf(event.choice { 1 }, lock.choice { 2 }) }
        #expect(event.waiterCount == 0 && lock.waiterCount == 0)
      }
      task.cancel()
      try await task.value
    }
  }

  @Test("Dropping a primitive that is waited for among others ends nothing: the wait keeps it")
  func keepsPrimitives() throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    weak var dropped: Lock?
    let event = Event(on: reactor)
    do {
      let lock = Lock(on: reactor)
      dropped = lock
      #expect(lock.tryAcquire())
      firstOf(lock.choice { "lock" }, event.choice { "event" }) { log.note($0.value ?? "\($0)") }
    }
    #expect(log.entries == [])
    event.set()
    #expect(log.entries == ["event"])
    #expect(dropped == nil)
  }

  @Test("The callback is deferred if one of the choices is of a primitive that defers", arguments: [false, true])
  func isDeferred(_ isFirst: Bool) throws {
    let reactor = try Reactor(clock: .virtual)
    let lock = Lock(on: reactor, deferred: isFirst)
    let queue = Queue<Int>(on: reactor, deferred: !isFirst)
    #expect(lock.tryAcquire())
    let log = Log<String>()
    func begin(_ name: String) -> Wait {
      firstOf(lock.choice { 0 }, queue.choice { $0 }) {
        log.note("\(name) \($0.outcome) \($0.value ?? -1)")
      }
    }
    func turn() throws { _ = try reactor.runOnce(blocking: false) }

    _ = begin("first")
    lock.release()
    let second = begin("second")
    second.cancel()
    _ = begin("third")
    #expect(queue.tryPut(7))
    #expect(queue.tryPut(8))
    _ = begin("fourth")
    #expect(log.entries == [])
    try turn()
    #expect(log.take() == ["first granted 0", "second cancelled -1", "third granted 7", "fourth granted 8"])
    _ = begin("fifth")
    lock.close()
    queue.close()
    #expect(log.entries == [])
    try turn()
    #expect(log.take() == ["fifth closed -1"])
    reactor.close()
  }

  @Test("When its task is cancelled, those behind it in another line have what they wait for at once")
  func cancelledChoiceLetsPass() throws {
    try inVirtualTime { reactor in
      let semaphore = Semaphore(1, on: reactor)
      let queue = Queue<Int>(on: reactor)
      let task = reactor.spawn { try await firstOf(semaphore.choice(2) { 0 }, queue.choice { $0 }) }
      await settle(reactor)
      let log = Log<WaitOutcome>()
      semaphore.acquire { log.note($0) }
      #expect(semaphore.waiterCount == 2 && semaphore.count == 1)
      task.cancel()
      #expect(semaphore.waiterCount == 0 && semaphore.count == 0 && queue.waiterCount == 0)
      await settle(reactor)
      #expect(log.take() == [.granted])
      await #expect(throws: CancellationError.self) { _ = try await task.value }
    }
  }
}
