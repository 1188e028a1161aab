import CToro
import Toro

extension toro_deadline {
  @inline(__always)
  var isValid: Bool { UInt32(bitPattern: kind) <= TORO_AT_UNIX.rawValue }

  /// When it passes, as `Reactor.resolve(_:)` says it: `.max` is never, `.min` has passed.
  func due(on reactor: Reactor) -> Int64 {
    switch UInt32(bitPattern: kind) {
    case TORO_NEVER.rawValue: .max
    case TORO_AFTER.rawValue: nanoseconds <= 0 ? .min : reactor.due(after: nanoseconds)
    default: reactor.due(unixNanoseconds: nanoseconds)
    }
  }
}
