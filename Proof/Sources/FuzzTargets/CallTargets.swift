import FuzzC
import ToroModels

extension FuzzTarget {
  /// Calls of toro.h, whatever their arguments; see fuzz_c.c.
  static let cInterface = FuzzTarget("c-interface") {
    (0..<64).map { seed in (0..<120).map { UInt8(truncatingIfNeeded: (seed &* 31 &+ $0) &* (2 &* seed &+ 7)) } }
  } run: { bytes in
    fuzz_c(bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count).map { String(cString: $0) }
  }

  /// Programs of one primitive, beside its model.
  static let primitives = Runs.families.map { family in
    FuzzTarget("primitive-\(family.name)") {
      (0..<32).map { seed in (0..<200).map { UInt8(truncatingIfNeeded: (seed &* 17 &+ $0) &* (2 &* seed &+ 11)) } }
    } run: { bytes in
      try family.fuzz(bytes)
    }
  }
}
