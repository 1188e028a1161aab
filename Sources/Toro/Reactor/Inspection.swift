/// One wait that has not ended, as ``Reactor/waits`` lists it.
public struct WaitDescription: Sendable, CustomStringConvertible {
  /// What is waited on, as in `Lock "cache"`. Of a `firstOf` it is each choice with its call.
  public let subject: String
  /// The call that waits, as in `acquire`.
  public let call: String
  /// When it began, to within the reactor's turn; `nil` if that is not known.
  public let since: ReactorClock.Instant?
  /// When it ends if nothing else ends it, or `nil`.
  public let deadline: ReactorClock.Instant?
  /// The name of the task that waits, or `nil`.
  public let task: String?
  /// Where the call stands: `Module/File.swift`, or `nil`, as in a `for try await` or a `Task.sleep`, which do not tell.
  public let file: String?
  /// The line of the call in that file, from 1, or `nil` with it.
  public let line: Int?
  /// Who holds it, and where it was acquired, while ``Reactor/notesHolders`` is on.
  public var holder: String? { holders.isEmpty ? nil : holders.map(\.description).joined(separator: ", ") }
  /// The same as data.
  package let holders: [HolderNote]
  /// Which task waits, among all that the process ever has: noted together with holders, otherwise 0.
  package let taskNumber: UInt64
  /// Names the wait among all of its reactor, ever.
  package let id: UInt64
  package let isIteration: Bool
  /// When this was looked at.
  package let now: ReactorClock.Instant

  /// In one line, as in `Lock "cache".acquire by "worker" at App/Cache.swift:12`.
  public var description: String {
    var text = call == WaitRole.any.verb ? "\(call)(\(subject))" : "\(subject).\(call)"
    if let task { text += " by \"\(task)\"" }
    if isIteration { text += " in for try await" }
    if let file, let line { text += " at \(file):\(line)" }
    if let since { text += " for \(since.duration(to: now).readable)" }
    if let deadline { text += " until \(now.duration(to: deadline).readable) from now" }
    if let holder { text += ", held by \(holder)" }
    return text
  }
}

/// What a reactor has done since it was made, and what it has at hand.
package struct ReactorActivity: Sendable {
  package var turns: UInt64
  /// Jobs of tasks, calls and deferred callbacks that were run.
  package var jobs: UInt64
  /// Those that are in line.
  package var ready: Int
  /// Spawned tasks that have not ended.
  package var tasks: Int
  /// Timed waits and calls.
  package var timers: Int
}

extension Duration {
  /// As in `15 µs`, `12 ms`, `3.5 s`: what a person wants to know of it.
  package var readable: String {
    let (seconds, attoseconds) = components
    let microseconds = Int128(seconds) * 1_000_000 + Int128(attoseconds) / 1_000_000_000_000
    let sign = microseconds < 0 ? "-" : ""
    let size = microseconds.magnitude
    if size < 1_000 { return "\(sign)\(size) µs" }
    let milliseconds = (size + 500) / 1_000
    if milliseconds < 1_000 { return "\(sign)\(milliseconds) ms" }
    var fraction = "\(milliseconds % 1_000 + 1_000)".dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return "\(sign)\(milliseconds / 1_000)\(fraction.isEmpty ? "" : ".")\(fraction) s"
  }
}

extension Reactor: CustomStringConvertible {
  /// Every wait that has not ended, oldest first.
  ///
  /// - Isolation: On the reactor's thread.
  /// - Complexity: O(n log n) in the largest number of waits that there have been at once.
  public var waits: [WaitDescription] {
    if isClosed { return [] }
    expectCurrent("Reactor.waits")
    let now = self.now
    var found: [WaitDescription] = []
    forEachWait { found.append(describe($0, at: now)) }
    return found.sorted { ($0.since?.nanoseconds ?? 0) < ($1.since?.nanoseconds ?? 0) }
  }

