import Testing
import Toro

@testable import ToroNet

@Suite("Queues between reactors", .timeLimit(.minutes(10)))
struct SharedQueueThreadsTests {
  @Test("Items cross in order, whole, and none twice; the slower side sets the pace")
  func order() async throws {
    let queue = SharedQueue<Int>(capacity: 3, name: "numbers")
    let most = Locked(0)
    let group = try ReactorGroup(count: 2)
    let sums = try await group.run { reactor in
      if reactor === group[0] {
        for number in 1...2_000 { try await queue.put(number) }
        queue.close()
        return 0
      }
      var last = 0
      for try await number in queue {
        #expect(number == last + 1)
        last = number
        most.withLock { $0 = max($0, queue.count) }
      }
      return last
    }
    #expect(sums == [0, 2_000])
    #expect(most.withLock { $0 } <= 3)
    #expect(queue.description == "<SharedQueue \"numbers\" count=0/3 closed>")
  }

  @Test("Many reactors put and get, with deadlines and cancellations: every item that was put is got once")
  func conservation() async throws {
    let queue = SharedQueue<Int>(capacity: 2)
    let put = Locked<[Int]>([])
    let got = Locked<[Int]>([])
    let group = try ReactorGroup(count: 4)
    let putters = Locked(8)
    try await group.run { reactor in
      let base = group.index(of: reactor, "") * 100_000
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for task in 0..<2 {
          tasks.addTask {
            for number in 0..<300 {
              let item = base + task * 10_000 + number
              let attempt = reactor.spawn {
                try await queue.put(item, deadline: .after(.microseconds(Int.random(in: 0..<300))))
              }
              if number % 3 == 0 { attempt.cancel() }
              do {
                if try await attempt.value { put.withLock { $0.append(item) } }
              } catch is CancellationError {}
            }
            let isLast = putters.withLock { left in
              left -= 1
              return left == 0
            }
            if isLast { queue.close() }
          }
          tasks.addTask {
            while true {
              let attempt = reactor.spawn {
                try await queue.get(deadline: .after(.microseconds(Int.random(in: 0..<300))))
              }
              if Bool.random() { attempt.cancel() }
              do {
                if let item = try await attempt.value { got.withLock { $0.append(item) } }
              } catch is CancellationError {
              } catch is ClosedError {
                return
              }
            }
          }
        }
        try await tasks.waitForAll()
      }
      #expect(reactor.waits.map(\.subject).filter { $0.contains("SharedQueue") } == [])
    }
    #expect(got.withLock { $0.sorted() } == put.withLock { $0.sorted() })
    #expect(queue.count == 0)
    #expect(!put.withLock { $0.isEmpty })
  }

  @Test("Puts wait while it is full and gets while it is empty, first in, first out, and nobody overtakes")
  func waiting() throws {
    try onReactor { reactor in
      let queue = SharedQueue<Int>(capacity: 1)
      let getters = (0..<3).map { _ in reactor.spawn { try await queue.get() } }
      await reactor.yield()
      for number in 0..<3 { #expect(queue.tryPut(number)) }
      for (number, getter) in getters.enumerated() { #expect(try await getter.value == number) }
      #expect(queue.tryPut(10))
      #expect(!queue.tryPut(11))
      let putters = (11...13).map { number in
        reactor.spawn {
          try await queue.put(number)
          return number
        }
      }
      await reactor.yield()
      #expect(queue.tryGet() == 10)
      #expect(!queue.tryPut(14))  // the room is the first putter's
      #expect(try await putters[0].value == 11)
      for number in 11...13 { #expect(try await queue.get() == number) }
      for putter in putters { _ = try await putter.value }
      #expect(queue.tryGet() == nil)
      #expect(reactor.waits.allSatisfy { !$0.subject.contains("SharedQueue") })
    }
  }

  @Test("A time-out or a cancellation owns nothing; what can be done at once is, whatever the deadline")
  func timeouts() throws {
    try onReactor { reactor in
      let queue = SharedQueue<Int>(capacity: 1)
      let none = try await queue.get(deadline: .after(.zero))
      let first = try await queue.put(1, deadline: .after(.zero))
      let second = try await queue.put(2, deadline: .after(.milliseconds(1)))
      #expect(none == nil && first && !second)
      let putter = reactor.spawn { try await queue.put(3) }
      await reactor.yield()
      putter.cancel()
      await #expect(throws: CancellationError.self) { try await putter.value }
      #expect(queue.count == 1)
      let one = try await queue.get(deadline: .after(.zero))
      #expect(one == 1 && queue.count == 0)
      let getter = reactor.spawn { try await queue.get() }
      await reactor.yield()
      getter.cancel()
      await #expect(throws: CancellationError.self) { try await getter.value }
      #expect(queue.tryPut(4))
      // In a cancelled task: what is there is taken, a wait is not begun.
      let taker = reactor.spawn { try await queue.get() }
      taker.cancel()
      let four = try await taker.value
      #expect(four == 4)
      let waiter = reactor.spawn { try await queue.get() }
      waiter.cancel()
      await #expect(throws: CancellationError.self) { try await waiter.value }
    }
  }

  @Test("Granted and then cancelled is granted")
  func grantedStands() throws {
    try onReactor { reactor in
      let queue = SharedQueue<Int>(capacity: 1)
      let getter = reactor.spawn { try await queue.get() }
      await reactor.yield()
      #expect(queue.tryPut(1))
      getter.cancel()
      #expect(try await getter.value == 1)
      #expect(queue.tryPut(2))
      let putter = reactor.spawn { try await queue.put(3) }
      await reactor.yield()
      #expect(queue.tryGet() == 2)
      putter.cancel()
      try await putter.value
      #expect(queue.tryGet() == 3)
    }
  }

  @Test("Closed, it lets gets drain it, ends puts, and refuses; closing a reactor ends the waits on it")
  func closing() async throws {
    try onReactor { reactor in
      let queue = SharedQueue<Int>(capacity: 2, name: "jobs")
      _ = queue.tryPut(1)
      _ = queue.tryPut(2)
      let putter = reactor.spawn { try await queue.put(3) }
      await reactor.yield()
      queue.close()
      let error = await #expect(throws: ClosedError.self) { try await putter.value }
      #expect(error?.subject == "SharedQueue \"jobs\"")
      #expect(!queue.tryPut(4))
      await #expect(throws: ClosedError.self) { try await queue.put(4) }
      var left: [Int] = []
      for try await number in queue { left.append(number) }
      #expect(left == [1, 2])
      await #expect(throws: ClosedError.self) { try await queue.get() }
      let empty = SharedQueue<Int>(capacity: 1)
      let getter = reactor.spawn { try await empty.get() }
      await reactor.yield()
      empty.close()
      await #expect(throws: ClosedError.self) { try await getter.value }
    }
    let queue = SharedQueue<Int>(capacity: 1)
    let reactor = try Reactor()
    let getter = try reactor.run {
      let getter = reactor.spawn { try await queue.get() }
      await reactor.yield()
      return getter
    }
    reactor.close()
    await #expect(throws: ReactorClosedError.self) { try await getter.value }
    #expect(queue.tryPut(1))
    #expect(queue.tryGet() == 1)
  }

  @Test("In virtual time its deadlines pass at once, and run() waits for what other threads put")
  func clocks() async throws {
    let virtual = try Reactor(clock: .virtual)
    defer { virtual.close() }
    try virtual.run {
      let queue = SharedQueue<Int>(capacity: 1)
      #expect(try await queue.get(deadline: .after(.seconds(3600))) == nil)
      async let item = queue.get()
      try await virtual.sleep(for: .seconds(60))
      #expect(queue.tryPut(1))
      #expect(try await item == 1)
    }
    // On threads of their own: the pool's, which tests run on, are few.
    let queue = SharedQueue<Int>(capacity: 1)
    let waiting = try Reactor()
    let group = try ReactorGroup(count: 2)
    try await group.run { reactor in
      if reactor === group[1] {
        try await reactor.sleep(for: .milliseconds(20))
        return try await queue.put(7)
      }
      let getter = waiting.spawn { try await queue.get() }
      try waiting.run()
      let item = try await getter.value
      #expect(item == 7)
      waiting.close()
    }
  }

  @Test("Misuse has a message")
  func misuse() async {
    await #expect(processExitsWith: .failure) { _ = SharedQueue<Int>(capacity: 0) }
    await #expect(processExitsWith: .failure) { try await SharedQueue<Int>(capacity: 1).put(1) }
  }
}
