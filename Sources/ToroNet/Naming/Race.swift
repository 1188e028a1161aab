import Toro

/// Tries addresses one after the other, each a while after the one before or as soon as that has failed, until one succeeds: the
/// connecting part of "Happy Eyeballs" (RFC 8305, section 5).
///
/// All of it is in the order of the addresses and of time, and knows nothing of sockets.
struct Race<Success: Sendable>: Sendable {
  let addresses: [SocketAddress]
  /// How long to wait for an attempt before the next is begun beside it.
  let delay: Duration
  let reactor: Reactor
  /// Throws a ``SocketError`` if this address will not do; any other error ends the race.
  let attempt: @Sendable (SocketAddress) async throws -> Success

  enum Outcome {
    case success(Success)
    /// What each attempt failed with, in the order in which they failed.
    case failure([SocketError])
  }

  private enum Step {
    case succeeded(Success)
    case failed(SocketError)
    /// The attempt of this number has had its time.
    case overdue(Int)
  }

  /// Runs to its end. The attempts that are under way when one succeeds, or the task is cancelled, are cancelled, and have ended
  /// when this returns.
  func run() async throws -> Outcome {
    try await withThrowingTaskGroup(of: Step.self) { group in
      defer { group.cancelAll() }  // which waits for what is left
      var begun = 0
      var failures: [SocketError] = []

      func beginNext() {
        guard begun < addresses.count else { return }
        let address = addresses[begun]
        begun += 1
        let number = begun
        group.addTask(executorPreference: reactor.taskExecutor) {
          do { return .succeeded(try await attempt(address)) } catch let error as SocketError { return .failed(error) }
        }
        guard begun < addresses.count else { return }
        group.addTask(executorPreference: reactor.taskExecutor) {
          try await reactor.sleep(for: delay)
          return .overdue(number)
        }
      }

      beginNext()
      while let step = try await group.next() {
        switch step {
        case .succeeded(let success): return .success(success)
        case .failed(let error):
          failures.append(error)
          if failures.count == addresses.count { return .failure(failures) }
          // Another that is under way may succeed yet, and the next need not wait for it.
          beginNext()
        case .overdue(let number):
          if number == begun { beginNext() }
        }
      }
      return .failure(failures)
    }
  }

  /// The addresses in the order in which they are tried: as they are, but the families in turn (RFC 8305, section 4).
  static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
    guard let first = addresses.first?.family else { return [] }
    let preferred = addresses.filter { $0.family == first }
    let others = addresses.filter { $0.family != first }
    var all: [SocketAddress] = []
    for index in 0..<max(preferred.count, others.count) {
      if index < preferred.count { all.append(preferred[index]) }
      if index < others.count { all.append(others[index]) }
    }
    return all
  }
}
