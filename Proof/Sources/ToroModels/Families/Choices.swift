import Toro

import class Toro.Semaphore

/// A semaphore, a queue and an event, and waits for whichever of them is first.
///
/// Who waits for several stands in the line of each, so here one line is enough: everybody, in order of arrival.
enum ChoiceFamily: Family {
  final class Subject: Sendable {
    let semaphore: Semaphore
    let queue: Queue<Item>
    let event: Event

    init(_ setting: Setting, _ reactor: Reactor, _ isDeferred: Bool) {
      semaphore = Semaphore(setting.first, on: reactor, deferred: isDeferred)
      queue = Queue(on: reactor, deferred: isDeferred)
      event = Event(on: reactor, deferred: isDeferred)
      if setting.second == 1 { event.set() }
    }
  }

  static let name = "firstof"
  static let waits = [
    "acquire", "get", "firstOf acquire, get", "firstOf get, event", "firstOf event, get, acquire", "wait for event",
  ]
  static let attempts = ["tryAcquire", "tryPut", "tryGet"]
  static let notices = ["release", "set", "clear"]
  static let settings = [Setting(), Setting(first: 1), Setting(second: 1)]
  static let smallWaits = [Act.begin(2, 1), .begin(2, 2), .begin(0, 1), .begin(4, 2)]
  static let smallNotices = [Act.notify(0, 1), .notify(0, 2), .attempt(1), .notify(1), .close]
  /// A choice keeps what it chooses from.
  static let isDroppable = false

  static func describe(_ setting: Setting) -> String {
    "with \(setting.first) permits, the event \(setting.second == 1 ? "set" : "clear")"
  }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Subject {
    Subject(setting, reactor, deferred)
  }

  /// What tells that it was the semaphore, or the event.
  private static let acquired = 100_000
  private static let wasSet = 200_000

  private static func choices(_ subject: Subject, _ act: Act) -> (Choice<Int>, Choice<Int>, Choice<Int>?) {
    let acquire = subject.semaphore.choice(Int(act.amount)) { acquired }
    let get = subject.queue.choice { $0.code }
    let event = subject.event.choice { wasSet }
    return act.kind == 2 ? (acquire, get, nil) : act.kind == 3 ? (get, event, nil) : (event, get, acquire)
  }

