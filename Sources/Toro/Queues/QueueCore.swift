/// The policy of every queue. `waiters` are the gets; puts and joins have lines of their own.
///
/// Invariants: gets wait only while there is no item and no put waits; puts wait only while there is no room; joins wait
/// only while something is unfinished. Room is passed only while a get is taking its item.
@usableFromInline
package final class QueueCore<Storage: QueueStorage>: WaitSource, @unchecked Sendable {
  @usableFromInline package typealias Element = Storage.Element

  @exclusivity(unchecked) @usableFromInline package var storage = Storage()
  @exclusivity(unchecked) @usableFromInline package var capacity: Int
  @exclusivity(unchecked) @usableFromInline package var unfinished = 0
  @exclusivity(unchecked) @usableFromInline package var putters = WaitList()
  @exclusivity(unchecked) @usableFromInline package var joiners = WaitList()

  @usableFromInline
  package init(
    capacity: Int?, initial: some Sequence<Element>, name: String?, on reactor: Reactor, deferred: Bool
  ) {
    require(capacity ?? 0 >= 0, "\(Storage.queueTypeName)(capacity: \(capacity ?? 0)): a negative capacity")
    self.capacity = capacity ?? .max
    super.init(name: name, on: reactor, deferred: deferred)
    for item in initial {
      require(
        storage.count < self.capacity, "\(subject): more initial items than its capacity of \(self.capacity)")
      storage.insert(item)
      unfinished += 1
    }
  }

  deinit { storage.deallocate() }

  @usableFromInline override class var typeName: String { Storage.queueTypeName }

  @usableFromInline override var stateDescription: String {
    "count=\(storage.count)\(capacity == .max ? "" : "/\(capacity)")"
      + (unfinished > storage.count ? " unfinished=\(unfinished)" : "") + (isClosed ? " closed" : "")
  }

  @usableFromInline package override var waiterCount: Int { waiters.count + putters.count + joiners.count }

  // MARK: At once

  /// Puts if there is room and nobody waits for an item: no wait ends.
  @inlinable @inline(__always)
  func putFreely(_ item: Element) -> Bool {
    if storage.count >= capacity || !waiters.isEmpty || isClosed { return false }
    assert(putters.isEmpty)
    storage.insert(item)
    unfinished &+= 1
    return true
  }

  /// Takes an item if there is one and no put waits: no wait ends.
  @inlinable @inline(__always)
  func getFreely() -> Element? {
    if storage.count == 0 || !putters.isEmpty { return nil }
    return storage.removeFirst()
  }

  /// Puts if there is room, or a get that waits. The getter is told by the next settle.
  @inlinable
  package func putNow(_ item: Element) -> Bool {
    if isClosed { return false }
    if let getter = waiters.popFirst() {
      // A put may wait here too: that of the same `firstOf` as the get's, which leaves its line as the get is granted.
      assert(storage.count == 0)
      getter.storeItem(item)
      unfinished &+= 1
      decide(getter, .granted)
      return true
    }
    return putFreely(item)
  }

  /// Takes the item that leaves first, after the longest waiting put's item has entered. That put is returned, to be
  /// told by ``finishTake(_:)`` after the getter.
  @inlinable
  package func takeNow() -> (item: Element, letIn: WaiterPointer?)? {
    let putter = putters.popFirst()
    if let putter { enter(putter) }
    if storage.count == 0 { return nil }
    return (storage.removeFirst(), putter)
  }

  @inlinable
  package func finishTake(_ letIn: WaiterPointer?) {
    if let letIn { decide(letIn, .granted) }
  }

  @inlinable
  func enter(_ putter: WaiterPointer) {
    storage.insert(putter.takeItem(as: Element.self))
    unfinished &+= 1
  }

  // MARK: The task form

  @inlinable @inline(__always)
  func put(_ item: Element, on reactor: Reactor, until due: Int64, _ site: WaitSite) async throws -> Bool {
    let wait = try startPut(item, on: reactor, due, site, #isolation)
    switch wait {
    case .granted:
      return true
    case .decided(let waiter):
      return try reactor.finish(waiter, on: self)
    case .parked(let waiter):
      await reactor.suspend()
      return try reactor.finish(waiter, on: self)
    case .passed, .guarded, .elsewhere:
      return try await putOtherwise(wait, item, on: reactor, until: due, site)
    }
  }

  /// Puts at once, or begins the wait.
  @inlinable @inline(never)
  func startPut(
    _ item: Element, on reactor: Reactor, _ due: Int64, _ site: WaitSite, _ isolation: (any Actor)?
  ) throws -> TaskWait {
    guard reactor.isInside else {
      try reactor.expectOpen(subject)
      return .elsewhere
    }
    if putNow(item) {
      settle()
      return .granted
    }
    return try reactor.startTaskWait(self, .put, due, site, isolation) { $0.storeItem(item) }
  }

  @inlinable @inline(never)
  func putOtherwise(
    _ wait: TaskWait, _ item: Element, on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    if case .elsewhere = wait {
      return try await reactor.home.put(item, into: self, on: reactor, until: due, site)
    }
    guard let waiter = await reactor.parkOtherwise(wait) else { return false }
    return try reactor.finish(waiter, on: self)
  }

  @inlinable @inline(__always)
  func get(on reactor: Reactor, until due: Int64, _ site: WaitSite) async throws -> Element? {
    let start = try startGet(on: reactor, due, site, #isolation)
    switch start.wait {
    case .granted:
      return start.item
    case .decided(let waiter):
      return try finishGet(waiter, on: reactor)
    case .parked(let waiter):
      await reactor.suspend()
      return try finishGet(waiter, on: reactor)
    case .passed, .guarded, .elsewhere:
      return try await getOtherwise(start.wait, on: reactor, until: due, site)
    }
  }

  /// For an iteration: a call of its own, so that what is inlined there is only the way that does not wait.
  @inlinable @inline(never)
  func next(on reactor: Reactor) async throws -> Element? {
    do {
      return try await get(on: reactor, until: .max, WaitSite("for try await", 0))
    } catch is ClosedError {
      return nil
    }
  }

  /// Takes at once, or begins the wait.
  @inlinable @inline(never)
  func startGet(
    on reactor: Reactor, _ due: Int64, _ site: WaitSite, _ isolation: (any Actor)?
  ) throws -> (wait: TaskWait, item: Element?) {
    guard reactor.isInside else {
      try reactor.expectOpen(subject)
      return (.elsewhere, nil)
    }
    if let (item, letIn) = takeNow() {
      finishTake(letIn)
      settle()
      return (.granted, item)
    }
    return (try reactor.startTaskWait(self, .get, due, site, isolation) { _ in }, nil)
  }

  @inlinable @inline(never)
  func getOtherwise(
    _ wait: TaskWait, on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Element? {
    if case .elsewhere = wait {
      return try await reactor.home.get(from: self, on: reactor, until: due, site)
    }
    guard let waiter = await reactor.parkOtherwise(wait) else { return nil }
    return try finishGet(waiter, on: reactor)
  }

  @inlinable
  func finishGet(_ waiter: WaiterPointer, on reactor: Reactor) throws -> Element? {
    let outcome = waiter.pointee.outcome
    let item: Element? = outcome == .granted ? waiter.takeItem(as: Element.self) : nil
    reactor.recycle(waiter)
    if let item { return item }
    _ = try reactor.conclude(outcome, on: self)
    return nil
  }

  // MARK: The callback form

  @inlinable
  func put(
    _ item: Element, on reactor: Reactor, until deadline: Deadline, _ site: WaitSite,
    _ callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> UInt64 {
    guard reactor.isHere(for: self, .put) else {
      callback(.closed)
      return 0
    }
    let due = reactor.resolve(deadline)
    let waiter = reactor.takeWaiter(for: self)
    let isPut = putNow(item)
    if let outcome = isPut ? .granted : reactor.outcomeAtOnce(on: self, .put, 0, due) {
      waiter.storeCallback(OutcomeCallback(callback))
      reactor.tellAtOnce(waiter, outcome)
      return 0
    }
    waiter.storeItem(item)
    reactor.start(waiter, on: self, .put, due, site, nil)
    waiter.storeCallback(OutcomeCallback(callback))
    return waiter.pointee.id
  }

  @inlinable
  func get(
    on reactor: Reactor, until deadline: Deadline, _ site: WaitSite,
    _ callback: @escaping @Sendable (WaitResult<Element>) -> Void
  ) -> UInt64 {
    guard reactor.isHere(for: self, .get) else {
      callback(.closed)
      return 0
    }
    let due = reactor.resolve(deadline)
    let waiter = reactor.takeWaiter(for: self)
    waiter.pointee.role = .get
    if delivery == nil { delivery = makeDelivery(on: reactor) }
    waiter.storeCallback(ItemCallback<Element>(callback))
    waiter.pointee.receiver = .delivery
    if let (item, letIn) = takeNow() {
      waiter.storeItem(item)
      waiter.pointee.state = .decided
      waiter.pointee.outcome = .granted
      reactor.tellLater(waiter)
      finishTake(letIn)
      settle()
      return 0
    }
    if let outcome = reactor.outcomeAtOnce(on: self, .get, 0, due) {
      reactor.tellAtOnce(waiter, outcome)
      return 0
    }
    reactor.start(waiter, on: self, .get, due, site, nil)
    waiter.pointee.receiver = .delivery
    return waiter.pointee.id
  }

  @inlinable @inline(never)
  func makeDelivery(on reactor: Reactor) -> Delivery {
    Delivery { [unowned(unsafe) reactor] waiter in
      let callback = waiter.takeCallback(as: ItemCallback<Element>.self)
      let outcome = waiter.pointee.outcome
      let result: WaitResult<Element> =
        outcome == .granted ? .granted(waiter.takeItem(as: Element.self)) : .init(failure: outcome)
      reactor.recycle(waiter)
      callback.call(result)
    }
  }

  // MARK: Lines

  @inlinable override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    role == .join ? (unfinished == 0 ? .granted : .wait) : isClosed ? .closed : .wait
  }

  @inlinable override func link(_ waiter: WaiterPointer) {
    switch waiter.pointee.role {
    case .put: putters.append(waiter)
    case .join: joiners.append(waiter)
    default: waiters.append(waiter)
    }
  }

  @inlinable override func unlink(_ waiter: WaiterPointer) {
    switch waiter.pointee.role {
    case .put: putters.remove(waiter)
    case .join: joiners.remove(waiter)
    default: waiters.remove(waiter)
    }
  }

  @inlinable override func discard(_ waiter: WaiterPointer) {
    if waiter.pointee.role == .put { _ = waiter.takeItem(as: Element.self) }
  }

  // MARK: The rest

  @usableFromInline
  package func taskDone(_ file: StaticString = #fileID, _ line: UInt = #line) {
    require(
      unfinished > 0, "\(subject).taskDone(): more often than items were put. Call it once for each item that was got",
      file: file, line: line)
    unfinished -= 1
    guard unfinished == 0, !joiners.isEmpty else { return }
    while let joiner = joiners.popFirst() { decide(joiner, .granted) }
    settle()
  }

  package func setCapacity(_ new: Int?) throws(CapacityError) {
    require(new ?? 0 >= 0, "\(subject).setCapacity(\(new ?? 0)): a negative capacity")
    if let new, new < storage.count { throw CapacityError(subject, capacity: new, count: storage.count) }
    capacity = new ?? .max
    while storage.count < capacity, let putter = putters.popFirst() {
      enter(putter)
      decide(putter, .granted)
    }
    settle()
  }

  package func close() {
    closeLines()
    settle()
  }

  private func closeLines() {
    isClosed = true
    while let putter = putters.popFirst() { decide(putter, .closed) }
    while let getter = waiters.popFirst() { decide(getter, .closed) }
  }

  @usableFromInline override func closeAbandoned() {
    closeLines()
    while let joiner = joiners.popFirst() { decide(joiner, .closed) }
  }
}

/// The callback of a get, stored as it is, without a closure around it.
@usableFromInline
struct ItemCallback<Element> {
  @usableFromInline let call: @Sendable (WaitResult<Element>) -> Void
  @inlinable init(_ call: @escaping @Sendable (WaitResult<Element>) -> Void) { self.call = call }
}

extension ReactorHome {
  @usableFromInline
  func put<Storage>(
    _ item: Storage.Element, into queue: QueueCore<Storage>, on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Bool {
    visit()
    try reactor.expectArrival()
    return try await queue.put(item, on: reactor, until: due, site)
  }

  @usableFromInline
  func get<Storage>(
    from queue: QueueCore<Storage>, on reactor: Reactor, until due: Int64, _ site: WaitSite
  ) async throws -> Storage.Element? {
    visit()
    try reactor.expectArrival()
    return try await queue.get(on: reactor, until: due, site)
  }
}
