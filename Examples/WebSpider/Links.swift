import ToroHTTP

/// The links of a page: what its `<a href>` name, as whole URLs without their fragments.
///
/// Enough of HTML for that: comments, and attributes with or without quotes; not scripts that write pages. It looks at bytes, since
/// what means something to HTML is ASCII, and a page may be made to be slow to read as characters.
func links(in page: String, at base: HTTPURL) -> [HTTPURL] {
  var found: [HTTPURL] = []
  var rest = Array(page.utf8)[...]
  while let open = rest.firstIndex(of: UInt8(ascii: "<")) {
    rest = rest[(open + 1)...]
    if rest.starts(with: "!--".utf8) {
      rest = end(of: "-->", in: rest)
      continue
    }
    guard let name = rest.first, name | 32 == UInt8(ascii: "a"), rest.dropFirst().first.map(isBlank) ?? false else {
      continue
    }
    let tag = rest.prefix { $0 != UInt8(ascii: ">") }
    rest = rest[tag.endIndex...]
    guard let value = attribute("href", in: tag), value.count <= maxLength else { continue }
    let reference = unescaped(value.prefix { $0 != UInt8(ascii: "#") })
    if !reference.isEmpty, let url = try? base.resolving(reference) { found.append(url) }
  }
  return found
}

/// A longer one is nobody's link.
private let maxLength = 8192

private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

/// What comes behind a text, nothing if it does not come.
private func end(of text: StaticString, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  var rest = bytes
  while let first = rest.firstIndex(of: wanted[0]) {
    rest = rest[first...]
    if rest.starts(with: wanted) { return rest.dropFirst(wanted.count) }
    rest = rest.dropFirst()
  }
  return []
}

/// With each `&amp;` as what it stands for.
private func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
  var text: [UInt8] = []
  var rest = bytes
  while let first = rest.first {
    text.append(first)
    rest = rest.dropFirst(first == UInt8(ascii: "&") && rest.starts(with: "&amp;".utf8) ? 5 : 1)
  }
  return String(decoding: text, as: UTF8.self)
}

private func attribute(_ name: String, in tag: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
  let equals = UInt8(ascii: "=")
  var rest = tag.drop { !isBlank($0) }
  while true {
    rest = rest.drop { isBlank($0) || $0 == UInt8(ascii: "/") }
    if rest.isEmpty { return nil }
    let key = rest.prefix { !isBlank($0) && $0 != equals }
    rest = rest[key.endIndex...].drop(while: isBlank)
    guard rest.first == equals else {
      if key.isEmpty { return nil }
      continue
    }
    rest = rest.dropFirst().drop(while: isBlank)
    let value: ArraySlice<UInt8>
    if let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
      value = rest.dropFirst().prefix { $0 != quote }
      rest = rest[value.endIndex...].dropFirst()
    } else {
      value = rest.prefix { !isBlank($0) }
      rest = rest[value.endIndex...]
    }
    if key.map({ $0 | 32 }) == Array(name.utf8) { return value }
  }
}
