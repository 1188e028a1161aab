import Testing
import Toro

/// Every queue of integers, whatever the order in which its items leave.
protocol QueueLike: Sendable {
  func send(_ item: Int) async throws
  func send(_ item: Int, deadline: Deadline) async throws -> Bool
  func send(_ item: Int, deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait
  func receive() async throws -> Int
  func receive(deadline: Deadline) async throws -> Int?
  func receive(deadline: Deadline, then callback: @escaping @Sendable (WaitResult<Int>) -> Void) -> Wait
  func tryPut(_ item: Int) -> Bool
  func tryGet() -> Int?
  func done()
  func close()
  func setCapacity(_ capacity: Int?) throws
  func allUntilClosed() async throws -> [Int]
  var count: Int { get }
  var capacity: Int? { get }
  var isEmpty: Bool { get }
  var isFull: Bool { get }
  var isClosed: Bool { get }
  var unfinishedTasks: Int { get }
  var getterCount: Int { get }
  var putterCount: Int { get }
  var waiterCount: Int { get }
}

extension GenericQueue: QueueLike where Storage.Element == Int {
  func send(_ item: Int) async throws { try await put(item) }
  func send(_ item: Int, deadline: Deadline) async throws -> Bool { try await put(item, deadline: deadline) }
  func send(_ item: Int, deadline: Deadline, then callback: @escaping @Sendable (WaitOutcome) -> Void) -> Wait {
    put(item, deadline: deadline, callback: callback)
  }
  func receive() async throws -> Int { try await get() }
  func receive(deadline: Deadline) async throws -> Int? { try await get(deadline: deadline) }
  func receive(deadline: Deadline, then callback: @escaping @Sendable (WaitResult<Int>) -> Void) -> Wait {
    get(deadline: deadline, callback: callback)
  }
  func done() { taskDone() }
  func allUntilClosed() async throws -> [Int] {
    var items: [Int] = []
    for try await item in self { items.append(item) }
    return items
  }
}

enum QueueKind: String, CaseIterable, CustomTestStringConvertible {
  case fifo, lifo, priority, joinable

  var testDescription: String { rawValue }

  func make(
    capacity: Int? = nil, initial: [Int] = [], name: String? = nil, on reactor: Reactor, deferred: Bool = false
  ) -> any QueueLike {
    switch self {
    case .fifo: Queue(capacity: capacity, initial: initial, name: name, on: reactor, deferred: deferred)
    case .lifo: LifoQueue(capacity: capacity, initial: initial, name: name, on: reactor, deferred: deferred)
    case .priority: PriorityQueue(capacity: capacity, initial: initial, name: name, on: reactor, deferred: deferred)
    case .joinable: JoinableQueue(capacity: capacity, initial: initial, name: name, on: reactor, deferred: deferred)
    }
  }

  /// The order in which what was put in this order leaves.
  func order(_ items: [Int]) -> [Int] {
    switch self {
    case .fifo, .joinable: items
    case .lifo: items.reversed()
    case .priority: items.sorted()
    }
  }
}

/// A kind of queue in a form.
struct QueueCase: Sendable, CustomTestStringConvertible {
  let kind: QueueKind
  let form: Form

  var testDescription: String { "\(kind.rawValue), \(form.testDescription)" }

  static let all = QueueKind.allCases.flatMap { kind in Form.allCases.map { QueueCase(kind: kind, form: $0) } }

  /// Runs `body` with a queue.
  func play(
    capacity: Int?, initial: [Int] = [],
    _ body: @escaping @Sendable (Scene, any QueueLike) async throws -> Void
  ) throws {
    let (kind, form) = (kind, form)
    try inVirtualTime(form) { scene in
      try await body(
        scene, kind.make(capacity: capacity, initial: initial, on: scene.reactor, deferred: form == .deferred))
    }
  }
}

extension Scene {
  func put(_ item: Int, _ queue: any QueueLike, deadline: Deadline? = nil) async -> Pending {
    await begin(
      "put \(item)",
      {
        if let deadline { return try await queue.send(item, deadline: deadline) }
        try await queue.send(item)
        return true
      }, { queue.send(item, deadline: deadline ?? .never, then: $0) })
  }

  func get(_ queue: any QueueLike, _ label: String = "get", deadline: Deadline? = nil) async -> Pending {
    let item = Box<Int?>(nil)
    let pending = await begin(
      label,
      {
        if let deadline {
          item.value = try await queue.receive(deadline: deadline)
        } else {
          item.value = try await queue.receive()
        }
        return item.value != nil
      },
      { end in
        queue.receive(deadline: deadline ?? .never) {
          item.value = $0.value
          end($0.outcome)
        }
      })
    pending.received = item
    return pending
  }
}
