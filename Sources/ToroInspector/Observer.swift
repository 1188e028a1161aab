import Toro
import ToroNet

/// The reactors under observation, and the thread from which they are observed.
final class Observer: Sendable {
  let thread: ObserverThread
  let list: WatchedReactors

  var reactor: Reactor { thread.reactor }

  init(notesHolders: Bool) throws(SystemError) {
    thread = try ObserverThread()
    list = WatchedReactors(on: thread.reactor, notesHolders: notesHolders)
  }

  /// From any thread. Called on the reactor's, its locks note their holders from now on; from elsewhere a little later.
  func watch(_ reactor: Reactor, name: String) {
    let list = list
    let beginsHere = list.notesHolders && reactor.isCurrent && !reactor.notesHolders
    if beginsHere { reactor.notesHolders = true }
    self.reactor.execute { list.add(reactor, name: name, isNotingForUs: beginsHere) }
  }

  /// From any thread.
  func unwatch(_ reactor: Reactor) {
    let list = list
    self.reactor.execute { list.remove(reactor) }
  }

  /// Ends it. From any thread but its own.
  func stop() {
    let list = list
    if !reactor.isForked { reactor.execute { list.removeAll() } }
    thread.stop()
  }
}

/// The list, on the observer's thread.
final class WatchedReactors: @unchecked Sendable {
  let observer: Reactor
  let notesHolders: Bool
  private var all: [WatchedReactor] = []
  /// Those whose locks note their holders for our sake, and did not before.
  private var noting: Set<ObjectIdentifier> = []

  init(on observer: Reactor, notesHolders: Bool) {
    self.observer = observer
    self.notesHolders = notesHolders
  }

  /// Those that are not closed.
  var open: [WatchedReactor] {
    all.removeAll { $0.reactor.isClosed }
    return all
  }

  /// - Parameter isNotingForUs: Whether its locks note their holders already, for our sake.
  func add(_ reactor: Reactor, name: String, isNotingForUs: Bool) {
    if isNotingForUs { noting.insert(ObjectIdentifier(reactor)) }
    guard !all.contains(where: { $0.reactor === reactor }) else { return }
    all.append(WatchedReactor(reactor, name: name, from: observer))
    guard notesHolders, !isNotingForUs else { return }
    reactor.execute { [self] in
      if reactor.notesHolders { return }
      reactor.notesHolders = true
      observer.hear { self.beganNoting(reactor) }
    }
  }

  private func beganNoting(_ reactor: Reactor) {
    if all.contains(where: { $0.reactor === reactor }) {
      noting.insert(ObjectIdentifier(reactor))
    } else {
      reactor.execute { reactor.notesHolders = false }
    }
  }

  func remove(_ reactor: Reactor) {
    guard let index = all.firstIndex(where: { $0.reactor === reactor }) else { return }
    all.remove(at: index)
    if noting.remove(ObjectIdentifier(reactor)) != nil { reactor.execute { reactor.notesHolders = false } }
  }

  func removeAll() { for watched in all { remove(watched.reactor) } }

  /// Asks each reactor who waits, and waits for the answers until the deadline: `nil` for one that gives none.
  func waits(limit: Int, deadline: Deadline) async throws -> [(watched: WatchedReactor, answer: WaitsAnswer?)] {
    let asked = open.map { watched in (watched, ask(watched.reactor, limit: limit)) }
    let due = Deadline.at(ReactorClock.Instant(nanoseconds: observer.resolve(deadline)))
    var answers: [(WatchedReactor, WaitsAnswer?)] = []
    for (watched, result) in asked { answers.append((watched, try await result.get(deadline: due))) }
    return answers
  }

  private func ask(_ reactor: Reactor, limit: Int) -> AsyncResult<WaitsAnswer> {
    let result = AsyncResult<WaitsAnswer>(on: observer)
    let observer = observer
    reactor.execute {
      let (waits, count) = reactor.waits(limit: limit)
      let answer = WaitsAnswer(waits: waits, count: count, unixNanoseconds: reactor.unixNanoseconds)
      observer.hear { try? result.set(answer) }
    }
    return result
  }
}

extension Reactor {
  /// Hands an answer to an observer. A question that was open when the process forked is answered in the child too, where nobody
  /// observes.
  func hear(_ answer: @escaping @Sendable () -> Void) { if !isForked { execute(answer) } }
}

/// What a reactor says of who waits.
struct WaitsAnswer: Sendable {
  let waits: [WaitDescription]
  /// How many there are, listed or not.
  let count: Int
  /// When it was, on the reactor's clock since the Unix epoch.
  let unixNanoseconds: Int64
}
