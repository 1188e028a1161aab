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
  /// Runs as a task of the reactor.
  let task: @Sendable (Reactor) async throws -> Measurement
  /// Runs the reactor itself. `nil` where callbacks have no like of it.
  let callback: (@Sendable (Reactor) throws -> Measurement)?

  init(
    _ name: String, _ summary: String, task: @escaping @Sendable (Reactor) async throws -> Measurement,
    callback: (@Sendable (Reactor) throws -> Measurement)? = nil
  ) {
    self.name = name
    self.summary = summary
    self.task = task
    self.callback = callback
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

func decimal(_ value: Double) -> String {
  let hundredths = Int((abs(value) * 100).rounded())
  return
    "\(value < 0 && hundredths > 0 ? "-" : "")\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}

func jsonLine(_ workload: String, _ form: String, _ result: Measurement) -> String {
  let perOperation = Double(max(result.nanoseconds, 0)) / Double(result.operations)
  let extras = result.extras.map { ",\"\($0.name)\":\(decimal($0.value))" }.joined()
  return "{\"peer\":\"toro\",\"form\":\"\(form)\",\"workload\":\"\(workload)\",\"ns_per_op\":\(decimal(perOperation)),"
    + "\"ops\":\(result.operations),\"peak_rss_kb\":\(statusKilobytes("VmHWM"))\(extras)}"
}
