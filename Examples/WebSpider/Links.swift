import Toro
import ToroHTTP

/// The links of a page: what its `<a href>` name, as whole URLs without their fragments, each handed to `found` as it is found, since
/// all of them together may be much more than the page.
///
/// Enough of HTML for that: comments, and attributes with or without quotes; not scripts that write pages. It looks at bytes, since
/// what means something to HTML is ASCII, and a page may be made to be slow to read as characters. A page may also be made to be much
/// work: others have their turn meanwhile.
///
/// - Throws: `CancellationError`.
func findLinks(in page: [UInt8], at base: HTTPURL, found: (HTTPURL) -> Void) async throws {
  var rest = page[...]
  // In bytes that are looked at, about.
  var (work, workBefore) = (0, 0)
  while let open = rest.firstIndex(of: UInt8(ascii: "<")) {
    rest = rest[(open + 1)...]
    if open + work - workBefore >= workPerTurn {
      workBefore = open + work
      // More than a yield, which lets run what is ready: what is due is told, and input taken, too.
      try await Reactor.current.sleep(for: .zero)
    }
    if rest.starts(with: "!--".utf8) {
      rest = end(of: "-->", in: rest)
      continue
    }
    guard let name = rest.first, name | 32 == UInt8(ascii: "a"), rest.dropFirst().first.map(isBlank) ?? false else {
      continue
    }
    let tag = rest.prefix { $0 != UInt8(ascii: ">") }
    rest = rest[tag.endIndex...]
    guard let value = hyperlink(in: tag.prefix(maxTagLength)), value.count <= maxReferenceLength else { continue }
    // Not before: what stands for a character may have a # of its own.
    let reference = unescaped(value).prefix { $0 != UInt8(ascii: "#") }
    if reference.isEmpty { continue }
    work += costOfLink + base.target.utf8.count + value.count
    let link = String(decoding: reference, as: UTF8.self)
    if let url = try? base.resolving(link), url.target.utf8.count <= maxTargetLength { found(url) }
  }
}

/// Longer ones are nobody's links. A page whose links are relative, and longer each time, must not lead on for ever.
private let (maxTagLength, maxReferenceLength, maxTargetLength) = (65_536, 2_048, 8_192)
/// What a link costs beside its length, and how much is done before others have their turn: a few hundred links.
private let (costOfLink, workPerTurn) = (256, 65_536)

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

/// With each `&amp;`, `&#38;` and `&#x26;` as what it stands for.
private func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
  var text: [UInt8] = []
  var rest = bytes
  while let first = rest.first {
    if first == UInt8(ascii: "&"), let (character, count) = character(rest.dropFirst()) {
      text += String(character).utf8
      rest = rest.dropFirst(1 + count)
    } else {
      text.append(first)
      rest = rest.dropFirst()
    }
  }
  return text
}

private let named: [String: Unicode.Scalar] = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]

/// What a name or a number after an ampersand stands for, and how many bytes it has with its semicolon; `nil` for another text.
private func character(_ bytes: ArraySlice<UInt8>) -> (character: Unicode.Scalar, count: Int)? {
  let name = bytes.prefix(9).prefix { $0 != UInt8(ascii: ";") }
  guard name.endIndex < bytes.endIndex, bytes[name.endIndex] == UInt8(ascii: ";") else { return nil }
  let text = String(decoding: name, as: UTF8.self)
  let isHex = text.hasPrefix("#x") || text.hasPrefix("#X")
  let number = isHex ? UInt32(text.dropFirst(2), radix: 16) : text.hasPrefix("#") ? UInt32(text.dropFirst()) : nil
  return (number.flatMap { Unicode.Scalar($0) } ?? named[text]).map { ($0, name.count + 1) }
}

/// The value of a tag's attribute href.
private func hyperlink(in tag: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
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
    if key.elementsEqual("href".utf8, by: { $0 | 32 == $1 }) { return value }
  }
}
