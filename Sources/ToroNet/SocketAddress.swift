import Glibc

/// Where a TCP socket is: an IPv4 or IPv6 address and a port.
///
/// Numbers only: names are not looked up.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// Which internet protocol an address belongs to.
  public enum Family: Hashable, Sendable {
    case ipv4
    case ipv6
  }

  /// IPv4 or IPv6.
  public let family: Family
  /// The port, 0 to 65535; 0 has the system choose one.
  public let port: Int
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
    var scope: UInt32 = 0
    if inet_pton(AF_INET, host, &octets) == 1 {
      family = .ipv4
    } else {
      let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
      guard inet_pton(AF_INET6, parts.first.map(String.init) ?? "", &octets) == 1 else {
        throw AddressError("not an IPv4 or IPv6 address in numbers: \(host.debugDescription)")
      }
      if parts.count == 2 {
        scope = UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
        guard scope != 0 else { throw AddressError("no such network interface: \(host.debugDescription)") }
      }
      family = .ipv6
    }
    self.port = port
    (head, tail) = octets
    self.scope = scope
  }

  /// Reads an address and a port: `127.0.0.1:80`, `[::1]:80`.
  ///
  /// - Throws: ``AddressError`` that says what is wrong with which text.
  public init(_ text: String) throws(AddressError) {
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

  /// The address in numbers, without the port: `127.0.0.1`, `::1`.
  public var host: String {
    var octets = (head, tail)
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      inet_ntop(
        family == .ipv4 ? AF_INET : AF_INET6, &octets, buffer.baseAddress, socklen_t(INET6_ADDRSTRLEN)
      ).map { String(cString: $0) } ?? "?"
    }
    return scope == 0 ? text : "\(text)%\(scope)"
  }

  /// As ``init(_:)`` reads it: `127.0.0.1:80`, `[::1]:80`.
  public var description: String { family == .ipv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}

/// A text or number is no socket address.
public struct AddressError: Error, Hashable, CustomStringConvertible {
  /// What is wrong with which text.
  public let description: String

  init(_ description: String) { self.description = description }
}

// MARK: As the system has it

extension SocketAddress {
  var systemFamily: Int32 { family == .ipv4 ? AF_INET : AF_INET6 }

  /// Calls `body` with the address as system calls take it.
  func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let length: Int
      if family == .ipv4 {
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
      return (result, code, result < 0 ? nil : SocketAddress(UnsafeRawBufferPointer(bytes)))
    }
  }

  private init?(_ bytes: UnsafeRawBufferPointer) {
    switch Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET:
      let address = bytes.loadUnaligned(as: sockaddr_in.self)
      family = .ipv4
      port = Int(in_port_t(bigEndian: address.sin_port))
      head = UInt64(UInt32(littleEndian: address.sin_addr.s_addr)).littleEndian
      tail = 0
      scope = 0
    case AF_INET6:
      let address = bytes.loadUnaligned(as: sockaddr_in6.self)
      family = .ipv6
      port = Int(in_port_t(bigEndian: address.sin6_port))
      (head, tail) = withUnsafeBytes(of: address.sin6_addr) { $0.loadUnaligned(as: (UInt64, UInt64).self) }
      scope = address.sin6_scope_id
    default:
      return nil
    }
  }
}
