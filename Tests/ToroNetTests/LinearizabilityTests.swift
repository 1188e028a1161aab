import Testing
import Toro
import ToroTestSupport

import class Toro.Semaphore

@testable import ToroNet

/// Calls that overlap on several threads come out as if they had been made one after the other. In real time: the threads race.
@Suite("Linearizability", .timeLimit(.minutes(10)))
struct LinearizabilityThreadsTests {
  @Test("Of puts and gets of a shared queue by three reactors")
  func sharedQueue() async throws {
    try await race(from: BoundedQueue(capacity: 2)) {
      let queue = SharedQueue<Int>(capacity: 2)
      return { item, deadline in
        switch Int.random(in: 0..<12) {
        case 0...2: return .put(item, queue.tryPut(item))
        case 3...5: return .put(item, try await queue.put(item, deadline: deadline))
        case 6...7: return .get(queue.tryGet())
        case 8...10: return .get(try await queue.get(deadline: deadline))
        default: return .count(queue.count)
        }
      }
    }
  }

  @Test("Of puts and gets of one reactor's queue by tasks of three")
  func queue() async throws {
    try await race(from: BoundedQueue(capacity: 2)) {
      let queue = Queue<Int>(capacity: 2)
      return { item, deadline in
        switch Int.random(in: 0..<5) {
        case 0...1: return .put(item, try await queue.put(item, deadline: deadline))
        case 2...3: return .get(try await queue.get(deadline: deadline))
        default: return .count(try await queue.reactor.perform { queue.count })
        }
      }
    }
  }

  @Test("Of acquires and releases of one reactor's semaphore by tasks of three")
  func semaphore() async throws {
    try await race(from: Permits(count: 2)) {
      let semaphore = Semaphore(2)
      return { _, deadline in
        switch Int.random(in: 0..<5) {
        case 0...2: return .acquire(try await semaphore.acquire(deadline: deadline))
        case 3:
          try await semaphore.reactor.perform { semaphore.release() }
          return .release
        default: return .count(try await semaphore.reactor.perform { semaphore.count })
        }
      }
    }
  }

  @Test("What could not have been made one after the other is found")
  func violations() {
    typealias Entry = History<BoundedQueue.Call>.Entry
    let empty = BoundedQueue(capacity: 1)
    // Two puts that overlap, and their items in either order.
    let puts = [Entry(.put(1, true), 1, 4), Entry(.put(2, true), 2, 10)]
    #expect(isLinearizable(puts + [Entry(.get(1), 5, 6), Entry(.get(2), 7, 8)], from: empty))
    #expect(isLinearizable(puts + [Entry(.get(2), 3, 6), Entry(.get(1), 7, 8)], from: empty))
    // After its end the first put comes before what begins then.
    #expect(!isLinearizable([Entry(.put(1, true), 1, 2), Entry(.get(nil), 3, 4)], from: empty))
    #expect(!isLinearizable(puts + [Entry(.get(1), 5, 6), Entry(.get(1), 7, 8)], from: empty))
    #expect(!isLinearizable([Entry(.put(1, true), 1, 2), Entry(.put(2, true), 3, 4)], from: empty))
    #expect(!isLinearizable([Entry(.put(1, false), 1, 2)], from: empty))
    #expect(!isLinearizable([Entry(.get(3), 1, 2)], from: empty))
  }
}

/// Has six tasks on three reactors make four calls each, and looks at what came of them: many times, each with another subject.
private func race<Model: SequentialModel & Sendable>(
  from model: Model,
  _ make: @escaping @Sendable () -> (@Sendable (Int, Deadline) async throws -> Model.Call)
) async throws {
  let group = try ReactorGroup(count: 3)
  let ends = (0..<3).map { Event(on: group[$0]) }
  try await group.run { reactor in
    let place = group.index(of: reactor, "")
    if place > 0 { return try await ends[place].wait() }
    defer { for end in ends { end.set() } }
    for _ in 0..<400 {
      let call = make()
      let history = History<Model.Call>()
      let tasks = (0..<6).map { number in
        group[number % 3].spawn {
          var entries: [History<Model.Call>.Entry] = []
          for step in 0..<4 {
            let deadline = Deadline.after(.microseconds(Int.random(in: 0..<60)))
            // In a task of its own, which another thread may cancel: nothing has come of it then.
            let entry = try await history.note {
              let task = Reactor.current.spawn { try await call(number * 10 + step, deadline) }
              if Int.random(in: 0..<4) == 0 { group[(number + 1) % 3].execute { task.cancel() } }
              do { return try await task.value } catch is CancellationError { return nil }
            }
            if let entry { entries.append(entry) }
          }
          return entries
        }
      }
      var entries: [History<Model.Call>.Entry] = []
      for task in tasks { entries += try await task.value }
      #expect(isLinearizable(entries, from: model), "\(entries)")
    }
  }
}

private struct BoundedQueue: SequentialModel, Sendable {
  enum Call: Sendable {
    case put(Int, Bool)
    case get(Int?)
    case count(Int)
  }

  let capacity: Int
  private var items: [Int] = []

  init(capacity: Int) { self.capacity = capacity }

  mutating func admits(_ call: Call) -> Bool {
    switch call {
    case .put(let item, true):
      items.append(item)
      return items.count <= capacity
    case .put(_, false): return items.count == capacity
    case .get(nil): return items.isEmpty
    case .get(let item?): return !items.isEmpty && items.removeFirst() == item
    case .count(let count): return items.count == count
    }
  }
}

private struct Permits: SequentialModel, Sendable {
  enum Call: Sendable {
    case acquire(Bool)
    case release
    case count(Int)
  }

  var count: Int

  mutating func admits(_ call: Call) -> Bool {
    switch call {
    case .acquire(true):
      count -= 1
      return count >= 0
    case .acquire(false): return count == 0
    case .release:
      count += 1
      return true
    case .count(let count): return self.count == count
    }
  }
}
