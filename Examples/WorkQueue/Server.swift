import Toro
import ToroNet

import class Toro.Semaphore

/// The daemon: clients put items into one priority queue and take them out of it.
///
/// An actor on the reactor's thread: what its tasks share needs no other protection, and the primitives that they wait
/// on belong to the same thread. Up to `maxClients` are served at a time; further ones wait in the listener's backlog
/// until one leaves.
///
/// Invariant: an item that was put is in the queue, in one client's hand, or done.
actor Server: ReactorActor {
  private struct Item: Comparable {
    let priority: Int
    /// Keeps the order of arrival for items that come back.
    let number: Int
    let text: String

    static func < (a: Item, b: Item) -> Bool { (a.priority, a.number) < (b.priority, b.number) }
  }

  private struct Client {
    let connection: Connection
    /// Taken and not done.
    var item: Item?
    /// Whether it is being waited for, so that it may be sent away between two commands.
    var isIdle = false
    /// Whether its time is over: what it says now is not answered.
    var isCut = false
  }

  nonisolated let reactor: Reactor
  nonisolated let listener: Listener
  private let slots: Semaphore
  private let queue: PriorityQueue<Item>
  private let stopping: Event
  /// Those who are being served.
  private let serving: Gate
  private var clients: [Int: Client] = [:]
  private var lastClient = 0
  private var lastItem = 0
  private var doneCount = 0
  /// Items that nobody will take any more, since the daemon stops.
  private var lostCount = 0
  private var waitingCount = 0
  private var isStopping = false

  /// How long a client may take to read an answer.
  private static let writeTime = Duration.seconds(10)

  init(host: String, port: Int, maxClients: Int, on reactor: Reactor) throws {
    self.reactor = reactor
    listener = try Listener(host: host, port: port, on: reactor)
    slots = Semaphore(maxClients, name: "clients", on: reactor)
    queue = PriorityQueue(name: "work", on: reactor)
    stopping = Event(name: "stopping", on: reactor)
    serving = Gate(name: "serving", on: reactor)
  }

  /// Accepts and serves clients until ``stop(grace:)``.
  func run() async throws {
    do {
      while true {
        try await slots.acquire()
        guard let connection = try await listener.accept() else { break }
        reactor.spawn { await self.serve(connection) }
      }
    } catch is ClosedError {}  // no slot was free when it stopped
  }

  /// Stops accepting and sends idle clients away; those with an item in hand have until the deadline to be done with it.
  ///
  /// - Returns: How many items were not done.
  func stop(grace: Duration) async throws -> Int {
    isStopping = true
    listener.close()
    slots.close()
    stopping.set()
    while queue.tryGet() != nil { lose() }
    for client in clients.values where client.isIdle && client.item == nil { client.connection.close() }
    let deadline = Deadline.at(reactor.now.advanced(by: grace))
    let isFinished = try await queue.join(deadline: deadline)
    let unfinished = isFinished ? 0 : clients.values.count { $0.item != nil }
    serving.close()
    _ = try await serving.join(deadline: isFinished ? deadline : .after(.zero))  // the last answers
    await cutOff()
    return lostCount + unfinished
  }

  /// Ends the connections that are left, and says why to those who are between two commands, without waiting for them.
  private func cutOff() async {
    for id in clients.keys { clients[id]?.isCut = true }
    for client in clients.values {
      if client.isIdle {
        let reply = Reply.error("the time for work in hand is over")
        try? await client.connection.write(reply.line, deadline: .after(.zero))
      }
      client.connection.close()
    }
  }

  // MARK: One client

  private func serve(_ connection: Connection) async {
    guard serving.tryEnter() else { return connection.close() }
    lastClient += 1
    let id = lastClient
    clients[id] = Client(connection: connection)
    defer {
      if let item = clients.removeValue(forKey: id)?.item { giveBack(item) }
      connection.close()
      slots.release()
      serving.leave()
    }
    do {
      while !isStopping || clients[id]?.item != nil {
        guard let reply = try await answer(id, connection), clients[id]?.isCut != true else { break }
        try await connection.write(reply.line, deadline: .after(Self.writeTime))
        if reply == .bye { break }
      }
    } catch {}  // gone, one way or another: what it had in hand goes back
  }

  /// Reads a command and does it; `nil` if the client has ended.
  private func answer(_ id: Int, _ connection: Connection) async throws -> Reply? {
    do {
      clients[id]?.isIdle = true
      defer { clients[id]?.isIdle = false }
      guard let bytes = try await connection.readLineBytes(maxLength: Command.maxLength) else { return nil }
      guard let line = String(validating: bytes, as: UTF8.self) else { return .error("a line that is not UTF-8") }
      clients[id]?.isIdle = false
      return try await perform(Command(line), for: id)
    } catch let error as LineTooLongError {
      return .error("\(error)")
    } catch let error as CommandError {
      return .error(error.reason)
    }
  }

  private func perform(_ command: Command, for id: Int) async throws -> Reply {
    switch command {
    case .put(let priority, let text):
      if isStopping { return .error("stopping") }
      lastItem += 1
      _ = queue.tryPut(Item(priority: priority, number: lastItem, text: text))
      return .ok
    case .take(let timeout):
      return try await take(timeout, for: id)
    case .done:
      guard clients[id]?.item != nil else { return .error("nothing in hand") }
      clients[id]?.item = nil
      doneCount += 1
      queue.taskDone()
      return .ok
    case .stats:
      let inHand = clients.values.count { $0.item != nil }
      return .stats([
        ("queued", queue.count + lostCount), ("inhand", inHand), ("waiting", waitingCount), ("done", doneCount),
        ("clients", clients.count),
      ])
    case .quit:
      return .bye
    }
  }

  private func take(_ timeout: Duration, for id: Int) async throws -> Reply {
    if isStopping { return .error("stopping") }
    if clients[id]?.item != nil { return .error("an item is in hand: done first") }
    waitingCount += 1
    defer { waitingCount -= 1 }
    let taken: Item?? = try await firstOf(
      deadline: .after(timeout), queue.choice { Item?.some($0) }, stopping.choice { Item?.none })
    switch taken {
    case .some(.some(let item)):
      clients[id]?.item = item
      return .item(priority: item.priority, text: item.text)
    case .some(.none): return .error("stopping")
    case .none: return .none
    }
  }

  // MARK: Items that were not done

  /// Its client is gone: it goes back where it was in the order, unless there is nobody left to take it.
  private func giveBack(_ item: Item) {
    if isStopping { return lose() }
    _ = queue.tryPut(item)
    queue.taskDone()  // of the first time, after the second is counted: a join must not see nothing left in between
  }

  private func lose() {
    lostCount += 1
    queue.taskDone()
  }
}
