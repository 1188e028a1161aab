import CToroShims
import Glibc
import Synchronization

extension Reactor {
  /// Runs code that blocks on a small pool of threads, and comes back with what it returns or throws. The reactor goes on
  /// meanwhile, and is held.
  ///
  /// The code is not interrupted: if the task is cancelled before a thread has begun it, it is not run and
  /// `CancellationError` thrown; afterwards it is waited for.
  ///
  /// - Throws: What the body throws; `CancellationError`; ``ReactorClosedError``.
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
        BlockingPool.submit { job.run() }
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

  private let state = Mutex(State.waiting(nil))
  private let body: @Sendable () throws -> Value

  /// Names the lock to the thread sanitizer.
  private var lock: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  init(_ body: @escaping @Sendable () throws -> Value) { self.body = body }

  func setContinuation(_ continuation: UnsafeContinuation<Value, any Error>) {
    let isCancelled = state.withLock { state in
      toro_acquired(lock)
      defer { toro_releasing(lock) }
      if case .cancelled = state { return true }
      state = .waiting(continuation)
      return false
    }
    if isCancelled { continuation.resume(throwing: CancellationError()) }
  }

  func run() {
    let continuation = state.withLock { state -> UnsafeContinuation<Value, any Error>? in
      toro_acquired(lock)
      defer { toro_releasing(lock) }
      guard case .waiting(let continuation) = state else { return nil }
      state = .begun
      return continuation
    }
    continuation?.resume(with: Result { try body() })
  }

  func cancel() {
    let continuation = state.withLock { state -> UnsafeContinuation<Value, any Error>? in
      toro_acquired(lock)
      defer { toro_releasing(lock) }
      guard case .waiting(let continuation) = state else { return nil }
      state = .cancelled
      return continuation
    }
    continuation?.resume(throwing: CancellationError())
  }
}

/// Up to four threads for blocking code, made when needed; an idle one ends after ten seconds.
enum BlockingPool {
  private static let limit = 4

  /// Guarded by `mutex`.
  private final class State: @unchecked Sendable {
    var jobs = RingBuffer<@Sendable () -> Void>()
    var threads = 0
    var idle = 0
    let mutex: UnsafeMutablePointer<pthread_mutex_t>
    let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
      mutex = .allocate(capacity: 1)
      condition = .allocate(capacity: 1)
      pthread_mutex_init(mutex, nil)
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(condition, &attributes)
      pthread_condattr_destroy(&attributes)
    }
  }

  private static let state = State()

  static func submit(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(state.mutex)
    state.jobs.append(job)
    if state.jobs.count > state.idle && state.threads < limit {
      startThread()
    } else {
      pthread_cond_signal(state.condition)
    }
    pthread_mutex_unlock(state.mutex)
  }

  private static func startThread() {
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { _ in
        BlockingPool.work()
        return nil
      }, nil)
    // With a thread there already the job waits for it; without any there is nobody to run it.
    require(error == 0 || state.threads > 0, "Toro: no thread for runBlocking: \(errorText(error))")
    if error == 0 {
      pthread_detach(thread)
      state.threads += 1
    }
  }

  private static func work() {
    pthread_mutex_lock(state.mutex)
    while true {
      if !state.jobs.isEmpty {
        let job = state.jobs.removeFirst()
        pthread_mutex_unlock(state.mutex)
        job()
        pthread_mutex_lock(state.mutex)
        continue
      }
      var until = timespec()
      clock_gettime(CLOCK_MONOTONIC, &until)
      until.tv_sec += 10
      state.idle += 1
      let error = pthread_cond_timedwait(state.condition, state.mutex, &until)
      state.idle -= 1
      if error == ETIMEDOUT && state.jobs.isEmpty { break }
    }
    state.threads -= 1
    pthread_mutex_unlock(state.mutex)
  }
}
