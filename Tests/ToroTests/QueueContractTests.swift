import Testing
import Toro

/// What holds for every kind of queue, bounded or not, in each form.
@Suite("Every queue")
struct QueueContractTests {
  @Test("Items leave in the queue's order, the initial ones included", arguments: QueueCase.all, [nil, 10])
  func order(_ test: QueueCase, _ capacity: Int?) throws {
    try test.play(capacity: capacity, initial: [5, 3]) { scene, queue in
      for item in [9, 1, 7] { #expect(await scene.put(item, queue).outcome == .granted) }
      #expect(queue.count == 5 && !queue.isEmpty && queue.unfinishedTasks == 5)
      var items: [Int] = []
      for _ in 0..<5 { items.append(try #require(await scene.get(queue).item)) }
      #expect(items == test.kind.order([5, 3, 9, 1, 7]))
      #expect(queue.isEmpty && queue.unfinishedTasks == 5)
    }
  }

  @Test("What can be done at once is, whatever the deadline", arguments: QueueCase.all, [nil, 1])
  func atOnce(_ test: QueueCase, _ capacity: Int?) throws {
    try test.play(capacity: capacity) { scene, queue in
      for deadline in Deadline.passed + Deadline.unreachable {
        #expect(await scene.put(4, queue, deadline: deadline).outcome == .granted)
        let get = await scene.get(queue, deadline: deadline)
        #expect(get.outcome == .granted && get.item == 4)
      }
      #expect(queue.waiterCount == 0)
    }
  }

  @Test("A full queue makes puts wait; each get lets the longest waiting one in", arguments: QueueCase.all)
  func backPressure(_ test: QueueCase) throws {
    try test.play(capacity: 2, initial: [1, 2]) { scene, queue in
      #expect(queue.isFull && queue.capacity == 2)
      let third = await scene.put(3, queue)
      let fourth = await scene.put(4, queue, deadline: .after(.seconds(60)))
      #expect(queue.putterCount == 2 && queue.count == 2 && queue.unfinishedTasks == 2)
      #expect(!queue.tryPut(5))
      let first = await scene.get(queue)
      #expect(third.outcome == .granted && fourth.outcome == nil)
      #expect(queue.count == 2 && queue.putterCount == 1 && queue.unfinishedTasks == 3)
      let second = await scene.get(queue)
      #expect(fourth.outcome == .granted)
      // A get that finds puts waiting lets the first one's item in, then takes the item that leaves first.
      #expect([first.item, second.item] == (test.kind == .lifo ? [3, 4] : [1, 2]))
      #expect(queue.unfinishedTasks == 4)
    }
  }

  @Test("A get that waits gets what is put, in order of arrival", arguments: QueueCase.all, [nil, 3])
  func handOff(_ test: QueueCase, _ capacity: Int?) throws {
    try test.play(capacity: capacity) { scene, queue in
      let gets = [
        await scene.get(queue, "a"), await scene.get(queue, "b", deadline: .never), await scene.get(queue, "c"),
      ]
      #expect(queue.getterCount == 3)
      #expect(queue.tryPut(9))
      #expect(queue.tryPut(1))
      #expect(queue.isEmpty && queue.getterCount == 1 && queue.unfinishedTasks == 2)
      #expect(queue.tryGet() == nil)
      await scene.settle()
      #expect(gets.map(\.item) == [9, 1, nil])
      #expect(await scene.put(5, queue).outcome == .granted)
      #expect(gets[2].item == 5)
      #expect(scene.log.entries.prefix(2) == ["a granted", "b granted"])
    }
  }

  @Test(
    "A full queue with a waiting put: get, get, try-put; the waiting item goes first (scenario 8)",
    arguments: QueueCase.all)
  func waitingItemGoesFirst(_ test: QueueCase) throws {
    try test.play(capacity: 1, initial: [1]) { scene, queue in
      let waiting = await scene.put(2, queue)
      let first = queue.tryGet()
      #expect(!queue.tryPut(3))
      let second = queue.tryGet()
      #expect(queue.tryPut(3))
      await scene.settle()
      #expect(waiting.outcome == .granted)
      #expect([first, second] == (test.kind == .lifo ? [2, 1] : [1, 2]))
      #expect(queue.tryGet() == 3)
    }
  }

  @Test(
    "A put, then cancel of the getter that it served: the getter has the item (scenario 5)", arguments: QueueCase.all)
  func putThenCancel(_ test: QueueCase) throws {
    try test.play(capacity: 4) { scene, queue in
      let getter = await scene.get(queue)
      #expect(queue.tryPut(1))
      getter.cancel()
      await scene.settle()
      #expect(getter.outcome == .granted && getter.item == 1)
      #expect(queue.isEmpty)
    }
  }

  @Test(
    "Cancel of the first getter, then a put: the next has the item, or it stays (scenario 5)", arguments: QueueCase.all)
  func cancelThenPut(_ test: QueueCase) throws {
    try test.play(capacity: 4) { scene, queue in
      let first = await scene.get(queue)
      let second = await scene.get(queue)
      first.cancel()
      #expect(queue.tryPut(1))
      second.cancel()
      #expect(queue.tryPut(2))
      await scene.settle()
      #expect(first.outcome == .cancelled && first.item == nil)
      #expect(second.outcome == .granted && second.item == 1)
      #expect(queue.count == 1 && queue.tryGet() == 2)
    }
  }

  @Test(
    "A put on the very tick of the getter's time-out: delivered, or it stays (scenario 5)", arguments: QueueCase.all)
  func putOnTheTick(_ test: QueueCase) throws {
    try test.play(capacity: 4) { scene, queue in
      let deadline = Deadline.at(scene.reactor.now.advanced(by: .seconds(1)))
      let condition = Condition(on: scene.reactor)
      // Older than the first getter, so it ends before that, on the same tick; the later one is younger than the second.
      let before = condition.wait(deadline: deadline) { _ in #expect(queue.tryPut(1)) }
      let first = await scene.get(queue, deadline: deadline)
      try await scene.pass(.seconds(2))
      #expect(first.item == 1 && first.outcome == .granted)
      let again = Deadline.at(scene.reactor.now.advanced(by: .seconds(1)))
      let second = await scene.get(queue, deadline: again)
      condition.wait(deadline: again) { _ in #expect(queue.tryPut(2)) }
      try await scene.pass(.seconds(2))
      #expect(second.outcome == .timedOut && second.item == nil)
      #expect(queue.tryGet() == 2)
      #expect(before.id != 0)
    }
  }

  @Test(
    "A getter whose deadline has ended it, but who has not run, is passed over (scenario 14)",
    arguments: QueueCase.all)
  func timedOutButNotRun(_ test: QueueCase) throws {
    try test.play(capacity: 4) { scene, queue in
      let deadline = Deadline.at(scene.reactor.now.advanced(by: .seconds(1)))
      let first = await scene.get(queue, deadline: deadline)
      let second = await scene.get(queue)
      let condition = Condition(on: scene.reactor)
      condition.wait(deadline: deadline) { _ in #expect(queue.tryPut(1)) }
      try await scene.pass(.seconds(1))
      #expect(first.outcome == .timedOut)
      #expect(second.item == 1)
    }
  }

  @Test("Gets and puts time out, own and leave nothing", arguments: QueueCase.all)
  func timesOut(_ test: QueueCase) throws {
    try test.play(capacity: 1) { scene, queue in
      let get = await scene.get(queue, deadline: .after(.seconds(3600)))
      try await scene.pass(.seconds(3600))
      #expect(get.outcome == .timedOut)
      for deadline in Deadline.passed { #expect(await scene.get(queue, deadline: deadline).outcome == .timedOut) }
      #expect(queue.tryPut(1))
      let put = await scene.put(2, queue, deadline: .after(.seconds(3600)))
      try await scene.pass(.seconds(3600))
      #expect(put.outcome == .timedOut)
      for deadline in Deadline.passed { #expect(await scene.put(3, queue, deadline: deadline).outcome == .timedOut) }
      #expect(queue.waiterCount == 0 && queue.count == 1 && queue.unfinishedTasks == 1)
      #expect(queue.tryGet() == 1)
      #expect(queue.tryGet() == nil)
    }
  }

  @Test("A cancelled put does not end the others, and its item is not put (scenario 13)", arguments: QueueCase.all)
  func cancelledPut(_ test: QueueCase) throws {
    try test.play(capacity: 1, initial: [0]) { scene, queue in
      let puts = [await scene.put(1, queue), await scene.put(2, queue), await scene.put(3, queue)]
      puts[1].cancel()
      await scene.settle()
      #expect(puts.map(\.outcome) == [nil, .cancelled, nil])
      var items: [Int?] = []
      for _ in 0..<4 { items.append(queue.tryGet()) }
      await scene.settle()
      #expect(Set(items) == [0, 1, 3, nil] && items[3] == nil)
      #expect(puts.map(\.outcome) == [.granted, .cancelled, .granted])
    }
  }

  @Test(
    "Closing ends waiting puts and gets, each once; what is held drains; then gets end closed (scenarios 13, 16)",
    arguments: QueueCase.all)
  func closing(_ test: QueueCase) throws {
    try test.play(capacity: 2, initial: [1, 2]) { scene, queue in
      let puts = [await scene.put(3, queue), await scene.put(4, queue)]
      queue.close()
      await scene.settle()
      #expect(puts.allSatisfy { $0.outcome == .closed && $0.tellings == 1 })
      #expect(queue.isClosed && queue.count == 2)
      #expect(await scene.put(5, queue).outcome == .closed)
      #expect(!queue.tryPut(5))
      #expect(await scene.get(queue).item == test.kind.order([1, 2])[0])
      #expect(queue.tryGet() == test.kind.order([1, 2])[1])
      #expect(!queue.tryPut(5))
      #expect(queue.tryGet() == nil)
      #expect(await scene.get(queue).outcome == .closed)
      #expect(await scene.get(queue, deadline: .after(.zero)).outcome == .closed)
      queue.close()
    }
    try test.play(capacity: 2) { scene, queue in
      let gets = [await scene.get(queue), await scene.get(queue, deadline: .after(.seconds(9)))]
      queue.close()
      await scene.settle()
      #expect(gets.allSatisfy { $0.outcome == .closed && $0.tellings == 1 })
    }
  }

  @Test(
    "Iteration takes what is there, waits for more, and ends when the queue is closed", arguments: QueueKind.allCases)
  func iteration(_ kind: QueueKind) throws {
    try inVirtualTime { reactor in
      let queue = kind.make(capacity: 2, initial: [3, 1], on: reactor)
      let consumer = reactor.spawn { try await queue.allUntilClosed() }
      await settle(reactor)
      for item in [7, 5, 6] { try await queue.send(item) }
      queue.close()
      let items = try await consumer.value
      #expect(items.sorted() == [1, 3, 5, 6, 7])
      #expect(Array(items.prefix(2)) == kind.order([3, 1]))
      #expect(try await queue.allUntilClosed() == [])
    }
  }

  @Test("A cancelled iteration throws, and takes no item", arguments: QueueKind.allCases)
  func cancelledIteration(_ kind: QueueKind) throws {
    try inVirtualTime { reactor in
      let queue = kind.make(on: reactor)
      let consumer = reactor.spawn { try await queue.allUntilClosed() }
      await settle(reactor)
      consumer.cancel()
      #expect(queue.tryPut(1))
      await #expect(throws: CancellationError.self) { try await consumer.value }
      #expect(queue.count == 1)
    }
  }

  @Test(
    "Raising the capacity admits waiting puts, in order; lowering it below the count throws", arguments: QueueCase.all)
  func changingCapacity(_ test: QueueCase) throws {
    try test.play(capacity: 1, initial: [0]) { scene, queue in
      let puts = [await scene.put(1, queue), await scene.put(2, queue), await scene.put(3, queue)]
      try queue.setCapacity(3)
      await scene.settle()
      #expect(puts.map(\.outcome) == [.granted, .granted, nil])
      #expect(queue.count == 3 && queue.isFull && queue.capacity == 3)
      let error = #expect(throws: CapacityError.self) { try queue.setCapacity(2) }
      #expect(error == nil || error?.count == 3 && error?.capacity == 2)
      #expect(queue.capacity == 3)
      try queue.setCapacity(nil)
      await scene.settle()
      #expect(puts[2].outcome == .granted && queue.capacity == nil && !queue.isFull)
      #expect(scene.log.entries == ["put 1 granted", "put 2 granted", "put 3 granted"])
      #expect((0..<4).compactMap { _ in queue.tryGet() } == test.kind.order([0, 1, 2, 3]))
      try queue.setCapacity(0)
      #expect(queue.isFull && !queue.tryPut(1))
    }
  }

  @Test("With capacity 0 a put waits until a get takes the item", arguments: QueueCase.all)
  func rendezvous(_ test: QueueCase) throws {
    try test.play(capacity: 0) { scene, queue in
      #expect(queue.isFull && queue.isEmpty && queue.capacity == 0)
      #expect(!queue.tryPut(1) && queue.tryGet() == nil)
      let put = await scene.put(1, queue)
      #expect(put.outcome == nil && queue.count == 0)
      let get = await scene.get(queue)
      #expect(get.item == 1 && put.outcome == .granted)
      let waiting = await scene.get(queue)
      #expect(queue.tryPut(2))
      await scene.settle()
      #expect(waiting.item == 2 && queue.count == 0)
      let left = await scene.put(3, queue, deadline: .after(.seconds(1)))
      try await scene.pass(.seconds(1))
      #expect(left.outcome == .timedOut && queue.tryGet() == nil)
      let taken = await scene.put(4, queue)
      #expect(queue.tryGet() == 4)
      await scene.settle()
      #expect(taken.outcome == .granted)
    }
  }

  @Test("In a cancelled task what can be done at once is; a wait throws (scenario 10)", arguments: QueueKind.allCases)
  func cancelledBefore(_ kind: QueueKind) throws {
    try inVirtualTime { reactor in
      let queue = kind.make(capacity: 1, on: reactor)
      let task = reactor.spawn {
        await #expect(throws: CancellationError.self) { try await queue.receive() }
        await #expect(throws: CancellationError.self) { try await queue.receive(deadline: .after(.zero)) }
        try await queue.send(1)
        await #expect(throws: CancellationError.self) { try await queue.send(2) }
        #expect(try await queue.send(2, deadline: .never))
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(queue.waiterCount == 0 && queue.count == 1)
    }
  }
}
