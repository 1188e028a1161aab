/// One thing that a program does.
struct Act: Equatable, Sendable {
  enum Verb: UInt8, Sendable {
    case nothing
    /// Begins a wait.
    case begin
    /// Tries, and is answered at once.
    case attempt
    /// Releases, notifies, sets: what ends waits.
    case notify
    case cancel
    case close
    /// Lets go of the last reference.
    case drop
    /// Moves time on.
    case advance
    case turn
    /// A turn that may wait: with nothing ready, time jumps to the next deadline.
    case idle
  }

  var verb = Verb.nothing
  /// Which of the family's waits, attempts or notices.
  var kind: UInt8 = 0
  var amount: Int8 = 1
  /// How long a wait waits: nanoseconds, less than 0 for ever.
  var patience: Int8 = -1
  /// Which wait to cancel.
  var target: UInt8 = 0
  /// Whether a task waits, rather than a callback.
  var isTask = false
}

/// From where a step is made.
enum Way: UInt8, Sendable {
  case here
  /// By a call in the ready queue.
  case queued
  /// By another thread, while this one stands still: so the order is the program's.
  case elsewhere
}

struct Step: Equatable, Sendable {
  var act = Act()
  /// What who waits does when it has been told.
  var then = Act()
  var way = Way.here
}

/// How the primitive is at first: what the two numbers are is the family's.
struct Setting: Equatable, Sendable {
  var first = 0
  var second = 0
}

/// What is done to one primitive, in order. A step is named by its place; what is done when its wait has ended, by its place
/// and ``reaction``.
package struct Program: Equatable, Sendable {
  /// How many steps there can be.
  package static let limit = 64
  static let reaction = limit

  var setting = Setting()
  var isDeferred = false
  var steps: [Step] = []

  func act(_ id: Int) -> Act { id < Program.limit ? steps[id].act : steps[id - Program.reaction].then }

  /// What follows the end of a wait: at most one further act.
  func reaction(to id: Int) -> Act { id < Program.limit ? steps[id].then : Act() }

  /// The item that a put brings: a rank, and the put's name.
  func item(_ id: Int) -> Int { Item.encode(rank: Int(act(id).amount) & 3, id: id) }
}

/// An item of a queue. Items of one rank are equal, so that their order tells whether the queue is stable.
struct Item: Comparable, Sendable {
  /// `rank` above eight bits of a name.
  let code: Int

  static func encode(rank: Int, id: Int) -> Int { rank << 8 | id }

  var rank: Int { code >> 8 }

  static func < (a: Item, b: Item) -> Bool { a.rank < b.rank }
  static func == (a: Item, b: Item) -> Bool { a.rank == b.rank }
}

extension Program {
  /// The program as text: one line a step.
  func text<F: Family>(for family: F.Type) -> String {
    var lines = ["\(F.name) \(F.describe(setting))\(isDeferred ? ", callbacks deferred" : "")"]
    for (id, step) in steps.enumerated() {
      var line = "  \(id): "
      if step.way == .queued { line += "queued: " }
      if step.way == .elsewhere { line += "on another thread: " }
      line += step.act.text(for: F.self)
      if step.then.verb != .nothing { line += ", then (as \(id + Program.reaction)) \(step.then.text(for: F.self))" }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }
}

extension Act {
  func text<F: Family>(for family: F.Type) -> String {
    switch verb {
    case .nothing: "nothing"
    case .begin:
      "\(isTask ? "task: " : "")\(F.waits[Int(kind)])(\(amount))\(patience < 0 ? "" : " for \(patience) ns")"
    case .attempt: "\(F.attempts[Int(kind)])(\(amount))"
    case .notify: "\(F.notices[Int(kind)])(\(amount))"
    case .cancel: "cancel \(target)"
    case .close: "close"
    case .drop: "drop the last reference"
    case .advance: "advance by \(amount) ns"
    case .turn: "turn"
    case .idle: "turn, waiting"
    }
  }
}
