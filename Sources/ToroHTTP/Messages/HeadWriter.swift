#if HTTP
import HTTPTypes

/// Puts heads together, in memory that is used again and again.
struct HeadWriter {
  private(set) var bytes: [UInt8] = []

  mutating func clear() { bytes.removeAll(keepingCapacity: bytes.capacity <= 65_536) }

  @inline(__always)
  mutating func append(_ text: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(contentsOf: $0) }
  }

  @inline(__always)
  mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

  mutating func append(decimal number: Int) {
    if number < 10 { return bytes.append(UInt8(48 + number)) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var rest = number
      var index = digits.count
      while rest > 0 {
        index -= 1
        digits[index] = UInt8(truncatingIfNeeded: 48 + rest % 10)
        rest /= 10
      }
      bytes.append(contentsOf: digits[index...])
    }
  }

  mutating func append(hex number: Int) { append(String(number, radix: 16)) }

  /// A field line.
  ///
  /// - Throws: ``InvalidFieldError`` for what would be more than one line to its reader.
  mutating func append(_ field: HTTPField) throws(InvalidFieldError) {
    append(field.name.rawName)
    append(": ")
    let isValid = field.withUnsafeBytesOfValue { value in
      guard let base = value.baseAddress else { return true }
      bytes.append(contentsOf: value)
      return Octets.endOfValue(base, from: 0, to: value.count) == value.count
    }
    guard isValid else { throw InvalidFieldError(name: field.name.rawName) }
    append("\r\n")
  }

  /// A field line of a text that did not pass through `HTTPField`.
  mutating func append(name: StaticString, value: String) throws(InvalidFieldError) {
    append(name)
    append(": ")
    try append(value: value, of: name)
  }

  /// The rest of a line.
  mutating func append(value: String, of name: StaticString) throws(InvalidFieldError) {
    let start = bytes.count
    append(value)
    let isValid = bytes.withUnsafeBufferPointer { bytes in
      bytes.baseAddress.map { Octets.endOfValue($0, from: start, to: bytes.count) == bytes.count } ?? true
    }
    guard isValid else { throw InvalidFieldError(name: "\(name)") }
    append("\r\n")
  }
}

/// Thrown for a field that cannot be sent: its value has a control character, such as the end of a line, or it is one that
/// only the connection itself may send.
public struct InvalidFieldError: Error, Hashable, CustomStringConvertible {
  /// The field's name.
  public let name: String

  public var description: String { "the field \"\(name)\" cannot be sent with this value" }
}
#endif
