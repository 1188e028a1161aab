import CToroShims
import Glibc

/// A bounded number of threads for code that blocks, made when needed; an idle one ends after some seconds. From any thread,
/// and in a forked child too, which has threads of its own.
package final class ThreadPool: Sendable {
  private let state: PerProcess<State>

  /// - Parameters:
  ///   - limit: How many threads there may be, at least 1.
  ///   - idleTime: How long a thread waits for another job: whole seconds.
  package init(limit: Int, idleTime: Int = 10) {
    state = PerProcess { State(limit: limit, idleTime: idleTime) }
  }

  deinit { state.content.close() }

  /// How many threads there are now.
  package var threadCount: Int { state.content.threadCount }

  /// Has a thread run `job`, in the order in which they are submitted.
  ///
  /// - Returns: 0, or what `pthread_create` said, if there is no thread: then the job was not taken.
  package func submit(_ job: @escaping @Sendable () -> Void) -> Int32 { state.content.submit(job) }

  /// Guarded by `mutex`.
  private final class State: @unchecked Sendable {
    private let limit: Int
    private let idleTime: Int
    private var jobs = RingBuffer<@Sendable () -> Void>()
    private var threads = 0
    private var idle = 0
    private var isClosed = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(limit: Int, idleTime: Int) {
      self.limit = limit
      self.idleTime = idleTime
      pthread_mutex_init(mutex, nil)
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(condition, &attributes)
      pthread_condattr_destroy(&attributes)
    }

    deinit {
      pthread_cond_destroy(condition)
      pthread_mutex_destroy(mutex)
      condition.deallocate()
      mutex.deallocate()
      jobs.deallocate()
    }

    var threadCount: Int {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return threads
    }

    func submit(_ job: @escaping @Sendable () -> Void) -> Int32 {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      if jobs.count >= idle && threads < limit {
        let error = startThread()
        // With a thread there already the job waits for it; without any there is nobody to run it.
        if error != 0 && threads == 0 { return error }
      }
      jobs.append(job)
      pthread_cond_signal(condition)
      return 0
    }

    /// Idle threads end now, busy ones when all jobs are done.
    func close() {
      pthread_mutex_lock(mutex)
      isClosed = true
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }

    private func startThread() -> Int32 {
      var thread = pthread_t()
      let reference = Unmanaged.passRetained(self)
      let error = pthread_create(
        &thread, nil,
        { reference in
          Unmanaged<State>.fromOpaque(reference.unsafelyUnwrapped).takeRetainedValue().work()
          return nil
        }, reference.toOpaque())
      if error != 0 {
        reference.release()
        return error
      }
      pthread_detach(thread)
      threads += 1
      return 0
    }

    private func work() {
      pthread_mutex_lock(mutex)
      while true {
        if !jobs.isEmpty {
          var job: (@Sendable () -> Void)? = jobs.removeFirst()
          pthread_mutex_unlock(mutex)
          job?()
          job = nil  // without the lock: what it kept may have jobs of its own to submit
          pthread_mutex_lock(mutex)
          continue
        }
        if isClosed { break }
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        until.tv_sec += idleTime
        idle += 1
        let error = pthread_cond_timedwait(condition, mutex, &until)
        idle -= 1
        if error == ETIMEDOUT && jobs.isEmpty { break }
      }
      threads -= 1
      pthread_mutex_unlock(mutex)
    }
  }
}
