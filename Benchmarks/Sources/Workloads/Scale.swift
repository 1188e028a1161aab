import Toro

import class Toro.Semaphore

/// An operation whose cost is measured while many of its kind are there.
public struct ScaleWorkload: Sendable {
  public let name: String
  /// What one operation is.
  public let summary: String
  /// How its cost may grow with the size.
  public let law: String
  /// Measures with so many of them, as a task of the reactor.
  let measure: @Sendable (Reactor, Int) async throws -> Measurement

  init(
    _ name: String, _ summary: String, law: String,
    measure: @escaping @Sendable (Reactor, Int) async throws -> Measurement
  ) {
    self.name = name
    self.summary = summary
    self.law = law
    self.measure = measure
  }

  public func run(size: Int) throws -> Measurement {
    let reactor = try Reactor()
    defer { reactor.close() }
    return try reactor.run { try await measure(reactor, size) }
  }
}

extension ScaleWorkload {
  /// All of them.
  public static let all = [
    ScaleWorkload(
      "waiters_served", "the first in line is served, and joins the end", law: "O(1)", measure: waitersServed),
    ScaleWorkload(
      "waiters_leave", "one anywhere in line is cancelled, another joins", law: "O(1)", measure: waitersLeave),
    ScaleWorkload("timers", "a wait with a deadline ends early, another begins", law: "O(log n)", measure: timers),
    ScaleWorkload("tasks_ready", "a task's turn, of all that are ready", law: "O(1)", measure: tasksReady),
    ScaleWorkload("tasks_waiting", "a hand-over of two, while the others wait", law: "O(1)", measure: tasksWaiting),
    ScaleWorkload("objects_used", "one of the locks is acquired and released", law: "O(1)", measure: objectsUsed),
    ScaleWorkload("objects_made", "one of the locks is made anew", law: "O(1)", measure: objectsMade),
    ScaleWorkload(
      "memory", "one of as many objects is changed, without Toro", law: "the caches", measure: memoryAlone),
  ]
}

private let operations = 1_000_000

/// Callback waits in line for one semaphore. A served one joins again.
private final class Line: @unchecked Sendable {
  let semaphore: Semaphore
  private(set) var served = 0

  init(_ semaphore: Semaphore) { self.semaphore = semaphore }

  func join() {
    semaphore.acquire { [self] outcome in
      guard outcome == .granted else { return }
      served += 1
      join()
    }
  }
}

private func waitersServed(_ reactor: Reactor, size: Int) async throws -> Measurement {
  let semaphore = Semaphore(0)
  let line = Line(semaphore)
  for _ in 0..<size { line.join() }
  let began = nowNanoseconds()
  for _ in 0..<operations { semaphore.release() }  // the callback has run when this returns
  let nanoseconds = nowNanoseconds() - began
  precondition(line.served == operations && semaphore.waiterCount == size)
  semaphore.close()
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func waitersLeave(_ reactor: Reactor, size: Int) async throws -> Measurement {
  let semaphore = Semaphore(0)
  var random = XorShift()
  var waits = (0..<size).map { _ in semaphore.acquire { _ in } }
  let began = nowNanoseconds()
  for _ in 0..<operations {
    let place = Int(random.next()) % size
    waits[place].cancel()
    waits[place] = semaphore.acquire { _ in }
  }
  let nanoseconds = nowNanoseconds() - began
  precondition(semaphore.waiterCount == size)
  semaphore.close()
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func timers(_ reactor: Reactor, size: Int) async throws -> Measurement {
  let semaphore = Semaphore(0)
  var random = XorShift()
  // An hour away and more, in no order.
  func begin() -> Wait {
    semaphore.acquire(deadline: .after(.seconds(3_600) + .microseconds(Int(random.next())))) { _ in }
  }
  var waits = (0..<size).map { _ in begin() }
  let began = nowNanoseconds()
  for _ in 0..<operations {
    let place = Int(random.next()) % size
    waits[place].cancel()
    waits[place] = begin()
  }
  let nanoseconds = nowNanoseconds() - began
  precondition(semaphore.waiterCount == size)
  semaphore.close()
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func tasksReady(_ reactor: Reactor, size: Int) async throws -> Measurement {
  let rounds = max(2, operations / size)
  let start = Event()
  let tasks = (0..<size).map { _ in
    reactor.spawn {
      try await start.wait()
      for _ in 0..<rounds { await reactor.yield() }
    }
  }
  while start.waiterCount < size { await reactor.yield() }
  let began = nowNanoseconds()
  start.set()
  for task in tasks { try await task.value }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: rounds * size)
}

private func tasksWaiting(_ reactor: Reactor, size: Int) async throws -> Measurement {
  let end = Event()
  let waiting = (0..<size).map { _ in reactor.spawn { try await end.wait() } }
  while end.waiterCount < size { await reactor.yield() }
  let ping = Semaphore(1)
  let pong = Semaphore(0)
  let began = nowNanoseconds()
  let a = reactor.spawn { try await handOver(from: ping, to: pong, times: operations / 2) }
  let b = reactor.spawn { try await handOver(from: pong, to: ping, times: operations / 2) }
  try await a.value
  try await b.value
  let nanoseconds = nowNanoseconds() - began
  end.set()
  for task in waiting { try await task.value }
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func objectsUsed(_ reactor: Reactor, size: Int) async throws -> Measurement {
  let locks = (0..<size).map { _ in Lock() }
  var random = XorShift()
  let began = nowNanoseconds()
  for _ in 0..<operations {
    let lock = locks[Int(random.next()) % size]
    try await lock.acquire()
    lock.release()
  }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

private func objectsMade(_ reactor: Reactor, size: Int) async throws -> Measurement {
  var locks = (0..<size).map { _ in Lock() }
  var random = XorShift()
  let began = nowNanoseconds()
  for _ in 0..<operations { locks[Int(random.next()) % size] = Lock() }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

/// What it costs to come to one object of many, which the others that choose at random pay beside their own.
private func memoryAlone(_ reactor: Reactor, size: Int) async throws -> Measurement {
  let objects = (0..<size).map { _ in Shared(0) }
  var random = XorShift()
  let began = nowNanoseconds()
  for _ in 0..<operations { objects[Int(random.next()) % size].value += 1 }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}
