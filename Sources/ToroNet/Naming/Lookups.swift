import Toro

/// The look-ups that are under way or wait for a thread, each with those who wait for its answer. From any thread.
///
/// A look-up that nobody waits for any more is forgotten, unless a thread is at it: then it stays, for who asks for the same
/// meanwhile, so that trying again and again does not take one thread after the other.
final class Lookups: Sendable {
  typealias Answer = Result<[SocketAddress], any Error>

  /// Who waits for the answer to what.
  struct Ticket {
    let query: Query
    let number: Int
  }

  private struct Lookup {
    var waiters: [Int: @Sendable (Answer) -> Void] = [:]
    /// Its place in the line for a thread; `nil` once one is at it.
    var place: Int?
  }

  private struct State {
    var lookups: [Query: Lookup] = [:]
    /// Those in line, by their places.
    var line: [Int: Query] = [:]
    var firstPlace = 0
    var nextPlace = 0
    var nextTicket = 0
    /// How many threads take from the line.
    var workers = 0
  }

  private let state = Locked(State())
  private let threads: ThreadPool
  private let maxThreads: Int
  private let ask: @Sendable (Query) throws -> [SocketAddress]

  init(maxThreads: Int, idleTime: Int, _ ask: @escaping @Sendable (Query) throws -> [SocketAddress]) {
    self.maxThreads = maxThreads
    self.ask = ask
    threads = ThreadPool(limit: maxThreads, idleTime: idleTime)
  }

  var threadCount: Int { threads.threadCount }
  var count: Int { state.withLock { $0.lookups.count } }

  /// Has `told` called with the answer, on whatever thread, unless ``leave(_:)`` comes first.
  func join(_ query: Query, _ told: @escaping @Sendable (Answer) -> Void) -> Ticket {
    let (ticket, needsWorker) = state.withLock { state -> (Ticket, Bool) in
      defer { state.nextTicket += 1 }
      var needsWorker = false
      if state.lookups[query] == nil {
        state.lookups[query] = Lookup(place: state.nextPlace)
        state.line[state.nextPlace] = query
        state.nextPlace += 1
        needsWorker = state.workers < maxThreads
        if needsWorker { state.workers += 1 }
      }
      state.lookups[query]?.waiters[state.nextTicket] = told
      return (Ticket(query: query, number: state.nextTicket), needsWorker)
    }
    if needsWorker {
      let error = threads.submit { self.work() }
      if error != 0 { refuse(SystemError("pthread_create", errno: error)) }
    }
    return ticket
  }

  /// Whoever holds the ticket waits no more.
  func leave(_ ticket: Ticket) {
    state.withLock { state in
      guard state.lookups[ticket.query]?.waiters.removeValue(forKey: ticket.number) != nil else { return }
      guard let left = state.lookups[ticket.query], left.waiters.isEmpty, let place = left.place else { return }
      state.line[place] = nil
      state.lookups[ticket.query] = nil
    }
  }

  /// Takes from the line until nobody is in it.
  private func work() {
    while let query = next() {
      let answer = Answer { try ask(query) }
      let waiters = state.withLock { $0.lookups.removeValue(forKey: query)?.waiters } ?? [:]
      for told in waiters.values { told(answer) }
    }
  }

  private func next() -> Query? {
    state.withLock { state in
      while state.firstPlace < state.nextPlace {
        defer { state.firstPlace += 1 }
        guard let query = state.line.removeValue(forKey: state.firstPlace) else { continue }
        state.lookups[query]?.place = nil
        return query
      }
      state.workers -= 1
      return nil
    }
  }

  /// There is no thread, and none can be made: all in line hear of it.
  private func refuse(_ error: SystemError) {
    let refused = state.withLock { state in
      state.workers -= 1
      if state.workers > 0 { return [] as [Lookup] }  // another takes from the line, or hears the same
      let queries = Array(state.line.values)
      state.line = [:]
      return queries.compactMap { state.lookups.removeValue(forKey: $0) }
    }
    for lookup in refused { for told in lookup.waiters.values { told(.failure(error)) } }
  }
}
