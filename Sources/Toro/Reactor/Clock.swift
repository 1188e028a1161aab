import Glibc
import Synchronization

/// A reactor's monotonic clock, real or virtual: the one on which its deadlines are read.
public struct ReactorClock: Clock {
  /// A moment on the clock. Comparable with moments of the same reactor, and of any other in real time.
  public struct Instant: InstantProtocol {
    /// Since the clock's beginning: nanoseconds.
    public let nanoseconds: Int64

    /// The moment this many nanoseconds after the clock's beginning.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The moment this long after, or before; limited to what can be counted.
    public func advanced(by duration: Duration) -> Instant {
      let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.nanosecondsRoundedUp)
      return Instant(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// How long it is from this moment to another.
    public func duration(to other: Instant) -> Duration {
      .nanoseconds(other.nanoseconds) - .nanoseconds(nanoseconds)
    }

    /// Whether `a` is the earlier moment.
    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
  }

  let reactor: Reactor

  /// The time now. From any thread.
  public var now: Instant { Instant(nanoseconds: reactor.readMonotonicClock()) }

  /// One nanosecond: the clock's unit. How late a wait ends is up to the loop.
  public var minimumResolution: Duration { .nanoseconds(1) }

  /// Waits until the deadline has passed; the tolerance is not used.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first; ``ReactorClosedError`` if the reactor is closed.
  public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
    _ = try await reactor.sleepers.wait(.sleep, until: reactor.resolve(.at(deadline)), .untold)
  }
}

extension Reactor {
  /// The clock on which this reactor's deadlines are read.
  public var clock: ReactorClock { ReactorClock(reactor: self) }

  /// The time now, on ``clock``. From any thread.
  public var now: ReactorClock.Instant { ReactorClock.Instant(nanoseconds: readMonotonicClock()) }

  /// The time now since the Unix epoch: the wall clock's, or the virtual one's. From any thread.
  public var unixTime: Duration { .nanoseconds(unixNanoseconds) }

  package var isVirtual: Bool { clockKind != .monotonic }

  package var unixNanoseconds: Int64 {
    clockKind == .monotonic ? readUnixClock() : virtualUnixEpoch &+ virtualNow.load(ordering: .relaxed)
  }

  @inline(__always)
  package func readMonotonicClock() -> Int64 {
    guard clockKind == .monotonic else { return virtualNow.load(ordering: .relaxed) }
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// Moves virtual time on. What becomes due ends on the next turn, in order.
  ///
  /// - Precondition: The reactor's time is virtual, and the duration not negative.
  /// - Isolation: On the reactor's thread.
  public func advance(by duration: Duration) {
    expectCurrent("Reactor.advance(by:)")
    require(clockKind != .monotonic, "Reactor.advance(by:): this reactor's time is real")
    let nanoseconds = duration.nanosecondsRoundedUp
    require(nanoseconds >= 0, "Reactor.advance(by:): time does not go back")
    advance(nanoseconds: nanoseconds)
  }

  /// The same, not negative. Time ends short of `.max`, which is never, on this clock and on that since the Unix epoch.
  package func advance(nanoseconds: Int64) {
    let (sum, overflow) = virtualNow.load(ordering: .relaxed).addingReportingOverflow(nanoseconds)
    let end = Int64.max - 1 - max(0, virtualUnixEpoch)
    virtualNow.store(overflow ? end : min(sum, end), ordering: .relaxed)
    readsClock = true
  }

  /// When a deadline passes: nanoseconds on the clock, `.max` for never, `.min` if it has passed.
  @usableFromInline
  package func resolve(_ deadline: Deadline) -> Int64 {
    switch deadline.kind {
    case .never:
      return .max
    case .after(let duration):
      let nanoseconds = duration.nanosecondsRoundedUp
      return nanoseconds <= 0 ? .min : due(after: nanoseconds)
    case .at(let instant):
      return instant.nanoseconds <= readMonotonicClock() ? .min : instant.nanoseconds
    case .unixTime(let seconds):
      if seconds >= 9_223_372_036 { return .max }
      if seconds <= -9_223_372_036 { return .min }
      // Whole seconds apart, so that nothing is lost to the double's precision but what it has lost already.
      let whole = seconds.rounded(.down)
      let nanoseconds = Int64(whole) * 1_000_000_000 + Int64(((seconds - whole) * 1e9).rounded(.up))
      return due(unixNanoseconds: nanoseconds)
    }
  }

  /// A resolved deadline, looked at again: `.min` if it has passed meanwhile.
  func stillDue(_ due: Int64) -> Int64 { due <= readMonotonicClock() ? .min : due }

  /// The moment this many nanoseconds, more than 0, from now.
  package func due(after nanoseconds: Int64) -> Int64 {
    let (sum, overflow) = readMonotonicClock().addingReportingOverflow(nanoseconds)
    if overflow { return .max }
    // What cannot be told since the Unix epoch never comes either. Only centuries can get there in real time.
    if clockKind != .monotonic || nanoseconds > 1 << 60 {
      let (moment, overflow) = unixNanoseconds.addingReportingOverflow(nanoseconds)
      if overflow || moment == .max { return .max }
    }
    return sum
  }

  package func due(unixNanoseconds: Int64) -> Int64 {
    if unixNanoseconds == .max { return .max }
    let (delay, overflow) = unixNanoseconds.subtractingReportingOverflow(self.unixNanoseconds)
    if overflow { return unixNanoseconds > 0 ? .max : .min }
    return delay <= 0 ? .min : due(after: delay)
  }
}

func readUnixClock() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
}

package func errorText(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
