import Toro

import class Toro.Semaphore

let lockWorkloads = [
  Workload(
    "lock_uncontended", "one task acquires and releases", operations: (50_000_000, 10_000_000), task: lockUncontended,
    callback: lockUncontendedCallbacks),
  Workload(
    "lock_contended", "of 100 tasks one acquires, yields and releases", operations: (2_000_000, 4_000_000),
    task: lockContended,
    callback: lockContendedCallbacks),
  Workload(
    "semaphore_pingpong", "a permit is handed from one task to another", operations: (4_000_000, 10_000_000),
    task: semaphorePingpong,
    callback: semaphorePingpongCallbacks),
  Workload(
    "condition_notify", "one wait is notified, and the waiter runs", operations: (2_000_000, 4_000_000),
    task: conditionNotify,
    callback: conditionNotifyCallbacks),
]

// MARK: lock_uncontended

private func lockUncontended(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let lock = Lock()
  let began = nowNanoseconds()
  for _ in 0..<operations {
    try await lock.acquire()
    lock.release()
  }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

private func lockUncontendedCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let user = LockUser(Lock(on: reactor), left: operations)
  let nanoseconds = try timeCallbacks(on: reactor) { user.acquireAndRelease() }
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

// MARK: lock_contended

private func lockContended(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let users = 100
  let lock = Lock()
  let began = nowNanoseconds()
  let tasks = (0..<users).map { _ in
    reactor.spawn {
      for _ in 0..<operations / users {
        try await lock.acquire()
        await reactor.yield()
        lock.release()
      }
    }
  }
  for task in tasks { try await task.value }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

private func lockContendedCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let lock = Lock(on: reactor)
  let users = (0..<100).map { _ in LockUser(lock, left: operations / 100) }
  let nanoseconds = try timeCallbacks(on: reactor) {
    for user in users { user.acquireYieldAndRelease() }
  }
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

/// Takes the lock if it is free, and else is told when it has it: a callback is made for a wait alone.
private final class LockUser: @unchecked Sendable {
  private let lock: Lock
  private var left: Int

  init(_ lock: Lock, left: Int) {
    self.lock = lock
    self.left = left
  }

  func acquireAndRelease() {
    while left > 0 {
      guard lock.tryAcquire() else {
        lock.acquire { [self] _ in
          release()
          acquireAndRelease()
        }
        return
      }
      release()
    }
  }

  func acquireYieldAndRelease() {
    guard left > 0 else { return }
    if lock.tryAcquire() { yieldAndRelease() } else { lock.acquire { [self] _ in yieldAndRelease() } }
  }

  private func yieldAndRelease() {
    lock.reactor.execute { [self] in
      release()
      acquireYieldAndRelease()
    }
  }

  private func release() {
    lock.release()
    left -= 1
  }
}

// MARK: semaphore_pingpong

private func semaphorePingpong(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let ping = Semaphore(1)
  let pong = Semaphore(0)
  let began = nowNanoseconds()
  let a = reactor.spawn { try await handOver(from: ping, to: pong, times: operations / 2) }
  let b = reactor.spawn { try await handOver(from: pong, to: ping, times: operations / 2) }
  try await a.value
  try await b.value
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}

func handOver(from input: Semaphore, to output: Semaphore, times: Int) async throws {
  for _ in 0..<times {
    try await input.acquire()
    output.release()
  }
}

private func semaphorePingpongCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let ping = Semaphore(1, on: reactor)
  let pong = Semaphore(0, on: reactor)
  let a = CallbackSide(from: ping, to: pong, left: operations / 2)
  let b = CallbackSide(from: pong, to: ping, left: operations / 2)
  let nanoseconds = try timeCallbacks(on: reactor) {
    a.handOver()
    b.handOver()
  }
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

/// One of two who hand a permit to and fro, as often as `left` says.
final class CallbackSide: @unchecked Sendable {
  private let input: Semaphore
  private let output: Semaphore
  private var left: Int
  private let deadline: Deadline

  init(from input: Semaphore, to output: Semaphore, left: Int, deadline: Deadline = .never) {
    self.input = input
    self.output = output
    self.left = left
    self.deadline = deadline
  }

  func handOver() {
    input.acquire(deadline: deadline) { [self] outcome in
      precondition(outcome == .granted)
      output.release()
      left -= 1
      if left > 0 { handOver() }
    }
  }
}

// MARK: condition_notify

private func conditionNotify(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let condition = Condition()
  let isDone = Shared(false)
  let began = nowNanoseconds()
  let waiter = reactor.spawn {
    for _ in 0..<operations { try await condition.wait() }
    isDone.value = true
  }
  let notifier = reactor.spawn {
    while !isDone.value {
      condition.notify()
      await reactor.yield()
    }
  }
  try await waiter.value
  let nanoseconds = nowNanoseconds() - began
  await notifier.value
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private func conditionNotifyCallbacks(_ reactor: Reactor, operations: Int) throws -> Measurement {
  let pair = NotifyingPair(Condition(on: reactor), left: operations)
  let nanoseconds = try timeCallbacks(on: reactor) {
    pair.wait()
    pair.notify()
  }
  return Measurement(nanoseconds: nanoseconds, operations: operations)
}

private final class NotifyingPair: @unchecked Sendable {
  private let condition: Condition
  private var left: Int

  init(_ condition: Condition, left: Int) {
    self.condition = condition
    self.left = left
  }

  func wait() {
    condition.wait { [self] _ in
      left -= 1
      if left > 0 { wait() }
    }
  }

  func notify() {
    condition.notify()
    if left > 0 { condition.reactor.execute { [self] in notify() } }
  }
}
