/// How often a loop's lag was how long: buckets in steps of 1, 2 and 5.
struct LagHistogram {
  /// The upper ends of the buckets, in nanoseconds; the last bucket has none.
  static let bounds: [Int64] = [
    10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000, 200_000_000, 500_000_000,
    1_000_000_000,
  ]

  /// How many there were in each bucket, one more than there are bounds.
  private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
  private(set) var count = 0
  /// The longest there was.
  private(set) var max: Int64 = 0

  mutating func record(_ nanoseconds: Int64) {
    counts[Self.bounds.firstIndex { nanoseconds <= $0 } ?? Self.bounds.count] += 1
    count += 1
    max = Swift.max(max, nanoseconds)
  }

  /// What so large a part of them did not exceed: the end of its bucket, and never more than ``max``; 0 if there were none.
  func percentile(_ part: Double) -> Int64 {
    let rank = Swift.max(1, Int((Double(count) * part).rounded(.up)))
    var seen = 0
    for (index, number) in counts.enumerated() {
      seen += number
      if seen >= rank { return index < Self.bounds.count ? min(Self.bounds[index], max) : max }
    }
    return 0
  }
}
