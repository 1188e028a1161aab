import Glibc

/// Which bytes may stand where (RFC 9110, 5.6.2; RFC 9112, 2 to 5; RFC 3986, 3.2.2).
enum Octets {
  static let tab: UInt8 = 9
  static let lineFeed: UInt8 = 10
  static let carriageReturn: UInt8 = 13
  static let space: UInt8 = 32
  static let colon: UInt8 = 58

  private static let token: UInt8 = 1
  private static let host: UInt8 = 2
  private static let target: UInt8 = 4

  /// A bit for each class that a byte belongs to: sixteen bytes a line. A literal, so that it need not be made when it is
  /// first used, which would have to be looked at for each byte.
  private static let classes: InlineArray<128, UInt8> = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 7, 4, 1, 7, 5, 7, 7, 6, 6, 7, 7, 6, 7, 7, 4,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 6, 4, 6, 4, 4,
    4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 4, 4, 5, 7,
    5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 5, 4, 7, 0,
  ]

  @inline(__always)
  private static func isOf(_ byte: UInt8, _ bit: UInt8) -> Bool {
    byte < 128 && classes[unchecked: Int(byte)] & bit != 0
  }

  // A token's characters: letters, digits and !#$%&'*+-.^_`|~
  // A host's: letters, digits and -._~!$&'()*+,;=
  // A target's: what is visible but for #, since a fragment is not sent.
  @inline(__always) static func isToken(_ byte: UInt8) -> Bool { isOf(byte, token) }
  @inline(__always) static func isHost(_ byte: UInt8) -> Bool { isOf(byte, host) }
  @inline(__always) static func isTarget(_ byte: UInt8) -> Bool { isOf(byte, target) }
  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  static func hexValue(_ byte: UInt8) -> Int? {
    switch byte {
    case 48...57: Int(byte) - 48
    case 65...70: Int(byte) - 55
    case 97...102: Int(byte) - 87
    default: nil
    }
  }

  /// Where the first byte is that no field value has: a control character other than the tab.
  ///
  /// Eight bytes at a time. A byte is below 32 if taking 32 away borrows, and is 127 if it is zero after that is taken away
  /// bit by bit; a borrow can mark bytes above the first one wrongly, which is why only the lowest mark counts.
  @inline(__always)
  static func endOfValue(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var index = start
    while index &+ 8 <= end {
      let word = UnsafeRawPointer(bytes + index).loadUnaligned(as: UInt64.self)
      let deleted = word ^ (ones &* 127)
      let marks = ((word &- (ones &* 32)) & ~word | (deleted &- ones) & ~deleted) & (ones &* 128)
      if marks == 0 {
        index &+= 8
        continue
      }
      index &+= marks.littleEndian.trailingZeroBitCount >> 3
      if bytes[index] != tab { return index }
      index &+= 1
    }
    while index < end, bytes[index] >= 32 && bytes[index] != 127 || bytes[index] == tab { index &+= 1 }
    return index
  }

  /// Whether the bytes are this text, upper and lower case taken as one.
  static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ lowercase: StaticString) -> Bool {
    guard bytes.count == lowercase.utf8CodeUnitCount else { return false }
    for index in bytes.indices where bytes[index] | 0x20 != lowercase.utf8Start[index] { return false }
    return true
  }

  /// How many bytes the text has, if the bytes begin with it, upper and lower case taken as one.
  static func count(of lowercase: StaticString, in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let count = lowercase.utf8CodeUnitCount
    return bytes.count >= count && equals(UnsafeBufferPointer(rebasing: bytes[..<count]), lowercase) ? count : nil
  }

  /// Whether it is a host, by name or number, with or without a port.
  ///
  /// - Parameter mayBeEmpty: As a Host field is of a target that has no authority.
  static func isAuthority(_ bytes: UnsafeBufferPointer<UInt8>, mayBeEmpty: Bool, needsPort: Bool = false) -> Bool {
    guard let first = bytes.first else { return mayBeEmpty }
    var index = 0
    if first == UInt8(ascii: "[") {
      guard let end = bytes.firstIndex(of: UInt8(ascii: "]")),
        isIPv6(UnsafeBufferPointer(rebasing: bytes[1..<end]))
      else { return false }
      index = end + 1
    } else {
      while true {
        while index < bytes.count, isHost(bytes[index]) { index &+= 1 }
        guard index < bytes.count, bytes[index] == UInt8(ascii: "%") else { break }
        guard index + 2 < bytes.count, hexValue(bytes[index + 1]) != nil, hexValue(bytes[index + 2]) != nil else {
          return false
        }
        index += 3
      }
      if index == 0 { return false }
    }
    if index == bytes.count { return !needsPort }
    guard bytes[index] == colon else { return false }
    var port = 0
    for byte in bytes[(index + 1)...] {
      guard isDigit(byte) else { return false }
      port = port * 10 + Int(byte) - 48
      if port > 65_535 { return false }
    }
    return index + 1 < bytes.count || !needsPort
  }
  /// Whether it is an address of IPv6, without a zone, in any way of writing (RFC 4291, 2.2).
  private static func isIPv6(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count < Int(INET6_ADDRSTRLEN), !bytes.contains(0) else { return false }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      for index in bytes.indices { text[index] = CChar(bitPattern: bytes[index]) }
      text[bytes.count] = 0
      var address = in6_addr()
      return inet_pton(AF_INET6, text.baseAddress, &address) == 1
    }
  }
}
