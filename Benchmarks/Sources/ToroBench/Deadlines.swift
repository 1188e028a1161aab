import Toro

import class Toro.Semaphore

let deadlineWorkloads = [
  Workload(
    "deadline_satisfied", "semaphore_pingpong with a deadline a second away", task: deadlineSatisfied,
    callback: deadlineSatisfiedCallbacks),
  Workload(
    "deadline_expired", "one wait times out, of 10,000", task: deadlineExpired, callback: deadlineExpiredCallbacks),
  Workload(
    "waiters_100k_memory", "one waiter is woken, of 100,000 that have deadlines", task: waitersMemory,
    callback: waitersMemoryCallbacks),
]

// MARK: deadline_satisfied

private func deadlineSatisfied(_ reactor: Reactor) async throws -> Measurement {
  let operations = 3_000_000
  let ping = Semaphore(1)
  let pong = Semaphore(0)
  let began = nowNanoseconds()
  let a = reactor.spawn { try await handOver(from: ping, to: pong, times: operations / 2) }
  let b = reactor.spawn { try await handOver(from: pong, to: ping, times: operations / 2) }
  try await a.value
  try await b.value
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

private func handOver(from input: Semaphore, to output: Semaphore, times: Int) async throws {
  for _ in 0..<times {
    let isAcquired = try await input.acquire(deadline: .after(.seconds(1)))
    precondition(isAcquired)
    output.release()
  }
}

private func deadlineSatisfiedCallbacks(_ reactor: Reactor) throws -> Measurement {
  let operations = 6_000_000
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

private let expiringWaits = 10_000
private let expiry = 10_000_000

/// - Parameter lateness: Of each wait: nanoseconds.
private func expired(_ nanoseconds: Int, _ lateness: [Int]) -> Measurement {
  let sorted = lateness.sorted()
  return Measurement(
    nanoseconds: nanoseconds - expiry, operations: expiringWaits,
    extras: [
      ("late_p50_us", Double(sorted[sorted.count / 2]) / 1e3), ("late_max_us", Double(sorted[sorted.count - 1]) / 1e3),
    ])
}

private func deadlineExpired(_ reactor: Reactor) async throws -> Measurement {
  let semaphore = Semaphore(0)
  let lateness = Shared<[Int]>([])
  lateness.value.reserveCapacity(expiringWaits)
  let began = nowNanoseconds()
  let tasks = (0..<expiringWaits).map { _ in
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

private func deadlineExpiredCallbacks(_ reactor: Reactor) throws -> Measurement {
  let semaphore = Semaphore(0, on: reactor)
  let lateness = Shared<[Int]>([])
  lateness.value.reserveCapacity(expiringWaits)
  let nanoseconds = try timeCallbacks(on: reactor) {
    for _ in 0..<expiringWaits {
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

private let heldWaiters = 100_000

private func held(_ nanoseconds: Int, armed: Int, kilobytes: Int) -> Measurement {
  Measurement(
    nanoseconds: nanoseconds, operations: heldWaiters,
    extras: [
      ("bytes_per_waiter", Double(kilobytes) * 1024 / Double(heldWaiters)),
      ("arm_ns", Double(armed) / Double(heldWaiters)),
    ])
}

private func waitersMemory(_ reactor: Reactor) async throws -> Measurement {
  let semaphore = Semaphore(0)
  let left = Shared(heldWaiters)
  let end = Shared(0)
  var tasks: [Task<Void, any Error>] = []
  tasks.reserveCapacity(heldWaiters)
  let before = statusKilobytes("VmRSS")
  let armBegan = nowNanoseconds()
  for _ in 0..<heldWaiters {
    tasks.append(
      reactor.spawn {
        let isAcquired = try await semaphore.acquire(deadline: .after(.seconds(3600)))
        precondition(isAcquired)
        left.value -= 1
        if left.value == 0 { end.value = nowNanoseconds() }
      })
  }
  while semaphore.waiterCount < heldWaiters { await reactor.yield() }
  let armed = nowNanoseconds() - armBegan
  let added = statusKilobytes("VmRSS") - before
  let began = nowNanoseconds()
  semaphore.release(heldWaiters)
  for task in tasks { try await task.value }
  return held(end.value - began, armed: armed, kilobytes: added)
}

private func waitersMemoryCallbacks(_ reactor: Reactor) throws -> Measurement {
  let semaphore = Semaphore(0, on: reactor)
  let result = Shared(Measurement(nanoseconds: 0, operations: heldWaiters))
  _ = try timeCallbacks(on: reactor) {
    let left = Shared(heldWaiters)
    let before = statusKilobytes("VmRSS")
    let armBegan = nowNanoseconds()
    for _ in 0..<heldWaiters {
      semaphore.acquire(deadline: .after(.seconds(3600))) { outcome in
        precondition(outcome == .granted)
        left.value -= 1
      }
    }
    let armed = nowNanoseconds() - armBegan
    let added = statusKilobytes("VmRSS") - before
    let began = nowNanoseconds()
    semaphore.release(heldWaiters)  // the callbacks have run when this returns
    precondition(left.value == 0)
    result.value = held(nowNanoseconds() - began, armed: armed, kilobytes: added)
  }
  return result.value
}
