/// Waits for whichever of several waits is granted first. Exactly one is consumed; the others own nothing.
///
///     switch try await firstOf(queue.choice { .job($0) }, shutdown.choice { .stop }) { … }
///
/// What can succeed at once does, the earlier argument first.
///
/// - Parameter choices: What to wait for, all of one reactor. At least one.
/// - Returns: What the choice that was granted makes of its value.
/// - Throws: `CancellationError` if the task is cancelled first; ``ClosedError`` if one of the choices is closed first;
///   ``ReactorClosedError``.
/// - Isolation: May be awaited from any thread.
/// - Complexity: O(n) in the number of choices.
public func firstOf<Value: Sendable>(
  _ choices: Choice<Value>..., file: StaticString = #fileID, line: UInt = #line
) async throws -> Value {
  try await ChoiceGroup.wait(choices, until: .max, WaitSite(file, line)).unsafelyUnwrapped
}

/// Waits for whichever of several waits is granted first, unless the deadline passes first.
///
/// - Returns: What the choice that was granted makes of its value, or `nil` after a time-out: then nothing is consumed.
/// - Throws: As ``firstOf(_:file:line:)``.
/// - Isolation: May be awaited from any thread.
public func firstOf<Value: Sendable>(
  deadline: Deadline, _ choices: Choice<Value>..., file: StaticString = #fileID, line: UInt = #line
) async throws -> Value? {
  require(!choices.isEmpty, "firstOf(): nothing to wait for")
  return try await ChoiceGroup.wait(choices, until: choices[0].source.reactor.resolve(deadline), WaitSite(file, line))
}

/// Waits for whichever of several waits is granted first, in the callback form.
///
/// The callback runs on the next turn if one of the choices is of a primitive that defers its callbacks.
///
/// - Returns: What cancels the wait.
/// - Isolation: On the reactor's thread.
@discardableResult
public func firstOf<Value: Sendable>(
  deadline: Deadline = .never, _ choices: Choice<Value>..., file: StaticString = #fileID, line: UInt = #line,
  callback: @escaping @Sendable (WaitResult<Value>) -> Void
) -> Wait {
  ChoiceGroup.wait(choices, until: deadline, WaitSite(file, line), callback)
}

/// One of the waits that ``firstOf(_:file:line:)`` waits for. Made by the primitives' `choice` calls; it may be used for
/// several waits.
public struct Choice<Value: Sendable>: Sendable {
  let source: WaitSource
  let handle: any Sendable
  let role: WaitRole
  let amount: Int
  /// Tries at once: the value, or `nil` if it has to wait. Also the put that a get let in, to be told after the get.
  let attempt: @Sendable () throws -> (value: Value, letIn: WaiterPointer?)?
  /// Readies a waiter: gives it what it brings.
  let prepare: @Sendable (WaiterPointer) -> Void
  /// What a granted waiter was handed.
  let receive: @Sendable (WaiterPointer) -> Value

  /// A choice whose grant carries no value.
  init(
    _ source: WaitSource, of handle: any Sendable, _ role: WaitRole, _ amount: Int,
    _ value: @escaping @Sendable () -> Value
  ) {
    self.source = source
    self.handle = handle
    self.role = role
    self.amount = amount
    attempt = {
      switch source.admit(role, amount) {
      case .granted: (value(), nil)
      case .wait: nil
      case .closed: throw source.reactor.closedError(source)
      }
    }
    prepare = { $0.pointee.payload.0 = UInt(bitPattern: amount) }
    receive = { _ in value() }
  }

  init<Storage: QueueStorage>(
    getFrom core: QueueCore<Storage>, of handle: any Sendable,
    _ transform: @escaping @Sendable (Storage.Element) -> Value
  ) {
    source = core
    self.handle = handle
    role = .get
    amount = 0
    attempt = {
      if let (item, letIn) = core.takeNow() { return (transform(item), letIn) }
      if core.isClosed { throw core.reactor.closedError(core) }
      return nil
    }
    prepare = { _ in }
    receive = { transform($0.takeItem(as: Storage.Element.self)) }
  }

  init<Storage: QueueStorage>(
    put item: Storage.Element, into core: QueueCore<Storage>, of handle: any Sendable,
    _ value: @escaping @Sendable () -> Value
  ) {
    source = core
    self.handle = handle
    role = .put
    amount = 0
    attempt = {
      if core.putNow(item) { return (value(), nil) }
      if core.isClosed { throw core.reactor.closedError(core) }
      return nil
    }
    prepare = { $0.storeItem(item) }
    receive = { _ in value() }
  }
}

