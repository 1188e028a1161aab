import Toro
import ToroNet

/// The items, and who has one. All clients share it.
///
/// An actor on the reactor: what its tasks share is touched on one thread, and between two `await`s by one of them.
actor Board: ReactorActor {
  /// Lowest priority first, then oldest first, also if it comes back.
  private struct Item: Comparable {
    let priority: Int, number: Int, text: String

    static func < (a: Item, b: Item) -> Bool { (a.priority, a.number) < (b.priority, b.number) }
  }

  /// How many items may wait for somebody to take them: clients must not be able to fill the memory.
  private static let capacity = 10_000

  nonisolated let reactor: Reactor
  private let queue: PriorityQueue<Item>
  private let stopping: Event
  /// Items that nobody will take any more, since the daemon stops.
  private var lost = 0
  private var (lastNumber, clients, waiting, inHand, done) = (0, 0, 0, 0, 0)

  init(on reactor: Reactor) {
    self.reactor = reactor
    queue = PriorityQueue(name: "work", on: reactor)
    stopping = Event(name: "stopping", on: reactor)
  }

  /// Serves one client until it ends, or until the daemon stops and it has nothing in hand. Whoever goes gives back what it has.
  func serve(_ connection: Connection) async throws {
    var item: Item?
    clients += 1
    defer {
      clients -= 1
      if let item { giveBack(item) }
    }
    do {
      while true {
        // A stop ends this wait, and no other: who has an item in hand is still listened to.
        if item == nil, try await !connection.awaitRequest() { return }
        guard let reply = try await answer(connection, &item) else { return }
        try await connection.write(reply.line, deadline: .after(.seconds(10)))
        if reply == .bye || (stopping.isSet && item == nil) { return }
      }
    } catch is CancellationError {
      try await connection.write(Reply.error("the time for work in hand is over").line, deadline: .after(.zero))
    }
  }

  /// Reads a line and does what it says; `nil` if the client has ended.
  private func answer(_ connection: Connection, _ item: inout Item?) async throws -> Reply? {
    do {
      guard let line = try await connection.readLineBytes(maxLength: Command.maxLength) else { return nil }
      return try await perform(Command(line), &item)
    } catch let error as LineTooLongError {
      return .error("\(error)")
    } catch let error as CommandError {
      return .error(error.reason)
    }
  }

  private func perform(_ command: Command, _ item: inout Item?) async throws -> Reply {
    switch command {
    case .put where stopping.isSet, .take where stopping.isSet: return .error("stopping")
    case .put where queue.count >= Self.capacity: return .error("\(queue.count) items wait already: take some")
    case .put(let priority, let text):
      lastNumber += 1
      try await queue.put(Item(priority: priority, number: lastNumber, text: text))
      return .ok
    case .take where item != nil: return .error("an item is in hand: done first")
    case .take(let timeout):
      waiting += 1
      defer { waiting -= 1 }
      // One wait for two things, of which it gets exactly one.
      switch try await firstOf(deadline: .after(timeout), queue.choice { $0 }, stopping.choice { nil }) as Item?? {
      case .some(let taken?):
        (item, inHand) = (taken, inHand + 1)
        return .item(priority: taken.priority, text: taken.text)
      case .some(nil): return .error("stopping")
      case nil: return .none
      }
    case .done where item == nil: return .error("nothing in hand")
    case .done:
      (item, inHand, done) = (nil, inHand - 1, done + 1)
      queue.taskDone()
      return .ok
    case .stats:
      let queued = queue.count + lost
      return .stats([
        ("queued", queued), ("inhand", inHand), ("waiting", waiting), ("done", done), ("clients", clients),
      ])
    case .quit: return .bye
    }
  }

  private func giveBack(_ item: Item) {
    inHand -= 1
    if stopping.isSet { lost += 1 } else { _ = queue.tryPut(item) }
    queue.taskDone()  // of the first time, after the second is counted: a join must not see nothing left in between
  }

  /// Ends the service: how many items were not done.
  func stop(_ listener: Listener, grace: Duration) async throws -> Int {
    stopping.set()
    while queue.tryGet() != nil {
      lost += 1
      queue.taskDone()
    }
    try await listener.stop(grace: grace)
    try await queue.join()  // at once: nobody is left who has an item
    return lost
  }
}
