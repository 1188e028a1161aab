import Glibc
import Synchronization

/// What other threads hand to a reactor, in the order in which it happened.
///
/// A lock around an array that the reactor swaps for an empty one: measured against an intrusive lock-free list, it
/// needs no allocation for an item, and the lock is held for an append.
final class Inbox: Sendable {
  private struct State {
    var entries: [Ready] = []
    /// The reactor may be blocked, or its host: the next entry has to wake it.
    var isAsleep = true
    var isOpen = true
  }

  private let state = Locked(State())
  /// Threads that were told to wake the reactor and have not done so: it must not let go of its descriptor.
  private let wakers = Atomic<Int>(0)
  /// Whether there are entries: read by the reactor without the lock.
  private let hasEntries = Atomic<Bool>(false)

  enum Posted {
    case done, wake, refused
  }

  /// Adds an entry. `.wake`: the caller has to wake the reactor and then call ``hasWoken()``. `.refused`: the reactor is closed.
  func post(_ entry: Ready) -> Posted {
    state.withLock { state in
      guard state.isOpen else { return .refused }
      state.entries.append(entry)
      hasEntries.store(true, ordering: .relaxed)
      guard state.isAsleep else { return .done }
      state.isAsleep = false
      wakers.add(1, ordering: .relaxed)
      return .wake
    }
  }

  var mayHaveEntries: Bool { hasEntries.load(ordering: .relaxed) }

  /// Takes all entries into `into`, which must be empty and whose storage the inbox goes on with. The reactor is awake.
  func take(into: inout [Ready]) {
    state.withLock { state in
      swap(&state.entries, &into)
      state.isAsleep = false
      hasEntries.store(false, ordering: .relaxed)
    }
  }

  /// The reactor is about to block, or to leave its host to wake it. False if there are entries: then it is not.
  func fallAsleep() -> Bool {
    state.withLock { state in
      guard state.entries.isEmpty else { return false }
      state.isAsleep = true
      return true
    }
  }

  /// Whether the reactor was asleep; it is not afterwards.
  func wake() -> Bool {
    state.withLock { state in
      defer { state.isAsleep = false }
      return state.isAsleep
    }
  }

  /// Whether the caller, on another thread, has to wake the reactor and then call ``hasWoken()``.
  func beginWaking() -> Bool {
    state.withLock { state in
      guard state.isAsleep && state.isOpen else { return false }
      state.isAsleep = false
      wakers.add(1, ordering: .relaxed)
      return true
    }
  }

  func hasWoken() { wakers.subtract(1, ordering: .releasing) }

  /// What other threads had handed over before this process forked, in a child: nothing if one of them was at it.
  var entriesInChild: [Ready] { state.valueInChild?.entries ?? [] }

  /// Refuses entries from now on and returns those left. Nobody wakes the reactor any more.
  func close() -> [Ready] {
    defer { while wakers.load(ordering: .acquiring) > 0 { sched_yield() } }
    return state.withLock { state in
      state.isOpen = false
      hasEntries.store(false, ordering: .relaxed)
      defer { state.entries = [] }
      return state.entries
    }
  }
}
