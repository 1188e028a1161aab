/// What programs are drawn from.
protocol Numbers {
  /// A number from 0 up to `bound`, which is not among them.
  mutating func below(_ bound: Int) -> Int
  /// Whether it has no more to say.
  var isSpent: Bool { get }
}

extension Numbers {
  mutating func isOneIn(_ count: Int) -> Bool { below(count) == 0 }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Random: Numbers {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// (Lemire's multiplication, without the correction: what is drawn here is small.)
  mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(bound)) >> 32) }

  var isSpent: Bool { false }
}

/// Numbers that bytes say, one each, or two for what is greater; 0 once there are no more.
struct Choices: Numbers {
  private let bytes: UnsafeRawBufferPointer
  private var next = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private mutating func byte() -> Int {
    if isSpent { return 0 }
    defer { next += 1 }
    return Int(bytes[next])
  }

  mutating func below(_ bound: Int) -> Int {
    if bound <= 256 { return byte() % bound }
    return (byte() << 8 | byte()) % bound
  }

  var isSpent: Bool { next >= bytes.count }
}
