import Glibc
import Toro

/// What a workload came to.
struct Measurement {
  var nanoseconds: Int
  var operations: Int
  /// Further figures, as the README of the peers names them.
  var extras: [(name: String, value: Double)] = []

  init(nanoseconds: Int, operations: Int, extras: [(name: String, value: Double)] = []) {
    self.nanoseconds = nanoseconds
    self.operations = operations
    self.extras = extras
  }
}

/// A workload in the forms in which it is offered.
struct Workload: Sendable {
  let name: String
  /// What one operation is.
  let summary: String
  /// How many operations take some tenths of a second.
  let operations: (task: Int, callback: Int)
  /// Runs about so many operations as a task of the reactor.
  let task: @Sendable (Reactor, Int) async throws -> Measurement
  /// Runs the reactor itself. `nil` where callbacks have no like of it.
  let callback: (@Sendable (Reactor, Int) throws -> Measurement)?

  init(
    _ name: String, _ summary: String, operations: (task: Int, callback: Int),
    task: @escaping @Sendable (Reactor, Int) async throws -> Measurement,
    callback: (@Sendable (Reactor, Int) throws -> Measurement)? = nil
  ) {
    self.name = name
    self.summary = summary
    self.operations = operations
    self.task = task
    self.callback = callback
  }

  func isOffered(_ form: Form) -> Bool { form == .task || callback != nil }

  /// Runs once, on a reactor of its own.
  ///
  /// - Parameter operations: About how many. `nil` for as many as take some tenths of a second.
  func run(_ form: Form, operations: Int?) throws -> Measurement {
    let reactor = try Reactor()
    defer { reactor.close() }
    switch form {
    case .task:
      let count = operations ?? self.operations.task
      return try reactor.run { try await task(reactor, count) }
    case .callback:
      guard let callback else { preconditionFailure("\(name) has no callback form") }
      return try callback(reactor, operations ?? self.operations.callback)
    }
  }
}

enum Form: String {
  case task, callback
}

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

/// A figure of /proc/self/status, as in `VmHWM`: kilobytes.
func statusKilobytes(_ key: String) -> Int {
  guard let file = fopen("/proc/self/status", "r") else { return 0 }
  defer { fclose(file) }
  var buffer = [CChar](repeating: 0, count: 256)
  while fgets(&buffer, Int32(buffer.count), file) != nil {
    let fields = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace)
    if fields.first == "\(key):", fields.count > 1 { return Int(fields[1]) ?? 0 }
  }
  return 0
}
