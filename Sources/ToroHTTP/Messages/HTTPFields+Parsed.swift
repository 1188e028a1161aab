#if HTTP
import HTTPTypes

extension HTTPFields {
  /// Makes strings of fields that a parser has found.
  ///
  /// - Parameters:
  ///   - parts: Where they are: ``HTTPHead/fields`` or ``HTTPParser/trailers``.
  ///   - bytes: Those of the step that found them.
  /// - Complexity: O(n) in the bytes. It takes longer than to find them: of a head of which few fields matter, better look at the
  ///   bytes.
  public init(_ parts: [HTTPHead.Field], in bytes: UnsafeRawBufferPointer) {
    self.init()
    reserveCapacity(parts.count)
    for part in parts {
      let name = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[part.name.range]), as: UTF8.self)
      guard let name = HTTPField.Name(name) else { continue }
      append(HTTPField(name: name, value: UnsafeRawBufferPointer(rebasing: bytes[part.value.range])))
    }
  }
}
#endif
