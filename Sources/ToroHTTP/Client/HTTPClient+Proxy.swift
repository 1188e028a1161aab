#if HTTP
import ToroNet

extension HTTPClient {
  /// Through whom a client asks.
  ///
  /// It is asked for what has the scheme http, and for a tunnel (CONNECT) to what has https. It is connected to without TLS.
  public struct Proxy: Hashable, Sendable {
    /// Whom to connect to.
    public var endpoint: Endpoint
    /// Who asks, if the proxy wants to know (Basic, RFC 7617).
    public var credentials: Credentials?
    /// Hosts that are asked without it: names, each with those below it, as in `example.org`, and addresses.
    public var exceptions: [String]

    /// A user's name and password.
    public struct Credentials: Hashable, Sendable {
      /// Without a colon, which ends it.
      public var user: String
      /// Any text.
      public var password: String

      /// Credentials as they are: they are sent to the proxy as good as in the clear.
      public init(user: String, password: String) {
        self.user = user
        self.password = password
      }

      /// The value of the field Proxy-Authorization.
      var field: String { "Basic \(base64(Array("\(user):\(password)".utf8)))" }
    }

    /// - Parameters:
    ///   - endpoint: Whom to connect to.
    ///   - credentials: Who asks, if the proxy wants to know.
    ///   - exceptions: Hosts that are asked without it.
    public init(endpoint: Endpoint, credentials: Credentials? = nil, exceptions: [String] = []) {
      self.endpoint = endpoint
      self.credentials = credentials
      self.exceptions = exceptions
    }

    /// Whether this host is asked through it.
    func serves(_ host: String) -> Bool {
      !exceptions.contains { exception in
        let name = exception.lowercased().drop { $0 == "." }
        return host == name || host.hasSuffix(".\(name)")
      }
    }
  }
}

/// RFC 4648, 4.
func base64(_ bytes: [UInt8]) -> String {
  let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
    for index in 0..<4 {
      text.append(index <= group.count ? digits[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
    }
  }
  return String(decoding: text, as: UTF8.self)
}
#endif
