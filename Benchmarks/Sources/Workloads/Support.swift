import Glibc
import Toro

/// The same numbers as the peers'.
struct XorShift {
  private var state: UInt64 = 88_172_645_463_325_252

  mutating func next() -> UInt32 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt32(truncatingIfNeeded: state)
  }
}

/// State that tasks or callbacks of one reactor share: touched on its thread alone.
final class Shared<Value>: @unchecked Sendable {
  @exclusivity(unchecked) var value: Value
  init(_ value: Value) { self.value = value }
}

func nowNanoseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Starts a workload's callbacks on the reactor, and runs it until nothing is left to do.
///
/// - Returns: Nanoseconds from the start to the end.
func timeCallbacks(on reactor: Reactor, _ start: @escaping @Sendable () -> Void) throws -> Int {
  let began = nowNanoseconds()
  reactor.execute(start)
  try reactor.run()
  return nowNanoseconds() - began
}
