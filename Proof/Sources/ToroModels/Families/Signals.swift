import Toro

enum ConditionFamily: Family {
  static let name = "condition"
  static let waits = ["wait"]
  static let notices = ["notify", "notifyAll"]
  static let settings = [Setting()]
  static let smallWaits = [Act.begin()]
  static let smallNotices = [Act.notify(0, 1), .notify(0, 2), .notify(1), .close, .drop]

  static func describe(_ setting: Setting) -> String { "" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Condition {
    Condition(on: reactor, deferred: deferred)
  }

  static func begin(
    _ condition: Condition, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    condition.wait(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
  }

  static func wait(_ condition: Condition, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    try await condition.wait(deadline: deadline) ? 0 : nil
  }

  static func notify(_ condition: Condition, _ act: Act, item: Int) -> Int? {
    if act.kind == 0 { condition.notify(Int(act.amount)) } else { condition.notifyAll() }
    return nil
  }

  static let notifiesElsewhere = true

  static func close(_ condition: Condition) { condition.close() }
  static func look(_ condition: Condition) -> Look {
    Look(waiters: condition.waiterCount, isClosed: condition.isClosed)
  }

  struct Model: Policy {
    private var isClosed = false

    init(_ setting: Setting) {}

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun { isClosed ? .closed : .waits }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      let count = act.kind == 0 ? min(Int(act.amount), line.waiting.count) : line.waiting.count
      for _ in 0..<count { line.grant(0) }
      return nil
    }

    mutating func close(_ line: inout Line) {
      isClosed = true
      line.closeAll()
    }

    func look(_ line: Line) -> Look { Look(waiters: line.waiting.count, isClosed: isClosed) }
  }
}

enum EventFamily: Family {
  static let name = "event"
  static let waits = ["wait"]
  static let notices = ["set", "clear"]
  static let settings = [Setting(), Setting(first: 1)]
  static let smallWaits = [Act.begin()]
  static let smallNotices = [Act.notify(0), .notify(1), .close, .drop]

  static func describe(_ setting: Setting) -> String { setting.first == 1 ? "set" : "clear" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Event {
    let event = Event(on: reactor, deferred: deferred)
    if setting.first == 1 { event.set() }
    return event
  }

  static func begin(
    _ event: Event, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    event.wait(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
  }

  static func wait(_ event: Event, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    try await event.wait(deadline: deadline) ? 0 : nil
  }

  static func notify(_ event: Event, _ act: Act, item: Int) -> Int? {
    if act.kind == 0 { event.set() } else { event.clear() }
    return nil
  }

  static let notifiesElsewhere = true

  static func close(_ event: Event) { event.close() }
  static func look(_ event: Event) -> Look {
    Look(waiters: event.waiterCount, isClosed: event.isClosed, first: event.isSet ? 1 : 0)
  }

  struct Model: Policy {
    private var isSet: Bool
    private var isClosed = false

    init(_ setting: Setting) { isSet = setting.first == 1 }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      isClosed ? .closed : isSet ? .granted() : .waits
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      isSet = act.kind == 0
      if isSet { line.grantAll() }
      return nil
    }

    mutating func close(_ line: inout Line) {
      isClosed = true
      line.closeAll()
    }

    func look(_ line: Line) -> Look {
      Look(waiters: line.waiting.count, isClosed: isClosed, first: isSet ? 1 : 0)
    }
  }
}

enum ResultFamily: Family {
  static let name = "result"
  static let waits = ["get"]
  static let attempts = ["value"]
  static let notices = ["set", "fail"]
  static let settings = [Setting()]
  static let smallWaits = [Act.begin()]
  static let smallNotices = [Act.notify(0), .notify(1), .attempt(), .close, .drop]

  struct Failure: Error {
    let item: Int
  }

