import Glibc
import HTTPTypes
import Toro

/// What a message says of who may keep it, and for how long (RFC 9111, 5.2).
struct CacheControl {
  /// In lower case; without a value, the empty one.
  private var directives: [String: String] = [:]

  init(_ field: String?) {
    for part in (field ?? "").lowercased().split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimming(" \t\"") }
      if let name = pair.first { directives[name] = pair.count > 1 ? pair[1] : "" }
    }
  }

  /// Whether it has any of these.
  func contains(_ names: String...) -> Bool { names.contains { directives[$0] != nil } }

  /// Of a response: how long it is fresh from now on, for a cache that many use; `nil` if it does not say.
  func lifetime(_ fields: HTTPFields, age: Duration) -> Duration? {
    for name in ["s-maxage", "max-age"] {
      // What is not understood has passed (RFC 9111, 4.2.1).
      if let value = directives[name] { return .seconds(min(Int(value) ?? 0, 1_000_000)) - age }
    }
    guard let expires = fields[.expires] else { return nil }
    guard let end = Self.seconds(expires) else { return .zero }
    let begin = fields[.date].flatMap(Self.seconds) ?? Int(time(nil))
    return .seconds(min(end - begin, 1_000_000)) - age
  }

  /// A date of HTTP, as in `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since 1970.
  private static func seconds(_ text: String) -> Int? {
    var parts = tm()
    let isDate = text.withCString { strptime($0, "%a, %d %b %Y %H:%M:%S GMT", &parts)?.pointee == 0 }
    return isDate ? timegm(&parts) : nil
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
