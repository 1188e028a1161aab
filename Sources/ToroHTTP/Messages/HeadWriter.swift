#if HTTP
import HTTPTypes

/// Puts heads together, in memory that is used again and again.
struct HeadWriter: ~Copyable {
  private var store = ByteStore()

  /// What was written, as long as nothing more is.
  var bytes: UnsafeRawBufferPointer {
    @inline(__always) get { UnsafeRawBufferPointer(store.bytes) }
  }

  /// A copy of them.
  var array: [UInt8] { Array(store.bytes) }

  @inline(__always)
  mutating func clear() { store.clear() }

  @inline(__always)
  mutating func append(_ text: StaticString) { store.append(text.utf8Start, text.utf8CodeUnitCount) }

  @inline(__always)
  mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { store.append($0.baseAddress, $0.count) }
  }

  @inline(__always)
  mutating func append(_ more: [UInt8]) { more.withUnsafeBufferPointer { store.append($0.baseAddress, $0.count) } }

  mutating func append(decimal number: Int) {
    if number < 10 { return store.append(UInt8(48 + number)) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var rest = number
      var index = digits.count
      while rest > 0 {
        index -= 1
        digits[index] = UInt8(truncatingIfNeeded: 48 + rest % 10)
        rest /= 10
      }
      store.append(digits.baseAddress.map { UnsafePointer($0) + index }, digits.count - index)
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
      store.append(base, value.count)
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
    let start = store.count
    append(value)
    guard let base = store.bytes.baseAddress, Octets.endOfValue(base, from: start, to: store.count) == store.count
    else {
      throw InvalidFieldError(name: "\(name)")
    }
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
