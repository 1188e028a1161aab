/// Permits that tasks and callbacks of one reactor acquire and release, first in, first out.
///
/// Nobody overtakes: while somebody waits for many permits, later requests for few wait behind, and when the one at the
/// head leaves they are looked at again.
public final class Semaphore: BasicSemaphore, @unchecked Sendable {
  /// - Parameters:
  ///   - permits: How many permits are free at first, at least 0.
  ///   - name: What descriptions call the semaphore.
  ///   - reactor: Whose it is. Any thread may make it.
  ///   - deferred: Whether callbacks run on the next turn rather than before the call that ends their wait returns.
  public init(_ permits: Int, name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    super.init(SemaphoreCore(permits: permits, bound: nil, name: name, on: reactor, deferred: deferred))
  }

  /// Releases permits, to those who wait, in order, as far as they go. There is no upper bound.
  ///
  /// - Parameter permits: How many, at least 0.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  /// - Complexity: O(1) for each wait that it ends.
  @inlinable @inline(__always)
  public func release(_ permits: Int = 1, file: StaticString = #fileID, line: UInt = #line) {
    if reactor.isCurrent { core.release(permits, file, line) } else { releaseElsewhere(permits, file, line) }
  }

  @usableFromInline func releaseElsewhere(_ permits: Int, _ file: StaticString, _ line: UInt) {
    if permits < 0 { core.refuseRelease(permits, file, line) }
    let core = core
    core.forward { core.release(permits, file, line) }
  }

  /// Runs `body` with permits acquired, and releases them afterwards. The deadline bounds only the waiting for them.
  ///
  /// - Throws: What `body` throws; ``TimeoutError`` if the deadline passes before the permits are acquired;
  ///   otherwise as `acquire(_:deadline:)`.
  @inlinable
  public func withPermit<Result>(
    _ permits: Int = 1, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    _ body: () async throws -> Result
  ) async throws -> Result {
    guard try await acquire(permits, deadline: deadline, file: file, line: line) else { throw core.timeoutError() }
    defer { release(permits, file: file, line: line) }
    return try await body()
  }
}

/// A semaphore that never has more free permits than at first: releasing too often is an error, told at once.
public final class BoundedSemaphore: BasicSemaphore, @unchecked Sendable {
  /// - Parameters: As for ``Semaphore``; `permits` is also the bound.
  public init(_ permits: Int, name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    super.init(SemaphoreCore(permits: permits, bound: permits, name: name, on: reactor, deferred: deferred))
  }

  /// How many permits there are.
  public var bound: Int { core.bound }

  /// Releases permits, to those who wait, in order.
  ///
  /// - Throws: ``OverReleaseError`` if more would be free than the bound, or `permits` is negative; nothing is released
  ///   then.
  /// - Isolation: On the reactor's thread; from elsewhere use ``release(fromAnyThread:)``.
  @inlinable
  public func release(_ permits: Int = 1) throws(OverReleaseError) {
    if core.isHere("release(_:)") { try core.releaseBounded(permits) }
  }

  /// As ``release(_:)``, awaited from any thread. Does nothing on a closed reactor.
  public func release(fromAnyThread permits: Int) async throws {
    let core = core
    do {
      try await reactor.perform { try core.releaseBounded(permits) }
    } catch is ReactorClosedError {}
  }

  /// Runs `body` with permits acquired, and releases them afterwards. The deadline bounds only the waiting for them.
  ///
  /// - Throws: As ``Semaphore/withPermit(_:deadline:file:line:_:)``.
  @inlinable
  public func withPermit<Result>(
    _ permits: Int = 1, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    _ body: () async throws -> Result
  ) async throws -> Result {
    guard try await acquire(permits, deadline: deadline, file: file, line: line) else { throw core.timeoutError() }
    defer {
      let core = core
      core.forward { core.giveBack(permits, file, line) }
    }
    return try await body()
  }
}

/// What ``Semaphore`` and ``BoundedSemaphore`` have in common: all but the release.
public class BasicSemaphore: CustomStringConvertible, @unchecked Sendable {
  /// The reactor that the semaphore belongs to.
  public final let reactor: Reactor
  @usableFromInline final let core: SemaphoreCore

