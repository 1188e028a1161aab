import Glibc
import Synchronization
import Testing
import Toro

@testable import ToroNet

private func threadCount() -> Int {
  guard let directory = opendir("/proc/self/task") else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while let entry = readdir(directory) { if entry.pointee.d_name.0 != 46 { count += 1 } }
  return count
}

private func threadName() -> String { text(of: "/proc/thread-self/comm").filter { $0 != "\n" } }

/// As in `3` or `0-1`: which processors this thread may run on.
private func processorsOfThisThread() -> String {
  let line = text(of: "/proc/thread-self/status").split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
  return line?.split(separator: "\t").last.map(String.init) ?? ""
}

private func text(of path: String) -> String {
  guard let file = fopen(path, "r") else { return "" }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 8192)
  return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
}

private struct Failed: Error, Equatable {
  var number = 0
}

/// State on one reactor of a group.
private actor Tally: ReactorActor {
  let reactor: Reactor
  private(set) var count = 0

  init(on reactor: Reactor) { self.reactor = reactor }

  func add() -> UInt {
    count += 1
    return UInt(pthread_self())
  }
}

@Suite("Groups of reactors", .timeLimit(.minutes(10)))
struct ReactorGroupThreadsTests {
  @Test("A body runs on each reactor, on a thread of its own with a name, at the same time")
  func threads() async throws {
    let group = try ReactorGroup(count: 3, name: "worker")
    #expect(group.description == "<ReactorGroup \"worker\" count=3>")
    let arrived = Locked(0)
    let meeting = Event(on: group[1])
    let answers = try await group.run { reactor in
      #expect(Reactor.current === reactor)
      let isLast = arrived.withLock {
        $0 += 1
        return $0 == 3
      }
      if isLast { meeting.set() }
      try await meeting.wait()  // none could go on alone
      return (name: threadName(), thread: UInt(pthread_self()))
    }
    #expect(answers.map(\.name) == ["worker-0", "worker-1", "worker-2"])
    #expect(Set(answers.map(\.thread)).count == 3)
    #expect(group.reactors.allSatisfy { $0.isClosed })
    #expect(group.description == "<ReactorGroup \"worker\" count=3 ended>")
  }

  @Test("It blocks the thread that runs it where nothing can be awaited, and ends when all bodies have")
  func blocking() throws {
    func run() throws -> [Int] {
      let group = try ReactorGroup(count: 2)
      return try group.run { reactor in
        try await reactor.sleep(for: .milliseconds(reactor === group[0] ? 1 : 20))
        return reactor === group[0] ? 1 : 2
      }
    }
    #expect(try run() == [1, 2])
  }

  @Test("One reactor for each processor; pinned, each thread stays on one")
  func processors() async throws {
    #expect(ReactorGroup.processorCount >= 1)
    let group = try ReactorGroup(pinsThreads: true)
    #expect(group.count == ReactorGroup.processorCount)
    let processors = try await group.run { _ in processorsOfThisThread() }
    #expect(Set(processors).count == group.count)
    #expect(processors.allSatisfy { Int($0) != nil })
  }

  @Test("Tasks and actors stay on the reactor that they were given, spawned from anywhere, before and during the run")
  func pinning() async throws {
    let group = try ReactorGroup(count: 3)
    let tallies = group.reactors.map { Tally(on: $0) }
    let early = (0..<6).map { _ in
      let reactor = group.next()
      return (reactor, reactor.spawn { Reactor.current === reactor })
    }
    #expect(early.prefix(3).map { $0.0 }.elementsEqual(group.reactors, by: ===))
    #expect(early.suffix(3).map { $0.0 }.elementsEqual(group.reactors, by: ===))
    let seen = try await group.run { reactor in
      let home = group.index(of: reactor, "")
      for _ in 0..<50 { for tally in tallies { _ = await tally.add() } }
      let far = group[(home + 1) % 3].spawn { Reactor.current === group[(home + 1) % 3] }
      #expect(await far.value)
      return (await tallies[home].add(), UInt(pthread_self()))
    }
    for (inActor, inBody) in seen { #expect(inActor == inBody) }
    for (_, task) in early { #expect(await task.value) }
    var total = 0
    for tally in tallies { total += await tally.count }
    #expect(total == 3 * 150 + 3)
  }

  @Test("The first error of a body ends the group and is thrown; the other bodies are cancelled")
  func errors() async throws {
    let group = try ReactorGroup(count: 3)
    let begun = Locked(0)
    let cancelled = Locked(0)
    await #expect(throws: Failed(number: 1)) {
      try await group.run { reactor in
        begun.withLock { $0 += 1 }
        if reactor === group[1] {
          while begun.withLock({ $0 }) < 3 { try await reactor.sleep(for: .milliseconds(1)) }
          throw Failed(number: 1)
        }
        do {
          try await group.stopping().wait()  // an end in order would set it
          try await reactor.sleep(for: .seconds(3600))
        } catch {
          cancelled.withLock { $0 += 1 }
          throw Failed(number: 2)
        }
      }
    }
    #expect(cancelled.withLock { $0 } == 2)
    #expect(group.isStopping)
    #expect(group.reactors.allSatisfy { $0.isClosed })
  }

  @Test("All bodies that throw at once: one of the errors is thrown")
  func errorsEverywhere() async throws {
    for _ in 0..<20 {
      let group = try ReactorGroup(count: 4)
      await #expect(throws: Failed.self) { try await group.run { _ in throw Failed() } }
    }
  }

  @Test("Asked to stop, bodies that end in time are let end, and it returns what they return")
  func stopping() async throws {
    let group = try ReactorGroup(count: 3)
    group[0].spawn {
      try await group[0].sleep(for: .milliseconds(5))
      group.stop(deadline: .after(.seconds(3600)))
    }
    let values = try await group.run { reactor in
      let idle = SharedQueue<Int>(capacity: 1)
      try await group.stopping().wait()
      #expect(group.isStopping)
      let last = try await idle.get(deadline: .after(.milliseconds(20)))  // work that is left
      return last == nil
    }
    #expect(values == [true, true, true])
    #expect(group.reactors.allSatisfy { $0.isClosed })
    group.stop()  // does nothing any more
  }

  @Test("What is left at the deadline is cancelled, run to its end, and told by StoppedError")
  func deadline() async throws {
    let group = try ReactorGroup(count: 3)
    let begun = Locked(0)
    let ended = Locked<[Int]>([])
    await #expect(throws: StoppedError.self) {
      try await group.run { reactor in
        let index = group.index(of: reactor, "")
        defer { ended.withLock { $0.append(index) } }
        begun.withLock { $0 += 1 }
        while begun.withLock({ $0 }) < 3 { try await reactor.sleep(for: .milliseconds(1)) }
        if index == 0 { group.stop(deadline: .after(.milliseconds(10))) }
        try await group.stopping().wait()
        if index != 1 { try await reactor.sleep(for: .seconds(3600)) }
      }
    }
    #expect(ended.withLock { $0.sorted() } == [0, 1, 2])
  }