  static func describe(_ setting: Setting) -> String { "" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> AsyncResult<Int> {
    AsyncResult(on: reactor, deferred: deferred)
  }

  /// What was set, or what failed below 0.
  private static func code(_ result: Result<Int, any Error>) -> Int {
    switch result {
    case .success(let item): item
    case .failure(let error): -((error as? Failure)?.item ?? 0)
    }
  }

  static func begin(
    _ result: AsyncResult<Int>, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    result.get(deadline: deadline) { [unowned(unsafe) world] in
      world.told(id, $0.outcome, item: $0.value.map(code) ?? 0)
    }
  }

  static func wait(_ result: AsyncResult<Int>, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    do {
      return try await result.get(deadline: deadline)
    } catch let failure as Failure {
      return -failure.item
    }
  }

  static func attempt(_ result: AsyncResult<Int>, _ act: Act, item: Int) -> Int {
    do { return try result.value } catch let failure as Failure {
      return -failure.item
    } catch {
      return error is ClosedError ? 100_001 : 100_002
    }
  }

  static func notify(_ result: AsyncResult<Int>, _ act: Act, item: Int) -> Int? {
    do {
      if act.kind == 0 { try result.set(item) } else { try result.fail(Failure(item: item)) }
      return 0
    } catch {
      return error is AlreadySetError ? 1 : 2
    }
  }

  static func close(_ result: AsyncResult<Int>) { result.close() }
  static func look(_ result: AsyncResult<Int>) -> Look {
    Look(waiters: result.waiterCount, isClosed: result.isClosed, first: result.isReady ? 1 : 0)
  }

  struct Model: Policy {
    private var result: Int?
    private var isClosed = false

    init(_ setting: Setting) {}

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      if let result { return .granted(item: result) }
      return isClosed ? .closed : .waits
    }

    mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int {
      result ?? (isClosed ? 100_001 : 100_002)
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      if result != nil { return 1 }
      if isClosed { return 2 }
      let set = act.kind == 0 ? item : -item
      result = set
      while !line.waiting.isEmpty { line.grant(0, item: set) }
      return 0
    }

    mutating func close(_ line: inout Line) {
      isClosed = true
      line.closeAll()
    }

    func look(_ line: Line) -> Look {
      Look(waiters: line.waiting.count, isClosed: isClosed, first: result == nil ? 0 : 1)
    }
  }
}

enum BarrierFamily: Family {
  static let name = "barrier"
  static let waits = ["wait"]
  static let notices: [String] = []
  static let settings = [Setting(first: 2), Setting(first: 3), Setting(first: 1)]
  static let smallWaits = [Act.begin()]
  static let smallNotices = [Act.begin(), .close, .drop]

  static func describe(_ setting: Setting) -> String { "of \(setting.first)" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Barrier {
    Barrier(parties: setting.first, on: reactor, deferred: deferred)
  }

  static func begin(
    _ barrier: Barrier, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    barrier.wait(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
  }

  static func wait(_ barrier: Barrier, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    try await barrier.wait(deadline: deadline).map { $0 ? 1 : 0 }
  }

  static func notify(_ barrier: Barrier, _ act: Act, item: Int) -> Int? { nil }
  static func close(_ barrier: Barrier) { barrier.close() }
  static func look(_ barrier: Barrier) -> Look { Look(waiters: barrier.waiterCount, isClosed: barrier.isClosed) }

  struct Model: Policy {
    private let parties: Int
    private var isClosed = false

    init(_ setting: Setting) { parties = setting.first }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      if isClosed { return .closed }
      if line.waiting.count + 1 < parties { return .waits }
      line.grantAll()
      // A task hears that it was the last.
      return .granted(item: wait.isTask ? 1 : 0)
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? { nil }

    mutating func close(_ line: inout Line) {
      isClosed = true
      line.closeAll()
    }

    func look(_ line: Line) -> Look { Look(waiters: line.waiting.count, isClosed: isClosed) }
  }
}

enum GateFamily: Family {
  static let name = "gate"
  static let waits = ["join"]
  static let attempts = ["tryEnter"]
  static let notices = ["leave"]
  static let settings = [Setting(), Setting(first: 1), Setting(first: 2)]
  static let smallWaits = [Act.begin()]
  static let smallNotices = [Act.notify(), .attempt(), .close, .drop]

  static func describe(_ setting: Setting) -> String { "\(setting.first) in it" }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Gate {
    let gate = Gate(on: reactor, deferred: deferred)
    for _ in 0..<setting.first { _ = gate.tryEnter() }
    return gate
  }

  static func begin(
    _ gate: Gate, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    gate.join(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
  }

  static func wait(_ gate: Gate, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    try await gate.join(deadline: deadline) ? 0 : nil
  }

  static func attempt(_ gate: Gate, _ act: Act, item: Int) -> Int { gate.tryEnter() ? 1 : 0 }

  static func notify(_ gate: Gate, _ act: Act, item: Int) -> Int? {
    guard gate.count > 0 else { return nil }
    gate.leave()
    return 1
  }

  static func close(_ gate: Gate) { gate.close() }
  static func look(_ gate: Gate) -> Look {
    Look(waiters: gate.waiterCount, isClosed: gate.isClosed, first: gate.count)
  }

  static func stock(_ look: Look) -> Int { look.first }
  static func weight(_ act: Act, answer: Int?) -> Int { (act.verb == .attempt ? 1 : -1) * (answer ?? 0) }

  struct Model: Policy {
    private var count: Int
    private var isClosed = false

    init(_ setting: Setting) { count = setting.first }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun { count == 0 ? .granted() : .waits }

    mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int {
      if isClosed { return 0 }
      count += 1
      return 1
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      guard count > 0 else { return nil }
      count -= 1
      if count == 0 { line.grantAll() }
      return 1
    }

    mutating func close(_ line: inout Line) { isClosed = true }

    func look(_ line: Line) -> Look { Look(waiters: line.waiting.count, isClosed: isClosed, first: count) }
  }
}
