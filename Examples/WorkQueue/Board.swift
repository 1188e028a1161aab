import Toro
import ToroNet

/// The items, and who has one. All clients share it.
///
/// An actor on the reactor: what its tasks share is touched on one thread, and between two `await`s by one of them.
actor Board: ReactorActor {
  /// How many items may wait for somebody to take them, and how many bytes of them: clients must not be able to fill the memory.
  private static let (capacity, byteCapacity) = (10_000, 64 << 20)

  nonisolated let reactor: Reactor
  private let queue: PriorityQueue<Item>, stopping: Event
  /// What is lost nobody will take any more, since the daemon stops.
  private var (lastNumber, bytes, clients, waiting, inHand, done, lost) = (0, 0, 0, 0, 0, 0, 0)
  private let linger: Duration

  /// - Parameter linger: For how long a take goes on whose client has ended its side.
  init(linger: Duration, on reactor: Reactor) {
    (self.linger, self.reactor) = (linger, reactor)
    queue = PriorityQueue(name: "work", on: reactor)
    stopping = Event(name: "stopping", on: reactor)
  }

  /// Serves one client until it ends, or until the daemon stops and it has nothing in hand. Who goes gives back what it has.
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
      return try await perform(Command(line), &item, connection)
    } catch let error as LineTooLongError {
      return .error("\(error)")
    } catch let error as CommandError {
      return .error(error.reason)
    }
  }

  private func perform(_ command: Command, _ item: inout Item?, _ connection: Connection) async throws -> Reply {
    switch command {
    case .put where stopping.isSet, .take where stopping.isSet: return .error("stopping")
    case .put where queue.count >= Self.capacity: return .error("\(queue.count) items wait already: take some")
    case .put(_, let text) where bytes + text.utf8.count > Self.byteCapacity:
      return .error("\(bytes) bytes wait already, of \(Self.byteCapacity): take some")
    case .put(let priority, let text):
      lastNumber += 1
      bytes += text.utf8.count
      try await queue.put(Item(priority: priority, number: lastNumber, text: text))
      return .ok
    case .take where item != nil: return .error("an item is in hand: done first")
    case .take(let timeout):
      guard let taken = try await take(within: timeout, connection) else {
        return stopping.isSet ? .error("stopping") : .none
      }
      (item, inHand, bytes) = (taken, inHand + 1, bytes - taken.text.utf8.count)
      return .item(priority: taken.priority, text: taken.text)
    case .done where item == nil: return .error("nothing in hand")
    case .done:
      (item, inHand, done) = (nil, inHand - 1, done + 1)
      queue.taskDone()
      return .ok
    case .stats: return stats
    case .quit: return .bye
    }
  }

  private var stats: Reply {
    .stats([
      ("queued", queue.count + lost), ("inhand", inHand), ("waiting", waiting), ("done", done), ("clients", clients),
    ])
  }

  /// Waits for an item, until the time is over, the daemon stops or the client has gone; not if one is there.
  private func take(within timeout: Duration, _ connection: Connection) async throws -> Item? {
    if let item = queue.tryGet() { return item }
    let departure = Departure(of: connection, linger: linger)
    defer { departure.forget() }
    waiting += 1
    defer { waiting -= 1 }
    // One wait for three things, of which it gets exactly one.
    return try await firstOf(
      deadline: .after(timeout), queue.choice { $0 }, stopping.choice { nil }, departure.event.choice { nil }) ?? nil
  }

  private func giveBack(_ item: Item) {
    inHand -= 1
    bytes += item.text.utf8.count
    if stopping.isSet { lost += 1 } else { _ = queue.tryPut(item) }
    queue.taskDone()  // of the first time, after the second is counted: a join must not see nothing left in between
  }

  /// Ends the service: how many items were not done.
  func stop(_ listener: Listener, grace: Duration) async throws -> Int {
    stopping.set()
    lost += queue.count
    while queue.tryGet() != nil { queue.taskDone() }
    try await listener.stop(grace: grace)
    try await queue.join()  // at once: nobody is left who has an item
    return lost
  }
}
