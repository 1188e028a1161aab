import Glibc
import Toro
import ToroNet

let queueWorkloads = [
  Workload(
    "queue_spsc", "one item goes through a queue of 128, from one task to another",
    operations: (10_000_000, 10_000_000),
    task: { try await queueTransfer($0, operations: $1, users: 1) },
    callback: { try queueTransferCallbacks($0, operations: $1, users: 1) }
  ),
  Workload(
    "queue_rendezvous", "one message goes there, or one comes back, over two queues of 1",
    operations: (3_000_000, 6_000_000), task: queueRendezvous,
    callback: queueRendezvousCallbacks),
  Workload(
    "queue_mpmc", "one item goes through a queue of 128, from 10 tasks to 10 others",
    operations: (10_000_000, 10_000_000),
    task: { try await queueTransfer($0, operations: $1, users: 10) },
    callback: { try queueTransferCallbacks($0, operations: $1, users: 10) }),
  Workload(
    "priority_queue", "one item is put and later got, 100,000 of them at a time", operations: (1_000_000, 1_000_000),
    task: priorityQueue,
    callback: priorityQueueCallbacks),
  Workload(
    "event_broadcast", "one waiter is woken, of 10,000 by one set", operations: (500_000, 500_000),
    task: eventBroadcast,
    callback: eventBroadcastCallbacks),
  Workload(
    "cross_thread", "one item comes from another thread", operations: (3_000_000, 3_000_000), task: crossThread,
    callback: crossThreadCallbacks),
]

// MARK: queue_spsc, queue_mpmc

