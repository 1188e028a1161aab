import Testing
import Toro

import class Toro.Semaphore

/// Random programs against plain models: every outcome, its order, and that no permit or item is lost or doubled.
@Suite("Random programs")
struct RandomTests {
  static let seeds: [UInt64] = Array(1...8)

  /// What happened, as a model says it should have.
  private struct Told: Equatable, CustomStringConvertible {
    var id: Int
    var outcome: WaitOutcome
    var item: Int?
    var description: String { "\(id) \(outcome)\(item.map { " \($0)" } ?? "")" }
  }

  /// A wait of a model's, in line.
  private struct Line {
    var id: Int
    var amount = 1
    var isRead = false
    var item = 0
    var due: Int64?
  }

  /// Ends what is due, by deadline, then by age; `left` is called after each.
  private func expire(
    _ line: inout [Line], _ now: Int64, _ told: inout [Told], _ left: (inout [Line], inout [Told]) -> Void
  ) {
    while let first = line.filter({ $0.due.map { $0 <= now } ?? false }).min(by: { ($0.due!, $0.id) < ($1.due!, $1.id) }
    ) {
      line.removeAll { $0.id == first.id }
      told.append(Told(id: first.id, outcome: .timedOut))
      left(&line, &told)
    }
  }

  @Test("A semaphore", arguments: seeds)
  func semaphore(_ seed: UInt64) throws {
    var random = Seeded(seed)
    let reactor = try Reactor(clock: .virtual)
    let deferred = seed % 2 == 0
    let semaphore = Semaphore(3, on: reactor, deferred: deferred)
    let log = Log<Told>()
    var waits: [Int: Wait] = [:]
    var (free, held, created, now) = (3, 0, 3, Int64(0))
    var line: [Line] = []
    var told: [Told] = []

    func serve(_ line: inout [Line], _ told: inout [Told]) {
      while let first = line.first, first.amount <= free {
        free -= first.amount
        held += first.amount
        told.append(Told(id: line.removeFirst().id, outcome: .granted))
      }
    }

    for id in 0..<3000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...3:
        let amount = Int.random(in: 1...4, using: &random)
        let delay: Int64? = Bool.random(using: &random) ? Int64.random(in: 0...20, using: &random) : nil
        waits[id] = semaphore.acquire(amount, deadline: delay.map { .after(.nanoseconds($0)) } ?? .never) {
          log.note(Told(id: id, outcome: $0))
        }
        if line.isEmpty && amount <= free {
          free -= amount
          held += amount
          told.append(Told(id: id, outcome: .granted))
        } else if delay == 0 {
          told.append(Told(id: id, outcome: .timedOut))
          if !deferred { try turn() }
        } else {
          line.append(Line(id: id, amount: amount, due: delay.map { now + $0 }))
        }
      case 4...5:
        let amount = min(held, Int.random(in: 0...3, using: &random))
        held -= amount
        free += amount
        serve(&line, &told)
        semaphore.release(amount)
      case 6:
        let amount = Int.random(in: 1...3, using: &random)
        let isTaken = line.isEmpty && amount <= free
        if isTaken { (free, held) = (free - amount, held + amount) }
        #expect(semaphore.tryAcquire(amount) == isTaken, "seed \(seed), step \(id)")
      case 7:
        let target = Int.random(in: max(0, id - 20)...id, using: &random)
        waits[target]?.cancel()
        if let place = line.firstIndex(where: { $0.id == target }) {
          line.remove(at: place)
          told.append(Told(id: target, outcome: .cancelled))
          serve(&line, &told)
        }
      default:
        let step = Int64.random(in: 1...8, using: &random)
        if deferred { try turn() }
        now += step
        reactor.advance(by: .nanoseconds(step))
        // With deferred callbacks a time-out and those it lets pass are told by turns, in the order in which they ended.
        expire(&line, now, &told, serve)
        try turn()
      }
      func turn() throws {
        _ = try reactor.runOnce(blocking: false)
        _ = try reactor.runOnce(blocking: false)
      }
      if deferred { try turn() }
      #expect(log.entries == told, "seed \(seed), step \(id)")
      #expect(semaphore.count == free && semaphore.waiterCount == line.count, "seed \(seed), step \(id)")
      #expect(free + held == created)
      if log.entries != told { return }
      told = []
      _ = log.take()
    }
    created = free + held
    semaphore.close()
    try reactor.run()
    #expect(log.entries == line.map { Told(id: $0.id, outcome: .closed) }, "seed \(seed)")
  }

  @Test("A reader-writer lock", arguments: seeds)
  func readWriteLock(_ seed: UInt64) throws {
    var random = Seeded(seed &+ 100)
    let reactor = try Reactor(clock: .virtual)
    let lock = ReadWriteLock(on: reactor)
    let log = Log<Told>()
    var waits: [Int: Wait] = [:]
    var (readers, isWritten, now) = (0, false, Int64(0))
    var line: [Line] = []
    var told: [Told] = []

    func canEnter(_ isRead: Bool) -> Bool { !isWritten && (isRead || readers == 0) }
    func enter(_ isRead: Bool) { if isRead { readers += 1 } else { isWritten = true } }
    func serve(_ line: inout [Line], _ told: inout [Told]) {
      while let first = line.first, canEnter(first.isRead) {
        enter(first.isRead)
        told.append(Told(id: line.removeFirst().id, outcome: .granted))
      }
    }

    for id in 0..<3000 {
      let isRead = Int.random(in: 0..<3, using: &random) > 0
      switch Int.random(in: 0..<10, using: &random) {
      case 0...3:
        let delay: Int64? = Bool.random(using: &random) ? Int64.random(in: 1...20, using: &random) : nil
        let deadline: Deadline = delay.map { .after(.nanoseconds($0)) } ?? .never
        let callback: @Sendable (WaitOutcome) -> Void = { log.note(Told(id: id, outcome: $0)) }
        waits[id] =
          isRead
          ? lock.acquireRead(deadline: deadline, callback: callback)
          : lock.acquireWrite(deadline: deadline, callback: callback)
        line.append(Line(id: id, isRead: isRead, due: delay.map { now + $0 }))
        if line.count == 1 { serve(&line, &told) }
      case 4...6:
        if isWritten {
          isWritten = false
          if isRead {
            lock.releaseWrite()
          } else {
            readers = 1
            lock.downgrade()
          }
        } else if readers > 0 {
          readers -= 1
          lock.releaseRead()
        }
        serve(&line, &told)
      case 7:
        let isEntered = line.isEmpty && canEnter(isRead)
        if isEntered { enter(isRead) }
        #expect((isRead ? lock.tryAcquireRead() : lock.tryAcquireWrite()) == isEntered, "seed \(seed), step \(id)")
      case 8:
        let target = Int.random(in: max(0, id - 20)...id, using: &random)
        waits[target]?.cancel()
        if let place = line.firstIndex(where: { $0.id == target }) {
          line.remove(at: place)
          told.append(Told(id: target, outcome: .cancelled))
          serve(&line, &told)
        }
      default:
        let step = Int64.random(in: 1...8, using: &random)
        now += step
        reactor.advance(by: .nanoseconds(step))
        expire(&line, now, &told, serve)
        _ = try reactor.runOnce(blocking: false)
      }
      #expect(log.entries == told, "seed \(seed), step \(id)")
      #expect(lock.readers == readers && lock.isWriteLocked == isWritten && lock.waiterCount == line.count)
      if log.entries != told { return }
      told = []
      _ = log.take()
    }
  }

  struct QueueProgram: Sendable, CustomTestStringConvertible {
    let kind: QueueKind
    let seed: UInt64
    var testDescription: String { "\(kind.rawValue), seed \(seed)" }
    static let all = QueueKind.allCases.flatMap { kind in seeds.prefix(4).map { QueueProgram(kind: kind, seed: $0) } }
  }

  @Test("Every queue", arguments: QueueProgram.all)
  func queue(_ program: QueueProgram) throws {
    let (kind, seed) = (program.kind, program.seed)
    var random = Seeded(seed &+ 200)
    let reactor = try Reactor(clock: .virtual)
    var capacity: Int? = [2, 0, nil, 5][Int(seed) % 4]
    let queue = kind.make(capacity: capacity, on: reactor)
    let log = Log<Told>()
    var waits: [Int: Wait] = [:]
    var (unfinished, now) = (0, Int64(0))
    var items: [Int] = []
    var gets: [Line] = []
    var puts: [Line] = []
    var told: [Told] = []

    func insert(_ item: Int) {
      unfinished += 1
      switch kind {
      case .fifo, .joinable: items.append(item)
      case .lifo: items.insert(item, at: 0)
      case .priority: items.insert(item, at: items.firstIndex { item < $0 } ?? items.endIndex)
      }
    }
    func modelPut(_ item: Int) -> Bool {
      if !gets.isEmpty {
        unfinished += 1
        told.append(Told(id: gets.removeFirst().id, outcome: .granted, item: item))
        return true
      }
      guard items.count < capacity ?? .max else { return false }
      insert(item)
      return true
    }
    /// The item, and the put that it let in.
    func modelGet() -> (Int, Told?)? {
      var letIn: Told?
      if !puts.isEmpty {
        let put = puts.removeFirst()
        insert(put.item)
        letIn = Told(id: put.id, outcome: .granted)
      }
      return items.isEmpty ? nil : (items.removeFirst(), letIn)
    }

    for id in 0..<3000 {
      let delay: Int64? = Bool.random(using: &random) ? Int64.random(in: 1...20, using: &random) : nil
      let deadline: Deadline = delay.map { .after(.nanoseconds($0)) } ?? .never
      let item = Int.random(in: 0..<1000, using: &random)
      switch Int.random(in: 0..<14, using: &random) {
      case 0...2:
        waits[id] = queue.send(item, deadline: deadline) { log.note(Told(id: id, outcome: $0)) }
        if modelPut(item) {
          told.append(Told(id: id, outcome: .granted))
        } else {
          puts.append(Line(id: id, item: item, due: delay.map { now + $0 }))
        }
      case 3...5:
        waits[id] = queue.receive(deadline: deadline) { log.note(Told(id: id, outcome: $0.outcome, item: $0.value)) }
        if let (item, letIn) = modelGet() {
          told.append(Told(id: id, outcome: .granted, item: item))
          if let letIn { told.append(letIn) }
        } else {
          gets.append(Line(id: id, due: delay.map { now + $0 }))
        }
      case 6...7:
        let isPut = modelPut(item)
        #expect(queue.tryPut(item) == isPut, "\(program.testDescription), step \(id)")
      case 8...9:
        let taken = modelGet()
        if let letIn = taken?.1 { told.append(letIn) }
        #expect(queue.tryGet() == taken?.0, "\(program.testDescription), step \(id)")
      case 10:
        let target = Int.random(in: max(0, id - 20)...id, using: &random)
        waits[target]?.cancel()
        if gets.contains(where: { $0.id == target }) || puts.contains(where: { $0.id == target }) {
          gets.removeAll { $0.id == target }
          puts.removeAll { $0.id == target }
          told.append(Told(id: target, outcome: .cancelled))
        }
      case 11:
        let new: Int? = Int.random(in: 0..<8, using: &random) == 0 ? nil : Int.random(in: 0..<6, using: &random)
        if new ?? .max < items.count {
          #expect(throws: CapacityError.self) { try queue.setCapacity(new) }
        } else {
          capacity = new
          while !puts.isEmpty && items.count < new ?? .max {
            let put = puts.removeFirst()
            insert(put.item)
            told.append(Told(id: put.id, outcome: .granted))
          }
          try queue.setCapacity(new)
        }
      case 12:
        if unfinished > items.count {
          unfinished -= 1
          queue.done()
        }
      default:
        let step = Int64.random(in: 1...8, using: &random)
        now += step
        reactor.advance(by: .nanoseconds(step))
        var both = gets + puts
        expire(&both, now, &told) { _, _ in }
        gets = both.filter { line in gets.contains { $0.id == line.id } }
        puts = both.filter { line in puts.contains { $0.id == line.id } }
        _ = try reactor.runOnce(blocking: false)
      }
      #expect(log.entries == told, "\(program.testDescription), step \(id)")
      #expect(
        queue.count == items.count && queue.getterCount == gets.count && queue.putterCount == puts.count
          && queue.unfinishedTasks == unfinished && queue.capacity == capacity, "\(program.testDescription), step \(id)"
      )
      if log.entries != told { return }
      told = []
      _ = log.take()
    }
    queue.close()
    #expect(log.take() == (puts + gets).map { Told(id: $0.id, outcome: .closed) }, "\(program.testDescription)")
    var left: [Int] = []
    while let item = queue.tryGet() { left.append(item) }
    #expect(left == items, "\(program.testDescription)")
  }

  @Test("Tasks of which some are cancelled: no permit is lost, and nobody is left asleep", arguments: seeds)
  func tasks(_ seed: UInt64) throws {
    try inVirtualTime { reactor in
      var random = Seeded(seed &+ 300)
      let semaphore = BoundedSemaphore(4, on: reactor)
      var tasks: [Task<Void, any Error>] = []
      for _ in 0..<400 {
        let permits = Int.random(in: 1...4, using: &random)
        let patience = Int.random(in: 0...30, using: &random)
        let work = Int.random(in: 0...5, using: &random)
        tasks.append(
          reactor.spawn {
            let deadline: Deadline = patience > 25 ? .never : .after(.milliseconds(patience))
            guard try await semaphore.acquire(permits, deadline: deadline) else { return }
            defer { #expect(throws: Never.self) { try semaphore.release(permits) } }
            try await reactor.sleep(until: .after(.milliseconds(work)))
          })
        if Int.random(in: 0..<3, using: &random) == 0 { await reactor.yield() }
        if Int.random(in: 0..<3, using: &random) == 0 { tasks.randomElement(using: &random)?.cancel() }
        if Int.random(in: 0..<9, using: &random) == 0 { try await reactor.sleep(until: .after(.milliseconds(1))) }
      }
      for task in tasks { _ = await task.result }
      #expect(semaphore.count == 4 && semaphore.waiterCount == 0, "seed \(seed)")
    }
  }
}
