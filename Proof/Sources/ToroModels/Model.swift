import Toro

/// A wait, as the model has it.
struct Waiting {
  var id: Int
  var kind: Int
  var amount: Int
  /// What it brings, if it is a put.
  var item: Int
  var isTask: Bool
  /// When it ends by itself.
  var due = Int64.max
  /// Which of the timed ones it is: of those due at once, the oldest ends first.
  var age = 0
}

/// A wait that has ended, and has not been told.
struct Decision {
  var wait: Waiting
  var outcome: WaitOutcome
  var item = 0
}

/// Those who wait, in order of arrival, and those who have just been decided, in that order.
struct Line {
  var waiting: [Waiting] = []
  var decided: [Decision] = []

  mutating func grant(_ place: Int, item: Int = 0) {
    decided.append(Decision(wait: waiting.remove(at: place), outcome: .granted, item: item))
  }

  func first(_ kind: Int) -> Int? { waiting.firstIndex { $0.kind == kind } }
  func count(_ kind: Int) -> Int { waiting.reduce(0) { $0 + ($1.kind == kind ? 1 : 0) } }

  mutating func grantAll() { while !waiting.isEmpty { grant(0) } }

  mutating func closeAll() {
    while !waiting.isEmpty { decided.append(Decision(wait: waiting.removeFirst(), outcome: .closed)) }
  }

  mutating func closeAll(_ kind: Int) {
    while let place = first(kind) { decided.append(Decision(wait: waiting.remove(at: place), outcome: .closed)) }
  }
}

/// What comes of a wait at the call.
enum Begun {
  /// It has what it wants. Told before or after those whom its beginning let go.
  case granted(item: Int = 0, isFirst: Bool = false)
  case closed
  /// It stands in line.
  case waits
}

/// What can be seen of a primitive from outside.
struct Look: Equatable {
  var waiters = 0
  var isClosed = false
  var first = 0
  var second = 0
  var third = 0
}

/// What a primitive does, in the plainest words: the reference. It knows nothing of turns, time, tasks or callbacks.
protocol Policy {
  init(_ setting: Setting)
  mutating func begin(_ wait: Waiting, _ line: inout Line) -> Begun
  mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int
  /// - Returns: What the call answers, or `nil` if it answers nothing.
  mutating func notify(_ act: Act, item: Int, _ line: inout Line) -> Int?
  /// Somebody left the line without having been served.
  mutating func left(_ line: inout Line)
  mutating func close(_ line: inout Line)
  mutating func abandon(_ line: inout Line)
  func look(_ line: Line) -> Look
}

extension Policy {
  mutating func attempt(_ act: Act, item: Int, _ line: inout Line) -> Int { 0 }
  mutating func left(_ line: inout Line) {}
  mutating func abandon(_ line: inout Line) { line.closeAll() }
}

/// The reference model of a reactor with one primitive on it: the rules of waits, turns and time as the documentation has
/// them, over plain arrays.
final class Model<P: Policy> {
  private struct Known {
    /// A task was made that waits.
    var isSpawned = false
    /// Its task runs, and hears of a cancellation.
    var listens = false
    /// Its task was cancelled, which has an effect once.
    var isCancelled = false
    /// It had ended when the call that began it returned: it has no name by which to cancel it.
    var hasNoName = false
  }

  private enum Entry {
    case act(Int)
    /// A call that was made on another thread, and keeps what it is made on.
    case call(Int)
    /// A task begins.
    case start(Int)
    /// A task goes on.
    case resume(Decision)
    /// A callback that waited for a turn.
    case callback(Decision)
    case cancelTask(Int)
    case abandon
    /// Takes a place and does nothing.
    case nothing
  }