/// The waits of one `firstOf`: a wait of its own, which has the deadline and the task or callback, and a member in the line
/// of each choice. When a member is granted, the others leave their lines before anybody else can look.
final class ChoiceGroup: WaitSource, @unchecked Sendable {
  private var members: [WaiterPointer] = []
  /// The wait that the members stand for: in `waiters`, alone.
  private var winner: Int?
  private var winningOutcome = WaitOutcome.granted
  /// Keeps the group alive while a callback waits.
  private var itself: ChoiceGroup?

  override class var typeName: String { "firstOf" }

  /// What is waited for, as in `Queue "jobs".get, Event "stop".wait`.
  override var subject: String {
    members.isEmpty
      ? super.subject
      : members.map { "\($0.pointee.source.subject).\($0.pointee.source.callName(of: $0.pointee.role))" }
        .joined(separator: ", ")
  }

  // MARK: Members

  private func add<Value>(_ choices: [Choice<Value>]) {
    for choice in choices {
      let member = reactor.pool.take(for: choice.source)
      choice.prepare(member)
      member.pointee.role = choice.role
      member.pointee.receiver = .member
      member.pointee.told = (
        UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()), UInt(bitPattern: members.count)
      )
      member.pointee.state = .waiting
      choice.source.link(member)
      reactor.pendingWaits &+= 1
      members.append(member)
    }
  }

  /// A member was granted, or closed: it speaks for the group.
  func memberDecided(_ member: WaiterPointer) {
    guard winner == nil else { return }
    winner = Int(bitPattern: member.pointee.told.1)
    winningOutcome = member.pointee.outcome
    removeMembers(except: member)
    guard let own = waiters.popFirst() else { return }
    decide(own, winningOutcome)
  }

  /// The group's own wait ended, by time-out or cancellation: the members leave their lines.
  override func unlink(_ waiter: WaiterPointer) {
    waiters.remove(waiter)
    winner = -1
    removeMembers(except: nil)
  }

  override func closeAbandoned() {
    guard let own = waiters.first else { return }
    unlink(own)
    decide(own, .closed)
  }

  private func removeMembers(except winner: WaiterPointer?) {
    for member in members where member != winner && member.pointee.state == .waiting {
      let source = member.pointee.source
      source.unlink(member)
      decide(member, .cancelled)
      reactor.rebalanceLater(source)
    }
  }

  private func giveMembersBack() {
    for member in members { reactor.recycle(member) }
    members = []
    itself = nil
  }

  private func value<Value>(of choices: [Choice<Value>]) -> Value? {
    guard let winner, winner >= 0, winningOutcome == .granted else { return nil }
    return choices[winner].receive(members[winner])
  }

  private func subject<Value>(of choices: [Choice<Value>]) -> String {
    guard let winner, winner >= 0 else { return subject }
    return choices[winner].source.subject
  }

  // MARK: Waiting

  static func wait<Value>(_ choices: [Choice<Value>], until due: Int64, _ site: WaitSite) async throws -> Value? {
    let reactor = check(choices)
    guard reactor.isInside else {
      try reactor.expectOpen("firstOf")
      return try await reactor.home.firstOf(choices, on: reactor, until: due, site)
    }
    var refusal: (any Error)?
    for choice in choices {
      do {
        guard let (value, letIn) = try choice.attempt() else { continue }
        if let letIn { reactor.decide(letIn, .granted) }
        reactor.settle()
        return value
      } catch {
        refusal = refusal ?? error
      }
    }
    if let refusal { throw refusal }
    let record = try reactor.recordOfWaitingTask()
    if due == .min {
      _ = await reactor.parkOtherwise(reactor.passed())
      return nil
    }
    let group = ChoiceGroup(name: nil, on: reactor)
    group.add(choices)
    let waiter = reactor.begin(on: group, .any, 0, due, site, record)
    _ = await reactor.parkOtherwise(reactor.prepareToPark(waiter, record, #isolation))
    let outcome = waiter.pointee.outcome
    reactor.recycle(waiter)
    let value = group.value(of: choices)
    let closed = group.subject(of: choices)
    group.giveMembersBack()
    if outcome == .closed && !reactor.isClosing { throw ClosedError(closed) }
    return try reactor.conclude(outcome, on: group) ? value : nil
  }

  static func wait<Value>(
    _ choices: [Choice<Value>], until deadline: Deadline, _ site: WaitSite,
    _ callback: @escaping @Sendable (WaitResult<Value>) -> Void
  ) -> Wait {
    let reactor = check(choices)
    // One choice that defers its callbacks is enough: its notifier counts on it.
    let group = ChoiceGroup(
      name: nil, on: reactor, deferred: choices.contains { $0.source.defersCallbacks })
    guard reactor.isHere(for: group, .any) else {
      callback(.closed)
      return Wait(id: 0, of: reactor)
    }
    let due = reactor.resolve(deadline)
    var outcome: WaitOutcome?
    var value: Value?
    var letIn: WaiterPointer?
    for choice in choices where outcome != .granted {
      do {
        guard let taken = try choice.attempt() else { continue }
        (value, letIn) = (taken.value, taken.letIn)
        outcome = .granted
      } catch {
        outcome = .closed
      }
    }
    if outcome == nil { outcome = reactor.outcomeAtOnce(on: group, .any, 0, due) }
    group.itself = group
    if let outcome {
      let waiter = reactor.pool.take(for: group)
      let atOnce = value
      waiter.storeCallback(
        OutcomeCallback { [unowned(unsafe) group] outcome in
          group.giveMembersBack()
          callback(atOnce.map(WaitResult.granted) ?? WaitResult(failure: outcome))
        })
      reactor.tellAtOnce(waiter, outcome, letIn)
      return Wait(id: 0, of: reactor)
    }
    group.add(choices)
    let waiter = reactor.begin(on: group, .any, 0, due, site, nil)
    waiter.storeCallback(
      OutcomeCallback { [unowned(unsafe) group] outcome in
        let value = group.value(of: choices)
        withExtendedLifetime(group) { group.giveMembersBack() }
        callback(value.map(WaitResult.granted) ?? WaitResult(failure: outcome))
      })
    return Wait(id: waiter.pointee.id, of: reactor)
  }

  private static func check<Value>(_ choices: [Choice<Value>]) -> Reactor {
    require(!choices.isEmpty, "firstOf(): nothing to wait for")
    let reactor = choices[0].source.reactor
    require(
      choices.allSatisfy { $0.source.reactor === reactor }, "firstOf(): the choices belong to different reactors")
    return reactor
  }
}

extension ReactorHome {
  fileprivate func firstOf<Value>(
    _ choices: [Choice<Value>], on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Value? {
    visit()
    try reactor.expectArrival()
    return try await ChoiceGroup.wait(choices, until: due, site)
  }
}

// MARK: - Choices

extension Lock {
  /// To acquire the lock, as one of several waits.
  public func choice<Value: Sendable>(_ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    Choice(core, of: self, .acquire, 0, value)
  }
}

extension BasicSemaphore {
  /// To acquire permits, as one of several waits.
  public func choice<Value: Sendable>(_ permits: Int = 1, _ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    core.expectValid(permits)
    return Choice(core, of: self, .acquire, permits, value)
  }
}

extension ReadWriteLock {
  /// To acquire the lock together with other readers, as one of several waits.
  public func readChoice<Value: Sendable>(_ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    Choice(core, of: self, .read, 0, value)
  }

  /// To acquire the lock alone, as one of several waits.
  public func writeChoice<Value: Sendable>(_ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    Choice(core, of: self, .write, 0, value)
  }
}

extension Condition {
  /// To be notified, as one of several waits.
  public func choice<Value: Sendable>(_ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    Choice(core, of: self, .wait, 0, value)
  }
}

extension Event {
  /// To see the event set, as one of several waits.
  public func choice<Value: Sendable>(_ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    Choice(core, of: self, .wait, 0, value)
  }
}

extension AsyncResult {
  /// To get the value or the failure, as one of several waits.
  public func choice<Chosen: Sendable>(
    _ transform: @escaping @Sendable (Result<Value, any Error>) -> Chosen
  ) -> Choice<Chosen> {
    let core = core
    return Choice(core, of: self, .get, 0) { transform(core.result.unsafelyUnwrapped) }
  }
}

extension GenericQueue {
  /// To take the item that leaves first, as one of several waits.
  public func choice<Value: Sendable>(_ transform: @escaping @Sendable (Element) -> Value) -> Choice<Value> {
    Choice(getFrom: core, of: self, transform)
  }

  /// To put an item, as one of several waits.
  public func putChoice<Value: Sendable>(_ item: Element, _ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    Choice(put: item, into: core, of: self, value)
  }

  /// To see every item dealt with, as one of several waits.
  public func joinChoice<Value: Sendable>(_ value: @escaping @Sendable () -> Value) -> Choice<Value> {
    Choice(core, of: self, .join, 0, value)
  }
}
