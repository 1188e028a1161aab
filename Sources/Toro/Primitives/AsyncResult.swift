/// A value, or a failure, that is set once and that any number of tasks and callbacks wait for.
public final class AsyncResult<Value: Sendable>: Sendable, CustomStringConvertible {
  /// The reactor that the result belongs to.
  public let reactor: Reactor
  @usableFromInline let core: AsyncResultCore<Value>

  /// - Parameters: As for ``Lock/init(name:on:deferred:)``.
  public init(name: String? = nil, on reactor: Reactor = .current, deferred: Bool = false) {
    self.reactor = reactor
    core = AsyncResultCore(name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  /// Waits for the value; returns at once if it is set.
  ///
  /// - Throws: What was given to ``fail(_:)``; `CancellationError` if the task is cancelled first; ``ClosedError`` if the
  ///   result is closed unset, ``ReactorClosedError`` if the reactor is closed.
  /// - Isolation: May be awaited from any thread.
  public func get(file: StaticString = #fileID, line: UInt = #line) async throws -> Value {
    if reactor.isCurrent, let result = core.result { return try result.get() }
    _ = try await reactor.wait(on: core, .get, until: .max, WaitSite(file, line))
    return try core.result.unsafelyUnwrapped.get()
  }

  /// Waits for the value, unless the deadline passes first.
  ///
  /// - Returns: The value, or `nil` after a time-out.
  /// - Throws: As ``get(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func get(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Value? {
    if reactor.isCurrent, let result = core.result { return try result.get() }
    guard try await reactor.wait(on: core, .get, until: reactor.resolve(deadline), WaitSite(file, line)) else {
      return nil
    }
    return try core.result.unsafelyUnwrapped.get()
  }

  /// Waits for the value, in the callback form. A granted wait receives the value or the failure.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult
  public func get(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitResult<Result<Value, any Error>>) -> Void
  ) -> Wait {
    let core = core
    let id = reactor.wait(on: core, .get, until: deadline, WaitSite(file, line)) { [unowned(unsafe) core] outcome in
      // The source outlives its waits, and what was set stays.
      if outcome == .granted, let result = core.result {
        callback(.granted(result))
      } else {
        callback(.init(failure: outcome))
      }
    }
    return Wait(id: id, of: reactor)
  }

  /// Sets the value and wakes all who wait.
  ///
  /// - Throws: ``AlreadySetError`` if there is a value or failure; it stays. ``ClosedError`` if the result is closed.
  /// - Isolation: On the reactor's thread; from elsewhere use ``set(fromAnyThread:)``.
  public func set(_ value: Value) throws {
    if core.isHere("set(_:)") { try core.set(.success(value)) }
  }

  /// Makes every get throw `error`, and wakes all who wait.
  ///
  /// - Throws: As ``set(_:)``.
  /// - Isolation: On the reactor's thread; from elsewhere use ``fail(fromAnyThread:)``.
  public func fail(_ error: any Error) throws {
    if core.isHere("fail(_:)") { try core.set(.failure(error)) }
  }

  /// As ``set(_:)``, awaited from any thread.
  ///
  /// - Throws: As ``set(_:)``; ``ReactorClosedError``.
  public func set(fromAnyThread value: Value) async throws {
    let core = core
    try await reactor.perform { try core.set(.success(value)) }
  }

  /// As ``fail(_:)``, awaited from any thread.
  ///
  /// - Throws: As ``set(_:)``; ``ReactorClosedError``.
  public func fail(fromAnyThread error: any Error) async throws {
    let core = core
    try await reactor.perform { try core.set(.failure(error)) }
  }

  /// The value, without waiting.
  ///
  /// - Throws: ``NotReadyError`` if there is none yet; what was given to ``fail(_:)``; ``ClosedError`` if the result was
  ///   closed unset.
  /// - Isolation: On the reactor's thread.
  public var value: Value {
    get throws {
      guard core.isHere("value") else { throw ReactorClosedError() }
      guard let result = core.result else {
        if core.isClosed { throw ClosedError(core.subject) }
        throw NotReadyError(core.subject)
      }
      return try result.get()
    }
  }

  /// Whether there is a value or a failure. On the reactor's thread.
  public var isReady: Bool { core.isHere("isReady") && core.result != nil }

  /// Ends every wait with ``ClosedError``. Nothing can be set any more; what was set before can be got.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Whether the result is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// How many wait. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// As in `<AsyncResult "page" ready waiters=0>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }
}

/// Invariant: waiters exist only while there is no result.
@usableFromInline
package final class AsyncResultCore<Value: Sendable>: WaitSource, @unchecked Sendable {
  /// Set once, so that a task whose wait was granted may read it on any thread.
  @exclusivity(unchecked) package var result: Result<Value, any Error>?

  override class var typeName: String { "AsyncResult" }

  override var stateDescription: String { (result == nil ? "pending" : "ready") + (isClosed ? " closed" : "") }

  override func admit(_ role: WaitRole, _ amount: Int) -> Admission {
    result != nil ? .granted : isClosed ? .closed : .wait
  }

  package func set(_ result: Result<Value, any Error>) throws {
    if self.result != nil { throw AlreadySetError(subject) }
    if isClosed { throw ClosedError(subject) }
    self.result = result
    while let waiter = waiters.popFirst() {
      if waiter.pointee.receiver == .itemFunction, case .success(let value) = result { waiter.storeItem(value) }
      decide(waiter, .granted)
    }
    settle()
  }

  package func close() {
    closeAll()
    settle()
  }
}