  @exclusivity(unchecked) private var program = Program()
  @exclusivity(unchecked) private var policy = P(Setting())
  @exclusivity(unchecked) private var line = Line()
  @exclusivity(unchecked) private var now: Int64 = 0
  @exclusivity(unchecked) private var lastAge = 0
  @exclusivity(unchecked) private var ready: [Entry] = []
  @exclusivity(unchecked) private var inbox: [Entry] = []
  @exclusivity(unchecked) private var callbacks: [Decision] = []
  @exclusivity(unchecked) private var isTelling = false
  @exclusivity(unchecked) private var isInTurn = false
  @exclusivity(unchecked) private(set) var isHeld = true
  /// How many calls of the primitive are on the stack: each keeps it.
  @exclusivity(unchecked) private var calls = 0
  @exclusivity(unchecked) private var liveTasks = 0
  @exclusivity(unchecked) private var isAbandoned = false
  /// What is known of each wait.
  private let known = UnsafeMutablePointer<Known>.allocate(capacity: 2 * Program.limit)
  private let notifiesElsewhere: Bool
  @exclusivity(unchecked) private(set) var log: [Note] = []

  /// - Parameter notifiesElsewhere: Whether other threads notify by the call itself, and not by a call of their own in the
  ///   ready queue.
  init(notifiesElsewhere: Bool) { self.notifiesElsewhere = notifiesElsewhere }

  func reset(_ program: Program) {
    self.program = program
    policy = P(program.setting)
    line.waiting.removeAll(keepingCapacity: true)
    line.decided.removeAll(keepingCapacity: true)
    now = 0
    lastAge = 0
    ready.removeAll(keepingCapacity: true)
    inbox.removeAll(keepingCapacity: true)
    callbacks.removeAll(keepingCapacity: true)
    isTelling = false
    isInTurn = false
    isHeld = true
    calls = 0
    liveTasks = 0
    isAbandoned = false
    known.initialize(repeating: Known(), count: 2 * Program.limit)
    log.removeAll(keepingCapacity: true)
  }

  func clearLog() { log.removeAll(keepingCapacity: true) }

  var look: Look { policy.look(line) }

  /// Whether all that has been decided has been told.
  var isQuiet: Bool { ready.isEmpty && inbox.isEmpty && callbacks.isEmpty }

  var readyCount: Int { ready.count + inbox.count }

  var waitingIDs: [Int] { line.waiting.map(\.id) }

  // MARK: Steps

  func step(_ id: Int) {
    let step = program.steps[id]
    switch step.way {
    case .here: perform(id)
    case .queued:
      takeInbox()  // what came before goes first
      ready.append(.act(id))
    case .elsewhere: stepElsewhere(id, step.act)
    }
  }

  private func takeInbox() {
    ready += inbox
    inbox.removeAll(keepingCapacity: true)
  }

  private func stepElsewhere(_ id: Int, _ act: Act) {
    switch act.verb {
    case .begin where act.isTask:
      if isHeld { begin(id, into: &inbox) }
    case .cancel where known[Int(act.target)].isSpawned:
      if known[Int(act.target)].isCancelled { break }
      known[Int(act.target)].isCancelled = true
      if known[Int(act.target)].listens { inbox.append(.cancelTask(Int(act.target))) }
    case .cancel where known[Int(act.target)].hasNoName:
      break
    case .drop:
      isHeld = false
      if calls == 0 && liveTasks == 0 && !isAbandoned {
        isAbandoned = true
        inbox.append(.abandon)
      }
    case .close:
      if isHeld { inbox.append(.call(id)) }
    case .notify where notifiesElsewhere:
      if isHeld { inbox.append(.call(id)) }
    case .notify:
      if isHeld { inbox.append(.act(id)) }
    default:
      inbox.append(.act(id))
    }
  }

  private func begin(_ id: Int, into queue: inout [Entry]) {
    liveTasks += 1
    known[id].isSpawned = true
    queue.append(.start(id))
  }

