import CToroShims
import Glibc

/// Where the jobs of closed reactors run: one thread, made when needed and gone when idle. None is dropped.
enum Fallback {
  private struct Queue {
    var entries: [Entry] = []
    var hasThread = false
  }

  private struct Entry {
    let reactor: Reactor
    let job: UnownedJob
    let isIsolated: Bool
  }

  private static let shared = PerProcess { Locked(Queue()) }
  private static var queue: Locked<Queue> { shared.content }
  /// The reactor whose job runs on the thread, and that thread's number.
  private static let shownRunning = PerProcess { Locked<(reactor: ObjectIdentifier, thread: UInt64)?>(nil) }
  private static var running: Locked<(reactor: ObjectIdentifier, thread: UInt64)?> { shownRunning.content }

  static func run(_ job: UnownedJob, isIsolated: Bool, for reactor: Reactor) {
    let entry = Entry(reactor: reactor, job: job, isIsolated: isIsolated)
    let needsThread = queue.withLock { queue in
      queue.entries.append(entry)
      defer { queue.hasThread = true }
      return !queue.hasThread
    }
    guard needsThread else { return }
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { _ in
        Fallback.drain()
        return nil
      }, nil)
    require(error == 0, "Toro: no thread for the jobs of closed reactors: \(errorText(error))")
    pthread_detach(thread)
  }

  private static func drain() {
    let number = toro_number_this_thread()
    while true {
      let entries = queue.withLock { queue -> [Entry] in
        defer { queue.entries = [] }
        if queue.entries.isEmpty { queue.hasThread = false }
        return queue.entries
      }
      if entries.isEmpty { return }
      for entry in entries {
        running.withLock { $0 = (ObjectIdentifier(entry.reactor), number) }
        if entry.isIsolated {
          entry.job.runSynchronously(on: entry.reactor.serialExecutorReference)
        } else {
          entry.job.runSynchronously(on: entry.reactor.taskExecutorReference)
        }
      }
      running.withLock { $0 = nil }
    }
  }

  /// Whether this is the thread, and it runs a job of this reactor.
  static func isCurrent(for reactor: Reactor) -> Bool {
    guard reactor.isClosed else { return false }
    return running.withLock {
      $0.map { $0.reactor == ObjectIdentifier(reactor) && $0.thread == toro_current_thread_number() } ?? false
    }
  }
}

extension Reactor {
  /// The reactor is closed: its jobs run on the fallback, the rest does nothing.
  func runOnFallback(_ entry: Ready) {
    if case .job(let job, let context) = entry { Fallback.run(job, isIsolated: context.isIsolated, for: self) }
  }
}
