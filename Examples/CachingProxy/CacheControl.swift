import HTTPTypes
import Toro

/// What a message says of who may keep it, and for how long (RFC 9111, 5.2).
struct CacheControl {
  /// In lower case; without a value, the empty one. Of those that are said more than once the first counts.
  private var directives: [String: String] = [:]

  init(_ field: String?) {
    for part in (field ?? "").lowercased().split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimming(" \t\"") }
      if let name = pair.first, directives[name] == nil { directives[name] = pair.count > 1 ? pair[1] : "" }
    }
  }

  /// Whether it has any of these.
  func contains(_ names: String...) -> Bool { names.contains { directives[$0] != nil } }

  /// Of a request: how old what is kept may be, nothing being young enough if it wants another; `nil` if it does not say.
  static func maxAge(_ fields: HTTPFields) -> Duration? {
    // An old client has another field for it, which counts if it is alone (RFC 9111, 5.4).
    let control = CacheControl(fields[.cacheControl] ?? fields[HTTPField.Name("Pragma").unsafelyUnwrapped])
    return control.contains("no-cache") ? .seconds(-1) : control.directives["max-age"].map { deltaSeconds($0) ?? .zero }
  }

  /// Of a response: how old it was when it came. What it says itself, or what its date does: whichever is more (RFC 9111, 4.2.3).
  static func age(_ fields: HTTPFields) -> Duration {
    let said = fields[.age]?.split(separator: ",").first.flatMap { deltaSeconds($0.trimming(" \t")) } ?? .zero
    let date = fields[.date].flatMap { HTTPDate($0) } ?? .now
    return max(said, .seconds(HTTPDate.now.seconds - date.seconds))
  }

  /// Of a response: how long it is fresh from now on, for a cache that many use; `nil` if it does not say.
  func lifetime(_ fields: HTTPFields, age: Duration) -> Duration? {
    for name in ["s-maxage", "max-age"] {
      // What is not understood has passed (RFC 9111, 4.2.1).
      if let value = directives[name] { return (Self.deltaSeconds(value) ?? .zero) - age }
    }
    guard let expires = fields[.expires] else { return nil }
    guard let end = HTTPDate(expires) else { return .zero }
    let begin = fields[.date].flatMap { HTTPDate($0) } ?? .now
    return .seconds(end.seconds - begin.seconds) - age
  }

  /// A number of seconds; what is too large to count is 2^31 (RFC 9111, 1.2.2).
  private static func deltaSeconds(_ text: String) -> Duration? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return .seconds(min(Int(text) ?? .max, 1 << 31))
  }
}

extension Substring {
  /// Without these characters at both ends.
  fileprivate func trimming(_ characters: String) -> String {
    var rest = drop { characters.contains($0) }
    while let last = rest.last, characters.contains(last) { rest.removeLast() }
    return String(rest)
  }
}
