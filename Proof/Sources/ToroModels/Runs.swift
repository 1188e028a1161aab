/// What the command line asks for.
package struct Options {
  package var plan = Plan()
  package var seed: UInt64 = 1
  package var operations = 50
  package var form = Form.callback
  package var threaded = 0

  package init() {}
}

/// A family's three kinds of run, and one program of it whose steps are read from bytes.
package struct Runs: Sendable {
  package let name: String
  package let simulate: @Sendable (Options) -> Bool
  package let worlds: @Sendable (Options) -> Bool
  package let sample: @Sendable (Options) -> Bool
  /// What is wrong, if anything is, with the program that the bytes make.
  package let fuzz: @Sendable (UnsafeRawBufferPointer) throws -> String?

  init<F: Family>(_ family: F.Type) {
    name = F.name
    simulate = { options in
      var plan = options.plan
      plan.again =
        "simulate \(F.name) --seed \(options.seed) --operations \(options.operations) --form \(options.form.rawValue)"
        + " --threaded \(options.threaded)"
      if plan.programs == 0 { plan.programs = 100_000 }
      let source = RandomPrograms<F>(
        seed: options.seed, operations: options.operations, form: options.form, threaded: options.threaded)
      return Run(source: source, plan: plan)()
    }
    worlds = { options in
      let source = SmallWorlds<F>()
      var plan = options.plan
      plan.again = "worlds \(F.name)"
      let left = max(0, source.count - plan.first)
      plan.programs = plan.programs == 0 ? left : min(plan.programs, left)
      return Run(source: source, plan: plan)()
    }
    sample = { options in
      var plan = options.plan
      plan.again = "sample \(F.name) --seed \(options.seed)"
      if plan.steps == 0 { plan.steps = 1_000_000 }
      if plan.programs == 0 { plan.programs = .max / 2 } else { plan.steps = 0 }
      return Run(source: SampledWorlds<F>(seed: options.seed), plan: plan)()
    }
    let bench = Bench<F>()
    fuzz = { try bench.run($0) }
  }

  package static let families = [
    Runs(LockFamily.self), Runs(SemaphoreFamily.self), Runs(BoundedSemaphoreFamily.self),
    Runs(ReadWriteLockFamily.self),
    Runs(ConditionFamily.self), Runs(EventFamily.self), Runs(ResultFamily.self), Runs(BarrierFamily.self),
    Runs(GateFamily.self), Runs(QueueFamily<FifoOrder>.self), Runs(QueueFamily<LifoOrder>.self),
    Runs(QueueFamily<PriorityOrder>.self), Runs(QueueFamily<ChannelOrder>.self), Runs(ChoiceFamily.self),
  ]
}

/// The one world in which a family's programs that are made of bytes run, one after the other.
private final class Bench<F: Family>: @unchecked Sendable {
  private var world: World<F>?
  private var runs = 0

  func run(_ bytes: UnsafeRawBufferPointer) throws -> String? {
    let world = try world ?? World<F>()
    self.world = world
    runs += 1
    if runs & 0xFFFF == 0 { try world.renew() }
    var program = Program()
    RandomPrograms<F>.make(from: bytes, into: &program)
    return try world.run(program).map { "\(program.shortText(for: F.self))\n\($0)" }
  }
}
