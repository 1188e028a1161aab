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
    let parts = text.split { " ,:".contains($0) }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    guard parts.count == 8, parts[7] == "GMT", let month = months.firstIndex(of: String(parts[2])) else { return nil }
    let numbers = [1, 3, 4, 5, 6].compactMap { Int32(parts[$0]) }
    guard numbers.count == 5, numbers.allSatisfy({ (0...9999).contains($0) }) else { return nil }
    var date = tm()
    (date.tm_mday, date.tm_mon, date.tm_year) = (numbers[0], Int32(month), numbers[1] - 1900)
    (date.tm_hour, date.tm_min, date.tm_sec) = (numbers[2], numbers[3], numbers[4])
    return timegm(&date)
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
