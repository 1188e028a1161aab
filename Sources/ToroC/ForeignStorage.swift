import CToro
import Toro

/// The items of a queue whose order is chosen when it is made: one of the storages that Swift's queues have.
struct ForeignStorage: QueueStorage, @unchecked Sendable {
  typealias Element = ForeignPointer

  static var queueTypeName: String { "Queue" }

  private var fifo: FifoStorage<ForeignPointer>?
  private var lifo: LifoStorage<ForeignPointer>?
  private var priority: PriorityStorage<RankedPointer>?
  private var comparison: UnsafeMutablePointer<Comparison>?

  /// None: to be replaced before it is used.
  init() {}

  init(_ order: Order) {
    switch order {
    case .fifo: fifo = FifoStorage()
    case .lifo: lifo = LifoStorage()
    case .priority(let compare, let argument):
      priority = PriorityStorage()
      comparison = .allocate(capacity: 1)
      comparison?.initialize(to: Comparison(compare: compare, argument: argument))
    }
  }

  enum Order {
    case fifo, lifo
    case priority(Comparison.Function, UnsafeMutableRawPointer?)
  }

  var count: Int { fifo?.count ?? lifo?.count ?? priority?.count ?? 0 }

  mutating func insert(_ item: consuming ForeignPointer) {
    if let comparison {
      priority?.insert(RankedPointer(item: item, comparison: comparison))
    } else if lifo != nil {
      lifo?.insert(item)
    } else {
      fifo?.insert(item)
    }
  }

  mutating func removeFirst() -> ForeignPointer {
    fifo?.removeFirst() ?? lifo?.removeFirst() ?? priority?.removeFirst().item ?? ForeignPointer(nil)
  }

  mutating func deallocate() {
    fifo?.deallocate()
    lifo?.deallocate()
    priority?.deallocate()
    comparison?.deallocate()
  }
}

/// How a program orders what it puts.
struct Comparison {
  typealias Function = @convention(c) (UnsafeRawPointer?, UnsafeRawPointer?, UnsafeMutableRawPointer?) -> Int32

  let compare: Function
  let argument: UnsafeMutableRawPointer?
}

/// An item with what orders it.
private struct RankedPointer: Comparable, @unchecked Sendable {
  let item: ForeignPointer
  let comparison: UnsafeMutablePointer<Comparison>

  private static func compare(_ a: RankedPointer, _ b: RankedPointer) -> Int32 {
    a.comparison.pointee.compare(a.item.address, b.item.address, a.comparison.pointee.argument)
  }

  static func < (a: RankedPointer, b: RankedPointer) -> Bool { compare(a, b) < 0 }
  static func == (a: RankedPointer, b: RankedPointer) -> Bool { compare(a, b) == 0 }
}
