// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import CToroShims
import Glibc

/// What calls answer, as the numbers of `toro_status`.
enum Status {
  static var ok: Int32 { Int32(TORO_OK.rawValue) }
  static var closed: Int32 { Int32(TORO_CLOSED.rawValue) }
  static var wouldBlock: Int32 { Int32(TORO_WOULD_BLOCK.rawValue) }
  static var alreadySet: Int32 { Int32(TORO_ALREADY_SET.rawValue) }
  static var notLocked: Int32 { Int32(TORO_NOT_LOCKED.rawValue) }
  static var overReleased: Int32 { Int32(TORO_OVER_RELEASED.rawValue) }
  static var invalid: Int32 { Int32(TORO_INVALID.rawValue) }
  static var wrongThread: Int32 { Int32(TORO_WRONG_THREAD.rawValue) }
  static var busy: Int32 { Int32(TORO_BUSY.rawValue) }
  static var deadlock: Int32 { Int32(TORO_DEADLOCK.rawValue) }

  /// The operating system refused, and why.
  @inline(never)
  static func system(_ code: Int32) -> Int32 {
    errno = code
    return Int32(TORO_SYSTEM.rawValue)
  }
}

/// A string that lives as long as the program.
private func constant(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func toro_version() -> UnsafePointer<CChar>? { constant("0.1.0") }

@c @implementation
public func toro_strerror(_ status: Int32) -> UnsafePointer<CChar>? {
  guard let code = UInt32(exactly: status) else { return toro_unknown_status(status) }
  switch toro_status(rawValue: code) {
  case TORO_OK: return constant("success")
  case TORO_TIMED_OUT: return constant("timed out")
  case TORO_CANCELLED: return constant("cancelled")
  case TORO_CLOSED: return constant("closed")
  case TORO_WOULD_BLOCK: return constant("would block")
  case TORO_ALREADY_SET: return constant("already set")
  case TORO_NOT_LOCKED: return constant("not locked")
  case TORO_OVER_RELEASED: return constant("released or done more often than there is")
  case TORO_INVALID: return constant("invalid argument")
  case TORO_WRONG_THREAD: return constant("not on the reactor's thread")
  case TORO_BUSY: return constant("busy")
  case TORO_DEADLOCK: return constant("deadlock: waits are left, and nothing could end one")
  case TORO_SYSTEM: return constant("system error")
  default: return toro_unknown_status(status)
  }
}
