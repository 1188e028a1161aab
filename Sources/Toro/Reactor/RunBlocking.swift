extension Reactor {
  /// Runs code that blocks on a small pool of threads, and comes back with what it returns or throws. The reactor goes on
  /// meanwhile, and is held.
  ///
  /// The code is not interrupted: if the task is cancelled before a thread has begun it, it is not run and
  /// `CancellationError` thrown; afterwards it is waited for.
  ///
  /// - Throws: What the body throws; `CancellationError`; ``ReactorClosedError``; ``SystemError`` if the system refuses the first
  ///   thread.
  /// - Isolation: May be awaited from any thread.
  public func runBlocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    if isClosed { throw ReactorClosedError() }
    try Task.checkCancellation()
    let job = BlockingJob(body)
    hold()
    defer { unhold() }
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        job.setContinuation(continuation)
        let error = blockingPool.submit { job.run() }
        if error != 0 { job.refuse(SystemError("pthread_create", errno: error)) }
      }
    } onCancel: {
      job.cancel()
    }
  }
}

/// One piece of blocking code, and the task that waits for it.
private final class BlockingJob<Value: Sendable>: Sendable {
  private enum State {
    case waiting(UnsafeContinuation<Value, any Error>?)
    case begun
    case cancelled
  }

  private let state = Locked(State.waiting(nil))
  private let body: @Sendable () throws -> Value

  init(_ body: @escaping @Sendable () throws -> Value) { self.body = body }

  func setContinuation(_ continuation: UnsafeContinuation<Value, any Error>) {
    let isCancelled = state.withLock { state in
      if case .cancelled = state { return true }
      state = .waiting(continuation)
      return false
    }
    if isCancelled { continuation.resume(throwing: CancellationError()) }
  }

  func run() {
    let continuation = state.withLock { state -> UnsafeContinuation<Value, any Error>? in
      guard case .waiting(let continuation) = state else { return nil }
      state = .begun
      return continuation
    }
    continuation?.resume(with: Result { try body() })
  }

  func cancel() { end(throwing: CancellationError()) }

  /// There is no thread to run it.
  func refuse(_ error: SystemError) { end(throwing: error) }

  private func end(throwing error: any Error) {
    let continuation = state.withLock { state -> UnsafeContinuation<Value, any Error>? in
      guard case .waiting(let continuation) = state else { return nil }
      state = .cancelled
      return continuation
    }
    continuation?.resume(throwing: error)
  }
}

/// Up to four threads for ``Reactor/runBlocking(_:)``.
private let blockingPool = ThreadPool(limit: 4)