private func queueTransfer(_ reactor: Reactor, operations: Int, users: Int) async throws -> Measurement {
  let queue = Queue<Int>(capacity: 128)
  let began = nowNanoseconds()
  let producers = (0..<users).map { _ in
    reactor.spawn {
      for item in 0..<operations / users { try await queue.put(item) }
    }
  }
  let consumers = (0..<users).map { _ in
    reactor.spawn {
      var count = 0
      for try await _ in queue { count += 1 }
      return count
    }
  }
  for producer in producers { try await producer.value }
  queue.close()
  var count = 0
  for consumer in consumers { count += try await consumer.value }
  let nanoseconds = nowNanoseconds() - began
  precondition(count == operations)
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func queueTransferCallbacks(_ reactor: Reactor, operations: Int, users: Int) throws -> Measurement {
  // Deferred, so that who waits for room has the next turn and not one item's: as a libevent program activates events.
  let queue = Queue<Int>(capacity: 128, on: reactor, deferred: true)
  let producers = (0..<users).map { _ in Producer(queue, left: operations / users) }
  let consumers = (0..<users).map { _ in Consumer(queue, left: operations / users) }
  let nanoseconds = try timeCallbacks(on: reactor) {
    for producer in producers { producer.putNext() }
    for consumer in consumers { consumer.getNext() }
  }
  precondition(consumers.allSatisfy { $0.left == 0 })
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

/// Puts what there is room for, and the next when there is.
private final class Producer: @unchecked Sendable {
  private let queue: Queue<Int>
  private var left: Int

  init(_ queue: Queue<Int>, left: Int) {
    self.queue = queue
    self.left = left
  }

  func putNext() {
    while left > 0 {
      left -= 1
      if !queue.tryPut(left) {
        queue.put(left) { [self] _ in putNext() }
        return
      }
    }
  }
}

/// Gets what there is, and the next when it is there.
private final class Consumer: @unchecked Sendable {
  private let queue: Queue<Int>
  private(set) var left: Int
  private(set) var sum = 0

  init(_ queue: Queue<Int>, left: Int) {
    self.queue = queue
    self.left = left
  }

  func getNext() {
    while left > 0 {
      guard let item = queue.tryGet() else {
        queue.get { [self] result in
          guard case .granted(let item) = result else { return }
          take(item)
          getNext()
        }
        return
      }
      take(item)
    }
  }

  private func take(_ item: Int) {
    sum += item
    left -= 1
  }
}

// MARK: queue_rendezvous

private func queueRendezvous(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let there = Queue<Int>(capacity: 1)
  let back = Queue<Int>(capacity: 1)
  let began = nowNanoseconds()
  let a = reactor.spawn {
    for message in 0..<operations / 2 {
      try await there.put(message)
      _ = try await back.get()
    }
  }
  let b = reactor.spawn {
    for _ in 0..<operations / 2 { try await back.put(there.get()) }
  }
  try await a.value
  try await b.value
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

private func queueRendezvousCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let there = Queue<Int>(capacity: 1, on: reactor)
  let back = Queue<Int>(capacity: 1, on: reactor)
  let a = Correspondent(reads: back, writes: there, messages: operations / 2)
  let b = Correspondent(reads: there, writes: back, messages: operations / 2)
  let nanoseconds = try timeCallbacks(on: reactor) {
    a.begin()
    b.goOn()
  }
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

/// Writes a message, reads the answer, and so on.
private final class Correspondent: @unchecked Sendable {
  private let inbox: Queue<Int>
  private let outbox: Queue<Int>
  private var unread: Int
  private var unwritten: Int

  /// - Parameter messages: How many go each way.
  init(reads inbox: Queue<Int>, writes outbox: Queue<Int>, messages: Int) {
    self.inbox = inbox
    self.outbox = outbox
    unread = messages
    unwritten = messages
  }

  func begin() { if write(0) { goOn() } }

  /// Reads and writes until it has to wait.
  func goOn() {
    while unread > 0 {
      unread -= 1
      guard let message = inbox.tryGet() else {
        inbox.get { [self] result in
          if case .granted(let message) = result, write(message) { goOn() }
        }
        return
      }
      if !write(message) { return }
    }
  }

  /// Whether the message is in; else it goes on when it is.
  private func write(_ message: Int) -> Bool {
    if unwritten == 0 { return true }
    unwritten -= 1
    if outbox.tryPut(message) { return true }
    outbox.put(message) { [self] _ in goOn() }
    return false
  }
}

// MARK: priority_queue

private struct Job: Comparable, Sendable {
  let priority: UInt32
  let number: UInt32

  static func < (a: Job, b: Job) -> Bool { a.priority < b.priority }
}

/// How often how many items are put and then taken, so that it is about so many operations.
private func priorityRounds(_ operations: Int) -> (rounds: Int, items: UInt32) {
  let items = min(operations, 100_000)
  return (operations / items, UInt32(items))
}

private func priorityQueue(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let (rounds, items) = priorityRounds(operations)
  let queue = PriorityQueue<Job>()
  var random = XorShift()
  let began = nowNanoseconds()
  for _ in 0..<rounds {
    for number in 0..<items { try await queue.put(Job(priority: random.next(), number: number)) }
    var last: UInt32 = 0
    for _ in 0..<items {
      let job = try await queue.get()
      precondition(job.priority >= last)
      last = job.priority
    }
  }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: rounds * Int(items))
}

private func priorityQueueCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let (rounds, items) = priorityRounds(operations)
  let queue = PriorityQueue<Job>(on: reactor)
  let nanoseconds = try timeCallbacks(on: reactor) {
    var random = XorShift()
    for _ in 0..<rounds {
      for number in 0..<items {
        let isPut = queue.tryPut(Job(priority: random.next(), number: number))
        precondition(isPut)
      }
      var last: UInt32 = 0
      for _ in 0..<items {
        guard let job = queue.tryGet(), job.priority >= last else { preconditionFailure() }
        last = job.priority
      }
    }
  }
  return Measurement(nanoseconds: nanoseconds, operations: rounds * Int(items))
}

// MARK: event_broadcast

private let broadcastWaiters = 10_000

private func eventBroadcast(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let rounds = max(1, operations / broadcastWaiters)
  var nanoseconds = 0
  for _ in 0..<rounds {
    let event = Event()
    let left = Shared(broadcastWaiters)
    let end = Shared(0)
    let tasks = (0..<broadcastWaiters).map { _ in
      reactor.spawn {
        try await event.wait()
        left.value -= 1
        if left.value == 0 { end.value = nowNanoseconds() }
      }
    }
    while event.waiterCount < broadcastWaiters { await reactor.yield() }
    let began = nowNanoseconds()
    event.set()
    for task in tasks { try await task.value }
    nanoseconds += end.value - began
  }
  return Measurement(nanoseconds: nanoseconds, operations: rounds * broadcastWaiters)
}

private func eventBroadcastCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let rounds = max(1, operations / broadcastWaiters)
  let nanoseconds = Shared(0)
  _ = try timeCallbacks(on: reactor) {
    for _ in 0..<rounds {
      let event = Event()
      let left = Shared(broadcastWaiters)
      for _ in 0..<broadcastWaiters { event.wait { _ in left.value -= 1 } }
      let began = nowNanoseconds()
      event.set()  // the callbacks have run when this returns
      nanoseconds.value += nowNanoseconds() - began
      precondition(left.value == 0)
    }
  }
  return Measurement(nanoseconds: nanoseconds.value, operations: rounds * broadcastWaiters)
}

// MARK: cross_thread

private func crossThread(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let queue = SharedQueue<Int>(capacity: operations)
  let began = nowNanoseconds()
  let sender = startThread {
    for item in 0..<operations { _ = queue.tryPut(item) }
    queue.close()
  }
  var sum = 0
  for try await item in queue { sum += item }
  let nanoseconds = nowNanoseconds() - began
  pthread_join(sender, nil)
  precondition(sum == operations * (operations - 1) / 2)
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func crossThreadCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let queue = Queue<Int>(on: reactor)
  let consumer = Consumer(queue, left: operations)
  reactor.hold()  // the sender is outside
  let began = nowNanoseconds()
  let sender = startThread {
    for item in 0..<operations {
      reactor.execute { _ = queue.tryPut(item) }
    }
    reactor.unhold()
  }
  reactor.execute { consumer.getNext() }
  try reactor.run()
  let nanoseconds = nowNanoseconds() - began
  pthread_join(sender, nil)
  precondition(consumer.sum == operations * (operations - 1) / 2)
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  var thread = pthread_t()
  let context = Unmanaged.passRetained(Shared(body)).toOpaque()
  let error = pthread_create(
    &thread, nil,
    { context in
      Unmanaged<Shared<@Sendable () -> Void>>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue().value()
      return nil
    }, context)
  precondition(error == 0, "pthread_create: \(error)")
  return thread
}
