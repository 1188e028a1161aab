import Testing
import Toro

/// What is particular to one kind of queue.
@Suite("Queues")
struct QueueTests {
  struct Job: Comparable, Sendable {
    let urgency: Int
    let name: String
    static func < (a: Job, b: Job) -> Bool { a.urgency < b.urgency }
    static func == (a: Job, b: Job) -> Bool { a.urgency == b.urgency }
  }

  @Test("A priority queue takes the lowest first, equal ones in order of arrival")
  func priority() throws {
    let reactor = try Reactor(clock: .virtual)
    let queue = PriorityQueue<Job>(on: reactor)
    var expected: [Job] = []
    for index in 0..<500 {
      let job = Job(urgency: index * 7919 % 5, name: "\(index)")
      expected.append(job)
      #expect(queue.tryPut(job))
    }
    var names: [String] = []
    while let job = queue.tryGet() { names.append(job.name) }
    // Swift's sort is stable.
    #expect(names == expected.sorted { $0.urgency < $1.urgency }.map(\.name))
  }

  @Test("A priority queue keeps the order of arrival among equals when puts and gets are mixed")
  func priorityMixed() throws {
    let reactor = try Reactor(clock: .virtual)
    let queue = PriorityQueue<Job>(on: reactor)
    var model: [Job] = []
    var random = Seeded(11)
    for step in 0..<2000 {
      if Int.random(in: 0..<3, using: &random) > 0 || model.isEmpty {
        let job = Job(urgency: Int.random(in: 0..<4, using: &random), name: "\(step)")
        #expect(queue.tryPut(job))
        let place = model.firstIndex { job.urgency < $0.urgency } ?? model.endIndex
        model.insert(job, at: place)
      } else {
        #expect(queue.tryGet()?.name == model.removeFirst().name)
      }
    }
  }

  @Test("A channel has no room, and says so")
  func channel() throws {
    let reactor = try Reactor(clock: .virtual)
    let channel = Channel<String>(name: "pipe", on: reactor)
    #expect(channel.capacity == 0 && channel.isFull && channel.isEmpty)
    #expect(channel.description == "<Channel \"pipe\" count=0/0 waiters=0>")
  }

