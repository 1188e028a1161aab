import CLibevent
import CToroShims
import Glibc

/// One libevent event for one descriptor and direction, on the base while somebody waits for it.
///
/// What streams and listeners wait on. After ``close()``, which must come before the descriptor's, waits end as closed.
///
/// On an own base a watch for reading stays on it between waits, since adding and deleting it are two system calls, and in
/// an exchange of messages the next wait comes before the next event. It is taken off when it fires while nobody waits: a
/// reader that is busy elsewhere must not cost a wake-up at every poll. On an adopted base it would keep the host's loop
/// going, and for writing it would fire at once, so there it is taken off when nobody waits.
package final class DescriptorWatch: WaitSource, @unchecked Sendable {
  // The small ones side by side: there are many of these objects.

  private let events: Int16
  package let descriptor: Int32
  /// Why the event could not be put on the base last; 0 if it could.
  @exclusivity(unchecked) package private(set) var failure: Int32 = 0
  /// The descriptor may be closed, and its number used again, as soon as the wait has ended; and others may wait for it, in line.
  private let isForOneWait: Bool
  private let keepsReactor: Reactor
  /// The event while it is on the base, which then holds a reference.
  @exclusivity(unchecked) private var event: UnsafeMutablePointer<event>?
  /// Itself, while it is kept for the one wait that it was made for.
  @exclusivity(unchecked) private var keeper: DescriptorWatch?
  @exclusivity(unchecked) private var user: (subject: () -> String, call: String)?
  /// In the loop's list of the watches whose events are on the base.
  @exclusivity(unchecked) var next: DescriptorWatch?
  @exclusivity(unchecked) unowned(unsafe) var previous: DescriptorWatch?
  /// Those before and after it for the same descriptor, of those that are for one wait.
  @exclusivity(unchecked) unowned(unsafe) var elder: DescriptorWatch?
  @exclusivity(unchecked) unowned(unsafe) var younger: DescriptorWatch?
  /// When those who were granted last have had their turn: ``Reactor/numberOfNextEntry``.
  @exclusivity(unchecked) private var turnOfWaiter: UInt64 = 0
  /// Called once when the event fires while nobody waits.
  @exclusivity(unchecked) private var bystander: (@Sendable () -> Void)?
  /// Called when the event fires while somebody waits: see ``handle(by:)``.
  @exclusivity(unchecked) private var handler:
    (function: DescriptorHandler, argument: UnsafeMutableRawPointer, uses: DescriptorHandlerMemory)?
  /// When it did so last.
  @exclusivity(unchecked) private var handledAt = Int64.min
  /// What ``begin(_:until:_:_:)`` began.
  @exclusivity(unchecked) private var begun = TaskWait.passed

  /// - Parameters:
  ///   - reactor: On whose thread it is used. Any thread may make it.
  ///   - descriptor: It must stay open until ``close()``.
  ///   - events: `EV_READ`, `EV_WRITE` or both.
  ///   - isForOneWait: Whether it is made for a wait of somebody else's descriptor.
  package init(on reactor: Reactor, _ descriptor: Int32, events: Int16, forOneWait isForOneWait: Bool = false) {
    self.descriptor = descriptor
    self.events = events
    self.isForOneWait = isForOneWait
    keepsReactor = reactor
    super.init(name: nil, on: reactor)
  }

  /// - Parameter role: What is waited for: `readable` or `writable`.
  package convenience init(on reactor: Reactor, _ descriptor: Int32, _ role: WaitRole) {
    self.init(on: reactor, descriptor, events: Int16(role.event))
  }

  deinit { assert(!isAdded, "the loop holds a watch whose event is on the base") }

  override class var typeName: String { "Descriptor" }
  override var subject: String { user?.subject() ?? "\(Self.typeName) \(descriptor)" }
  override func callName(of role: WaitRole) -> String {
    switch role {
    case .readable, .writable: user?.call ?? role.verb
    default: role.verb
    }
  }
  override var stateDescription: String { "" }

  /// For whom it is watched, and what a wait is for that does not say it by its role, as in `Listener "127.0.0.1:5"` and
  /// `accept`. Set it before the first wait.
  package func name(_ call: String, of subject: @escaping () -> String) { user = (subject, call) }

  private var isAdded: Bool { event != nil }
  private var staysAdded: Bool { events == Int16(EV_READ) && !reactor.loop.isAdopted && !isForOneWait }

  /// Whether the event is work that is left to do.
  var isWaitedFor: Bool { !waiters.isEmpty }

  /// In the turn of the poll that found it.
  fileprivate func fired(_ what: Int16, _ reactor: Reactor) {
    if isForOneWait { return tellAll(what) }
    if !waiters.isEmpty, isHandled(reactor) { return reactor.settle() }
    tell(reactor)
  }

  /// Ends the waits; where nobody waits, the watching.
  private func tell(_ reactor: Reactor) {
    // (What is waited for is held by the loop until its event is removed, which needs somebody's call.)
    if staysAdded, !waiters.isEmpty {
      while let waiter = waiters.popFirst() { decide(waiter, .granted) }
      turnOfWaiter = reactor.numberOfNextEntry
      settle()
    } else if staysAdded, reactor.isStillToRun(turnOfWaiter) {
      // Where many are ready, polls come before each has had its turn: it has not read yet.
    } else {
      withExtendedLifetime(self) {
        let bystander = waiters.isEmpty ? bystander : nil
        remove()
        while let waiter = waiters.popFirst() { decide(waiter, .granted) }
        if let bystander {
          self.bystander = nil
          bystander()
        }
        settle()
      }
    }
  }

  /// Ends the waits of all who wait for this descriptor to be so, oldest first: libevent would tell the youngest first.
  private func tellAll(_ what: Int16) {
    var next = reactor.loop.firstForOneWait(descriptor) ?? self
    while true {
      let younger = next.younger
      if next.events & what != 0 {
        next.remove()
        while let waiter = next.waiters.popFirst() { decide(waiter, .granted) }
      }
      guard let younger else { break }
      next = younger
    }
    settle()
  }

  // MARK: In place of the task that waits

  /// Has a handler called in the event, before the task that waits is resumed: for what can be done without it. A task's resumption
  /// is most of what a small message costs. On the reactor's thread.
  ///
  /// - Parameters:
  ///   - argument: Nobody keeps it: the handler is to be ended before the task goes on to anything else.
  ///   - memory: What else the handler looks at.
  package func handle(
    by handler: @escaping DescriptorHandler, _ argument: UnsafeMutableRawPointer, using memory: DescriptorHandlerMemory
  ) {
    assert(reactor.isCurrent || reactor.isClosed)
    self.handler = (handler, argument, memory)
  }

  package func endHandling() { handler = nil }

  @inline(__always)
  private func isHandled(_ reactor: Reactor) -> Bool {
    guard let handler else { return false }
    handler.uses.fetch()
    guard handler.function(handler.argument) else { return false }
    handledAt = reactor.lastNow
    return true
  }

  override var renewedAt: Int64 { handledAt }

  // MARK: Without a wait

  /// Has `body` called, once, if the descriptor is ready while nobody waits: for who keeps a descriptor open and has no use for
  /// it now. It keeps neither the reactor's run nor a host's loop going. On the reactor's thread.
  ///
  /// In virtual time the loop polls only for who waits, so that it may be called late.
  ///
  /// - Returns: Whether it can be watched.
  package func watchUnawaited(_ body: @escaping @Sendable () -> Void) -> Bool {
    if isClosed || reactor.isClosed { return false }
    bystander = body
    guard isAdded || add(isInternal: reactor.loop.isAdopted) else {
      bystander = nil
      return false
    }
    settle()
    return true
  }

  /// Ends that. Before a wait, if anybody is to wait again.
  package func endWatchingUnawaited() {
    guard bystander != nil else { return }
    bystander = nil
    rebalance()
  }

  // MARK: A wait in parts

  package enum Start {
    /// The task suspends, by ``Reactor/suspend()``, and calls ``end()`` then.
    case suspends
    /// The task calls ``end()``.
    case isDecided
    /// The task calls ``goOn(_:until:_:)``.
    case goesOn
  }

  /// Begins the wait of a task that is the only one to wait here, for callers that make no async frame for it.
  ///
  /// - Throws: As any wait: nothing has begun then.
  package func begin(_ role: WaitRole, until due: Int64, _ site: WaitSite, _ isolation: (any Actor)?) throws -> Start {
    try owner._withUnsafeGuaranteedRef { reactor in
      begun = try reactor.startTaskWait(self, role, 0, due, site, isolation) {
        admit(role, 0)
      } linking: {
        waiters.append($0)
      }
    }
    switch begun {
    case .parked: return .suspends
    case .decided: return .isDecided
    default: return .goesOn
    }
  }

  /// What came of the wait: whether it was granted before the deadline.
  package func end() throws -> Bool {
    switch begun {
    case .parked(let waiter), .decided(let waiter):
      return try owner._withUnsafeGuaranteedRef { try $0.finish(waiter, on: self) }
    default: preconditionFailure("no wait has begun")
    }
  }

  /// The rest of a wait that goes on in a way that is rare.
  package func goOn(_ role: WaitRole, until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await reactor.goOn(begun, self, role, 0, due, site)
  }

  /// Ends the waits as if the descriptor were ready. On the reactor's thread.
  package func wake() {
    while let waiter = waiters.popFirst() { decide(waiter, .granted) }
    rebalance()
    settle()
  }

  override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    if isClosed { return .closed }
    if !isAdded && !reactor.isClosed && !add() { return .closed }
    return .wait
  }

  override var closedError: any Error {
    isClosed || failure == 0 ? super.closedError : SystemError("event_add", errno: failure)
  }

  /// A waiter that gives up, or never came into line: the event must not keep the loop going.
  override func rebalance() {
    if waiters.isEmpty && isAdded && !staysAdded && bystander == nil { remove() }
  }

  private func add(isInternal: Bool = false) -> Bool {
    let event = reactor.loop.eventPool.take()
    event_assign(
      event, reactor.loop.base, descriptor, events | Int16(EV_PERSIST),
      { _, what, context in
        Unmanaged<DescriptorWatch>.fromOpaque(context.unsafelyUnwrapped)._withUnsafeGuaranteedRef { watch in
          watch.owner._withUnsafeGuaranteedRef { $0.descriptorEvent(of: watch, what) }
        }
      }, Unmanaged.passUnretained(self).toOpaque())
    if isInternal { event.pointee.ev_evcallback.evcb_flags |= Int16(EVLIST_INTERNAL) }
    errno = 0
    guard event_add(event, nil) == 0 else {
      failure = errno == 0 ? ENOMEM : errno  // libevent need not say why
      reactor.loop.eventPool.giveBack(event)
      return false
    }
    failure = 0
    self.event = event
    reactor.loop.insert(self)
    if isForOneWait { reactor.loop.insertForOneWait(self) }
    if !staysAdded { reactor.rebalanceLater(self) }
    return true
  }

  /// Lives until its only wait has been told, and is off the base before that.
  func keepUntilTold() {
    keeper = self
    isSingleUse = true
  }

  override func letGo() -> WaitSource? {
    let kept = keeper
    keeper = nil
    remove()
    return kept
  }

  /// Takes the event off the base.
  func remove() {
    guard let event else { return }
    event_del(event)
    self.event = nil
    reactor.loop.eventPool.giveBack(event)
    if isForOneWait { reactor.loop.removeForOneWait(self) }
    reactor.loop.remove(self)
  }

  /// Ends the waits as closed, also later ones. On the reactor's thread.
  package func close() {
    withExtendedLifetime(self) {
      bystander = nil
      remove()
      closeAll()
      settle()
    }
  }
}

