import CToroShims
import Synchronization

/// A value that threads share, behind a lock that is held for a moment and never while anything waits.
///
/// The standard library's lock, told to the thread sanitizer, which cannot see into it; and what is taken out from under it
/// goes to the thread that takes it, of whatever type it is.
@usableFromInline
package final class Locked<Value>: @unchecked Sendable {
  @usableFromInline let lock = Mutex(())
  /// Whether a thread is at the value: what a forked child sees of the moment of the fork.
  @usableFromInline let isInUse = Atomic<Bool>(false)
  @exclusivity(unchecked) @usableFromInline var value: Value

  @inlinable
  package init(_ value: Value) { self.value = value }

  /// Calls `body` with the value, alone. What it returns must not be shared with what stays.
  @inlinable @inline(__always)
  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    let result = try lock.withLock { _ -> Moved<Result> in
      let name = Unmanaged.passUnretained(self).toOpaque()
      toro_acquired(name)
      isInUse.store(true, ordering: .relaxed)
      atomicMemoryFence(ordering: .releasing)
      defer {
        isInUse.store(false, ordering: .releasing)
        toro_releasing(name)
      }
      return Moved(try body(&value))
    }
    return result.content
  }

  /// The parent's value, in a forked child that has made no other thread: `nil` if one of the parent's was at it as the process
  /// forked. The lock may be held for good, and is not to be used any more.
  package var valueInChild: Value? { isInUse.load(ordering: .acquiring) ? nil : value }

  /// Lets go of that.
  package func emptyInChild(leaving empty: Value) {
    if !isInUse.load(ordering: .acquiring) { value = empty }
  }
}

/// What goes out from under a lock, to whatever thread.
@usableFromInline
struct Moved<Content>: @unchecked Sendable {
  @usableFromInline let content: Content
  @inlinable init(_ content: Content) { self.content = content }
}
