/// What the command line asks for.
struct Options {
  var plan = Plan()
  var seed: UInt64 = 1
  var operations = 50
  var form = Form.callback
  var threaded = 0
}

/// A family's three kinds of run.
struct Runs: Sendable {
  let name: String
  let simulate: @Sendable (Options) -> Bool
  let worlds: @Sendable (Options) -> Bool
  let sample: @Sendable (Options) -> Bool

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
  }
  static let families = [
    Runs(LockFamily.self), Runs(SemaphoreFamily.self), Runs(BoundedSemaphoreFamily.self),
    Runs(ReadWriteLockFamily.self),
    Runs(ConditionFamily.self), Runs(EventFamily.self), Runs(ResultFamily.self), Runs(BarrierFamily.self),
    Runs(GateFamily.self), Runs(QueueFamily<FifoOrder>.self), Runs(QueueFamily<LifoOrder>.self),
    Runs(QueueFamily<PriorityOrder>.self), Runs(QueueFamily<ChannelOrder>.self), Runs(ChoiceFamily.self),
  ]
}
