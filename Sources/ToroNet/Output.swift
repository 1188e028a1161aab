import Glibc
import Toro

/// How much a connection holds of what was written and not sent yet.
///
/// Up to `high` bytes are taken from a write that the system has no room for, so that the writer can go on. Once they stand
/// at more than that, writes wait until they have gone down to `low`.
public struct WaterMarks: Hashable, Sendable {
  /// At how few bytes waiting writes go on.
  public let low: Int
  /// How many bytes are held at most. With 0 a write returns when the system has taken all of it.
  public let high: Int

  /// - Precondition: `0 <= low <= high`.
  public init(low: Int, high: Int) {
    require(0 <= low && low <= high, "WaterMarks(low: \(low), high: \(high)): not 0 <= low <= high")
    self.low = low
    self.high = high
  }

  /// 16 KiB and 64 KiB.
  public static var standard: WaterMarks { WaterMarks(low: 16_384, high: 65_536) }
}

/// Bytes that were written and not sent yet, and what is to come after the last of them. Knows no sockets.
struct Output {
  private var bytes: [UInt8] = []
  private var start = 0
  var marks = WaterMarks.standard

  var count: Int { bytes.count - start }
  var isEmpty: Bool { start == bytes.count }

  /// Whether a writer may go on that leaves this much here.
  func takes(_ rest: Int) -> Bool { count <= marks.low && rest <= marks.high - count }

  /// The same where others hold some as well.
  func takes(_ rest: Int, beside others: Int) -> Bool {
    count + others <= marks.low && rest <= marks.high - count - others
  }

  mutating func append(_ more: UnsafeRawBufferPointer) {
    if start > 0 && start >= bytes.count / 2 {
      bytes.removeSubrange(..<start)
      start = 0
    }
    bytes.append(contentsOf: more)
  }

  /// Lets go of what was sent.
  mutating func drop(_ sent: Int) {
    start += sent
    assert(start <= bytes.count)
    if start == bytes.count {
      start = 0
      // A few bytes are not to hold on to the memory of many.
      bytes.removeAll(keepingCapacity: bytes.capacity <= 4096)
    }
  }

  mutating func removeAll() { drop(count) }

  func withUnsent<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
  }
}
