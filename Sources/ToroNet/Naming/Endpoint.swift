/// Whom to connect to, as configurations say it: an address, or a name that is to be looked up, and a port.
///
///     let database = try Endpoint("db.example.org:5432")  // or "192.0.2.7:5432", "[2001:db8::7]:5432", "unix:/run/db.sock"
///     let connection = try await Connection.connect(to: database, deadline: .after(.seconds(10)))
public enum Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// An address in numbers, or that of a Unix socket.
  case address(SocketAddress)
  /// A name to be looked up, and a port, 0 to 65535.
  case host(String, port: Int)

  /// Reads `example.org:80`, `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `unix:/run/it.sock`.
  ///
  /// - Parameters:
  ///   - text: What to read.
  ///   - defaultPort: The port of a text that names none, as in `example.org` or `[::1]`; `nil` refuses those. Without a port, an
  ///     IPv6 address may do without brackets.
  /// - Throws: ``AddressError`` that says what is wrong with which text. Whether there is such a host is not looked at.
  public init(_ text: String, defaultPort: Int? = nil) throws(AddressError) {
    if text.hasPrefix("unix:") {
      self = .address(try SocketAddress(text))
      return
    }
    if let defaultPort {
      try SocketAddress.check(port: defaultPort)
      if let address = try SocketAddress(ifInNumbers: text, port: defaultPort) {
        self = .address(address)
        return
      }
    }
    let (host, digits, isBracketed) = try SocketAddress.split(text)
    let port: Int
    if let digits {
      guard let number = try SocketAddress.port(inDigits: digits) else {
        throw AddressError("not a port from 0 to 65535: \(digits.debugDescription)")
      }
      port = number
    } else if let defaultPort {
      port = defaultPort
    } else {
      throw AddressError(
        "no port is given; write it after a colon, as in example.org:80 or [::1]:80: \(text.debugDescription)")
    }
    let address = try SocketAddress(ifInNumbers: host, port: port)
    guard isBracketed == (address?.family == .ipv6) else {
      throw AddressError("an IPv6 address before a port, and only that, stands in brackets: \(text.debugDescription)")
    }
    if let address {
      self = .address(address)
    } else if host == "unix" {
      throw AddressError(
        "unix: begins a path; a host of that name is written with a dot, as in unix.:80: \(text.debugDescription)")
    } else {
      self = .host(try Query(host: host, service: nil, family: nil).host, port: port)
    }
  }

  /// As ``init(_:defaultPort:)`` reads it.
  public var description: String {
    switch self {
    case .address(let address): "\(address)"
    case .host(let host, let port): "\(host):\(port)"
    }
  }
}
