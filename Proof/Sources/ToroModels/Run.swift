import Glibc

/// What to run: programs by their numbers, on some processes.
package struct Plan {
  package var first = 0
  /// How many numbers there are.
  package var programs = 0
  /// Of these numbers, only every so many is run.
  package var every = 1
  /// Stop after so many steps, if it is not 0.
  package var steps = 0
  package var processes = 1
  /// How the same program is asked for again: words before its number.
  var again = ""
}

/// Runs programs in processes of their own, so that a program that ends its process is found like any other.
struct Run<Source: Programs> {
  typealias F = Source.F

  let source: Source
  let plan: Plan

  /// What a process tells of itself, in memory that it shares with this one.
  private struct Progress {
    var index = 0
    var programs = 0
    var steps = 0
    var hasFailed = false
  }

  /// - Returns: Whether all went well.
  func callAsFunction() -> Bool {
    let began = now()
    let processes = max(1, min(plan.processes, plan.programs))
    let progress = shared(processes)
    var children: [Int32] = []
    for number in 0..<processes {
      let child = forkProcess()
      if child == 0 {
        dieQuickly()
        _exit(work(number, of: processes, progress + number))
      }
      children.append(child)
    }
    var failed: (index: Int, how: String)?
    for (number, child) in children.enumerated() {
      let status = wait(for: child)
      let state = progress[number]
      if status == 0 || failed != nil { continue }
      failed = (state.index, status & 0x7F == 0 ? "a violation" : "the process ended by signal \(status & 0x7F)")
    }
    let seconds = now() - began
    let programs = (0..<processes).reduce(0) { $0 + progress[$1].programs }
    let steps = (0..<processes).reduce(0) { $0 + progress[$1].steps }
    guard let failed else {
      say(
        "\(F.name): \(programs) programs, \(steps) steps, no violation; \(rounded(seconds)) s, "
          + "\(Int(Double(programs) / seconds)) programs/s")
      return true
    }
    say("\(F.name): FAILED, program \(failed.index): \(failed.how)")
    say("again: ToroProof \(plan.again) --first \(failed.index) --programs 1")
    var program = Program()
    source.make(failed.index, into: &program)
    program = minimised(program)
    say("minimised:")
    _ = inChild { world in
      let wrong = try world.run(program)
      say("\(program.shortText(for: F.self))\n\(wrong ?? "no violation: it depends on what ran before")")
      return true
    }
    return false
  }

  private func work(_ number: Int, of processes: Int, _ progress: UnsafeMutablePointer<Progress>) -> Int32 {
    do {
      let world = try World<F>()
      var program = Program()
      let share = plan.steps / processes
      var index = plan.first + number * plan.every
      while index < plan.first + plan.programs {
        if progress.pointee.programs & 0xFFF == 0 { alarm(120) }
        if progress.pointee.programs & 0xFFFF == 0xFFFF { try world.renew() }
        progress.pointee.index = index
        source.make(index, into: &program)
        if let wrong = try world.run(program) {
          say("\(F.name), program \(index): \(wrong)")
          progress.pointee.hasFailed = true
          return 1
        }
        progress.pointee.programs += 1
        progress.pointee.steps = world.steps
        if share > 0 && world.steps >= share { break }
        index += processes * plan.every
      }
      world.end()
      return 0
    } catch {
      say("\(F.name): \(error)")
      return 1
    }
  }

  // MARK: Minimising

  /// The same program with all taken away that it fails without.
  private func minimised(_ program: Program) -> Program {
    var program = program
    guard fails(program) else { return program }
    func keeps(_ change: (inout Program) -> Void) -> Bool {
      var changed = program
      change(&changed)
      guard changed != program, fails(changed) else { return false }
      program = changed
      return true
    }
    while program.steps.count > 1, keeps({ $0.steps.removeLast() }) {}
    var isSmaller = true
    while isSmaller {
      isSmaller = false
      var size = 16
      while size > 0 {
        for start in stride(from: 0, to: program.steps.count, by: size) {
          isSmaller =
            keeps { for id in start..<min(start + size, $0.steps.count) { $0.steps[id] = Step() } } || isSmaller
        }
        size /= 2
      }
      isSmaller = keeps { $0.isDeferred = false } || isSmaller
      for id in program.steps.indices where program.steps[id].act.verb != .nothing {
        isSmaller = keeps { $0.steps[id].then = Act() } || isSmaller
        isSmaller = keeps { $0.steps[id].way = .here } || isSmaller
        isSmaller = keeps { $0.steps[id].act.patience = -1 } || isSmaller
        isSmaller = keeps { $0.steps[id].act.isTask = false } || isSmaller
        isSmaller = keeps { $0.steps[id].act.amount = 1 } || isSmaller
      }
    }
    return program
  }

  private func fails(_ program: Program) -> Bool {
    inChild(isQuiet: true) { world in try world.run(program) == nil } != 0
  }

  /// Runs `body` in a process of its own: 0 if it answers true.
  private func inChild(isQuiet: Bool = false, _ body: (World<F>) throws -> Bool) -> Int32 {
    let child = forkProcess()
    if child == 0 {
      dieQuickly()
      alarm(10)
      if isQuiet { dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) }
      do { _exit(try body(try World<F>()) ? 0 : 1) } catch { _exit(2) }
    }
    return wait(for: child)
  }

  private func shared(_ count: Int) -> UnsafeMutablePointer<Progress> {
    let size = count * MemoryLayout<Progress>.stride
    let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    precondition(memory != MAP_FAILED, "mmap")
    let progress = memory.unsafelyUnwrapped.bindMemory(to: Progress.self, capacity: count)
    progress.initialize(repeating: Progress(), count: count)
    return progress
  }

  private func wait(for child: Int32) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return status
  }
}

/// Swift does not import it, since threads do not come along. Here none has been made.
@_silgen_name("fork")
private func forkProcess() -> Int32

/// Has a signal end the process, rather than have it told at length.
private func dieQuickly() {
  for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGQUIT] { signal(number, SIG_DFL) }
}

/// Prints a line at once.
package func say(_ text: String) {
  let line = text + "\n"
  _ = line.withCString { write(STDOUT_FILENO, $0, line.utf8.count) }
}

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func rounded(_ seconds: Double) -> String {
  let tenths = Int((seconds * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}

extension Program {
  /// Its text without the steps that do nothing.
  func shortText<F: Family>(for family: F.Type) -> String {
    text(for: F.self).split(separator: "\n").filter { !$0.hasSuffix(": nothing") }.joined(separator: "\n")
  }
}