extension Reactor {
  /// Of the next entry of the ready queue, counted from the first that there ever was.
  var numberOfNextEntry: UInt64 { UInt64(truncatingIfNeeded: counters.runs) &+ UInt64(ready.count) }

  /// Whether entries before this one are still to run.
  func isStillToRun(_ number: UInt64) -> Bool {
    !ready.isEmpty && UInt64(truncatingIfNeeded: counters.runs) < number
  }

  /// The time of the turn, read as its poll tells of the first descriptor: what becomes due while events are dealt with is looked
  /// for once more before it is late.
  @inline(__always)
  fileprivate func readClockInPoll() {
    if hasReadClockInPoll { return }
    readClock()
    hasReadClockInPoll = isInTurn && !loop.isAdopted
  }

  /// Libevent tells of a descriptor.
  fileprivate func descriptorEvent(of watch: DescriptorWatch, _ what: Int16) {
    descriptorEvents &+= 1
    readClockInPoll()
    if isInTurn { watch.fired(what, self) } else { inTurnOfEvent { watch.fired(what, self) } }
  }

  /// Runs what an event ends, as part of the turn whose poll found it.
  func inDescriptorEvent(_ body: () -> Void) {
    descriptorEvents &+= 1
    readClockInPoll()
    if isInTurn { body() } else { inTurnOfEvent(body) }
  }

  /// The same where the base's owner polls: then the event is a turn.
  @inline(never)
  private func inTurnOfEvent(_ body: () -> Void) {
    owner.store(toro_number_this_thread(), ordering: .releasing)
    runningFlag.store(true, ordering: .relaxed)
    // What ends may have held the reactor last.
    let kept = Unmanaged.passRetained(self)
    defer { kept.release() }
    withTurn(body)
    if closePhase == .requested { finishClosing() }
    runningFlag.store(false, ordering: .releasing)
    if !isClosed && loop.isAdopted { loop.arm() }
  }
}
