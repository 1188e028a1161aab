import CToroShims
import Glibc

/// A value that threads share, behind a lock that is held for a moment and never while anything waits.
///
/// By POSIX threads, which work in a forked child too: the standard library's `Mutex` writes the thread's number into its word
/// and goes on with the parent's number in a child, where the kernel then refuses a second thread (the process ends). The lock
/// and the value stand side by side, in one allocation.
@usableFromInline
package struct Locked<Value>: @unchecked Sendable {
  @usableFromInline let storage: LockedStorage<Value>

  @inlinable
  package init(_ value: Value) { storage = .make(value) }

  /// Calls `body` with the value, alone. What it returns must not be shared with what stays.
  @inlinable @inline(__always)
  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    try storage.withUnsafeMutablePointers { value, mutex in
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return try body(&value.pointee)
    }
  }

  /// The parent's value, in a forked child that has made no other thread: `nil` if one of the parent's was at it as the process
  /// forked. The lock is held for good then, and is not to be used any more.
  package var valueInChild: Value? { ifFree { $0 } }

  /// Lets go of that.
  package func emptyInChild(leaving empty: Value) { ifFree { $0 = empty } }

  @discardableResult
  private func ifFree<Result>(_ body: (inout Value) -> Result) -> Result? {
    storage.withUnsafeMutablePointers { value, mutex in
      guard pthread_mutex_trylock(mutex) == 0 else { return nil }
      defer { pthread_mutex_unlock(mutex) }
      return body(&value.pointee)
    }
  }
}

/// What a ``Locked`` refers to: a mutex must stay where it was made.
@usableFromInline
final class LockedStorage<Value>: ManagedBuffer<Value, pthread_mutex_t> {
  @inlinable
  static func make(_ value: Value) -> LockedStorage {
    let storage = unsafeDowncast(create(minimumCapacity: 1) { _ in value }, to: LockedStorage.self)
    storage.withUnsafeMutablePointerToElements { mutex in
      mutex.initialize(to: pthread_mutex_t())
      let error = pthread_mutex_init(mutex, nil)
      precondition(error == 0, "pthread_mutex_init: error \(error)")
    }
    return storage
  }

  @inlinable
  deinit { _ = withUnsafeMutablePointerToElements { pthread_mutex_destroy($0) } }
}
