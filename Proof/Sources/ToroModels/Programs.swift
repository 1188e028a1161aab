/// Where programs come from: each by its number, so that it can be made again.
protocol Programs<F> {
  associatedtype F: Family
  /// How many there are, if they can be counted.
  var count: Int { get }
  func make(_ index: Int, into program: inout Program)
}

/// In what form programs wait.
package enum Form: String, CaseIterable, Sendable {
  case callback, task, mixed
}

/// Random programs: the number, with the seed, makes the program.
struct RandomPrograms<F: Family>: Programs {
  let seed: UInt64
  let operations: Int
  let form: Form
  /// One in so many has steps that another thread takes.
  let threaded: Int

  var count: Int { .max }

  func make(_ index: Int, into program: inout Program) {
    var random = Random(seed &* 0xD134_2543_DE82_EF95 &+ UInt64(index))
    make(by: &random, into: &program)
  }

  /// The program whose every choice is made by some bytes: as many steps as there are bytes for.
  static func make(from bytes: UnsafeRawBufferPointer, into program: inout Program) {
    var choices = Choices(bytes)
    let form = [Form.callback, .mixed, .task][choices.below(3)]
    let programs = RandomPrograms(seed: 0, operations: Program.limit, form: form, threaded: 0)
    programs.make(by: &choices, into: &program)
  }

  private func make(by random: inout some Numbers, into program: inout Program) {
    program.setting = F.settings[random.below(F.settings.count)]
    program.isDeferred = random.isOneIn(3)
    let isThreaded = threaded > 0 && random.isOneIn(threaded)
    program.steps.removeAll(keepingCapacity: true)
    for id in 0..<operations where !random.isSpent {
      var step = Step()
      step.act = act(&random, id)
      if step.act.verb == .begin && random.isOneIn(3) { step.then = reaction(&random, id) }
      switch step.act.verb {
      case .turn, .idle, .advance: break
      default:
        if random.isOneIn(6) {
          step.way = .queued
        } else if isThreaded && random.isOneIn(3) {
          step.way = .elsewhere
        }
      }
      program.steps.append(step)
    }
  }

  private func act(_ random: inout some Numbers, _ id: Int) -> Act {
    switch random.below(1000) {
    case ..<350: begin(&random)
    case ..<580: notify(&random)
    case ..<660: attempt(&random)
    case ..<760: cancel(&random, id)
    case ..<860: Act(verb: .turn)
    case ..<910: Act(verb: .idle)
    case ..<988: Act(verb: .advance, amount: Int8(1 + random.below(6)))
    case ..<994: .close
    default: F.isDroppable ? .drop : .close
    }
  }

  private func reaction(_ random: inout some Numbers, _ id: Int) -> Act {
    switch random.below(100) {
    case ..<40: notify(&random)
    case ..<65: begin(&random)
    case ..<75: attempt(&random)
    case ..<92: cancel(&random, id)
    case ..<96: .close
    default: F.isDroppable ? .drop : .close
    }
  }

  private func begin(_ random: inout some Numbers) -> Act {
    var act = Act.begin(UInt8(random.below(F.waits.count)), Int8(1 + random.below(3)))
    switch random.below(10) {
    case ..<4: break
    case 4: act.patience = 0
    default: act.patience = Int8(1 + random.below(12))
    }
    act.isTask = form == .task || form == .mixed && random.isOneIn(2)
    return act
  }

  private func notify(_ random: inout some Numbers) -> Act {
    if F.notices.isEmpty { return begin(&random) }
    return .notify(UInt8(random.below(F.notices.count)), Int8(random.below(F.amounts.count) + F.amounts.lowerBound))
  }

  private func attempt(_ random: inout some Numbers) -> Act {
    if F.attempts.isEmpty { return begin(&random) }
    return .attempt(UInt8(random.below(F.attempts.count)), Int8(1 + random.below(3)))
  }

  private func cancel(_ random: inout some Numbers, _ id: Int) -> Act {
    let recent = max(0, id - 12)
    let target = recent + random.below(id - recent + 1)
    return Act(verb: .cancel, target: UInt8(random.isOneIn(5) ? target + Program.reaction : target))
  }
}

/// Small worlds, every one: two waits, each left alone, cancelled or timed out, and two notices, in every order, with and
/// without a turn between any two, in every form.
struct SmallWorlds<F: Family>: Programs {
  /// What the operations of a world are, in their order.
  private struct Shape {
    /// Steps 0 and 1 are the waits, 2 and 3 their ends, 4 and 5 the notices.
    let order: [UInt8]
    let ends: [End]
  }

  enum End: CaseIterable {
    case none, cancel, timeout
  }

  private let shapes: [Shape]
  /// How many worlds come before those of each shape.
  private let starts: [Int]
  private let perGap: Int
  let count: Int

