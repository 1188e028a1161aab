import Glibc
import Synchronization

/// What Proof/Faults/faults.c offers, if it has been preloaded.
enum Faults {
  private typealias Switch = @convention(c) (Int32) -> Void

  private static func find(_ name: String) -> Switch? {
    dlsym(nil, name).map { unsafeBitCast($0, to: Switch.self) }
  }

  private static let armFunction = find("toro_faults_arm")
  private static let ownFunction = find("toro_faults_own")

  /// Begins to count calls, and has the chosen one fail.
  static func arm(_ isOn: Bool) { armFunction?(isOn ? 1 : 0) }

  /// Runs what the scenario does itself, whose calls do not count.
  static func own<Value>(_ body: () throws -> Value) rethrows -> Value {
    ownFunction?(1)
    defer { ownFunction?(0) }
    return try body()
  }
}

/// What came of a scenario's parts, from any thread.
final class Journal: Sendable {
  private let lines = Mutex<(told: [String], lost: [String])>(([], []))

  /// A part has failed, and was told so.
  func tell(_ error: any Error) {
    if let error = error as? Lost { return lose(error.what) }
    lines.withLock { $0.told.append("\(error)") }
  }

  /// A part was not told anything.
  func lose(_ what: String) { lines.withLock { $0.lost.append(what) } }

  var all: (told: [String], lost: [String]) { lines.withLock { $0 } }
}

/// Something was to happen, and has not.
struct Lost: Error {
  let what: String
}
