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
  public let holder: String?
  let isIteration: Bool
  let now: ReactorClock.Instant

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

extension Duration {
  /// As in `15 µs`, `12 ms`, `3.5 s`: what a person wants to know of it.
  var readable: String {
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
    pool.forEachWaiting { waiter in
      guard !waiter.pointee.role.isCall, waiter.pointee.receiver != .member else { return }
      let note = pool.note(of: waiter)
      let place = note.flatMap { $0.site.line > 0 ? $0.site : nil }
      found.append(
        WaitDescription(
          subject: waiter.pointee.source.subject, call: waiter.pointee.source.callName(of: waiter.pointee.role),
          since: note.map { ReactorClock.Instant(nanoseconds: $0.since) },
          deadline: heap.due(of: waiter).map(ReactorClock.Instant.init(nanoseconds:)),
          task: pool.taskName(of: waiter), file: place?.file, line: place?.line,
          holder: waiter.pointee.source.holderDescription, isIteration: note?.site.isIteration ?? false, now: now))
    }
    return found.sorted { ($0.since?.nanoseconds ?? 0) < ($1.since?.nanoseconds ?? 0) }
  }

  /// How many waits there are of each kind, as in `Lock`: what can be asked often. On the reactor's thread.
  package var waitCounts: [String: Int] {
    var counts: [String: Int] = [:]
    pool.forEachWaiting { waiter in
      guard !waiter.pointee.role.isCall, waiter.pointee.receiver != .member else { return }
      counts[type(of: waiter.pointee.source).typeName, default: 0] += 1
    }
    return counts
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
