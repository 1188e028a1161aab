import Glibc

/// What a workload came to.
public struct Measurement: Sendable {
  public var nanoseconds: Int
  public var operations: Int
  /// Further figures, as the README of the peers names them.
  public var extras: [(name: String, value: Double)] = []

  public init(nanoseconds: Int, operations: Int, extras: [(name: String, value: Double)] = []) {
    self.nanoseconds = nanoseconds
    self.operations = operations
    self.extras = extras
  }
}

/// A figure of /proc/self/status, as in `VmHWM`: kilobytes.
public func statusKilobytes(_ key: String) -> Int {
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
