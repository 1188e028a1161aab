#if HTTP
import HTTPTypes
import Toro
import ToroNet

extension HTTPServer {
  /// A request that was received.
  ///
  /// Its head may be kept. Its body can be read until the handler has returned, and, for an answer that is written bit by bit, until
  /// that has been written.
  public struct Request: Sendable {
    let message: MessageHead
    let owner: ServerConnection

    /// What comes after the head.
    public var body: HTTPBody {
      switch message.head.framing {
      case .none, .length(0): .empty
      case .length(let count): HTTPBody(owner, message.number, length: count)
      case .chunked, .untilEnd: HTTPBody(owner, message.number, length: nil)
      }
    }

    /// The connection that it came over: for its addresses.
    public var connection: Connection { owner.connection }

    /// As it was sent, case and all.
    public var method: HTTPRequest.Method {
      if message.equals(message.head.method, "GET") { return .get }
      if message.equals(message.head.method, "POST") { return .post }
      if message.equals(message.head.method, "HEAD") { return .head }
      return HTTPRequest.Method(message.text(message.head.method)) ?? .get
    }

    /// The target as it was sent: a path with or without a query, a whole URL (to a proxy), `*` or an authority.
    public var target: String { message.text(message.head.target) }

    /// The target's path, as it was sent: of a whole URL too, at least `/`. What comes behind a `?` is the ``query``.
    public var path: String { String(pathAndQuery.prefix { $0 != "?" }) }

    /// What comes behind the path and a `?`, as it was sent; `nil` if there is no `?`.
    public var query: String? {
      let whole = pathAndQuery
      return whole.firstIndex(of: "?").map { String(whole[whole.index(after: $0)...]) }
    }

    /// The path with the query: of a whole URL what comes after the authority.
    public var pathAndQuery: String {
      let target = target
      guard let start = Self.authorityStart(target) else { return target }
      let rest = target[start...].drop { $0 != "/" && $0 != "?" }
      return rest.first == "/" ? String(rest) : "/" + rest
    }

    /// Whom the client asked for: the authority of the target if it has one, else the Host field (RFC 9112, 3.3).
    public var authority: String? {
      let target = target
      if let start = Self.authorityStart(target) {
        return String(target[start...].prefix { $0 != "/" && $0 != "?" })
      }
      if message.equals(message.head.method, "CONNECT") { return target }
      return message.head.host.map { message.text($0) }
    }

    /// The scheme of the target if it has one, else the connection's.
    public var scheme: String {
      let target = target
      if Self.authorityStart(target) != nil { return String(target.prefix { $0 != ":" }).lowercased() }
      return connection.isSecure ? "https" : "http"
    }

    /// A field's value; of several lines with this name, all of them as HTTP puts them together.
    public subscript(name: HTTPField.Name) -> String? { message.value(name) }

    /// Whether there is such a field.
    public func contains(_ name: HTTPField.Name) -> Bool { message.contains(name) }

    /// All of the head, put together anew at each call.
    public var head: HTTPRequest {
      HTTPRequest(
        method: method, scheme: scheme, authority: authority, path: pathAndQuery, headerFields: headerFields)
    }

    /// The fields, put together anew at each call.
    public var headerFields: HTTPFields { message.fields }

    /// 0 or 1, of HTTP/1.
    public var minorVersion: Int { message.head.minorVersion }

    private static func authorityStart(_ target: String) -> String.Index? {
      guard target.utf8.first != UInt8(ascii: "/"), let colon = target.firstIndex(of: ":") else { return nil }
      let rest = target[colon...]
      return rest.hasPrefix("://") ? rest.index(rest.startIndex, offsetBy: 3) : nil
    }
  }
}
#endif
