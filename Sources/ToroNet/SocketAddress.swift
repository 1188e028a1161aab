import Glibc
import Toro

/// Where a socket is: an IPv4 or IPv6 address and a port, or the path of a Unix socket.
///
/// Numbers only: a name is looked up by ``Resolver``, and ``Connection/connect(toHost:port:options:deadline:on:file:line:)``
/// does so. ``Endpoint`` reads texts with names.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// What kind of address it is.
  public enum Family: Hashable, Sendable {
    /// Of the Internet, as in `192.0.2.1:80`.
    case ipv4
    /// Of the Internet, as in `[2001:db8::1]:80`.
    case ipv6
    /// A socket of this machine, which has a path in the file system, or a name of its own, or neither.
    case unix
  }

  /// IPv4, IPv6 or Unix.
  public let family: Family
  // (Small ones together: each connection has two addresses.)
  private let portBits: UInt16
  /// The network interface of a link-local IPv6 address, 0 if none is meant.
  private let scope: UInt32
  /// The port, 0 to 65535; 0 has the system choose one. 0 of a Unix socket.
  public var port: Int { Int(portBits) }
  /// The path of a Unix socket. Empty if it has none, as that of a client; Linux's abstract names begin with `@`. `nil` of an
  /// internet address.
  public let path: String?
  // The address's octets as they stand in memory; IPv4's are the first four.
  private let head: UInt64
  private let tail: UInt64
  /// The path of another's socket as it is, abstract ones with their zero byte, if ``path`` cannot say it: what is not UTF-8.
  private let pathBytes: [UInt8]?

  /// Reads an address: `127.0.0.1`, `::1`, `fe80::1%eth0`.
  ///
  /// - Parameters:
  ///   - host: An IPv4 or IPv6 address in numbers; after `%`, the network interface of one that is local to a link, by its name or
  ///     number.
  ///   - port: 0 to 65535.
  /// - Throws: ``AddressError`` that says what is wrong with which text.
  public init(host: String, port: Int) throws(AddressError) {
    guard let address = try SocketAddress(ifInNumbers: host, port: port) else {
      let mayBeName =
        !host.isEmpty && host.utf8.allSatisfy { $0 == 0x2D || $0 == 0x2E || $0 == 0x5F || isAlphanumeric($0) }
      throw AddressError(
        "not an IPv4 or IPv6 address in numbers: \(host.debugDescription)"
          + (mayBeName
            ? "; if it is a name, have it looked up by a Resolver, or connect to it by connect(toHost:port:)" : ""))
    }
    self = address
  }

  /// The same; `nil` for what may be a name.
  init?(ifInNumbers host: String, port: Int) throws(AddressError) {
    try SocketAddress.check(port: port)
    guard !host.utf8.contains(0) else { return nil }
    var octets: (UInt64, UInt64) = (0, 0)
    if inet_pton(AF_INET, host, &octets) == 1 {
      self.init(.ipv4, octets, port: port)
      return
    }
    let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard inet_pton(AF_INET6, parts.first.map(String.init) ?? "", &octets) == 1 else { return nil }
    var scope: UInt32 = 0
    if parts.count == 2 {
      scope = SocketAddress.interface(String(parts[1]))
      guard scope != 0 else { throw AddressError("no such network interface: \(host.debugDescription)") }
    }
    self.init(.ipv6, octets, port: port, scope: scope)
  }

  static func check(port: Int) throws(AddressError) {
    guard (0...65535).contains(port) else { throw AddressError("not a port from 0 to 65535: \(port)") }
  }

  /// The port that a text is, or `nil` if it is not digits.
  static func port(inDigits text: some StringProtocol) throws(AddressError) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    guard let port = Int(text), port <= 65535 else {
      throw AddressError("not a port from 0 to 65535: \(String(text).debugDescription)")
    }
    return port
  }

  /// The number of a network interface that is given by its name or number, or 0.
  static func interface(_ text: String) -> UInt32 {
    if !text.isEmpty && text.utf8.allSatisfy({ (48...57).contains($0) }) { return UInt32(text) ?? 0 }
    return text.utf8.contains(0) ? 0 : if_nametoindex(text)
  }

  /// The same address with another port. That of a Unix socket has none, and stays as it is.
  ///
  /// - Precondition: The port is one, 0 to 65535.
  public func with(port: Int) -> SocketAddress {
    require((0...65535).contains(port), "SocketAddress.with(port: \(port)): not a port from 0 to 65535")
    if family == .unix { return self }
    return SocketAddress(family, (head, tail), port: port, scope: scope)
  }

  /// That of a Unix socket that was not bound.
  init(unixSocketWithoutPath: Void) { self.init(.unix, (0, 0), port: 0, path: "") }

  private init(
    _ family: Family, _ octets: (UInt64, UInt64), port: Int, scope: UInt32 = 0, path: String? = nil,
    bytes: [UInt8]? = nil
  ) {
    self.family = family
    pathBytes = bytes
    (head, tail) = octets
    portBits = UInt16(port)
    self.scope = scope
    self.path = path
  }

  /// How many bytes the path of a Unix socket may have on this system.
  public static var maxUnixPathLength: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1 }

  /// The address of a Unix socket.
  ///
  /// - Parameter unixPath: Where in the file system it is, or is to be; or `@` and a name, which is in no file system and gone
  ///   with its socket (Linux's abstract namespace).
  /// - Throws: ``AddressError`` if it is empty, has a zero byte, or is longer than ``maxUnixPathLength``.
  public init(unixPath: String) throws(AddressError) {
    guard !unixPath.isEmpty, !unixPath.utf8.contains(0) else {
      throw AddressError("not a path: \(unixPath.debugDescription)")
    }
    let length = unixPath.utf8.count
    guard length <= Self.maxUnixPathLength else {
      throw AddressError(
        "the path of a Unix socket has at most \(Self.maxUnixPathLength) bytes; this has \(length): \(unixPath.debugDescription)"
      )
    }
    self.init(.unix, (0, 0), port: 0, path: unixPath)
  }

  /// Reads an address and a port, or the path of a Unix socket: `127.0.0.1:80`, `[::1]:80`, `unix:/run/it.sock`.
  ///
  /// - Throws: ``AddressError`` that says what is wrong with which text.
  public init(_ text: String) throws(AddressError) {
    if text.hasPrefix("unix:") {
      try self.init(unixPath: String(text.dropFirst(5)))
      return
    }
    let (host, digits, isBracketed) = try SocketAddress.split(text)
    guard let digits else {
      throw AddressError("not an address and a port, as in 127.0.0.1:80 or [::1]:80: \(text.debugDescription)")
    }
    guard let port = try SocketAddress.port(inDigits: digits) else {
      throw AddressError("not a port from 0 to 65535: \(digits.debugDescription)")
    }
    let address = try SocketAddress(host: host, port: port)
    guard isBracketed == (address.family == .ipv6) else {
      throw AddressError("an IPv6 address before a port, and only that, stands in brackets: \(text.debugDescription)")
    }
    self = address
  }

  /// Takes a text apart: what stands before the last colon, without its brackets, and what stands after it, or `nil` if there
  /// is no colon outside of brackets.
  static func split(_ text: String) throws(AddressError) -> (host: String, port: String?, isBracketed: Bool) {
    if text.utf8.first == UInt8(ascii: "[") {
      guard let end = text.utf8.firstIndex(of: UInt8(ascii: "]")) else {
        throw AddressError("a bracket without its end: \(text.debugDescription)")
      }
      let host = String(decoding: text.utf8[..<end].dropFirst(), as: UTF8.self)
      let rest = text.utf8[end...].dropFirst()
      if rest.isEmpty { return (host, nil, true) }
      guard rest.first == UInt8(ascii: ":") else {
        throw AddressError("after a bracket comes a colon and a port, as in [::1]:80: \(text.debugDescription)")
      }
      return (host, String(decoding: rest.dropFirst(), as: UTF8.self), true)
    }
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return (text, nil, false) }
    let port = String(decoding: text.utf8[colon...].dropFirst(), as: UTF8.self)
    return (String(decoding: text.utf8[..<colon], as: UTF8.self), port, false)
  }

  /// The address in numbers, without the port: `127.0.0.1`, `::1`. Empty of a Unix socket.
  public var host: String {
    if family == .unix { return "" }
    var octets = (head, tail)
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      inet_ntop(
        family == .ipv4 ? AF_INET : AF_INET6, &octets, buffer.baseAddress, socklen_t(INET6_ADDRSTRLEN)
      ).map { String(cString: $0) } ?? "?"
    }
    return scope == 0 ? text : "\(text)%\(scope)"
  }

  /// Whether it is an address of this machine that no other can reach: `127.0.0.0/8`, `::1`.
  public var isLoopback: Bool {
    switch family {
    case .ipv4: octet(0) == 127
    case .ipv6: isMappedIPv4 ? octet(12) == 127 : (0..<15).allSatisfy { octet($0) == 0 } && octet(15) == 1
    case .unix: false
    }
  }

  /// Whether it is a group's address: `224.0.0.0/4`, `ff00::/8`.
  public var isMulticast: Bool {
    switch family {
    case .ipv4: octet(0) >> 4 == 14
    case .ipv6: octet(0) == 0xFF
    case .unix: false
    }
  }

  /// Whether it stands for all addresses of this machine: `0.0.0.0`, `::`.
  public var isUnspecified: Bool { family != .unix && head == 0 && tail == 0 }

  private var isMappedIPv4: Bool { (0..<10).allSatisfy { octet($0) == 0 } && octet(10) == 0xFF && octet(11) == 0xFF }

  private func octet(_ index: Int) -> UInt8 { withUnsafeBytes(of: (head, tail)) { $0[index] } }

  /// The number of the network interface of an IPv6 address that is local to a link, or 0.
  var interface: UInt32 { scope }

  /// As ``init(_:)`` reads it: `127.0.0.1:80`, `[::1]:80`, `unix:/run/it.sock`.
  public var description: String {
    switch family {
    case .ipv4: "\(host):\(port)"
    case .ipv6: "[\(host)]:\(port)"
    case .unix: "unix:\(path ?? "")"
    }
  }
}

