/// Until when to wait.
///
/// A deadline is turned into a moment on the reactor's monotonic clock once, at the call that takes it; the wall clock
/// may jump afterwards. A wait that can succeed at once does so whatever its deadline. One whose deadline has passed
/// at the call times out on the next turn. A wait never times out early.
public struct Deadline: Sendable, Hashable {
  @usableFromInline
  enum Kind: Sendable, Hashable {
    case never
    case after(Duration)
    case at(ReactorClock.Instant)
    case unixTime(Double)
  }

  @usableFromInline let kind: Kind

  @inlinable init(kind: Kind) { self.kind = kind }

  /// One that has been resolved: a reactor's nanoseconds, `.max` for never.
  package init(due: Int64) {
    self = due == .max ? .never : .at(ReactorClock.Instant(nanoseconds: due))
  }

  @inlinable package var isNever: Bool {
    @inline(__always) get { if case .never = kind { true } else { false } }
  }

  /// No deadline: wait until it is granted, cancelled or closed.
  @inlinable public static var never: Deadline { Deadline(kind: .never) }

  /// This long from the call. Zero and less has passed already; a duration too long to count never passes.
  @inlinable public static func after(_ duration: Duration) -> Deadline {
    Deadline(kind: .after(duration))
  }

  /// A moment on the reactor's monotonic clock (``Reactor/clock``).
  @inlinable public static func at(_ instant: ReactorClock.Instant) -> Deadline {
    Deadline(kind: .at(instant))
  }

  /// Seconds since the Unix epoch, as the wall clock reads at the call. An infinite one never passes (or has passed,
  /// if negative).
  ///
  /// - Precondition: `seconds` is not NaN.
  public static func unixTime(_ seconds: Double) -> Deadline {
    require(!seconds.isNaN, "Deadline.unixTime(NaN): a deadline must be a number of seconds since the Unix epoch")
    return Deadline(kind: .unixTime(seconds))
  }
}

extension Duration {
  /// Whole nanoseconds, rounded up, so that what waits for them never wakes early; limited to what `Int64` holds.
  @usableFromInline package var nanosecondsRoundedUp: Int64 {
    let total = attoseconds
    let low = Int64(truncatingIfNeeded: total)
    if Int128(low) == total {  // up to nine seconds either way: no 128-bit division
      let quotient = low / 1_000_000_000
      return low % 1_000_000_000 > 0 ? quotient &+ 1 : quotient
    }
    let quotient = total / 1_000_000_000
    let rounded = total % 1_000_000_000 > 0 ? quotient + 1 : quotient
    return rounded > Int128(Int64.max) ? .max : rounded < Int128(Int64.min) ? .min : Int64(rounded)
  }
}