  func perform(_ id: Int) {
    let act = program.act(id)
    switch act.verb {
    case .nothing:
      break
    case .begin:
      guard isHeld else { break }
      if act.isTask { begin(id, into: &ready) } else { inCall { beginCallback(id, act) } }
    case .attempt:
      guard isHeld else { break }
      inCall {
        let answer = policy.attempt(act, item: program.item(id), &line)
        settle()
        log.append(Note(answer: answer, to: id))
      }
    case .notify:
      guard isHeld else { break }
      inCall {
        let answer = policy.notify(act, item: program.item(id), &line)
        settle()
        if let answer { log.append(Note(answer: answer, to: id)) }
      }
    case .cancel:
      cancel(Int(act.target))
    case .close:
      guard isHeld else { break }
      inCall {
        policy.close(&line)
        settle()
      }
    case .drop:
      isHeld = false
      abandonIfLast()
    case .advance:
      now += Int64(act.amount)
    case .turn:
      if !isInTurn && !isTelling { turn(mayJump: false) }
    case .idle:
      if !isInTurn && !isTelling { turn(mayJump: true) }
    }
  }

  private func inCall(_ body: () -> Void) {
    calls += 1
    body()
    calls -= 1
    abandonIfLast()
  }

  /// The last reference may have gone: the waits that are left end as closed.
  private func abandonIfLast() {
    guard !isHeld && calls == 0 && liveTasks == 0 && !isAbandoned else { return }
    isAbandoned = true
    policy.abandon(&line)
    settle()
  }

  private func waiting(_ id: Int, _ act: Act) -> Waiting {
    Waiting(id: id, kind: Int(act.kind), amount: Int(act.amount), item: program.item(id), isTask: act.isTask)
  }

  private func enqueue(_ wait: Waiting, _ patience: Int8) {
    var wait = wait
    if patience > 0 {
      lastAge += 1
      wait.age = lastAge
      wait.due = now + Int64(patience)
    }
    line.waiting.append(wait)
  }

  private func beginCallback(_ id: Int, _ act: Act) {
    let wait = waiting(id, act)
    switch policy.begin(wait, &line) {
    case .granted(let item, let isFirst):
      known[id].hasNoName = true
      let own = Decision(wait: wait, outcome: .granted, item: item)
      line.decided.insert(own, at: isFirst ? 0 : line.decided.count)
    case .closed:
      known[id].hasNoName = true
      line.decided.append(Decision(wait: wait, outcome: .closed))
    case .waits where act.patience == 0:
      known[id].hasNoName = true
      takeInbox()
      ready.append(.callback(Decision(wait: wait, outcome: .timedOut)))
      ready.append(.nothing)
    case .waits:
      enqueue(wait, act.patience)
    }
    settle()
  }

  private func startTask(_ id: Int) {
    known[id].listens = true
    let act = program.act(id)
    let wait = waiting(id, act)
    switch policy.begin(wait, &line) {
    case .granted(let item, _):
      settle()
      endTask(Decision(wait: wait, outcome: .granted, item: item))
    case .closed:
      endTask(Decision(wait: wait, outcome: .closed))
    case .waits where known[id].isCancelled:
      endTask(Decision(wait: wait, outcome: .cancelled))
    case .waits where act.patience == 0:
      ready.append(.resume(Decision(wait: wait, outcome: .timedOut)))
    case .waits:
      enqueue(wait, act.patience)
    }
  }

  private func endTask(_ decision: Decision) {
    tell(decision)
    known[decision.wait.id].listens = false
    liveTasks -= 1
    abandonIfLast()
  }

  func cancel(_ id: Int) {
    if known[id].isSpawned {
      if known[id].isCancelled { return }
      known[id].isCancelled = true
    }
    endCancelled(id)
  }

  private func endCancelled(_ id: Int) {
    guard let place = line.waiting.firstIndex(where: { $0.id == id }) else { return }
    line.decided.append(Decision(wait: line.waiting.remove(at: place), outcome: .cancelled))
    policy.left(&line)
    settle()
  }

