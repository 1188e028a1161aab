import CToroShims
import Synchronization

/// A value that threads share, behind a lock that is held for a moment and never while anything waits.
///
/// The standard library's lock, told to the thread sanitizer, which cannot see into it; and what is taken out from under it
/// goes to the thread that takes it, of whatever type it is.
@usableFromInline
package final class Locked<Value>: @unchecked Sendable {
  @usableFromInline let value: Mutex<Moved<Value>>

  @inlinable
  package init(_ value: Value) { self.value = Mutex(Moved(value)) }

  /// Calls `body` with the value, alone. What it returns must not be shared with what stays.
  @inlinable @inline(__always)
  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    let result = try value.withLock { value -> Moved<Result> in
      let name = Unmanaged.passUnretained(self).toOpaque()
      toro_acquired(name)
      defer { toro_releasing(name) }
      return Moved(try body(&value.content))
    }
    return result.content
  }
}

/// What goes in or out under a lock, from one thread to another.
@usableFromInline
struct Moved<Content>: @unchecked Sendable {
  @usableFromInline var content: Content
  @inlinable init(_ content: Content) { self.content = content }
}
