import CLibevent
import CToroShims
import Glibc

/// Has the loop come back at the next deadline: a timerfd on an own base, a timer of libevent's on an adopted one.
///
/// libevent's timers are good to the kernel's tick, some milliseconds, unless it is told to be precise; and then it sets a timer
/// of the system's at every poll, also where there is no deadline. A timerfd of our own is set when the next deadline comes
/// before the one that it is set for: one that has been put off costs a turn for nothing when it fires, and no system call
/// before.
final class LoopTimer {
  private let event: UnsafeMutablePointer<event>
  private let base: OpaquePointer
  private let isOwn: Bool
  private let fired: @convention(c) (Int32, Int16, UnsafeMutableRawPointer?) -> Void
  private let context: UnsafeMutableRawPointer
  private var descriptor: Int32 = -1
  /// When it fires; `Int64.max` if it is not set.
  private(set) var due = Int64.max

  /// - Parameter fired: What libevent calls, with `context`. It calls ``hasFired()``.
  init(
    on base: OpaquePointer, isOwn: Bool,
    fired: @escaping @convention(c) (Int32, Int16, UnsafeMutableRawPointer?) -> Void,
    _ context: UnsafeMutableRawPointer
  ) {
    self.base = base
    self.isOwn = isOwn
    self.fired = fired
    self.context = context
    event = .allocate(capacity: 1)
    event_assign(event, base, -1, 0, fired, context)
  }

  deinit {
    assert(descriptor < 0, "it was closed")
    event.deallocate()
  }

  /// Makes ready what it takes. Not for one that has been opened.
  func open() throws(SystemError) {
    guard isOwn else { return }
    descriptor = toro_make_timerfd()
    guard descriptor >= 0 else { throw SystemError("timerfd_create", errno: errno) }
    // Told once each time that it fires, so that nobody has to read it.
    event_assign(event, base, descriptor, Int16(EV_READ | EV_PERSIST | EV_ET), fired, context)
    guard event_add(event, nil) == 0 else { throw SystemError("event_add", errno: errno) }
  }

  /// How many of the base's events it is.
  var eventCount: Int32 { isOwn || due != .max ? 1 : 0 }

  /// Has it fire then, or not at all.
  ///
  /// - Parameters:
  ///   - due: On the system's monotonic clock, in nanoseconds.
  ///   - now: What that says.
  func set(_ due: Int64, now: @autoclosure () -> Int64) {
    if isOwn {
      if due >= self.due { return }
      toro_set_timerfd(descriptor, max(1, due))
    } else if due == self.due {
      return
    } else if due == .max {
      event_del(event)
    } else {
      let delay = max(0, due - now())
      var time = timeval(
        tv_sec: Int(min(delay / 1_000_000_000, 86_400 * 365)), tv_usec: Int((delay % 1_000_000_000 + 999) / 1000))
      if time.tv_usec == 1_000_000 {
        time.tv_sec += 1
        time.tv_usec = 0
      }
      // Without memory for it: at once, so that it is tried again.
      if event_add(event, &time) != 0 { event_active(event, Int32(EV_TIMEOUT), 0) }
    }
    self.due = due
  }

  func hasFired() { due = .max }

  /// In a forked child: the timerfd is the parent's.
  func renew() throws(SystemError) {
    guard isOwn else { return }
    close()
    due = .max
    try open()
  }

  /// Takes it off the base, before that is freed.
  func close() {
    event_del(event)
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }
}
