import Glibc
import Toro

/// What is known of the watched reactors at a moment: what the page, the terminal and programs are told.
struct Snapshot: Sendable {
  let program = Program()
  /// When it was taken, since the Unix epoch.
  let unixNanoseconds: Int64
  var reactors: [ReactorState] = []
  var waits: [WaitState] = []
  /// How many waits there are, listed or not.
  var waitCount = 0
  /// Places in ``waits`` of those that go round.
  var cycles: [[Int]] = []
  /// The same in words.
  var circles: [String] = []

  /// The process.
  struct Program: Sendable {
    let name = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "?"
    let id = Int(getpid())
  }

  /// One reactor.
  struct ReactorState: Sendable {
    let name: String
    /// For how long it has not answered; nanoseconds, 0 if it does.
    let silence: Int64
    let isVirtual: Bool
    let isAdopted: Bool
    let activity: ReactorActivity?
    let rates: WatchedReactor.Rates
    let lag: Int64
    let histogram: LagHistogram
    let history: [WatchedReactor.HistoryPoint]
    let waitCounts: [String: Int]
    let waitCount: Int?
  }

  /// One wait.
  struct WaitState: Sendable {
    let reactor: String
    let wait: WaitDescription
    /// Of the moment of looking, since the Unix epoch.
    let unixNanoseconds: Int64
    /// Places in ``Snapshot/waits`` of what it waits for.
    let successors: [Int]
    /// Which of ``Snapshot/cycles`` it is in.
    let cycle: Int?

    var age: Int64? { wait.since.map { wait.now.nanoseconds - $0.nanoseconds } }
    var left: Int64? { wait.deadline.map { $0.nanoseconds - wait.now.nanoseconds } }
  }

  /// Looks at each reactor. On the observer's thread.
  ///
  /// - Parameter limit: How many waits to list, at most, of each reactor.
  /// - Throws: `CancellationError`, `ReactorClosedError`.
  static func take(of list: WatchedReactors, limit: Int) async throws -> Snapshot {
    // Who does not answer in this time is shown as it was, and for how long it has not answered.
    let answers = try await list.waits(limit: limit, deadline: .after(.milliseconds(250)))
    var snapshot = Snapshot(unixNanoseconds: list.observer.unixNanoseconds)
    var listed: [(reactor: String, wait: WaitDescription, unixNanoseconds: Int64)] = []
    for (watched, answer) in answers {
      snapshot.reactors.append(ReactorState(watched, waitCount: answer?.count))
      guard let answer else { continue }
      snapshot.waitCount += answer.count
      listed += answer.waits.map { (watched.name, $0, answer.unixNanoseconds) }
    }
    let graph = WaitGraph(listed.map(\.wait))
    snapshot.cycles = graph.cycles
    snapshot.circles = graph.circles
    var cycleOf: [Int: Int] = [:]
    for (number, cycle) in graph.cycles.enumerated() { for place in cycle { cycleOf[place] = number } }
    snapshot.waits = listed.enumerated().map { place, entry in
      WaitState(
        reactor: entry.reactor, wait: entry.wait, unixNanoseconds: entry.unixNanoseconds,
        successors: graph.successors[place], cycle: cycleOf[place])
    }
    return snapshot
  }
}

extension Snapshot.ReactorState {
  fileprivate init(_ watched: WatchedReactor, waitCount: Int?) {
    name = watched.name
    silence = watched.isSilent || waitCount == nil ? watched.silence : 0
    isVirtual = watched.reactor.isVirtual
    isAdopted = watched.reactor.isAdopted
    activity = watched.activity
    rates = watched.rates
    lag = watched.lastLag
    histogram = watched.histogram
    history = watched.history
    waitCounts = watched.waitCounts
    self.waitCount = waitCount
  }
}
