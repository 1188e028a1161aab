#if HTTP
import HTTPTypes

/// The bytes of a head that was parsed, and where in them is what.
///
/// Most of a head nobody asks for: fields are found in the bytes, and made into strings only for whoever reads them.
final class MessageHead: @unchecked Sendable {
  @exclusivity(unchecked) private var store = ByteStore()
  @exclusivity(unchecked) private(set) var head = HTTPHead()
  /// Which of its connection's messages it is.
  @exclusivity(unchecked) var number: UInt64 = 0

  var bytes: UnsafeBufferPointer<UInt8> {
    @inline(__always) get { store.bytes }
  }

  /// Takes over what a parser has found. Before anybody else has it.
  @inline(__always)
  func fill(_ parser: inout HTTPParser, _ source: UnsafeRawBufferPointer) {
    store.clear()
    store.append(source.baseAddress?.assumingMemoryBound(to: UInt8.self), source.count)
    swap(&head, &parser.head)
  }

  func text(_ part: HTTPHead.Part) -> String { bytes.text(part.range) }

  /// Whether the bytes there are these; case matters.
  @inline(__always)
  func equals(_ part: HTTPHead.Part, _ text: StaticString) -> Bool {
    guard part.count == text.utf8CodeUnitCount else { return false }
    var index = part.range.lowerBound
    for byte in UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount) {
      if bytes[index] != byte { return false }
      index &+= 1
    }
    return true
  }

  /// The values of the fields of this name, put together as HTTP allows it.
  func value(_ name: HTTPField.Name) -> String? {
    var found: String?
    let canonical = name.canonicalName
    for field in head.fields where isNamed(field, canonical) {
      let value = text(field.value)
      if let earlier = found { found = earlier + (canonical == "cookie" ? "; " : ", ") + value } else { found = value }
    }
    return found
  }

  func contains(_ name: HTTPField.Name) -> Bool {
    let canonical = name.canonicalName
    return head.fields.contains { isNamed($0, canonical) }
  }

  private func isNamed(_ field: HTTPHead.Field, _ canonical: String) -> Bool {
    guard Int(field.name.count) == canonical.utf8.count else { return false }
    var index = field.name.range.lowerBound
    for expected in canonical.utf8 {
      let byte = bytes[index]
      guard (byte &- 65 < 26 ? byte | 0x20 : byte) == expected else { return false }
      index += 1
    }
    return true
  }

  /// All of them.
  var fields: HTTPFields { HTTPFields(head.fields, in: UnsafeRawBufferPointer(bytes)) }
}

extension UnsafeBufferPointer<UInt8> {
  /// As text; what is not UTF-8 is read as Latin-1, as fields once were.
  fileprivate func text(_ range: Range<Int>) -> String {
    let part = UnsafeBufferPointer(rebasing: self[range])
    return String(validating: part, as: UTF8.self)
      ?? String(String.UnicodeScalarView(part.lazy.map { Unicode.Scalar($0) }))
  }
}
#endif
