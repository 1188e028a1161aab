import CToroShims
import Synchronization

/// Something that a forked child has one of its own of: what threads share with each other.
///
/// The threads that it was shared with are not in the child, and one of them may have held its lock when the process forked. So
/// the child leaves it alone, for good, and makes another at first use, from what can be had of the parent's. From any thread.
package final class PerProcess<Content: Sendable>: Sendable {
  private final class Copy: Sendable {
    let content: Content
    let forkCount: UInt32

    init(_ content: Content, _ forkCount: UInt32) {
      self.content = content
      self.forkCount = forkCount
    }
  }

  private let pointer: Atomic<UInt>
  private let make: @Sendable () -> Content
  private let inherit: @Sendable (Content) -> Content?
  private let leave: @Sendable (Content) -> Void

  /// - Parameters:
  ///   - make: Makes one from nothing.
  ///   - inherit: Makes one from the parent's, whose locks may be held for good. `nil`: that cannot be done.
  ///   - leave: Lets go of what the parent's has, once there is another.
  package init(
    _ make: @escaping @Sendable () -> Content,
    inheriting inherit: @escaping @Sendable (Content) -> Content? = { _ in nil },
    leaving leave: @escaping @Sendable (Content) -> Void = { _ in }
  ) {
    self.make = make
    self.leave = leave
    self.inherit = inherit
    pointer = Atomic(PerProcess.retain(Copy(make(), toro_fork_count())))
  }

  deinit { Unmanaged<Copy>.fromOpaque(PerProcess.address(pointer.load(ordering: .acquiring))).release() }

  /// This process's.
  package var content: Content {
    let bits = pointer.load(ordering: .acquiring)
    let copy = Unmanaged<Copy>.fromOpaque(PerProcess.address(bits)).takeUnretainedValue()
    return copy.forkCount == toro_fork_count() ? copy.content : contentOfChild(copy.content, replacing: bits)
  }

  private func contentOfChild(_ parents: Content, replacing parentsBits: UInt) -> Content {
    let copy = Copy(inherit(parents) ?? make(), toro_fork_count())
    let bits = PerProcess.retain(copy)
    let (isFirst, _) = pointer.compareExchange(
      expected: parentsBits, desired: bits, successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
    if isFirst {
      leave(parents)
      return copy.content
    }
    Unmanaged.passUnretained(copy).release()
    return content
  }

  private static func retain(_ copy: Copy) -> UInt { UInt(bitPattern: Unmanaged.passRetained(copy).toOpaque()) }

  private static func address(_ bits: UInt) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: bits).unsafelyUnwrapped
  }
}
