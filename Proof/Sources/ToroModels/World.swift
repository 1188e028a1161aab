import Toro

/// The real primitive on a real reactor in virtual time, and the model beside it: runs a program on both and compares them
/// after each step.
///
/// One reactor serves many programs, each with a primitive of its own.
final class World<F: Family>: @unchecked Sendable {
  @exclusivity(unchecked) private var reactor: Reactor
  private let model = Model<F.Model>(notifiesElsewhere: F.notifiesElsewhere)
  @exclusivity(unchecked) private var elsewhere: Elsewhere?
  @exclusivity(unchecked) private var program = Program()
  @exclusivity(unchecked) private var subject: F.Subject?
  private let waits = UnsafeMutablePointer<Wait?>.allocate(capacity: 2 * Program.limit)
  private let tasks = UnsafeMutablePointer<Task<Void, Never>?>.allocate(capacity: 2 * Program.limit)
  @exclusivity(unchecked) private var log: [Note] = []
  /// A wait that has ended: cancelling it does nothing, and tells what is left to tell.
  @exclusivity(unchecked) private var ended: Wait
  // What is counted without the model.
  private let begun = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * Program.limit)
  private let tellings = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * Program.limit)
  @exclusivity(unchecked) private var balance = 0
  @exclusivity(unchecked) private var inside: Set<Int> = []
  @exclusivity(unchecked) private var firstViolation: String?
  @exclusivity(unchecked) private(set) var steps = 0

  /// It stays as long as the process: callbacks that are left know where it is.
  init() throws {
    waits.initialize(repeating: nil, count: 2 * Program.limit)
    tasks.initialize(repeating: nil, count: 2 * Program.limit)
    reactor = try Reactor(clock: .virtual)
    ended = reactor.schedule(at: .never) {}
    ended.cancel()
    begun.initialize(repeating: 0, count: 2 * Program.limit)
    _ = Unmanaged.passRetained(self)
  }

  /// Closes the reactor and takes another: what it leaves behind would be seen.
  func renew() throws {
    reactor.close()
    reactor = try Reactor(clock: .virtual)
    ended = reactor.schedule(at: .never) {}
    ended.cancel()
  }

  func end() { reactor.close() }

  // MARK: Running

  /// Runs `program`.
  ///
  /// - Returns: What was found wrong, or `nil`.
  func run(_ program: Program) throws -> String? {
    self.program = program
    model.reset(program)
    firstViolation = nil
    balance = 0
    inside.removeAll(keepingCapacity: true)
    inside.formUnion(F.initialItems(program.setting))
    for id in 0..<(2 * Program.limit) where begun[id] != 0 {
      waits[id] = nil
      tasks[id] = nil
    }
    begun.initialize(repeating: 0, count: 2 * Program.limit)
    tellings.initialize(repeating: 0, count: 2 * Program.limit)
    subject = F.make(program.setting, on: reactor, deferred: program.isDeferred)
    let initialStock = F.stock(F.look(subject.unsafelyUnwrapped))

    for id in program.steps.indices where program.steps[id].act.verb != .nothing {
      steps += 1
      model.step(id)
      try step(id)
      if let wrong = compare(initialStock) { return "step \(id): \(wrong)" }
      if model.readyCount >= 20 {
        try turn()
        if let wrong = compare(initialStock) { return "the turn after step \(id): \(wrong)" }
      }
    }
    if let wrong = try finish(initialStock) { return "at the end: \(wrong)" }
    return nil
  }

  private func turn() throws {
    model.turn()
    _ = try reactor.runOnce(blocking: false)
  }

  /// Ends what is left, as a program in order does, and looks whether all is told and nothing left.
  private func finish(_ initialStock: Int) throws -> String? {
    var isDrained = false
    if subject != nil {
      model.close()
      close()
      if let wrong = compare(initialStock) { return "close: \(wrong)" }
    }
    for _ in 0..<8 {
      for _ in 0..<4 {
        try turn()
        if let wrong = compare(initialStock) { return "turn: \(wrong)" }
      }
      let left = model.waitingIDs
      if left.isEmpty && model.isQuiet { break }
      for id in left {
        model.cancel(id)
        cancel(id)
        if let wrong = compare(initialStock) { return "cancelling \(id): \(wrong)" }
      }
    }
    if let items = subject.flatMap(F.drain) {
      isDrained = true
      for item in items where inside.remove(item) == nil { return "item \(item) is held, and was not put" }
    }
    if isDrained && !inside.isEmpty { return "items \(inside.sorted()) were put, and are nowhere" }
    model.drop()
    subject = nil
    for _ in 0..<3 { try turn() }
    if let wrong = compare(initialStock) { return "drop: \(wrong)" }
    for id in 0..<(2 * Program.limit) where begun[id] != tellings[id] {
      return "wait \(id) was told \(tellings[id]) times"
    }
    if try reactor.runOnce(blocking: false) { return "the reactor still has something to do" }
    return firstViolation
  }

  private func compare(_ initialStock: Int) -> String? {
    defer {
      log.removeAll(keepingCapacity: true)
      model.clearLog()
    }
    if log != model.log { return "\(log) was told, instead of \(model.log)" }
    if let firstViolation { return firstViolation }
    guard let subject else { return model.isHeld ? "the primitive is gone" : nil }
    let look = F.look(subject)
    if look != model.look { return "\(look), instead of \(model.look)" }
    if model.isQuiet && F.stock(look) != initialStock + balance {
      return "\(F.stock(look)) instead of \(initialStock + balance) is there: something was lost or made"
    }
    return nil
  }

  // MARK: The real thing

  private func step(_ id: Int) throws {
    let step = program.steps[id]
    switch (step.way, step.act.verb) {
    case (.here, .turn): _ = try reactor.runOnce(blocking: false)
    case (.here, .idle): _ = try reactor.runOnce(blocking: true)
    case (.here, _): perform(id)
    case (.queued, _): reactor.execute { [unowned(unsafe) self] in perform(id) }
    case (.elsewhere, _):
      if elsewhere == nil { elsewhere = Elsewhere() }
      elsewhere.unsafelyUnwrapped.run { [unowned(unsafe) self] in performElsewhere(id, step.act) }
    }
  }

  private func performElsewhere(_ id: Int, _ act: Act) {
    switch act.verb {
    case .begin where act.isTask:
      if let subject { spawn(id, act, subject) }
    case .cancel:
      waits[Int(act.target)]?.cancel()
      tasks[Int(act.target)]?.cancel()
      if waits[Int(act.target)] == nil && tasks[Int(act.target)] == nil {
        // It may have begun by the time that this arrives.
        reactor.execute { [unowned(unsafe) self] in perform(id) }
      }
    case .drop:
      subject = nil
    case .notify:
      guard let subject else { break }
      if F.notifiesElsewhere {
        _ = F.notify(subject, act, item: 0)
        balance += F.weight(act, answer: nil)
      } else {
        reactor.execute { [unowned(unsafe) self] in perform(id) }
      }
    case .close:
      subject.map(F.close)
    default:
      reactor.execute { [unowned(unsafe) self] in perform(id) }
    }
  }

  private func deadline(_ act: Act) -> Deadline {
    act.patience < 0
      ? .never
      : act.patience % 2 == 0
        ? .after(.nanoseconds(Int64(act.patience)))
        : .at(ReactorClock.Instant(nanoseconds: reactor.now.nanoseconds + Int64(act.patience)))
  }

  private func perform(_ id: Int) {
    let act = program.act(id)
    switch act.verb {
    case .nothing, .turn, .idle:
      break
    case .begin:
      guard let subject else { break }
      if act.isTask { return spawn(id, act, subject) }
      begun[id] += 1
      withExtendedLifetime(subject) {
        waits[id] = F.begin(subject, act, item: program.item(id), deadline: deadline(act), self, id)
      }
    case .attempt:
      guard let subject else { break }
      withExtendedLifetime(subject) {
        let answer = F.attempt(subject, act, item: program.item(id))
        if F.drainsItems {
          if act.kind == 0, answer == 1 { entered(program.item(id)) }
          if act.kind == 1, answer >= 0 { left(answer) }
        }
        balance += F.weight(act, answer: answer)
        log.append(Note(answer: answer, to: id))
      }
    case .notify:
      guard let subject else { break }
      withExtendedLifetime(subject) {
        let answer = F.notify(subject, act, item: program.item(id))
        balance += F.weight(act, answer: answer)
        if let answer { log.append(Note(answer: answer, to: id)) }
      }
    case .cancel:
      cancel(Int(act.target))
    case .close:
      close()
    case .drop:
      subject = nil
    case .advance:
      reactor.advance(by: .nanoseconds(Int64(act.amount)))
    }
  }

  private func close() {
    guard let subject else { return }
    withExtendedLifetime(subject) { F.close(subject) }
  }

  private func cancel(_ id: Int) {
    if let task = tasks[id] {
      task.cancel()
      // What it let go is told on the next turn, or by the next call that ends waits: this one.
      ended.cancel()
    } else {
      waits[id]?.cancel()
    }
  }

  private func spawn(_ id: Int, _ act: Act, _ subject: F.Subject) {
    begun[id] += 1
    let item = program.item(id)
    tasks[id] = reactor.spawn { [unowned(unsafe) self] () async -> Void in
      do {
        if let handed = try await F.wait(subject, act, item: item, deadline: deadline(act)) {
          told(id, .granted, item: handed)
        } else {
          told(id, .timedOut)
        }
      } catch is CancellationError {
        told(id, .cancelled)
      } catch is ClosedError {
        told(id, .closed)
      } catch {
        firstViolation = firstViolation ?? "wait \(id) threw \(error)"
      }
    }
  }

  /// A wait has ended: what every callback calls.
  func told(_ id: Int, _ outcome: WaitOutcome, item: Int = 0) {
    log.append(Note(outcome, of: id, item: item))
    tellings[id] += 1
    let act = program.act(id)
    if outcome == .granted {
      balance += F.weight(granted: act)
      if F.drainsItems {
        if act.kind == 0 { entered(program.item(id)) }
        if act.kind == 1 { left(item) }
      }
    }
    if program.reaction(to: id).verb != .nothing { perform(id + Program.reaction) }
  }

  // An item may leave before its put is told.

  private func entered(_ item: Int) {
    if inside.remove(-item) == nil, !inside.insert(item).inserted { violated("item \(item) was put twice") }
  }

  private func left(_ item: Int) {
    if inside.remove(item) == nil, !inside.insert(-item).inserted { violated("item \(item) was delivered twice") }
  }

  private func violated(_ what: String) { firstViolation = firstViolation ?? what }
}
