#if HTTP
import ToroNet

/// A URL of the schemes http and https: whom to ask, and what for (RFC 9110, 4.2; RFC 3986).
///
///     let url = try HTTPURL("http://example.org:8080/a/b?c=d")
///     let other = try url.resolving("../e")  // http://example.org:8080/e
///
/// It is strict: what a URL may not have is refused, and nothing is repaired. A fragment is taken and forgotten, since it is
/// not sent. A name and password before the host are refused; they are for the field Authorization.
public struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
  /// What is spoken.
  public enum Scheme: String, Hashable, Sendable {
    /// Plain.
    case http
    /// Over TLS.
    case https

    /// 80 and 443.
    public var defaultPort: Int { self == .http ? 80 : 443 }
  }

  /// What is spoken there.
  public let scheme: Scheme
  /// A name in lower case, or an address in numbers, that of IPv6 without its brackets.
  public let host: String
  /// 1 to 65535.
  public let port: Int
  /// The path and the query as they are sent, at least `/`.
  public let target: String

  /// Reads a URL.
  ///
  /// - Throws: ``HTTPURLError`` that says what is wrong with which text.
  public init(_ text: String) throws(HTTPURLError) {
    let bytes = Array(text.utf8)
    func fail(_ reason: String) -> HTTPURLError { HTTPURLError(reason, text) }
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8) else {
      throw fail("not a whole URL, as in http://example.org/path")
    }
    guard let scheme = Scheme(rawValue: String(decoding: bytes[..<colon], as: UTF8.self).lowercased()) else {
      throw fail("the scheme is neither http nor https")
    }
    let start = colon + 3
    let end = bytes[start...].firstIndex { "/?#".utf8.contains($0) } ?? bytes.count
    let (host, port) = try Self.authority(bytes[start..<end], text)
    let fragment = bytes[end...].firstIndex(of: UInt8(ascii: "#")) ?? bytes.count
    let target = bytes[end..<fragment]
    if let problem = Self.problem(of: target) { throw fail(problem) }
    self.init(scheme, host, port ?? scheme.defaultPort, target)
  }

  private init(_ scheme: Scheme, _ host: String, _ port: Int, _ target: ArraySlice<UInt8>) {
    self.scheme = scheme
    self.host = host
    self.port = port
    let text = String(decoding: target, as: UTF8.self)
    self.target = target.first == UInt8(ascii: "/") ? text : "/" + text
  }

  /// The target without the query.
  public var path: String { String(target.prefix { $0 != "?" }) }

  /// What stands after the first question mark, or `nil`.
  public var query: String? { target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) } }

  /// The host, and the port unless it is the scheme's: as the field Host has it.
  public var authority: String { port == scheme.defaultPort ? bracketedHost : "\(bracketedHost):\(port)" }

  /// The host and the port, always: as CONNECT has it.
  var hostAndPort: String { "\(bracketedHost):\(port)" }

  private var bracketedHost: String { host.utf8.contains(Octets.colon) ? "[\(host)]" : host }

  /// Whether the two are answered for by the same: scheme, host and port.
  public func hasSameOrigin(as other: HTTPURL) -> Bool {
    scheme == other.scheme && port == other.port && host == other.host
  }

  /// As ``init(_:)`` reads it.
  public var description: String { "\(scheme.rawValue)://\(authority)\(target)" }

  /// For messages: queries may have secrets.
  var withoutQuery: String { "\(scheme.rawValue)://\(authority)\(path)" }

  // MARK: Parts

  private static func authority(
    _ bytes: ArraySlice<UInt8>, _ text: String
  ) throws(HTTPURLError) -> (host: String, port: Int?) {
    func fail(_ reason: String) -> HTTPURLError { HTTPURLError(reason, text) }
    if bytes.contains(UInt8(ascii: "@")) {
      throw fail("a user's name or password before the host is not taken; give the field Authorization")
    }
    var hostEnd = bytes.endIndex
    let isBracketed = bytes.first == UInt8(ascii: "[")
    if isBracketed {
      guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw fail("a bracket without its end") }
      hostEnd = bracket + 1
    } else if let colon = bytes.firstIndex(of: Octets.colon) {
      hostEnd = colon
    }
    var port: Int?
    if hostEnd < bytes.endIndex {
      let digits = bytes[(hostEnd + 1)...]
      guard bytes[hostEnd] == Octets.colon, digits.allSatisfy(Octets.isDigit), digits.count <= 5 else {
        throw fail("what comes after the host is not a colon and a port")
      }
      // A colon without digits is the scheme's port (RFC 3986, 3.2.3).
      if !digits.isEmpty { port = digits.reduce(0) { $0 * 10 + Int($1) - 48 } }
      if let port, !(1...65_535).contains(port) { throw fail("not a port from 1 to 65535") }
    }
    let host = bytes[bytes.startIndex..<hostEnd]
    if isBracketed {
      let number = String(decoding: host.dropFirst().dropLast(), as: UTF8.self)
      guard !number.contains("%"), let address = try? SocketAddress(host: number, port: 0), address.family == .ipv6
      else { throw fail("what stands in brackets is not an IPv6 address") }
      return (address.host, port)
    }
    return (try name(host, text), port)
  }

  /// A name, or an IPv4 address.
  private static func name(_ bytes: ArraySlice<UInt8>, _ text: String) throws(HTTPURLError) -> String {
    if bytes.isEmpty { throw HTTPURLError("there is no host", text) }
    guard bytes.count <= 254 else { throw HTTPURLError("the host has more than 253 characters", text) }
    let isName = bytes.allSatisfy {
      Octets.isDigit($0) || ($0 | 0x20) &- 97 < 26 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        || $0 == UInt8(ascii: "_")
    }
    guard isName else {
      throw HTTPURLError("the host has a character that names do not have; write others as DNS has them (xn--…)", text)
    }
    let name = String(decoding: bytes, as: UTF8.self).lowercased()
    // What ends in a number would be read as an address, in one of many old ways.
    let last = name.split(separator: ".").last ?? ""
    let isNumber = last.utf8.allSatisfy(Octets.isDigit) || last.hasPrefix("0x")
    if isNumber, (try? SocketAddress(host: name, port: 0))?.family != .ipv4 {
      throw HTTPURLError("the host is not an IPv4 address in the form 192.0.2.7, and ends in a number", text)
    }
    return name
  }

  /// What is wrong with a path and query, if anything.
  private static func problem(of target: ArraySlice<UInt8>) -> String? {
    var index = target.startIndex
    while index < target.endIndex {
      let byte = target[index]
      if byte == UInt8(ascii: "%") {
        guard index + 2 < target.endIndex, Octets.isHex(target[index + 1]), Octets.isHex(target[index + 2]) else {
          return "a percent sign is not followed by two hexadecimal digits"
        }
      } else if !isAllowed(byte) {
        return "the path or the query has a character that has to be percent-encoded, at byte \(index + 1)"
      }
      index += 1
    }
    return nil
  }

  /// What a path or query may have (RFC 3986, 3.3 and 3.4), and the brackets and bars that many have without being refused.
  private static func isAllowed(_ byte: UInt8) -> Bool {
    byte > 32 && byte < 127 && !"\"<>\\^`{}#".utf8.contains(byte)
  }

  // MARK: References

  /// The URL that a reference means which stands in what this one is the URL of: a link, or the field Location (RFC 3986,
  /// 5.2).
  ///
  /// As browsers do, characters that a URL may not have are percent-encoded, and white space around it is not looked at: references
  /// are written by others.
  ///
  /// - Throws: ``HTTPURLError`` if it is none, or of another scheme.
  public func resolving(_ reference: String) throws(HTTPURLError) -> HTTPURL {
    var bytes = Array(reference.utf8)
    while let last = bytes.last, last <= 32 { bytes.removeLast() }
    bytes = Array(bytes.drop { $0 <= 32 })
    if let fragment = bytes.firstIndex(of: UInt8(ascii: "#")) { bytes.removeSubrange(fragment...) }
    bytes = Self.encoded(bytes)
    if Self.hasScheme(bytes) {
      let url = try HTTPURL(String(decoding: bytes, as: UTF8.self))
      return url.with(target: Self.withoutDots(Array(url.target.utf8)))
    }
    if bytes.starts(with: "//".utf8) {
      return try resolving("\(scheme.rawValue):\(String(decoding: bytes, as: UTF8.self))")
    }
    let base = Array(target.utf8)
    let baseQuery = base.firstIndex(of: UInt8(ascii: "?")) ?? base.count
    switch bytes.first {
    case nil: return self
    case UInt8(ascii: "/"): return with(target: Self.withoutDots(bytes))
    case UInt8(ascii: "?"): return with(target: Array(base[..<baseQuery]) + bytes)
    default:
      let folder = base[..<baseQuery].lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
      return with(target: Self.withoutDots(Array(base[..<folder]) + bytes))
    }
  }

  private func with(target: [UInt8]) -> HTTPURL { HTTPURL(scheme, host, port, target[...]) }

  private static func hasScheme(_ bytes: [UInt8]) -> Bool {
    guard let colon = bytes.firstIndex(of: Octets.colon), let first = bytes.first, (first | 0x20) &- 97 < 26 else {
      return false
    }
    return bytes[..<colon].allSatisfy {
      ($0 | 0x20) &- 97 < 26 || Octets.isDigit($0) || "+-.".utf8.contains($0)
    }
  }

  private static func encoded(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for (index, byte) in bytes.enumerated() {
      let isEscape =
        byte == UInt8(ascii: "%") && index + 2 < bytes.count && Octets.isHex(bytes[index + 1])
        && Octets.isHex(bytes[index + 2])
      if isEscape || byte != UInt8(ascii: "%") && isAllowed(byte) {
        result.append(byte)
      } else {
        result.append(UInt8(ascii: "%"))
        for digit in [byte >> 4, byte & 15] { result.append(digit < 10 ? digit + 48 : digit + 55) }
      }
    }
    return result
  }

  /// Takes `.` and `..` out of the path of a target (RFC 3986, 5.2.4).
  private static func withoutDots(_ target: [UInt8]) -> [UInt8] {
    let query = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
    var kept: [ArraySlice<UInt8>] = []
    let segments = target[..<query].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated().dropFirst() {
      let isLast = index == segments.count - 1
      if segment.elementsEqual(".".utf8) {
        if isLast { kept.append([]) }
      } else if segment.elementsEqual("..".utf8) {
        if !kept.isEmpty { kept.removeLast() }
        if isLast { kept.append([]) }
      } else {
        kept.append(segment)
      }
    }
    return kept.flatMap { [UInt8(ascii: "/")] + $0 } + target[query...]
  }
}

extension Octets {
  static func isHex(_ byte: UInt8) -> Bool { hexValue(byte) != nil }
}

/// What was given is not a URL that can be asked.
public struct HTTPURLError: Error, Hashable, CustomStringConvertible {
  /// What is wrong with it.
  public let reason: String
  /// What was given.
  public let text: String

  init(_ reason: String, _ text: String) {
    self.reason = reason
    self.text = text
  }

  public var description: String { "\(reason): \(text.debugDescription)" }
}
#endif
