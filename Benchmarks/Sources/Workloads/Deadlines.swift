import Toro

import class Toro.Semaphore

let deadlineWorkloads = [
  Workload(
    "deadline_satisfied", "semaphore_pingpong with a deadline a second away", operations: (3_000_000, 6_000_000),
    task: deadlineSatisfied,
    callback: deadlineSatisfiedCallbacks),
  Workload(
    "deadline_expired", "one wait times out, of 10,000", operations: (10_000, 10_000), task: deadlineExpired,
    callback: deadlineExpiredCallbacks),
  Workload(
    "waiters_100k_memory", "one waiter is woken, of 100,000 that have deadlines", operations: (100_000, 100_000),
    task: waitersMemory,
    callback: waitersMemoryCallbacks),
]

// MARK: deadline_satisfied

private func deadlineSatisfied(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let ping = Semaphore(1)
  let pong = Semaphore(0)
  let began = nowNanoseconds()
  let a = reactor.spawn { try await handOverInTime(from: ping, to: pong, times: operations / 2) }
  let b = reactor.spawn { try await handOverInTime(from: pong, to: ping, times: operations / 2) }
  try await a.value
  try await b.value
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

private func handOverInTime(from input: Semaphore, to output: Semaphore, times: Int) async throws {
  for _ in 0..<times {
    let isAcquired = try await input.acquire(deadline: .after(.seconds(1)))
    precondition(isAcquired)
    output.release()
  }
}

private func deadlineSatisfiedCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let ping = Semaphore(1, on: reactor)
  let pong = Semaphore(0, on: reactor)
  let a = CallbackSide(from: ping, to: pong, left: operations / 2, deadline: .after(.seconds(1)))
  let b = CallbackSide(from: pong, to: ping, left: operations / 2, deadline: .after(.seconds(1)))
  let nanoseconds = try timeCallbacks(on: reactor) {
    a.handOver()
    b.handOver()
  }
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

// MARK: deadline_expired

private let expiry = 10_000_000

/// - Parameter lateness: Of each wait: nanoseconds.
private func expired(_ nanoseconds: Int, _ lateness: [Int]) -> Measurement {
  let sorted = lateness.sorted()
  return Measurement(
    nanoseconds: nanoseconds - expiry, operations: lateness.count,
    extras: [
      ("late_p50_us", Double(sorted[sorted.count / 2]) / 1e3), ("late_max_us", Double(sorted[sorted.count - 1]) / 1e3),
    ])
}

private func deadlineExpired(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let semaphore = Semaphore(0)
  let lateness = Shared<[Int]>([])
  lateness.value.reserveCapacity(operations)
  let began = nowNanoseconds()
  let tasks = (0..<operations).map { _ in
    reactor.spawn {
      let due = nowNanoseconds() + expiry
      let isAcquired = try await semaphore.acquire(deadline: .after(.milliseconds(10)))
      precondition(!isAcquired)
      lateness.value.append(nowNanoseconds() - due)
    }
  }
  for task in tasks { try await task.value }
  return expired(nowNanoseconds() - began, lateness.value)
}

private func deadlineExpiredCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let semaphore = Semaphore(0, on: reactor)
  let lateness = Shared<[Int]>([])
  lateness.value.reserveCapacity(operations)
  let nanoseconds = try timeCallbacks(on: reactor) {
    for _ in 0..<operations {
      let due = nowNanoseconds() + expiry
      semaphore.acquire(deadline: .after(.milliseconds(10))) { outcome in
        precondition(outcome == .timedOut)
        lateness.value.append(nowNanoseconds() - due)
      }
    }
  }
  return expired(nanoseconds, lateness.value)
}

// MARK: waiters_100k_memory

private func held(_ operations: Int, _ nanoseconds: Int, armed: Int, kilobytes: Int) -> Measurement {
  Measurement(
    nanoseconds: nanoseconds, operations: operations,
    extras: [
      ("bytes_per_waiter", Double(kilobytes) * 1024 / Double(operations)),
      ("arm_ns", Double(armed) / Double(operations)),
    ])
}

private func waitersMemory(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let semaphore = Semaphore(0)
  let left = Shared(operations)
  let end = Shared(0)
  var tasks: [Task<Void, any Error>] = []
  tasks.reserveCapacity(operations)
  let before = statusKilobytes("VmRSS")
  let armBegan = nowNanoseconds()
  for _ in 0..<operations {
    tasks.append(
      reactor.spawn {
        let isAcquired = try await semaphore.acquire(deadline: .after(.seconds(3600)))
        precondition(isAcquired)
        left.value -= 1
        if left.value == 0 { end.value = nowNanoseconds() }
      })
  }
  while semaphore.waiterCount < operations { await reactor.yield() }
  let armed = nowNanoseconds() - armBegan
  let added = statusKilobytes("VmRSS") - before
  let began = nowNanoseconds()
  semaphore.release(operations)
  for task in tasks { try await task.value }
  return held(operations, end.value - began, armed: armed, kilobytes: added)
}

private func waitersMemoryCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let semaphore = Semaphore(0, on: reactor)
  let result = Shared(Measurement(nanoseconds: 0, operations: operations))
  _ = try timeCallbacks(on: reactor) {
    let left = Shared(operations)
    let before = statusKilobytes("VmRSS")
    let armBegan = nowNanoseconds()
    for _ in 0..<operations {
      semaphore.acquire(deadline: .after(.seconds(3600))) { outcome in
        precondition(outcome == .granted)
        left.value -= 1
      }
    }
    let armed = nowNanoseconds() - armBegan
    let added = statusKilobytes("VmRSS") - before
    let began = nowNanoseconds()
    semaphore.release(operations)  // the callbacks have run when this returns
    precondition(left.value == 0)
    result.value = held(operations, nowNanoseconds() - began, armed: armed, kilobytes: added)
  }
  return result.value
}