/// A text or number is no socket address.
public struct AddressError: Error, Hashable, CustomStringConvertible {
  /// What is wrong with which text.
  public let description: String

  package init(_ description: String) { self.description = description }
}

// MARK: As the system has it

extension SocketAddress {
  var systemFamily: Int32 {
    switch family {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  var isInternet: Bool { family != .unix }

  /// Whether it is a Unix socket's name that is in no file system.
  var isAbstract: Bool { path?.utf8.first == UInt8(ascii: "@") }

  /// Calls `body` with the address as system calls take it.
  func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let length: Int
      if let path {
        bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).unsafelyUnwrapped
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
        let count = min(pathBytes?.count ?? path.utf8.count, MemoryLayout<sockaddr_un>.size - start)
        // An abstract name begins with a zero byte and ends with its length, a path with a zero byte.
        if let pathBytes {
          target.copyBytes(from: pathBytes.prefix(count))
        } else {
          target.copyBytes(from: path.utf8.prefix(count))
          if isAbstract { target[0] = 0 }
        }
        length = start + min(count + (count == 0 || target[0] == 0 ? 0 : 1), MemoryLayout<sockaddr_un>.size - start)
      } else if family == .ipv4 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(truncatingIfNeeded: UInt64(littleEndian: head)).littleEndian
        bytes.storeBytes(of: address, as: sockaddr_in.self)
        length = MemoryLayout<sockaddr_in>.size
      } else {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = in_port_t(port).bigEndian
        address.sin6_scope_id = scope
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.storeBytes(of: (head, tail), as: (UInt64, UInt64).self) }
        bytes.storeBytes(of: address, as: sockaddr_in6.self)
        length = MemoryLayout<sockaddr_in6>.size
      }
      let pointer = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self)
      return body(pointer, socklen_t(length))
    }
  }

  /// The address that a system call fills in, or `nil` if it fails, with `errno`, or fills in none of TCP's.
  static func from(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> (result: Int32, errno: Int32, address: SocketAddress?) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let result = call(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self), &length)
      let code = errno
      let count = min(Int(length), bytes.count)
      return (result, code, result < 0 ? nil : SocketAddress(UnsafeRawBufferPointer(rebasing: bytes[..<count])))
    }
  }

  init?(_ bytes: UnsafeRawBufferPointer) {
    if bytes.count < MemoryLayout<sa_family_t>.size { return nil }
    switch Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
    case AF_UNIX:
      let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).unsafelyUnwrapped
      var name = UnsafeRawBufferPointer(rebasing: bytes[min(start, bytes.count)...])
      let isAbstract = name.first == 0
      if !isAbstract, let end = name.firstIndex(of: 0) { name = UnsafeRawBufferPointer(rebasing: name[..<end]) }
      let rest = UnsafeRawBufferPointer(rebasing: name.dropFirst(isAbstract ? 1 : 0))
      var text = String(decoding: rest, as: UTF8.self)
      // A file whose name begins as abstract ones are written here.
      if isAbstract { text = "@" + text } else if rest.first == UInt8(ascii: "@") { text = "./" + text }
      let isWhole = String(validating: rest, as: UTF8.self) != nil
      self.init(.unix, (0, 0), port: 0, path: text, bytes: isWhole ? nil : Array(name))
    case AF_INET:
      let address = bytes.loadUnaligned(as: sockaddr_in.self)
      let octets = UInt64(UInt32(littleEndian: address.sin_addr.s_addr)).littleEndian
      self.init(.ipv4, (octets, 0), port: Int(in_port_t(bigEndian: address.sin_port)))
    case AF_INET6:
      let address = bytes.loadUnaligned(as: sockaddr_in6.self)
      let octets = withUnsafeBytes(of: address.sin6_addr) { $0.loadUnaligned(as: (UInt64, UInt64).self) }
      self.init(
        .ipv6, octets, port: Int(in_port_t(bigEndian: address.sin6_port)), scope: address.sin6_scope_id)
    default:
      return nil
    }
  }
}

func isAlphanumeric(_ byte: UInt8) -> Bool {
  (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
}