  init(_ core: SemaphoreCore) {
    self.core = core
    reactor = core.reactor
  }

  deinit { core.abandon() }

  /// Acquires permits, waiting first in, first out until they are free.
  ///
  /// - Parameter permits: How many to take at once, at least 1.
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the semaphore is closed,
  ///   ``ReactorClosedError`` if the reactor is. The semaphore is then unchanged.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public final func acquire(_ permits: Int = 1, file: StaticString = #fileID, line: UInt = #line) async throws {
    if reactor.isCurrent && core.tryAcquire(permits) { return }
    _ = try await core.acquire(permits, on: reactor, until: .max, WaitSite(file, line))
  }

  /// Acquires permits, unless the deadline passes first.
  ///
  /// - Parameters:
  ///   - permits: How many to take at once, at least 1.
  ///   - deadline: Until when to wait. What is free now is taken whatever the deadline.
  /// - Returns: Whether the permits were acquired.
  /// - Throws: As ``acquire(_:file:line:)``. A wait that returns `false` or throws leaves the semaphore unchanged.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1); O(log n) in the number of timed waits if it has to wait.
  @inlinable @inline(__always)
  public final func acquire(
    _ permits: Int = 1, deadline: Deadline, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Bool {
    if reactor.isCurrent && core.tryAcquire(permits) { return true }
    return try await core.acquire(permits, on: reactor, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Acquires permits in the callback form: calls `callback` once, with how the wait ended.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public final func acquire(
    _ permits: Int = 1, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: core.acquire(permits, on: reactor, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Takes permits if they are free now and nobody is in line.
  ///
  /// - Returns: Whether the permits were acquired.
  /// - Isolation: On the reactor's thread.
  @inlinable
  public final func tryAcquire(_ permits: Int = 1) -> Bool {
    guard core.isHere("tryAcquire(_:)") else { return false }
    core.expectValid(permits)
    return core.tryAcquire(permits)
  }

  /// Waits until a permit is free and nobody is in line for it, and takes none.
  ///
  /// - Throws: As ``acquire(_:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public final func wait(file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await reactor.wait(on: core, .wait, 1, until: .max, WaitSite(file, line))
  }

  /// Waits until a permit is free, unless the deadline passes first. Takes none.
  ///
  /// - Returns: Whether a permit was free before the deadline.
  /// - Throws: As ``acquire(_:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public final func wait(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    try await reactor.wait(on: core, .wait, 1, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until a permit is free, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public final func wait(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: reactor.wait(on: core, .wait, 1, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Ends every wait with ``ClosedError``, also later ones. Permits may still be released.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public final func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Whether the semaphore is closed. On the reactor's thread.
  public final var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// How many permits are free. On the reactor's thread.
  public final var count: Int { core.isHere("count") ? core.permits : 0 }

  /// Whether no permit is free. On the reactor's thread.
  public final var isLocked: Bool { core.isHere("isLocked") && core.permits == 0 }

  /// How many acquire or wait. On the reactor's thread.
  public final var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<Semaphore "clients" permits=0 waiters=3>`. From any thread; off the reactor without the state.
  public final var description: String { core.summary }
}

/// Invariant: waiters exist only while the first of them asks for more than is free.
@usableFromInline
package final class SemaphoreCore: WaitSource, @unchecked Sendable {
  @exclusivity(unchecked) @usableFromInline package var permits: Int
  /// `Int.max` if there is none.
  @usableFromInline package let bound: Int

  package init(permits: Int, bound: Int?, name: String?, on reactor: Reactor, deferred: Bool) {
    require(
      permits >= 0, "\(bound == nil ? "" : "Bounded")Semaphore(\(permits)): a negative number of permits")
    self.permits = permits
    self.bound = bound ?? .max
    super.init(name: name, on: reactor, deferred: deferred)
  }

  override class var typeName: String { "Semaphore" }

  override var subject: String { bound == .max ? super.subject : "Bounded\(super.subject)" }

  override var stateDescription: String {
    "permits=\(permits)\(bound == .max ? "" : "/\(bound)")\(isClosed ? " closed" : "")"
  }

  @inlinable @inline(__always)
  func expectValid(_ permits: Int) {
    if permits < 1 || permits > bound { refuse(permits) }
  }

  @usableFromInline @inline(never)
  func refuse(_ permits: Int) {
    require(permits >= 1, "\(subject).acquire(\(permits)): at least one permit")
    require(permits <= bound, "\(subject).acquire(\(permits)): more than there are (\(bound))")
  }

  @inlinable @inline(__always)
  package func tryAcquire(_ wanted: Int) -> Bool {
    if wanted < 1 || permits < wanted || !waiters.isEmpty || isClosed { return false }
    permits &-= wanted
    return true
  }

  @inlinable @inline(__always)
  func acquire(_ wanted: Int, on reactor: Reactor, until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await reactor.goOn(
      startAcquiring(wanted, on: reactor, due, site, #isolation), self, .acquire, wanted, due, site)
  }

  /// As ``Reactor/startTaskWait(_:_:_:_:_:_:)``, with the policy inlined.
  @usableFromInline @inline(never)
  func startAcquiring(
    _ wanted: Int, on reactor: Reactor, _ due: Int64, _ site: WaitSite, _ isolation: (any Actor)?
  ) throws -> TaskWait {
    try reactor.startTaskWait(self, .acquire, wanted, due, site, isolation) {
      admitAcquiring(wanted)
    } linking: {
      waiters.append($0)
    }
  }

  @usableFromInline
  func acquire(
    _ wanted: Int, on reactor: Reactor, until deadline: Deadline, _ site: WaitSite,
    _ callback: consuming @escaping @Sendable (WaitOutcome) -> Void
  ) -> UInt64 {
    reactor.startCallbackWait(self, .acquire, wanted, deadline, site, callback) {
      admitAcquiring(wanted)
    } linking: {
      waiters.append($0)
    }
  }

  @inline(__always)
  private func admitAcquiring(_ wanted: Int) -> Admission {
    expectValid(wanted)
    return isClosed ? .closed : tryAcquire(wanted) ? .granted : .wait
  }

  override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    if role == .wait { return isClosed ? .closed : permits > 0 && waiters.isEmpty ? .granted : .wait }
    return admitAcquiring(amount)
  }

  @inlinable @inline(__always)
  package func release(_ released: Int, _ file: StaticString = #fileID, _ line: UInt = #line) {
    if released < 0 { refuseRelease(released, file, line) }
    if waiters.isEmpty && released == 1 && permits < Int.max { permits &+= 1 } else { releaseToWaiters(released) }
  }

  @usableFromInline @inline(never)
  func refuseRelease(_ released: Int, _ file: StaticString, _ line: UInt) -> Never {
    stop("\(subject).release(\(released)): a negative number of permits", file, line)
  }

  @usableFromInline @inline(never)
  func releaseToWaiters(_ released: Int) {
    if released == 1 && permits == 0, let first = waiters.first, first.pointee.role == .acquire,
      first.pointee.payload.0 == 1
    {
      waiters.remove(first)
      decide(first, .granted)
      settle()
      return
    }
    let (sum, overflow) = permits.addingReportingOverflow(released)
    require(!overflow, "\(subject).release(\(released)): more permits than can be counted")
    permits = sum
    rebalance()
    settle()
  }

  @usableFromInline
  package func releaseBounded(_ released: Int) throws(OverReleaseError) {
    let (sum, overflow) = permits.addingReportingOverflow(released)
    if overflow || released < 0 || sum > bound {
      throw OverReleaseError(subject, released: released, bound: bound)
    }
    permits = sum
    rebalance()
    settle()
  }

  /// Releases what was acquired in a scope.
  @usableFromInline
  func giveBack(_ released: Int, _ file: StaticString, _ line: UInt) {
    do throws(OverReleaseError) { try releaseBounded(released) } catch {
      stop("\(subject): what a withPermit scope had acquired was released in it", file, line)
    }
  }

  override func rebalance() {
    while let first = waiters.first {
      let wanted = Int(bitPattern: first.pointee.payload.0)
      if permits < wanted { break }
      if first.pointee.role == .acquire { permits &-= wanted }
      waiters.remove(first)
      decide(first, .granted)
    }
  }

  package func close() {
    closeAll()
    settle()
  }
}
