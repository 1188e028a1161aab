import CToroShims
import Synchronization

/// A value that threads share, behind a lock that is held for a moment and never while anything waits.
final class Locked<Value>: @unchecked Sendable {
  private let value: Mutex<Transferable>

  /// What the lock guards may go from thread to thread.
  private struct Transferable: @unchecked Sendable {
    var content: Value
  }

  init(_ value: Value) { self.value = Mutex(Transferable(content: value)) }

  /// Names the lock to the thread sanitizer, which cannot see into the standard library's.
  private var lock: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    let result = try value.withLock { value -> Moved<Result> in
      toro_acquired(lock)
      defer { toro_releasing(lock) }
      return Moved(content: try body(&value.content))
    }
    return result.content
  }
}

private struct Moved<Content>: @unchecked Sendable {
  let content: Content
}
