import Glibc
import Toro
import ToroNet

/// A reactor on a thread of its own, from which others are observed: it goes on while they do not.
final class ObserverThread: Sendable {
  let reactor: Reactor
  private let thread = Locked<pthread_t?>(nil)

  init() throws(SystemError) {
    reactor = try Reactor()
    reactor.unbind()
  }

  /// Runs `body` on the thread, until it returns or is cancelled by ``stop()``.
  func start(_ body: @escaping @Sendable () async throws -> Void) throws(SystemError) {
    let reactor = reactor
    let handle = try startThread(name: "inspector") {
      try? reactor.run(name: "inspector", body)
      reactor.close()
    }
    thread.withLock { $0 = handle }
  }

  /// Cancels the body, and returns when the thread has ended; at once if that was asked for before. From any other thread.
  func stop() {
    if reactor.isForked { return }  // the thread is the parent's
    guard let handle = thread.withLock({ $0.take() }) else { return reactor.closeFromAnyThread() }
    reactor.stop()
    pthread_join(handle, nil)
  }
}