  @Test(
    "On a channel two puts and two gets alternate: taken, told, taken, told (scenario 28)", arguments: [false, true])
  func channelAlternates(_ deferred: Bool) throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    let channel = Channel<Int>(on: reactor, deferred: deferred)
    for item in 1...2 { channel.put(item) { log.note("told \(item) \($0)") } }
    for _ in 1...2 { channel.get { log.note("taken \($0.value ?? 0)") } }
    try reactor.run()
    #expect(log.take() == ["taken 1", "told 1 granted", "taken 2", "told 2 granted"])
    for _ in 1...2 { channel.get { log.note("taken \($0.value ?? 0)") } }
    for item in 3...4 { channel.put(item) { log.note("told \(item) \($0)") } }
    try reactor.run()
    #expect(log.take() == ["taken 3", "told 3 granted", "taken 4", "told 4 granted"])
  }

  @Test("A get's own callback runs before that of the put it let in (scenario 28)", arguments: [false, true])
  func getBeforePut(_ deferred: Bool) throws {
    let reactor = try Reactor(clock: .virtual)
    let log = Log<String>()
    let queue = Queue<Int>(capacity: 1, initial: [1], on: reactor, deferred: deferred)
    queue.put(2) { log.note("put \($0)") }
    queue.get { log.note("got \($0.value ?? 0)") }
    try reactor.run()
    #expect(log.take() == ["got 1", "put granted"])
  }

  @Test("join waits until every item is done, in a closed queue too", arguments: Form.allCases)
  func joining(_ form: Form) throws {
    try inVirtualTime(form) { scene in
      let queue = JoinableQueue<Int>(on: scene.reactor, deferred: form == .deferred)
      func join(_ deadline: Deadline? = nil) async -> Pending {
        await scene.begin(
          "join",
          {
            if let deadline { return try await queue.join(deadline: deadline) }
            try await queue.join()
            return true
          }, { queue.join(deadline: deadline ?? .never, callback: $0) })
      }
      #expect(await join().outcome == .granted)
      for item in 1...2 { #expect(queue.tryPut(item)) }
      let joins = [await join(), await join(.after(.seconds(5))), await join(.after(.zero))]
      #expect(queue.waiterCount == 2)
      #expect(queue.tryGet() == 1 && queue.tryGet() == 2)
      await scene.settle()
      #expect(joins[0].outcome == nil && joins[2].outcome == .timedOut)
      queue.taskDone()
      try await scene.pass(.seconds(5))
      #expect(joins[1].outcome == .timedOut && queue.unfinishedTasks == 1)
      queue.close()
      let late = await join()
      queue.taskDone()
      await scene.settle()
      #expect(joins[0].outcome == .granted && late.outcome == .granted)
      #expect(await join(.after(.zero)).outcome == .granted)
    }
  }

  @Test("An item handed to a waiting get counts as unfinished until it is done")
  func handedOverIsUnfinished() throws {
    let reactor = try Reactor(clock: .virtual)
    let queue = Channel<Int>(on: reactor)
    let log = Log<String>()
    queue.get { log.note("got \($0.value ?? 0)") }
    #expect(queue.tryPut(1))
    queue.join { log.note("joined \($0)") }
    #expect(log.entries == ["got 1"] && queue.unfinishedTasks == 1)
    queue.taskDone()
    #expect(log.entries == ["got 1", "joined granted"])
  }

  @Test("Items of any size pass through waiting puts and gets, and none leaks")
  func bigItems() throws {
    final class Counted: Sendable {
      let log: Log<Int>
      init(_ log: Log<Int>) { self.log = log }
      deinit { log.note(1) }
    }
    struct Big: Sendable {
      var words = (1, 2, 3, 4, 5)
      let counted: Counted
    }
    let reactor = try Reactor(clock: .virtual)
    let log = Log<Int>()
    do {
      let queue = Queue<Big>(capacity: 1, on: reactor)
      queue.get { #expect($0.value?.words.4 == 5) }
      for _ in 0..<4 { queue.put(Big(counted: Counted(log))) { _ in } }
      #expect(log.entries.count == 1)
      #expect(queue.tryGet()?.words.3 == 4)
      queue.put(Big(counted: Counted(log)), deadline: .after(.zero)) { #expect($0 == .timedOut) }
      queue.put(Big(counted: Counted(log))) { _ in }.cancel()
      try reactor.run { await reactor.yield() }
      #expect(log.entries.count == 4)
      #expect(queue.count == 1 && queue.putterCount == 1)
    }
    #expect(log.entries.count == 6)
  }

  @Test("Several consumers take each item once")
  func consumers() throws {
    try inVirtualTime { reactor in
      let queue = Queue<Int>(capacity: 3, on: reactor)
      let consumers = (0..<4).map { _ in reactor.spawn { try await queue.allUntilClosed() } }
      for item in 0..<100 { try await queue.put(item) }
      queue.close()
      var taken: [Int] = []
      for consumer in consumers { taken += try await consumer.value }
      #expect(taken.sorted() == Array(0..<100))
    }
  }

  @Test("Queues describe themselves")
  func descriptions() throws {
    let reactor = try Reactor(clock: .virtual)
    let queue = Queue<Int>(capacity: 2, initial: [1], name: "jobs", on: reactor)
    #expect("\(queue)" == "<Queue \"jobs\" count=1/2 waiters=0>")
    #expect(queue.tryGet() == 1)
    queue.get { _ in }
    #expect("\(queue)" == "<Queue \"jobs\" count=0/2 unfinished=1 waiters=1>")
    queue.close()
    #expect("\(queue)" == "<Queue \"jobs\" count=0/2 unfinished=1 closed waiters=0>")
    #expect("\(LifoQueue<Int>(on: reactor))" == "<LifoQueue count=0 waiters=0>")
    #expect("\(PriorityQueue<Int>(on: reactor))" == "<PriorityQueue count=0 waiters=0>")
  }
}