  init() {
    var shapes: [Shape] = []
    for first in End.allCases {
      for second in End.allCases {
        var operations: [UInt8] = [0, 1, 4, 5]
        if first != .none { operations.append(2) }
        if second != .none { operations.append(3) }
        for order in orders(of: operations) {
          let place = { (operation: UInt8) in order.firstIndex(of: operation) ?? .max }
          // The first wait, and the first notice, may be called the first.
          if place(0) < place(2) && place(1) < place(3) && place(0) < place(1) && place(4) < place(5) {
            shapes.append(Shape(order: order, ends: [first, second]))
          }
        }
      }
    }
    let waits = F.smallWaits.count
    let notices = F.smallNotices.count
    perGap = F.settings.count * 3 * waits * waits * notices * notices
    var starts: [Int] = []
    var total = 0
    for shape in shapes {
      starts.append(total)
      total += perGap << (shape.order.count - 1)
    }
    self.shapes = shapes
    self.starts = starts
    count = total
  }

  func make(_ index: Int, into program: inout Program) {
    var (low, high) = (0, shapes.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    let shape = shapes[low]
    var rest = index - starts[low]
    func take(_ count: Int) -> Int {
      defer { rest /= count }
      return rest % count
    }
    program.setting = F.settings[take(F.settings.count)]
    let form = take(3)
    program.isDeferred = form == 1
    let waits = [F.smallWaits[take(F.smallWaits.count)], F.smallWaits[take(F.smallWaits.count)]]
    let notices = [F.smallNotices[take(F.smallNotices.count)], F.smallNotices[take(F.smallNotices.count)]]
    let gaps = rest
    var places = [0, 0]
    program.steps.removeAll(keepingCapacity: true)
    for (place, operation) in shape.order.enumerated() {
      var act: Act
      switch operation {
      case 0, 1:
        act = waits[Int(operation)]
        act.isTask = form == 2
        act.patience = shape.ends[Int(operation)] == .timeout ? 3 : -1
        places[Int(operation)] = program.steps.count
      case 2, 3:
        let wait = Int(operation) - 2
        act =
          shape.ends[wait] == .cancel
          ? Act(verb: .cancel, target: UInt8(places[wait])) : Act(verb: .advance, amount: 3)
      default:
        act = notices[Int(operation) - 4]
        if act.verb == .begin { act.isTask = form == 2 }
      }
      program.steps.append(Step(act: act))
      if gaps >> place & 1 == 1 && place + 1 < shape.order.count {
        program.steps.append(Step(act: Act(verb: .turn)))
      }
    }
  }
}

/// Worlds of three waits and three notices, drawn by lot: the number, with the seed, makes the world.
struct SampledWorlds<F: Family>: Programs {
  let seed: UInt64

  var count: Int { .max }

  func make(_ index: Int, into program: inout Program) {
    var random = Random(seed &* 0x9E6C_63D0_876A_0B5D &+ UInt64(index))
    program.setting = F.settings[random.below(F.settings.count)]
    let form = random.below(4)
    program.isDeferred = form == 1
    var acts: [(act: Act, isEndOf: Int?)] = []
    for wait in 0..<3 {
      var act = F.smallWaits[random.below(F.smallWaits.count)]
      act.isTask = form == 2 || form == 3 && random.isOneIn(2)
      let end = random.below(3)
      act.patience = end == 2 ? 3 : -1
      acts.append((act, nil))
      if end == 1 { acts.append((Act(verb: .cancel), wait)) }
      if end == 2 { acts.append((Act(verb: .advance, amount: 3), wait)) }
    }
    for _ in 0..<3 {
      var act = F.smallNotices[random.below(F.smallNotices.count)]
      if act.verb == .begin { act.isTask = form == 2 }
      acts.append((act, nil))
    }
    for place in stride(from: acts.count - 1, to: 0, by: -1) { acts.swapAt(place, random.below(place + 1)) }
    program.steps.removeAll(keepingCapacity: true)
    var begun: [Int] = []
    for (act, isEnd) in acts {
      var step = Step(act: act)
      if act.verb == .begin { begun.append(program.steps.count) }
      if isEnd != nil && act.verb == .cancel {
        guard !begun.isEmpty else { continue }
        step.act.target = UInt8(begun[random.below(begun.count)])
      }
      if random.isOneIn(5) { step.way = .queued }
      if act.verb == .advance { step.way = .here }
      program.steps.append(step)
      if random.isOneIn(2) { program.steps.append(Step(act: Act(verb: .turn))) }
    }
  }
}

private func orders(of operations: [UInt8]) -> [[UInt8]] {
  guard operations.count > 1 else { return [operations] }
  return operations.indices.flatMap { place in
    var rest = operations
    let first = rest.remove(at: place)
    return orders(of: rest).map { [first] + $0 }
  }
}