  // What ends a program.

  func turn() { turn(mayJump: false) }

  func close() {
    inCall {
      policy.close(&line)
      settle()
    }
  }

  func drop() {
    isHeld = false
    abandonIfLast()
  }

  // MARK: Telling

  /// Puts the decided in line to be told, and tells callbacks unless that is going on further down the stack.
  private func settle() {
    for decision in line.decided {
      if decision.wait.isTask {
        ready.append(.resume(decision))
      } else if program.isDeferred {
        takeInbox()
        ready.append(.callback(decision))
      } else {
        callbacks.append(decision)
      }
    }
    line.decided.removeAll(keepingCapacity: true)
    if isTelling { return }
    isTelling = true
    while !callbacks.isEmpty { tell(callbacks.removeFirst()) }
    isTelling = false
  }

  private func tell(_ decision: Decision) {
    let id = decision.wait.id
    log.append(Note(decision.outcome, of: id, item: decision.item))
    if program.reaction(to: id).verb != .nothing { perform(id + Program.reaction) }
  }

  // MARK: Turns

  private func turn(mayJump: Bool) {
    isInTurn = true
    takeInbox()
    if mayJump && ready.isEmpty, let next = nextDue { now = max(now, next) }
    // What becomes due while this turn's work runs ends with the next turn.
    let time = now
    for _ in 0..<ready.count { run(ready.removeFirst()) }
    while let place = firstDue(time) {
      line.decided.append(Decision(wait: line.waiting.remove(at: place), outcome: .timedOut))
      policy.left(&line)
      settle()
    }
    isInTurn = false
  }

  private var nextDue: Int64? {
    let due = line.waiting.reduce(Int64.max) { min($0, $1.due) }
    return due == .max ? nil : due
  }

  private func firstDue(_ time: Int64) -> Int? {
    var first: Int?
    for (place, wait) in line.waiting.enumerated() where wait.due <= time {
      guard let other = first else {
        first = place
        continue
      }
      let earliest = line.waiting[other]
      if (wait.due, wait.age) < (earliest.due, earliest.age) { first = place }
    }
    return first
  }

  private func run(_ entry: Entry) {
    switch entry {
    case .act(let id):
      perform(id)
    case .call(let id):
      let act = program.act(id)
      if act.verb == .close { policy.close(&line) } else { _ = policy.notify(act, item: 0, &line) }
    case .start(let id):
      startTask(id)
    case .resume(let decision):
      endTask(decision)
    case .callback(let decision):
      isTelling = true
      tell(decision)
      isTelling = false
    case .cancelTask(let id):
      endCancelled(id)
    case .abandon:
      policy.abandon(&line)
    case .nothing:
      break
    }
    settle()
  }
}

/// What a run leaves behind, to be compared: that a wait ended, or what a call answered.
struct Note: Equatable, CustomStringConvertible {
  let bits: UInt64

  init(_ outcome: WaitOutcome, of id: Int, item: Int) {
    bits =
      UInt64(truncatingIfNeeded: id) | UInt64(outcome.rawValue) << 8 | UInt64(UInt32(truncatingIfNeeded: item)) << 32
  }

  init(answer: Int, to id: Int) {
    bits = UInt64(truncatingIfNeeded: id) | 0xFF << 8 | UInt64(UInt32(truncatingIfNeeded: answer)) << 32
  }

  var id: Int { Int(bits & 0xFF) }
  var isAnswer: Bool { bits >> 8 & 0xFF == 0xFF }
  var outcome: WaitOutcome? { WaitOutcome(rawValue: UInt8(truncatingIfNeeded: bits >> 8)) }
  var item: Int { Int(Int32(truncatingIfNeeded: bits >> 32)) }

  var description: String {
    isAnswer ? "\(id) answers \(item)" : "\(id) \(outcome.map { "\($0)" } ?? "?")\(item == 0 ? "" : " \(item)")"
  }
}
