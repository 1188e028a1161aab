import Testing
import Toro

import class Toro.Semaphore

/// What one holder at a time has, however the primitive calls it.
protocol LockLike: Sendable, CustomStringConvertible {
  func take() async throws
  func take(deadline: Deadline) async throws -> Bool
  func take(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait
  func tryTake() -> Bool
  func giveBack()
  func close()
  var isTaken: Bool { get }
  var isClosed: Bool { get }
  var waiterCount: Int { get }
}

enum LockKind: String, CaseIterable, CustomTestStringConvertible {
  case lock, semaphore, boundedSemaphore, writer, tokenQueue, slotQueue

  var testDescription: String { rawValue }

  /// A closed queue lets gets drain what it holds: its tokens can be taken until they are gone.
  var drainsWhenClosed: Bool { self == .tokenQueue }

  func make(on reactor: Reactor, deferred: Bool = false) -> any LockLike {
    switch self {
    case .lock: Lock(name: "it", on: reactor, deferred: deferred)
    case .semaphore: Semaphore(1, name: "it", on: reactor, deferred: deferred)
    case .boundedSemaphore: BoundedSemaphore(1, name: "it", on: reactor, deferred: deferred)
    case .writer: ReadWriteLock(name: "it", on: reactor, deferred: deferred)
    case .tokenQueue: TokenQueue(on: reactor, deferred: deferred)
    case .slotQueue: SlotQueue(on: reactor, deferred: deferred)
    }
  }
}

/// A lock-like in a form, on a clock.
struct LockCase: Sendable, CustomTestStringConvertible {
  let kind: LockKind
  let form: Form
  let clock: Reactor.ClockKind

  var testDescription: String { "\(kind.rawValue), \(form.testDescription), \(isVirtual ? "virtual" : "real") time" }
  var isVirtual: Bool { clock != .monotonic }

  /// Every kind in every form, in virtual time.
  static let virtual = LockKind.allCases.flatMap { kind in
    Form.allCases.map { LockCase(kind: kind, form: $0, clock: .virtual) }
  }
  /// The same on both clocks.
  static let all = virtual + virtual.map { LockCase(kind: $0.kind, form: $0.form, clock: .monotonic) }

  /// Runs `body` with a lock-like that nobody holds.
  func play(_ body: @escaping @Sendable (Scene, any LockLike) async throws -> Void) throws {
    let (kind, form) = (kind, form)
    try ToroTests.play(on: clock) { reactor in
      try await body(Scene(reactor, form), kind.make(on: reactor, deferred: form == .deferred))
    }
  }
}

extension Scene {
  func take(_ lock: any LockLike, _ label: String = "it", deadline: Deadline? = nil) async -> Pending {
    await begin(
      label,
      {
        if let deadline { return try await lock.take(deadline: deadline) }
        try await lock.take()
        return true
      }, { lock.take(deadline: deadline ?? .never, then: $0) })
  }
}

extension Lock: LockLike {
  func take() async throws { try await acquire() }
  func take(deadline: Deadline) async throws -> Bool { try await acquire(deadline: deadline) }
  func take(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    acquire(deadline: deadline, callback: callback)
  }
  func tryTake() -> Bool { tryAcquire() }
  func giveBack() { release() }
  var isTaken: Bool { isLocked }
}

extension Semaphore: LockLike {
  func take() async throws { try await acquire() }
  func take(deadline: Deadline) async throws -> Bool { try await acquire(deadline: deadline) }
  func take(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    acquire(deadline: deadline, callback: callback)
  }
  func tryTake() -> Bool { tryAcquire() }
  func giveBack() { release() }
  var isTaken: Bool { isLocked }
}

extension BoundedSemaphore: LockLike {
  func take() async throws { try await acquire() }
  func take(deadline: Deadline) async throws -> Bool { try await acquire(deadline: deadline) }
  func take(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    acquire(deadline: deadline, callback: callback)
  }
  func tryTake() -> Bool { tryAcquire() }
  func giveBack() {
    #expect(throws: Never.self) { try release() }
  }
  var isTaken: Bool { isLocked }
}

extension ReadWriteLock: LockLike {
  func take() async throws { try await acquireWrite() }
  func take(deadline: Deadline) async throws -> Bool { try await acquireWrite(deadline: deadline) }
  func take(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    acquireWrite(deadline: deadline, callback: callback)
  }
  func tryTake() -> Bool { tryAcquireWrite() }
  func giveBack() { releaseWrite() }
  var isTaken: Bool { isWriteLocked }
}

/// A queue that holds one token: who gets it holds the lock.
final class TokenQueue: LockLike {
  private let queue: Queue<Int>

  init(on reactor: Reactor, deferred: Bool) {
    queue = Queue(capacity: 1, initial: [7], name: "it", on: reactor, deferred: deferred)
  }

  func take() async throws { #expect(try await queue.get() == 7) }
  func take(deadline: Deadline) async throws -> Bool { try await queue.get(deadline: deadline) != nil }
  func take(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    queue.get(deadline: deadline) { callback($0.outcome) }
  }
  func tryTake() -> Bool { queue.tryGet() != nil }
  func giveBack() { _ = queue.tryPut(7) }
  func close() { queue.close() }
  var isTaken: Bool { queue.isEmpty }
  var isClosed: Bool { queue.isClosed }
  var waiterCount: Int { queue.waiterCount }
  var description: String { queue.description }
}

/// A queue that has room for one item: who put it holds the lock.
final class SlotQueue: LockLike {
  private let queue: Queue<Int>

  init(on reactor: Reactor, deferred: Bool) {
    queue = Queue<Int>(capacity: 1, name: "it", on: reactor, deferred: deferred)
  }

  func take() async throws { try await queue.put(7) }
  func take(deadline: Deadline) async throws -> Bool { try await queue.put(7, deadline: deadline) }
  func take(deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    queue.put(7, deadline: deadline, callback: callback)
  }
  func tryTake() -> Bool { queue.tryPut(7) }
  func giveBack() { #expect(queue.tryGet() == 7) }
  func close() { queue.close() }
  var isTaken: Bool { queue.isFull }
  var isClosed: Bool { queue.isClosed }
  var waiterCount: Int { queue.waiterCount }
  var description: String { queue.description }
}
