import Toro

/// What bounds every wait of a connection, beside the call's own deadline.
struct TimeLimits {
  /// On the reactor's clock: `Int64.max` is never, `Int64.min` has passed.
  var due = Int64.max
  /// Nanoseconds; `nil` is without bound.
  var idle: Int64?
  var deadline = Deadline.never
  var idleTimeout: Duration?
}

extension Connection {
  /// Until when all reads and writes of the connection have to be done, whatever they ask for themselves: they throw
  /// `TimeoutError` then. What can be done at once still is. `Deadline.never` at first.
  ///
  /// It is turned into a moment when it is set, and holds for waits that begin afterwards. On the reactor's thread.
  public var deadline: Deadline {
    get { limits.deadline }
    set {
      limits.deadline = newValue
      limits.due = reactor.resolve(newValue)
    }
  }

  /// How long a read may wait for the next byte, and a write for room for the next: then they throw `TimeoutError`. `nil` at
  /// first: as long as it takes. Holds for waits that begin afterwards. On the reactor's thread.
  ///
  /// - Precondition: More than zero.
  public var idleTimeout: Duration? {
    get { limits.idleTimeout }
    set {
      require(newValue ?? .seconds(1) > .zero, "\(subject).idleTimeout = \(newValue ?? .zero): must be more than zero")
      limits.idleTimeout = newValue
      limits.idle = newValue.map { $0.nanosecondsRoundedUp }
    }
  }

  /// Until when a wait that begins now may last, which was asked for until `due`.
  @inline(__always)
  func limit(_ due: Int64) -> Int64 {
    let due = min(due, limits.due)
    guard let idle = limits.idle, due != .min else { return due }
    return min(due, reactor.due(after: idle))
  }
}