  @Test("A second stop may be sooner; one whose deadline has passed cancels now")
  func stoppingTwice() async throws {
    let group = try ReactorGroup(count: 2)
    await #expect(throws: StoppedError.self) {
      try await group.run { reactor in
        group.stop()
        group.stop(deadline: .after(.seconds(3600)))
        if reactor === group[0] { group.stop(deadline: .after(.zero)) }
        try await reactor.sleep(for: .seconds(3600))
      }
    }
  }

  @Test("Stopped before it runs, it runs nothing; it runs once; dropped without a run it leaves nothing")
  func phases() async throws {
    let stopped = try ReactorGroup(count: 2)
    stopped.stop()
    let began = Locked(0)
    await #expect(throws: StoppedError.self) { try await stopped.run { _ in began.withLock { $0 += 1 } } }
    await #expect(throws: ReactorClosedError.self) { try await stopped.run { _ in began.withLock { $0 += 1 } } }
    #expect(began.withLock { $0 } == 0)
    let once = try ReactorGroup(count: 1)
    try await once.run { _ in }
    await #expect(throws: ReactorClosedError.self) { try await once.run { _ in } }
    var dropped: ReactorGroup? = try ReactorGroup(count: 2)
    let first = dropped![0]
    let task = first.spawn { try await first.sleep(for: .seconds(3600)) }
    dropped = nil
    #expect(first.isClosed)
    await #expect(throws: (any Error).self) { try await task.value }
  }

  @Test("Cancelling the task that runs it cancels the bodies")
  func cancelling() async throws {
    let group = try ReactorGroup(count: 2)
    let begun = Locked(0)
    let running = Task {
      try await group.run { reactor in
        begun.withLock { $0 += 1 }
        try await reactor.sleep(for: .seconds(3600))
      }
    }
    while begun.withLock({ $0 }) < 2 { await Task.yield() }
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    #expect(group.reactors.allSatisfy { $0.isClosed })
  }

  @Test("A reactor whose body has returned goes on for the others; tasks that are left are cancelled at the end")
  func goingOn() async throws {
    let group = try ReactorGroup(count: 2)
    let left = Locked<[any Error]>([])
    try await group.run { reactor in
      if reactor === group[0] {
        reactor.spawn {
          do { try await reactor.sleep(for: .seconds(3600)) } catch { left.withLock { $0.append(error) } }
        }
        return
      }
      try await reactor.sleep(for: .milliseconds(10))
      let lock = Lock(on: group[0])
      for _ in 0..<100 { try await lock.withLock {} }
      #expect(try await group[0].perform { Reactor.current === group[0] })
    }
    #expect(left.withLock { $0.count } == 1)
  }

  @Test("Threads, descriptors and waits are back to what they were after hundreds of groups")
  func nothingIsLeft() async {
    await #expect(processExitsWith: .success) {
      for round in 0..<120 {
        if round == 20 { beforeHundreds = (openDescriptorCount(), threadCount()) }
        let group = try ReactorGroup(count: 3)
        switch round % 4 {
        case 0: try await group.run { _ in }
        case 1: await #expect(throws: Failed.self) { try await group.run { _ in throw Failed() } }
        case 2:
          await #expect(throws: StoppedError.self) {
            try await group.run { reactor in
              group.stop(deadline: .after(.milliseconds(1)))
              try await reactor.sleep(for: .seconds(3600))
            }
          }
        default: break  // never run
        }
      }
      #expect(openDescriptorCount() == beforeHundreds.0)
      #expect(threadCount() <= beforeHundreds.1 + 1)
    }
  }

  @Test("Misuse has a message")
  func misuse() async {
    await #expect(processExitsWith: .failure) { _ = try ReactorGroup(count: 0) }
    await #expect(processExitsWith: .failure) { _ = try ReactorGroup(count: 1)[1] }
    await #expect(processExitsWith: .failure) {
      let group = try ReactorGroup(count: 1)
      _ = group.stopping(on: try Reactor())
    }
    await #expect(processExitsWith: .failure) {
      let group = try ReactorGroup(count: 1)
      try await group.run { _ in try await group.run { _ in } }
    }
  }
}

private nonisolated(unsafe) var beforeHundreds = (0, 0)
