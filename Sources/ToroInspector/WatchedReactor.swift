import Toro

/// One reactor under observation: what it answered when it was asked. On the observer's thread.
final class WatchedReactor: @unchecked Sendable {
  let name: String
  let reactor: Reactor
  private let observer: Reactor
  private let began: Int64
  /// When the question was put that has not been answered.
  private var asked: Int64?
  private(set) var activity: ReactorActivity?
  private(set) var histogram = LagHistogram()
  private(set) var lastLag: Int64 = 0
  private(set) var waitCounts: [String: Int] = [:]
  private(set) var rates = Rates()
  private(set) var history: [HistoryPoint] = []
  private var secondBegan: (time: Int64, activity: ReactorActivity)?
  private var lagsOfSecond: (sum: Int64, max: Int64, count: Int64) = (0, 0, 0)
  private var nextSecond: Int64 = 0
  private var countsWaitsNext = true

  /// How many seconds are remembered.
  static let historyLength = 120

  struct Rates {
    var turnsPerSecond = 0.0
    var jobsPerSecond = 0.0
    var jobsPerTurn: Double { turnsPerSecond > 0 ? jobsPerSecond / turnsPerSecond : 0 }
  }

  /// What is remembered of a second.
  struct HistoryPoint {
    var lagMax: Int64
    var lagMean: Int64
    var rates: Rates
    var waitCounts: [String: Int]
  }

  init(_ reactor: Reactor, name: String, from observer: Reactor) {
    self.reactor = reactor
    self.name = name
    self.observer = observer
    began = observer.readMonotonicClock()
    nextSecond = began + 1_000_000_000
  }

  /// For how long it has left a question unanswered: nanoseconds, 0 if it has not.
  var silence: Int64 { asked.map { max(0, observer.readMonotonicClock() - $0) } ?? 0 }

  /// Whether it is slow to answer.
  var isSilent: Bool { silence > 1_000_000_000 }

  /// Puts a question, unless the last one has not been answered, and ends the second if it is over.
  ///
  /// How long it takes until the question is answered is the lag: as long would anything have waited that came from outside.
  func probe() {
    let now = observer.readMonotonicClock()
    if now >= nextSecond { endSecond(at: now) }
    guard asked == nil, !reactor.isClosed else { return }
    asked = now
    let (observer, countsWaits) = (observer, countsWaitsNext)
    countsWaitsNext = false
    reactor.execute { [reactor] in
      let lag = observer.readMonotonicClock() - now
      let (activity, counts) = (reactor.activity, countsWaits ? reactor.waitCounts : nil)
      observer.hear { self.hear(lag, activity, counts) }
    }
  }

  private func hear(_ lag: Int64, _ activity: ReactorActivity, _ counts: [String: Int]?) {
    asked = nil
    lastLag = lag
    histogram.record(lag)
    lagsOfSecond = (lagsOfSecond.sum + lag, max(lagsOfSecond.max, lag), lagsOfSecond.count + 1)
    self.activity = activity
    if let counts { waitCounts = counts }
    if secondBegan == nil { secondBegan = (observer.readMonotonicClock(), activity) }
  }

  private func endSecond(at now: Int64) {
    if let activity, let (time, before) = secondBegan, lagsOfSecond.count > 0 {
      let seconds = Double(now - time) / 1e9
      rates.turnsPerSecond = Double(activity.turns - before.turns) / seconds
      rates.jobsPerSecond = Double(activity.jobs - before.jobs) / seconds
      secondBegan = (now, activity)
    } else {
      rates = Rates()
    }
    let lagMean = lagsOfSecond.count > 0 ? lagsOfSecond.sum / lagsOfSecond.count : silence
    history.append(
      HistoryPoint(lagMax: max(lagsOfSecond.max, silence), lagMean: lagMean, rates: rates, waitCounts: waitCounts))
    if history.count > Self.historyLength { history.removeFirst(history.count - Self.historyLength) }
    lagsOfSecond = (0, 0, 0)
    countsWaitsNext = true
    nextSecond = max(nextSecond + 1_000_000_000, now)
  }
}
