import Testing
import Toro

import class Toro.Semaphore

/// What any number wait for together, and one call ends the waits of all.
protocol SignalLike: Sendable {
  func attend() async throws
  func attend(deadline: Deadline) async throws -> Bool
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait
  func signal()
  func close()
  var waiterCount: Int { get }
}

enum SignalKind: String, CaseIterable, CustomTestStringConvertible {
  case condition, event, asyncResult, semaphoreWait, readers, gate, queueJoin

  var testDescription: String { rawValue }

  /// Whether who comes after the signal need not wait.
  var stays: Bool { self != .condition }

  /// A closed gate, or queue, goes on to be joined.
  var closeEndsWaits: Bool { self != .gate && self != .queueJoin }

  func make(on reactor: Reactor, deferred: Bool = false) -> any SignalLike {
    switch self {
    case .condition: Condition(on: reactor, deferred: deferred)
    case .event: Event(on: reactor, deferred: deferred)
    case .asyncResult: AsyncResult<Int>(on: reactor, deferred: deferred)
    case .semaphoreWait: PermitFree(on: reactor, deferred: deferred)
    case .readers: WriterGone(on: reactor, deferred: deferred)
    case .gate: GateEmpty(on: reactor, deferred: deferred)
    case .queueJoin: QueueDone(on: reactor, deferred: deferred)
    }
  }
}

struct SignalCase: Sendable, CustomTestStringConvertible {
  let kind: SignalKind
  let form: Form

  var testDescription: String { "\(kind.rawValue), \(form.testDescription)" }

  static let all = SignalKind.allCases.flatMap { kind in Form.allCases.map { SignalCase(kind: kind, form: $0) } }

  func play(_ body: @escaping @Sendable (Scene, any SignalLike) async throws -> Void) throws {
    let (kind, form) = (kind, form)
    try inVirtualTime(form) { scene in
      try await body(scene, kind.make(on: scene.reactor, deferred: form == .deferred))
    }
  }
}

extension Scene {
  func wait(_ signal: any SignalLike, _ label: String = "it", deadline: Deadline? = nil) async -> Pending {
    await begin(
      label,
      {
        if let deadline { return try await signal.attend(deadline: deadline) }
        try await signal.attend()
        return true
      }, { signal.attend(deadline: deadline ?? .never, then: $0) })
  }
}

extension Condition: SignalLike {
  func attend() async throws { try await wait() }
  func attend(deadline: Deadline) async throws -> Bool { try await wait(deadline: deadline) }
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    wait(deadline: deadline, callback: callback)
  }
  func signal() { notifyAll() }
}

extension Event: SignalLike {
  func attend() async throws { try await wait() }
  func attend(deadline: Deadline) async throws -> Bool { try await wait(deadline: deadline) }
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    wait(deadline: deadline, callback: callback)
  }
  func signal() { set() }
}

extension AsyncResult<Int>: SignalLike {
  func attend() async throws { #expect(try await get() == 7) }
  func attend(deadline: Deadline) async throws -> Bool {
    let value = try await get(deadline: deadline)
    #expect(value == nil || value == 7)
    return value != nil
  }
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    get(deadline: deadline) { callback($0.outcome) }
  }
  func signal() { #expect(throws: Never.self) { try set(7) } }
}

/// Waits until a permit is free, and takes none.
private final class PermitFree: SignalLike {
  private let semaphore: Semaphore

  init(on reactor: Reactor, deferred: Bool) { semaphore = Semaphore(0, on: reactor, deferred: deferred) }

  func attend() async throws { try await semaphore.wait() }
  func attend(deadline: Deadline) async throws -> Bool { try await semaphore.wait(deadline: deadline) }
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    semaphore.wait(deadline: deadline, callback: callback)
  }
  func signal() {
    semaphore.release()
    #expect(semaphore.count == 1)
  }
  func close() { semaphore.close() }
  var waiterCount: Int { semaphore.waiterCount }
}

/// Readers wait until the writer has gone.
private final class WriterGone: SignalLike {
  private let lock: ReadWriteLock

  init(on reactor: Reactor, deferred: Bool) {
    lock = ReadWriteLock(on: reactor, deferred: deferred)
    #expect(lock.tryAcquireWrite())
  }

  func attend() async throws { try await lock.acquireRead() }
  func attend(deadline: Deadline) async throws -> Bool { try await lock.acquireRead(deadline: deadline) }
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    lock.acquireRead(deadline: deadline, callback: callback)
  }
  func signal() { lock.releaseWrite() }
  func close() { lock.close() }
  var waiterCount: Int { lock.waiterCount }
}

private final class GateEmpty: SignalLike {
  private let gate: Gate

  init(on reactor: Reactor, deferred: Bool) {
    gate = Gate(on: reactor, deferred: deferred)
    #expect(gate.tryEnter() && gate.tryEnter())
  }

  func attend() async throws { try await gate.join() }
  func attend(deadline: Deadline) async throws -> Bool { try await gate.join(deadline: deadline) }
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    gate.join(deadline: deadline, callback: callback)
  }
  func signal() {
    gate.leave()
    gate.leave()
  }
  func close() { gate.close() }
  var waiterCount: Int { gate.waiterCount }
}

private final class QueueDone: SignalLike {
  private let queue: JoinableQueue<Int>

  init(on reactor: Reactor, deferred: Bool) {
    queue = JoinableQueue(initial: [1, 2], on: reactor, deferred: deferred)
    #expect(queue.tryGet() == 1 && queue.tryGet() == 2)
  }

  func attend() async throws { try await queue.join() }
  func attend(deadline: Deadline) async throws -> Bool { try await queue.join(deadline: deadline) }
  func attend(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    queue.join(deadline: deadline, callback: callback)
  }
  func signal() {
    queue.taskDone()
    queue.taskDone()
  }
  func close() { queue.close() }
  var waiterCount: Int { queue.waiterCount }
}
