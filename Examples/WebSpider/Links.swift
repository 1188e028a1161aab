import ToroHTTP

/// The links of a page: what its `<a href>` name, as whole URLs without their fragments.
///
/// Enough of HTML for that: comments, and attributes with or without quotes; not scripts that write pages.
func links(in page: String, at base: HTTPURL) -> [HTTPURL] {
  var found: [HTTPURL] = []
  var rest = Substring(page)
  while let open = rest.firstIndex(of: "<") {
    rest = rest[open...].dropFirst()
    if rest.hasPrefix("!--") {
      rest = rest.firstRange(of: "-->").map { rest[$0.upperBound...] } ?? ""
      continue
    }
    guard rest.first == "a" || rest.first == "A", rest.dropFirst().first?.isWhitespace == true else { continue }
    let tag = rest.prefix { $0 != ">" }
    rest = rest[tag.endIndex...]
    guard let value = attribute("href", in: tag) else { continue }
    let reference = value.prefix { $0 != "#" }.replacing("&amp;", with: "&")
    if !reference.isEmpty, let url = try? base.resolving(String(reference)) { found.append(url) }
  }
  return found
}

private func attribute(_ name: String, in tag: Substring) -> Substring? {
  var rest = tag.drop { !$0.isWhitespace }
  while true {
    rest = rest.drop { $0.isWhitespace || $0 == "/" }
    if rest.isEmpty { return nil }
    let key = rest.prefix { !$0.isWhitespace && $0 != "=" }
    rest = rest[key.endIndex...].drop { $0.isWhitespace }
    guard rest.first == "=" else {
      if key.isEmpty { return nil }
      continue
    }
    rest = rest.dropFirst().drop { $0.isWhitespace }
    let value: Substring
    if let quote = rest.first, quote == "\"" || quote == "'" {
      value = rest.dropFirst().prefix { $0 != quote }
      rest = rest[value.endIndex...].dropFirst()
    } else {
      value = rest.prefix { !$0.isWhitespace }
      rest = rest[value.endIndex...]
    }
    if key.lowercased() == name { return value }
  }
}
