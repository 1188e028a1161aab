import Toro

import class Toro.Semaphore

/// What the two semaphores share, as what they share in the library.
private func beginWait<F: Family>(
  _ semaphore: BasicSemaphore, _ act: Act, _ permits: Int, _ deadline: Deadline, _ world: World<F>, _ id: Int
) -> Wait {
  act.kind == 0
    ? semaphore.acquire(permits, deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
    : semaphore.wait(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
}

private func waitInTask(
  _ semaphore: BasicSemaphore, _ act: Act, _ permits: Int, _ deadline: Deadline
) async throws -> Int? {
  let isGranted =
    act.kind == 0
    ? try await semaphore.acquire(permits, deadline: deadline) : try await semaphore.wait(deadline: deadline)
  return isGranted ? 0 : nil
}

private func look(_ semaphore: BasicSemaphore) -> Look {
  Look(waiters: semaphore.waiterCount, isClosed: semaphore.isClosed, first: semaphore.count)
}

enum SemaphoreFamily: Family {
  static let name = "semaphore"
  static let waits = ["acquire", "wait"]
  static let attempts = ["tryAcquire"]
  static let notices = ["release"]
  static let settings = [Setting(first: 0), Setting(first: 1), Setting(first: 3)]
  static let smallWaits = [Act.begin(0, 1), .begin(0, 2), .begin(1)]
  static let smallNotices = [Act.notify(0, 1), .notify(0, 2), .attempt(), .close, .drop]

  static func describe(_ setting: Setting) -> String { "of \(setting.first)" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Semaphore {
    Semaphore(setting.first, on: reactor, deferred: deferred)
  }

  static func begin(
    _ semaphore: Semaphore, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    beginWait(semaphore, act, Int(act.amount), deadline, world, id)
  }

  static func wait(_ semaphore: Semaphore, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    try await waitInTask(semaphore, act, Int(act.amount), deadline)
  }

  static func attempt(_ semaphore: Semaphore, _ act: Act, item: Int) -> Int {
    semaphore.tryAcquire(Int(act.amount)) ? 1 : 0
  }

  static func notify(_ semaphore: Semaphore, _ act: Act, item: Int) -> Int? {
    semaphore.release(Int(act.amount))
    return nil
  }

  static let notifiesElsewhere = true

  static func close(_ semaphore: Semaphore) { semaphore.close() }
  static func look(_ semaphore: Semaphore) -> Look { ToroModels.look(semaphore) }

  static func stock(_ look: Look) -> Int { look.first }
  static func weight(granted act: Act) -> Int { act.kind == 0 ? -Int(act.amount) : 0 }
  static func weight(_ act: Act, answer: Int?) -> Int {
    act.verb == .attempt ? -Int(act.amount) * (answer ?? 0) : Int(act.amount)
  }

  typealias Model = SemaphoreModel
}

enum BoundedSemaphoreFamily: Family {
  static let name = "bounded"
  static let waits = ["acquire", "wait"]
  static let attempts = ["tryAcquire"]
  static let notices = ["release"]
  /// The bound, and how many permits are taken at first.
  static let settings = [Setting(first: 2, second: 2), Setting(first: 2, second: 1), Setting(first: 3, second: 0)]
  static let smallWaits = [Act.begin(0, 1), .begin(0, 2), .begin(1)]
  static let smallNotices = [Act.notify(0, 1), .notify(0, 2), .attempt(), .close, .drop]

  static func describe(_ setting: Setting) -> String { "of \(setting.first), \(setting.second) taken" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> BoundedSemaphore {
    let semaphore = BoundedSemaphore(setting.first, on: reactor, deferred: deferred)
    if setting.second > 0 { _ = semaphore.tryAcquire(setting.second) }
    return semaphore
  }

  static func begin(
    _ semaphore: BoundedSemaphore, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    beginWait(semaphore, act, min(Int(act.amount), semaphore.bound), deadline, world, id)
  }

  static func wait(_ semaphore: BoundedSemaphore, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    try await waitInTask(semaphore, act, min(Int(act.amount), semaphore.bound), deadline)
  }

  static func attempt(_ semaphore: BoundedSemaphore, _ act: Act, item: Int) -> Int {
    let permits = min(Int(act.amount), semaphore.bound)
    return semaphore.tryAcquire(permits) ? permits : 0
  }

  static func notify(_ semaphore: BoundedSemaphore, _ act: Act, item: Int) -> Int? {
    do throws(OverReleaseError) {
      try semaphore.release(Int(act.amount))
      return Int(act.amount)
    } catch {
      return -1
    }
  }

  static func close(_ semaphore: BoundedSemaphore) { semaphore.close() }
  static func look(_ semaphore: BoundedSemaphore) -> Look { ToroModels.look(semaphore) }

  // A grant takes no more than the bound, which the model knows: so what is conserved is looked at there.

  struct Model: Policy {
    private var semaphore: SemaphoreModel
    private let bound: Int

    init(_ setting: Setting) {
      semaphore = SemaphoreModel(Setting(first: setting.first - setting.second))
      bound = setting.first
    }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      semaphore.begin(wait, permits: min(wait.amount, bound), &line)
    }

    mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int {
      let permits = min(Int(act.amount), bound)
      return semaphore.attempt(permits, &line) ? permits : 0
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      if semaphore.permits + Int(act.amount) > bound { return -1 }
      semaphore.permits += Int(act.amount)
      semaphore.serve(&line, bound: bound)
      return Int(act.amount)
    }

    mutating func left(_ line: inout Line) { semaphore.serve(&line, bound: bound) }
    mutating func close(_ line: inout Line) { semaphore.close(&line) }
    func look(_ line: Line) -> Look { semaphore.look(line) }
  }
}

struct SemaphoreModel: Policy {
  var permits: Int
  private var isClosed = false

  init(_ setting: Setting) { permits = setting.first }

  mutating func serve(_ line: inout Line, bound: Int = .max) {
    while let first = line.waiting.first {
      let wanted = first.kind == 0 ? min(first.amount, bound) : 1
      if wanted > permits { return }
      if first.kind == 0 { permits -= wanted }
      line.grant(0)
    }
  }

  mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun { begin(wait, permits: wait.amount, &line) }

  mutating func begin(_ wait: Waiting, permits wanted: Int, _ line: inout Line) -> Begun {
    if isClosed { return .closed }
    guard line.waiting.isEmpty && permits >= (wait.kind == 0 ? wanted : 1) else { return .waits }
    if wait.kind == 0 { permits -= wanted }
    return .granted()
  }

  mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int { attempt(Int(act.amount), &line) ? 1 : 0 }

  mutating func attempt(_ wanted: Int, _ line: inout Line) -> Bool {
    guard !isClosed && line.waiting.isEmpty && permits >= wanted else { return false }
    permits -= wanted
    return true
  }

  mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
    permits += Int(act.amount)
    serve(&line)
    return nil
  }

  mutating func left(_ line: inout Line) { serve(&line) }

  mutating func close(_ line: inout Line) {
    isClosed = true
    line.closeAll()
  }

  func look(_ line: Line) -> Look { Look(waiters: line.waiting.count, isClosed: isClosed, first: permits) }
}
