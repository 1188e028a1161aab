import Toro

enum LockFamily: Family {
  static let name = "lock"
  static let waits = ["acquire"]
  static let attempts = ["tryAcquire"]
  static let notices = ["release"]
  static let settings = [Setting(first: 0), Setting(first: 1)]
  static let smallWaits = [Act.begin()]
  static let smallNotices = [Act.notify(), .attempt(), .close, .drop]

  static func describe(_ setting: Setting) -> String { setting.first == 1 ? "locked" : "unlocked" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Lock {
    let lock = Lock(on: reactor, deferred: deferred)
    if setting.first == 1 { _ = lock.tryAcquire() }
    return lock
  }

  static func begin(
    _ lock: Lock, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    lock.acquire(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
  }

  static func wait(_ lock: Lock, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    try await lock.acquire(deadline: deadline) ? 0 : nil
  }

  static func attempt(_ lock: Lock, _ act: Act, item: Int) -> Int { lock.tryAcquire() ? 1 : 0 }

  static func notify(_ lock: Lock, _ act: Act, item: Int) -> Int? {
    guard lock.isLocked else { return nil }
    lock.release()
    return 1
  }

  static func close(_ lock: Lock) { lock.close() }

  static func look(_ lock: Lock) -> Look {
    Look(waiters: lock.waiterCount, isClosed: lock.isClosed, first: lock.isLocked ? 1 : 0)
  }

  static func stock(_ look: Look) -> Int { -look.first }
  static func weight(granted act: Act) -> Int { -1 }
  static func weight(_ act: Act, answer: Int?) -> Int {
    act.verb == .attempt ? -(answer ?? 0) : answer ?? 0
  }

  struct Model: Policy {
    var isLocked: Bool
    var isClosed = false

    init(_ setting: Setting) { isLocked = setting.first == 1 }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      if isClosed { return .closed }
      if isLocked { return .waits }
      isLocked = true
      return .granted()
    }

    mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int {
      if isClosed || isLocked { return 0 }
      isLocked = true
      return 1
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      guard isLocked else { return nil }
      if line.waiting.isEmpty { isLocked = false } else { line.grant(0) }
      return 1
    }

    mutating func close(_ line: inout Line) {
      isClosed = true
      line.closeAll()
    }

    func look(_ line: Line) -> Look {
      Look(waiters: line.waiting.count, isClosed: isClosed, first: isLocked ? 1 : 0)
    }
  }
}

enum ReadWriteLockFamily: Family {
  static let name = "rwlock"
  static let waits = ["acquireRead", "acquireWrite"]
  static let attempts = ["tryAcquireRead", "tryAcquireWrite"]
  static let notices = ["releaseRead", "releaseWrite", "downgrade"]
  /// How many read, and whether somebody writes.
  static let settings = [Setting(), Setting(first: 1), Setting(second: 1), Setting(first: 2)]
  static let smallWaits = [Act.begin(0), .begin(1)]
  static let smallNotices = [Act.notify(0), .notify(1), .notify(2), .attempt(0), .attempt(1), .close, .drop]

  static func describe(_ setting: Setting) -> String { "readers \(setting.first), writers \(setting.second)" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> ReadWriteLock {
    let lock = ReadWriteLock(on: reactor, deferred: deferred)
    for _ in 0..<setting.first { _ = lock.tryAcquireRead() }
    if setting.second == 1 { _ = lock.tryAcquireWrite() }
    return lock
  }

  static func begin(
    _ lock: ReadWriteLock, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    act.kind == 0
      ? lock.acquireRead(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
      : lock.acquireWrite(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
  }

  static func wait(_ lock: ReadWriteLock, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    let isGranted =
      act.kind == 0 ? try await lock.acquireRead(deadline: deadline) : try await lock.acquireWrite(deadline: deadline)
    return isGranted ? 0 : nil
  }

  static func attempt(_ lock: ReadWriteLock, _ act: Act, item: Int) -> Int {
    (act.kind == 0 ? lock.tryAcquireRead() : lock.tryAcquireWrite()) ? 1 : 0
  }

  static func notify(_ lock: ReadWriteLock, _ act: Act, item: Int) -> Int? {
    guard act.kind == 0 ? lock.readers > 0 : lock.isWriteLocked else { return nil }
    switch act.kind {
    case 0: lock.releaseRead()
    case 1: lock.releaseWrite()
    default: lock.downgrade()
    }
    return 1
  }

  static func close(_ lock: ReadWriteLock) { lock.close() }

  static func look(_ lock: ReadWriteLock) -> Look {
    Look(
      waiters: lock.waiterCount, isClosed: lock.isClosed, first: lock.readers, second: lock.isWriteLocked ? 1 : 0)
  }

  /// Holds of readers count one, a writer's a thousand.
  static func stock(_ look: Look) -> Int { -look.first - 1000 * look.second }
  static func weight(granted act: Act) -> Int { act.kind == 0 ? -1 : -1000 }
  static func weight(_ act: Act, answer: Int?) -> Int {
    if answer != 1 { return 0 }
    if act.verb == .attempt { return weight(granted: act) }
    return act.kind == 0 ? 1 : act.kind == 1 ? 1000 : 999
  }

  struct Model: Policy {
    var readers: Int
    var isWritten: Bool
    var isClosed = false

    init(_ setting: Setting) {
      readers = setting.first
      isWritten = setting.second == 1
    }

    /// Whether who comes may hold the lock together with those who do.
    private func isFree(_ kind: Int) -> Bool { !isWritten && (kind == 0 || readers == 0) }

    private mutating func enter(_ kind: Int) { if kind == 0 { readers += 1 } else { isWritten = true } }

    private mutating func serve(_ line: inout Line) {
      while let first = line.waiting.first, isFree(first.kind) {
        enter(first.kind)
        line.grant(0)
      }
    }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      if isClosed { return .closed }
      guard line.waiting.isEmpty && isFree(wait.kind) else { return .waits }
      enter(wait.kind)
      return .granted()
    }

    mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int {
      guard !isClosed && line.waiting.isEmpty && isFree(Int(act.kind)) else { return 0 }
      enter(Int(act.kind))
      return 1
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      guard act.kind == 0 ? readers > 0 : isWritten else { return nil }
      switch act.kind {
      case 0: readers -= 1
      case 1: isWritten = false
      default:
        isWritten = false
        readers = 1
      }
      serve(&line)
      return 1
    }

    mutating func left(_ line: inout Line) { serve(&line) }

    mutating func close(_ line: inout Line) {
      isClosed = true
      line.closeAll()
    }

    func look(_ line: Line) -> Look {
      Look(waiters: line.waiting.count, isClosed: isClosed, first: readers, second: isWritten ? 1 : 0)
    }
  }
}
