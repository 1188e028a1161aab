import Glibc

/// Where a socket is: an IPv4 or IPv6 address and a port, or the path of a Unix socket.
///
/// Numbers only: names are not looked up.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// What kind of address it is.
  public enum Family: Hashable, Sendable {
    case ipv4
    case ipv6
    /// A socket of this machine, which has a path in the file system, or a name of its own, or neither.
    case unix
  }

  /// IPv4, IPv6 or Unix.
  public let family: Family
  /// The port, 0 to 65535; 0 has the system choose one. 0 of a Unix socket.
  public let port: Int
  /// The path of a Unix socket. Empty if it has none, as that of a client; Linux's abstract names begin with `@`. `nil` of an
  /// internet address.
  public let path: String?
  // The address's octets as they stand in memory; IPv4's are the first four.
  private let head: UInt64
  private let tail: UInt64
  /// The network interface of a link-local IPv6 address, 0 if none is meant.
  private let scope: UInt32

  /// Reads an address: `127.0.0.1`, `::1`, `fe80::1%eth0`.
  ///
  /// - Parameters:
  ///   - host: An IPv4 or IPv6 address in numbers.
  ///   - port: 0 to 65535.
  /// - Throws: ``AddressError`` that says what is wrong with which text.
  public init(host: String, port: Int) throws(AddressError) {
    guard (0...65535).contains(port) else { throw AddressError("not a port from 0 to 65535: \(port)") }
    guard !host.utf8.contains(0) else { throw AddressError("not an IPv4 or IPv6 address: \(host.debugDescription)") }
    var octets: (UInt64, UInt64) = (0, 0)
    if inet_pton(AF_INET, host, &octets) == 1 {
      self.init(.ipv4, octets, port: port)
      return
    }
    let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard inet_pton(AF_INET6, parts.first.map(String.init) ?? "", &octets) == 1 else {
      throw AddressError("not an IPv4 or IPv6 address in numbers: \(host.debugDescription)")
    }
    var scope: UInt32 = 0
    if parts.count == 2 {
      scope = UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
      guard scope != 0 else { throw AddressError("no such network interface: \(host.debugDescription)") }
    }
    self.init(.ipv6, octets, port: port, scope: scope)
  }

  /// That of a Unix socket that was not bound.
  init(unixSocketWithoutPath: Void) { self.init(.unix, (0, 0), port: 0, path: "") }

  private init(_ family: Family, _ octets: (UInt64, UInt64), port: Int, scope: UInt32 = 0, path: String? = nil) {
    self.family = family
    (head, tail) = octets
    self.port = port
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
    guard let colon = text.lastIndex(of: ":"), colon != text.startIndex else {
      throw AddressError("not an address and a port, as in 127.0.0.1:80 or [::1]:80: \(text.debugDescription)")
    }
    var host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits) else {
      throw AddressError("not a port from 0 to 65535: \(String(digits).debugDescription)")
    }
    let isBracketed = host.first == "[" && host.last == "]" && host.count > 2
    if isBracketed { host = host.dropFirst().dropLast() }
    let address = try SocketAddress(host: String(host), port: port)
    guard isBracketed == (address.family == .ipv6) else {
      throw AddressError("an IPv6 address before a port, and only that, stands in brackets: \(text.debugDescription)")
    }
    self = address
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

  init(_ description: String) { self.description = description }
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

  /// Calls `body` with the address as system calls take it.
  func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let length: Int
      if let path {
        bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).unsafelyUnwrapped
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
        target.copyBytes(from: path.utf8)
        // An abstract name begins with a zero byte and ends with its length, a path with a zero byte.
        if path.hasPrefix("@") { target[0] = 0 }
        length = start + path.utf8.count + (path.isEmpty || path.hasPrefix("@") ? 0 : 1)
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
      if isAbstract {
        name = UnsafeRawBufferPointer(rebasing: name.dropFirst())
      } else if let end = name.firstIndex(of: 0) {
        name = UnsafeRawBufferPointer(rebasing: name[..<end])
      }
      let text = String(decoding: name, as: UTF8.self)
      self.init(.unix, (0, 0), port: 0, path: isAbstract ? "@\(text)" : text)
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
