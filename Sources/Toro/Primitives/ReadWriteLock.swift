import CToroShims

/// A lock that many readers or one writer hold, first in, first out: a reader that comes after a waiting writer waits
/// behind it, so that neither starves.
public final class ReadWriteLock: Sendable, CustomStringConvertible {
  /// The reactor that the lock belongs to.
  public let reactor: Reactor
  @usableFromInline let core: ReadWriteLockCore

  /// - Parameters: As for ``Lock/init(name:on:deferred:)``.
  public init(name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    self.reactor = reactor
    core = ReadWriteLockCore(name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  // MARK: Reading

  /// Acquires the lock together with other readers, waiting first in, first out.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the lock is closed,
  ///   ``ReactorClosedError`` if the reactor is. The lock is then not acquired.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1).
  public func acquireRead(file: StaticString = #fileID, line: UInt = #line) async throws {
    if reactor.isCurrent && core.tryAcquireRead(WaitSite(file, line)) { return }
    _ = try await reactor.wait(on: core, .read, until: .max, WaitSite(file, line))
  }

  /// Acquires the lock together with other readers, unless the deadline passes first.
  ///
  /// - Returns: Whether the lock was acquired.
  /// - Throws: As ``acquireRead(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func acquireRead(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    if reactor.isCurrent && core.tryAcquireRead(WaitSite(file, line)) { return true }
    return try await reactor.wait(on: core, .read, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Acquires the lock together with other readers, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public func acquireRead(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: reactor.wait(on: core, .read, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Acquires the lock together with other readers, if nobody writes or is in line now. On the reactor's thread.
  public func tryAcquireRead() -> Bool { core.isHere("tryAcquireRead()") && core.tryAcquireRead() }

  /// Ends one reader's hold.
  ///
  /// - Precondition: A reader holds the lock.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func releaseRead(file: StaticString = #fileID, line: UInt = #line) {
    let core = core
    core.forward { core.releaseRead(file, line) }
  }

  /// Runs `body` with the lock acquired together with other readers. The deadline bounds only the waiting for it.
  ///
  /// - Throws: What `body` throws; ``TimeoutError`` if the deadline passes before the lock is acquired; otherwise as
  ///   ``acquireRead(file:line:)``.
  public func withReadLock<Result>(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> Result
  ) async throws -> Result {
    guard try await acquireRead(deadline: deadline, file: file, line: line) else { throw core.timeoutError() }
    defer { releaseRead(file: file, line: line) }
    return try await body()
  }

  // MARK: Writing

  /// Acquires the lock alone, waiting first in, first out.
  ///
  /// - Throws: As ``acquireRead(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1).
  public func acquireWrite(file: StaticString = #fileID, line: UInt = #line) async throws {
    if reactor.isCurrent && core.tryAcquireWrite(WaitSite(file, line)) { return }
    _ = try await reactor.wait(on: core, .write, until: .max, WaitSite(file, line))
  }

  /// Acquires the lock alone, unless the deadline passes first.
  ///
  /// - Returns: Whether the lock was acquired.
  /// - Throws: As ``acquireRead(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func acquireWrite(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    if reactor.isCurrent && core.tryAcquireWrite(WaitSite(file, line)) { return true }
    return try await reactor.wait(on: core, .write, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Acquires the lock alone, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public func acquireWrite(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: reactor.wait(on: core, .write, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Acquires the lock alone, if it is free now. On the reactor's thread.
  public func tryAcquireWrite() -> Bool { core.isHere("tryAcquireWrite()") && core.tryAcquireWrite() }

  /// Ends the writer's hold.
  ///
  /// - Precondition: A writer holds the lock.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func releaseWrite(file: StaticString = #fileID, line: UInt = #line) {
    let core = core
    core.forward { core.releaseWrite(file, line) }
  }

  /// Turns the writer's hold into a reader's, at once; readers at the head of the line join it.
  ///
  /// - Precondition: A writer holds the lock.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func downgrade(file: StaticString = #fileID, line: UInt = #line) {
    let core = core
    core.forward { core.downgrade(file, line) }
  }

  /// Runs `body` with the lock acquired alone. The body may ``downgrade(file:line:)``: what it holds at its end is released.
  /// The deadline bounds only the waiting for it.
  ///
  /// - Throws: As ``withReadLock(deadline:file:line:_:)``.
  public func withWriteLock<Result>(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> Result
  ) async throws -> Result {
    guard try await acquireWrite(deadline: deadline, file: file, line: line) else { throw core.timeoutError() }
    defer {
      let core = core
      core.forward { if core.isWriteLocked { core.releaseWrite(file, line) } else { core.releaseRead(file, line) } }
    }
    return try await body()
  }

  // MARK: Both

  /// Ends every wait with ``ClosedError``, also later ones. Who holds the lock may still release it.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Whether the lock is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// How many readers hold the lock. On the reactor's thread.
  public var readers: Int { core.isHere("readers") ? core.readers : 0 }

  /// Whether a writer holds the lock. On the reactor's thread.
  public var isWriteLocked: Bool { core.isHere("isWriteLocked") && core.isWriteLocked }

  /// How many wait, to read or to write. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<ReadWriteLock "table" readers=2 waiters=1>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }
}

/// Invariant: the first waiter is one who cannot hold the lock now; readers and a writer never hold it together.
@usableFromInline
package final class ReadWriteLockCore: WaitSource, @unchecked Sendable {
  @exclusivity(unchecked) package var readers = 0
  @exclusivity(unchecked) package var isWriteLocked = false

  /// Those who hold it, oldest first, as far as they are noted.
  @exclusivity(unchecked) private var notes: [HolderNote] = []

  override class var typeName: String { "ReadWriteLock" }

  override var holders: [HolderNote] { isWriteLocked || readers > 0 ? notes : [] }

  override var stateDescription: String {
    (isWriteLocked ? "written" : readers > 0 ? "readers=\(readers)" : "unlocked") + (isClosed ? " closed" : "")
  }

  package func tryAcquireRead(_ site: WaitSite = .unknown) -> Bool {
    if isWriteLocked || !waiters.isEmpty || isClosed { return false }
    readers += 1
    if reactor.noting { noteHolder(site) }
    return true
  }

  package func tryAcquireWrite(_ site: WaitSite = .unknown) -> Bool {
    if isWriteLocked || readers > 0 || !waiters.isEmpty || isClosed { return false }
    isWriteLocked = true
    if reactor.noting { noteHolder(site) }
    return true
  }

  override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    isClosed ? .closed : (role == .read ? tryAcquireRead() : tryAcquireWrite()) ? .granted : .wait
  }

  override func rebalance() {
    while let first = waiters.first, !isWriteLocked {
      if first.pointee.role == .read {
        readers += 1
      } else if readers == 0 {
        isWriteLocked = true
      } else {
        break
      }
      waiters.remove(first)
      if reactor.noting, let note = reactor.holderNote(of: first) { notes.append(note) }
      decide(first, .granted)
    }
    assert(!(isWriteLocked && readers > 0))
  }

  private func noteHolder(_ site: WaitSite) {
    if let note = reactor.holderNote(at: site) { notes.append(note) }
  }

  /// One reader has released: the task that runs, if it is noted, else one of those that are not, if there are such.
  private func forgetHolder() {
    let number = toro_current_task_number()
    if let index = notes.firstIndex(where: { $0.taskNumber == number }) {
      notes.remove(at: index)
    } else if notes.count > readers {
      notes.removeFirst()
    }
  }

  package func releaseRead(_ file: StaticString = #fileID, _ line: UInt = #line) {
    require(
      readers > 0,
      "\(subject).releaseRead(): no reader holds the lock. Released twice? withReadLock releases by itself",
      file: file, line: line)
    readers -= 1
    if !notes.isEmpty { forgetHolder() }
    rebalance()
    settle()
  }

  package func releaseWrite(_ file: StaticString = #fileID, _ line: UInt = #line) {
    require(
      isWriteLocked,
      "\(subject).releaseWrite(): no writer holds the lock. Released twice? withWriteLock releases by itself",
      file: file, line: line)
    isWriteLocked = false
    notes = []
    rebalance()
    settle()
  }

  package func downgrade(_ file: StaticString = #fileID, _ line: UInt = #line) {
    require(isWriteLocked, "\(subject).downgrade(): no writer holds the lock", file: file, line: line)
    isWriteLocked = false
    readers = 1
    rebalance()
    settle()
  }

  package func close() {
    closeAll()
    settle()
  }
}
