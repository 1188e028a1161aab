import Toro

/// The order in which a model's items leave.
protocol ItemOrder: SendableMetatype {
  associatedtype Storage: QueueStorage where Storage.Element == Item
  static var name: String { get }
  static func insert(_ item: Int, into items: inout [Int])
}

enum FifoOrder: ItemOrder {
  typealias Storage = FifoStorage<Item>
  static let name = "queue"
  static func insert(_ item: Int, into items: inout [Int]) { items.append(item) }
}

enum LifoOrder: ItemOrder {
  typealias Storage = LifoStorage<Item>
  static let name = "lifo"
  static func insert(_ item: Int, into items: inout [Int]) { items.insert(item, at: 0) }
}

enum PriorityOrder: ItemOrder {
  typealias Storage = PriorityStorage<Item>
  static let name = "priority"
  static func insert(_ item: Int, into items: inout [Int]) {
    items.insert(item, at: items.firstIndex { $0 >> 8 > item >> 8 } ?? items.endIndex)
  }
}

enum ChannelOrder: ItemOrder {
  typealias Storage = ChannelStorage<Item>
  static let name = "channel"
  static func insert(_ item: Int, into items: inout [Int]) { items.append(item) }
}

enum QueueFamily<Order: ItemOrder>: Family {
  typealias Subject = GenericQueue<Order.Storage>

  static var name: String { Order.name }
  static var waits: [String] { ["put", "get", "join"] }
  static var attempts: [String] { ["tryPut", "tryGet"] }
  static var notices: [String] { ["taskDone", "setCapacity"] }
  static var amounts: Range<Int> { -1..<6 }
  /// The capacity, below 0 for none, and the number of initial items.
  static var settings: [Setting] {
    Order.self == ChannelOrder.self
      ? [Setting()]
      : [Setting(first: 1, second: 0), Setting(first: 1, second: 1), Setting(first: 2, second: 2), Setting(first: -1)]
  }
  static var smallWaits: [Act] { [.begin(0, 1), .begin(1), .begin(2)] }
  static var smallNotices: [Act] {
    [.attempt(0, 2), .attempt(1), .notify(0), .notify(1, 2), .close, .drop]
  }

  static func describe(_ setting: Setting) -> String {
    "of \(setting.first < 0 ? "any capacity" : "capacity \(setting.first)"), \(setting.second) initial items"
  }

  static func initialItems(_ setting: Setting) -> [Int] {
    (0..<setting.second).map { Item.encode(rank: 1, id: 200 + $0) }
  }

  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Subject {
    GenericQueue(
      capacity: setting.first < 0 ? nil : setting.first, initial: initialItems(setting).map { Item(code: $0) },
      on: reactor, deferred: deferred)
  }

  static func begin(
    _ queue: Subject, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait {
    switch act.kind {
    case 0:
      queue.put(Item(code: item), deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
    case 1:
      queue.get(deadline: deadline) { [unowned(unsafe) world] in
        world.told(id, $0.outcome, item: $0.value?.code ?? 0)
      }
    default:
      queue.join(deadline: deadline) { [unowned(unsafe) world] in world.told(id, $0) }
    }
  }

  static func wait(_ queue: Subject, _ act: Act, item: Int, deadline: Deadline) async throws -> Int? {
    switch act.kind {
    case 0: try await queue.put(Item(code: item), deadline: deadline) ? 0 : nil
    case 1: try await queue.get(deadline: deadline)?.code
    default: try await queue.join(deadline: deadline) ? 0 : nil
    }
  }

  static func attempt(_ queue: Subject, _ act: Act, item: Int) -> Int {
    act.kind == 0 ? (queue.tryPut(Item(code: item)) ? 1 : 0) : queue.tryGet()?.code ?? -1
  }

  static func notify(_ queue: Subject, _ act: Act, item: Int) -> Int? {
    if act.kind == 0 {
      if queue.unfinishedTasks > 0 { queue.taskDone() }
      return nil
    }
    do {
      try queue.setCapacity(act.amount < 0 ? nil : Int(act.amount))
      return 1
    } catch {
      return 0
    }
  }

  static func close(_ queue: Subject) { queue.close() }

  static func look(_ queue: Subject) -> Look {
    Look(
      waiters: queue.putterCount * 10_000 + queue.getterCount * 100 + queue.waiterCount, isClosed: queue.isClosed,
      first: queue.count, second: queue.unfinishedTasks, third: queue.capacity ?? -1)
  }

  static var drainsItems: Bool { true }
  static func stock(_ look: Look) -> Int { look.first }
  static func weight(granted act: Act) -> Int { act.kind == 0 ? 1 : act.kind == 1 ? -1 : 0 }
  static func weight(_ act: Act, answer: Int?) -> Int {
    guard act.verb == .attempt, let answer else { return 0 }
    return act.kind == 0 ? answer : answer < 0 ? 0 : -1
  }

  static func drain(_ queue: Subject) -> [Int]? {
    var items: [Int] = []
    while let item = queue.tryGet() { items.append(item.code) }
    return items
  }

  struct Model: Policy {
    private var items: [Int] = []
    private var capacity: Int
    private var unfinished = 0
    private var isClosed = false

    init(_ setting: Setting) {
      capacity = setting.first < 0 ? .max : setting.first
      for item in initialItems(setting) { insert(item) }
    }

    private mutating func insert(_ item: Int) {
      Order.insert(item, into: &items)
      unfinished += 1
    }

    /// Whether the item found room, or somebody who waits for one.
    private mutating func put(_ item: Int, _ line: inout Line) -> Bool {
      if isClosed { return false }
      if let getter = line.first(1) {
        unfinished += 1
        line.grant(getter, item: item)
        return true
      }
      if items.count >= capacity { return false }
      insert(item)
      return true
    }

    /// The item that leaves first. Where somebody waits to put one, that enters before.
    private mutating func take(_ line: inout Line) -> Int? {
      if let putter = line.first(0) {
        insert(line.waiting[putter].item)
        line.grant(putter)
      }
      return items.isEmpty ? nil : items.removeFirst()
    }

    mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun {
      switch wait.kind {
      case 0:
        return put(wait.item, &line) ? .granted() : isClosed ? .closed : .waits
      case 1:
        if let item = take(&line) { return .granted(item: item, isFirst: true) }
        return isClosed ? .closed : .waits
      default:
        return unfinished == 0 ? .granted() : .waits
      }
    }

    mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int {
      act.kind == 0 ? (put(item, &line) ? 1 : 0) : take(&line) ?? -1
    }

    mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int? {
      if act.kind == 0 {
        guard unfinished > 0 else { return nil }
        unfinished -= 1
        if unfinished == 0 { while let joiner = line.first(2) { line.grant(joiner) } }
        return nil
      }
      let new = act.amount < 0 ? Int.max : Int(act.amount)
      if new < items.count { return 0 }
      capacity = new
      while items.count < capacity, let putter = line.first(0) {
        insert(line.waiting[putter].item)
        line.grant(putter)
      }
      return 1
    }

    mutating func close(_ line: inout Line) {
      isClosed = true
      line.closeAll(0)
      line.closeAll(1)
    }

    mutating func abandon(_ line: inout Line) {
      close(&line)
      line.closeAll(2)
    }

    func look(_ line: Line) -> Look {
      Look(
        waiters: line.count(0) * 10_000 + line.count(1) * 100 + line.waiting.count, isClosed: isClosed,
        first: items.count, second: unfinished, third: capacity == .max ? -1 : capacity)
    }
  }
}
