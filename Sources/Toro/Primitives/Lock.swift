/// Mutual exclusion for tasks and callbacks of one reactor, first in, first out.
///
/// A lock is not reentrant and belongs to nobody: who holds it is a matter of the program, and any task may release it.
/// `release()` hands it to the longest waiter at once.
///
///     try await lock.withLock { … }
///     if try await lock.acquire(deadline: .after(.seconds(1))) { defer { lock.release() } … }
public final class Lock: Sendable, CustomStringConvertible {
  /// The reactor that the lock belongs to.
  public let reactor: Reactor
  @usableFromInline let core: LockCore

  /// - Parameters:
  ///   - name: What descriptions call the lock.
  ///   - reactor: Whose it is. Any thread may make it.
  ///   - deferred: Whether callbacks run on the next turn rather than before the call that ends their wait returns.
  public init(name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    self.reactor = reactor
    core = LockCore(name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  /// Acquires the lock, waiting first in, first out.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the lock is closed,
  ///   ``ReactorClosedError`` if the reactor is. The lock is then not acquired.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func acquire(file: StaticString = #fileID, line: UInt = #line) async throws {
    if reactor.isCurrent && core.tryAcquire(file, line) { return }
    _ = try await core.acquire(on: reactor, until: .max, WaitSite(file, line))
  }

  /// Acquires the lock, unless the deadline passes first.
  ///
  /// - Parameter deadline: Until when to wait. A free lock is acquired whatever the deadline.
  /// - Returns: Whether the lock was acquired.
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the lock is closed,
  ///   ``ReactorClosedError`` if the reactor is. The lock is then not acquired.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1); O(log n) in the number of timed waits if it has to wait.
  @inlinable @inline(__always)
  public func acquire(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    if reactor.isCurrent && core.tryAcquire(file, line) { return true }
    return try await core.acquire(on: reactor, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Acquires the lock in the callback form: calls `callback` once, with how the wait ended.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public func acquire(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: core.acquire(on: reactor, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Acquires the lock if it is free now.
  ///
  /// - Returns: Whether the lock was acquired.
  /// - Isolation: On the reactor's thread.
  @inlinable
  public func tryAcquire(file: StaticString = #fileID, line: UInt = #line) -> Bool {
    core.isHere("tryAcquire()") && core.tryAcquire(file, line)
  }

  /// Releases the lock: to the longest waiter, if there is one.
  ///
  /// - Precondition: The lock is locked.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func release(file: StaticString = #fileID, line: UInt = #line) {
    if reactor.isCurrent { core.release(file, line) } else { releaseElsewhere(file, line) }
  }

  @usableFromInline func releaseElsewhere(_ file: StaticString, _ line: UInt) {
    let core = core
    core.forward { core.release(file, line) }
  }

  /// Runs `body` with the lock acquired, and releases it afterwards.
  ///
  /// - Parameters:
  ///   - deadline: Until when to wait for the lock. It does not bound the body: ``withDeadline(_:on:file:line:_:)`` does.
  ///   - body: What to run.
  /// - Throws: What `body` throws; ``TimeoutError`` if the deadline passes before the lock is acquired;
  ///   otherwise as ``acquire(deadline:file:line:)``.
  @inlinable
  public func withLock<Result>(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> Result
  ) async throws -> Result {
    guard try await acquire(deadline: deadline, file: file, line: line) else { throw core.timeoutError() }
    defer { release(file: file, line: line) }
    return try await body()
  }

  /// Ends every wait with ``ClosedError``, also later ones. Who holds the lock may still release it.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Whether the lock is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// Whether the lock is held. On the reactor's thread.
  public var isLocked: Bool { core.isHere("isLocked") && core.isLocked }

  /// How many wait for the lock. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<Lock "cache" locked waiters=3>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }
}

/// Invariant: waiters exist only while the lock is locked.
@usableFromInline
package final class LockCore: WaitSource, @unchecked Sendable {
  @exclusivity(unchecked) @usableFromInline package var isLocked = false
  @exclusivity(unchecked) var holder: HolderNote?

  override class var typeName: String { "Lock" }

  override var stateDescription: String {
    let state = isLocked ? holder.map { "locked by \($0)" } ?? "locked" : "unlocked"
    return isClosed ? "\(state) closed" : state
  }

  override var holders: [HolderNote] { isLocked ? holder.map { [$0] } ?? [] : [] }

  @inlinable @inline(__always)
  package func tryAcquire(_ file: StaticString = "", _ line: UInt = 0) -> Bool {
    if isLocked || isClosed { return false }
    isLocked = true
    if reactor.noting { noteHolder(file, line) }
    return true
  }

  @usableFromInline @inline(never)
  func noteHolder(_ file: StaticString, _ line: UInt) {
    holder = reactor.holderNote(at: line > 0 ? WaitSite(file, line) : .unknown)
  }

  @inlinable @inline(__always)
  func acquire(on reactor: Reactor, until due: Int64, _ site: WaitSite) async throws -> Bool {
    try await reactor.goOn(startAcquiring(on: reactor, due, site, #isolation), self, .acquire, 0, due, site)
  }

  /// As ``Reactor/startTaskWait(_:_:_:_:_:_:)``, with the policy inlined.
  @usableFromInline @inline(never)
  func startAcquiring(
    on reactor: Reactor, _ due: Int64, _ site: WaitSite, _ isolation: (any Actor)?
  ) throws -> TaskWait {
    try reactor.startTaskWait(self, .acquire, 0, due, site, isolation) {
      admit(.acquire, 0)
    } linking: {
      waiters.append($0)
    }
  }

  @usableFromInline
  func acquire(
    on reactor: Reactor, until deadline: Deadline, _ site: WaitSite,
    _ callback: consuming @escaping @Sendable (WaitOutcome) -> Void
  ) -> UInt64 {
    reactor.startCallbackWait(self, .acquire, 0, deadline, site, callback) {
      admit(.acquire, 0)
    } linking: {
      waiters.append($0)
    }
  }

  override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    isClosed ? .closed : tryAcquire() ? .granted : .wait
  }

  @inlinable @inline(__always)
  package func release(_ file: StaticString = #fileID, _ line: UInt = #line) {
    if !waiters.isEmpty { return handOff() }  // who wait, wait for what is locked
    if !isLocked { refuseRelease(file, line) }
    isLocked = false
  }

  @usableFromInline @inline(never)
  func refuseRelease(_ file: StaticString, _ line: UInt) -> Never {
    stop("\(subject).release(): the lock is not locked. Released twice? withLock releases by itself", file, line)
  }

  @usableFromInline @inline(never)
  func handOff() {
    assert(isLocked)
    guard let next = waiters.popFirst() else { return }
    if reactor.noting { holder = reactor.holderNote(of: next) }
    decide(next, .granted)
    settle()
  }

  package func close() {
    closeAll()
    settle()
  }
}