  /// The waits that matter most, `limit` of them at most, and how many there are: first those of tasks that hold what others wait for,
  /// then those for what somebody is known to hold, then the oldest. On the reactor's thread.
  ///
  /// - Complexity: As ``waits``, but only what is returned is put into words.
  package func waits(limit: Int) -> (waits: [WaitDescription], count: Int) {
    if isClosed { return ([], 0) }
    expectCurrent("Reactor.waits(limit:)")
    var candidates: [(waiter: WaiterPointer, since: Int64, rank: Int)] = []
    var holding: Set<UInt64> = []
    var isKnownToHold: [ObjectIdentifier: Bool] = [:]
    forEachWait { waiter in
      let source = waiter.pointee.source
      let isHeld = noting && isHeld(source, &isKnownToHold, &holding)
      candidates.append((waiter, pool.note(of: waiter)?.since ?? 0, isHeld ? 1 : 2))
    }
    if !holding.isEmpty {
      for index in candidates.indices where holding.contains(pool.taskNumber(of: candidates[index].waiter)) {
        candidates[index].rank = 0
      }
    }
    candidates.sort { ($0.rank, $0.since) < ($1.rank, $1.since) }
    let now = self.now
    return (candidates.prefix(limit).map { describe($0.waiter, at: now) }, candidates.count)
  }

  /// Whether it is known who holds a source: told once for all who wait for it.
  private func isHeld(_ source: WaitSource, _ known: inout [ObjectIdentifier: Bool], _ holding: inout Set<UInt64>)
    -> Bool
  {
    if let answer = known[ObjectIdentifier(source)] { return answer }
    let holders = source.holders
    for holder in holders where holder.taskNumber != 0 { holding.insert(holder.taskNumber) }
    known[ObjectIdentifier(source)] = !holders.isEmpty
    return !holders.isEmpty
  }

  private func forEachWait(_ body: (WaiterPointer) -> Void) {
    pool.forEachWaiting { waiter in
      if !waiter.pointee.role.isCall && waiter.pointee.receiver != .member { body(waiter) }
    }
  }

  private func describe(_ waiter: WaiterPointer, at now: ReactorClock.Instant) -> WaitDescription {
    let source = waiter.pointee.source
    let note = pool.note(of: waiter)
    let place = note.flatMap { $0.site.line > 0 ? $0.site : nil }
    return WaitDescription(
      subject: source.subject, call: source.callName(of: waiter.pointee.role),
      since: note.map { ReactorClock.Instant(nanoseconds: $0.since) },
      deadline: heap.due(of: waiter).map(ReactorClock.Instant.init(nanoseconds:)),
      task: pool.taskName(of: waiter), file: place?.file, line: place?.line, holders: source.holders,
      taskNumber: pool.taskNumber(of: waiter), id: waiter.pointee.id, isIteration: note?.site.isIteration ?? false,
      now: now)
  }

  /// How many waits there are of each kind, as in `Lock`: what can be asked often. On the reactor's thread.
  package var waitCounts: [String: Int] {
    var counts: [ObjectIdentifier: (kind: WaitSource.Type, count: Int)] = [:]
    forEachWait { waiter in
      let kind = type(of: waiter.pointee.source)
      counts[ObjectIdentifier(kind), default: (kind, 0)].count += 1
    }
    return Dictionary(counts.values.map { ($0.kind.typeName, $0.count) }, uniquingKeysWith: +)
  }

  /// What the reactor has done and has at hand. On its thread.
  package var activity: ReactorActivity {
    ReactorActivity(
      turns: counters.turns, jobs: counters.runs, ready: ready.count, tasks: liveTasks.count,
      timers: heap.count - backgroundTimers)
  }

  /// What the reactor does and who waits, a line each. From any thread; off the reactor without the state.
  public var description: String {
    if isClosed { return "<Reactor closed>" }
    guard isCurrent else { return "<Reactor>" }
    let list = waits
    let state = "ready=\(ready.count) tasks=\(liveTasks.count) timed=\(heap.count) waits=\(list.count)"
    return "<Reactor\(loop.isAdopted ? " adopted" : "") \(state)>" + list.map { "\n  \($0)" }.joined()
  }
}
