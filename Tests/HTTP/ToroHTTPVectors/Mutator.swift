/// Changes bytes here and there, the same way for the same seed.
public struct Mutator: Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// What means something to parsers.
  private static let pieces: [[UInt8]] = [
    "\r", "\n", "\r\n", "\r\n\r\n", "\n\n", "\0", " ", "\t", ":", ",", ";", "=", "\"", "\\", "/", "0", "1", "f", "+",
    "-",
    "0x", "\u{7F}", "\u{80}", "\u{FF}", "\u{0B}", "HTTP/1.0", "HTTP/1.1", "chunked", "close", "0\r\n\r\n",
    "5\r\nhello\r\n",
    "Host: b\r\n", "Content-Length: 5\r\n", "Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n", "\r\n folded",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "18446744073709551616",
  ].map(\.latin1)

  /// The generator is SplitMix64 (Steele, Lea, Flood, 2014).
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// A number below this one, 0 if there is none.
  public mutating func number(below end: Int) -> Int { end > 0 ? Int(next() % UInt64(end)) : 0 }

  /// Changes one to four things.
  public mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...number(below: 4) { change(&bytes) }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let place = number(below: bytes.count + 1)
    let other = number(below: bytes.count + 1)
    let range = min(place, other)..<max(place, other)
    let few = place..<min(bytes.count, place + 1 + number(below: 3))
    switch number(below: 8) {
    case 0: if !bytes.isEmpty { bytes[number(below: bytes.count)] ^= 1 << UInt8(number(below: 8)) }
    case 1: if !bytes.isEmpty { bytes[number(below: bytes.count)] = UInt8(number(below: 256)) }
    case 2: bytes.removeSubrange(few)
    case 3: bytes.insert(contentsOf: bytes[few], at: place)
    case 4: if range.count < 64 { bytes.insert(contentsOf: bytes[range], at: place) }
    case 5: if range.count < 64 { bytes.removeSubrange(range) }
    case 6: bytes.replaceSubrange(few, with: Self.pieces[number(below: Self.pieces.count)])
    default: bytes.insert(contentsOf: Self.pieces[number(below: Self.pieces.count)], at: place)
    }
  }

  /// Cuts the bytes into portions.
  public mutating func portions(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var portions: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + 1 + number(below: 24))
      portions.append(bytes[start..<end])
      start = end
    }
    return portions
  }
}