  static func begin(
    _ subject: Subject, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    switch act.kind {
    case 0:
      return subject.semaphore.acquire(Int(act.amount), deadline: deadline) { [unowned(unsafe) world] in
        world.told(id, $0)
      }
    case 1:
      return subject.queue.get(deadline: deadline) { [unowned(unsafe) world] in
        world.told(id, $0.outcome, item: $0.value?.code ?? 0)
      }
    case 5:
      return subject.event.wait(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
    default:
      let told: @Sendable (WaitResult<Int>) -> Void = { [unowned(unsafe) world] in
        world.told(id, $0.outcome, item: $0.value ?? 0)
      }
      let (first, second, third) = choices(subject, act)
      if let third { return firstOf(deadline: deadline, first, second, third, callback: told) }
      return firstOf(deadline: deadline, first, second, callback: told)
    }
  }

  static func wait(_ subject: Subject, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    switch act.kind {
    case 0: return try await subject.semaphore.acquire(Int(act.amount), deadline: deadline) ? 0 : nil
    case 1: return try await subject.queue.get(deadline: deadline)?.code
    case 5: return try await subject.event.wait(deadline: deadline) ? 0 : nil
    default:
      let (first, second, third) = choices(subject, act)
      if let third { return try await firstOf(deadline: deadline, first, second, third) }
      return try await firstOf(deadline: deadline, first, second)
    }
  }

  static func attempt(_ subject: Subject, _ act: Act, item: Int) -> Int {
    switch act.kind {
    case 0: subject.semaphore.tryAcquire(Int(act.amount)) ? 1 : 0
    case 1: subject.queue.tryPut(Item(code: item)) ? 1 : 0
    default: subject.queue.tryGet()?.code ?? -1
    }
  }

  static func notify(_ subject: Subject, _ act: Act, item: Int) -> Int? {
    switch act.kind {
    case 0: subject.semaphore.release(Int(act.amount))
    case 1: subject.event.set()
    default: subject.event.clear()
    }
    return nil
  }

  /// Closes the semaphore alone, so that choices have others left.
  static func close(_ subject: Subject) { subject.semaphore.close() }

  static func look(_ subject: Subject) -> Look {
    Look(
      waiters: subject.semaphore.waiterCount * 10_000 + subject.queue.getterCount * 100 + subject.event.waiterCount,
      isClosed: subject.semaphore.isClosed, first: subject.semaphore.count, second: subject.queue.count,
      third: subject.event.isSet ? 1 : 0)
  }

  struct Model: Policy {
    private var permits: Int
    private var items: [Int] = []
    private var isSet: Bool
    private var isClosed = false

    init(_ setting: Setting) {
      permits = setting.first
      isSet = setting.second == 1
    }

    private enum Source {
      case semaphore, queue, event
    }

    /// What a wait waits for, in the order in which it is looked at.
    private static func sources(_ kind: Int) -> [Source] {
      switch kind {
      case 0: [.semaphore]
      case 1: [.queue]
      case 2: [.semaphore, .queue]
      case 3: [.queue, .event]
      case 4: [.event, .queue, .semaphore]
      default: [.event]
      }
    }

    private func first(_ source: Source, _ line: Line) -> Int? {
      line.waiting.firstIndex { Self.sources($0.kind).contains(source) }
    }

    /// What a wait is handed.
    private static func value(_ source: Source, _ kind: Int) -> Int {
      kind == 0 || kind == 5 ? 0 : source == .semaphore ? acquired : wasSet
    }

    private mutating func serve(_ line: inout Line) {
      while let place = first(.semaphore, line), line.waiting[place].amount <= permits {
        permits -= line.waiting[place].amount
        line.grant(place, item: Self.value(.semaphore, line.waiting[place].kind))
      }
    }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      let sources = Self.sources(wait.kind)
      for source in sources {
        switch source {
        case .semaphore where !isClosed && first(.semaphore, line) == nil && wait.amount <= permits:
          permits -= wait.amount
          return .granted(item: Self.value(source, wait.kind))
        case .queue where !items.isEmpty:
          return .granted(item: items.removeFirst())
        case .event where isSet:
          return .granted(item: Self.value(source, wait.kind))
        default: break
        }
      }
      return isClosed && sources.contains(.semaphore) ? .closed : .waits
    }

    mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int {
      switch act.kind {
      case 0:
        if isClosed || first(.semaphore, line) != nil || Int(act.amount) > permits { return 0 }
        permits -= Int(act.amount)
        return 1
      case 1:
        if let place = first(.queue, line) {
          line.grant(place, item: item)
          serve(&line)
        } else {
          items.append(item)
        }
        return 1
      default:
        return items.isEmpty ? -1 : items.removeFirst()
      }
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      switch act.kind {
      case 0:
        permits += Int(act.amount)
      case 1:
        isSet = true
        while let place = first(.event, line) {
          line.grant(place, item: Self.value(.event, line.waiting[place].kind))
        }
      default:
        isSet = false
      }
      serve(&line)
      return nil
    }

    mutating func left(_ line: inout Line) { serve(&line) }

    mutating func close(_ line: inout Line) {
      isClosed = true
      while let place = first(.semaphore, line) {
        line.decided.append(Decision(wait: line.waiting.remove(at: place), outcome: .closed))
      }
    }

    func look(_ line: Line) -> Look {
      func count(_ source: Source) -> Int {
        line.waiting.reduce(0) { $0 + (Self.sources($1.kind).contains(source) ? 1 : 0) }
      }
      return Look(
        waiters: count(.semaphore) * 10_000 + count(.queue) * 100 + count(.event), isClosed: isClosed, first: permits,
        second: items.count, third: isSet ? 1 : 0)
    }
  }
}
