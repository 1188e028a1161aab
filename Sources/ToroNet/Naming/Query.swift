import Glibc
import Toro

/// What is asked of `getaddrinfo`.
struct Query: Hashable, Sendable {
  let host: String
  let service: String?
  let family: SocketAddress.Family?

  /// - Throws: ``AddressError`` for what is no host name, so that a person hears more than that it was not found.
  init(host: String, service: String?, family: SocketAddress.Family?) throws(AddressError) {
    require(family != .unix, "Resolver: names have addresses of IPv4 and IPv6 only")
    self.host = host
    self.service = service
    self.family = family
    guard !host.isEmpty else { throw AddressError("no host is given: \"\"") }
    guard !host.utf8.contains(where: { $0 >= 128 }) else {
      throw AddressError(
        "the name of a host is ASCII; write others as DNS has them, as in xn--bcher-kva.example: \(host.debugDescription)"
      )
    }
    guard host.utf8.allSatisfy({ (33...126).contains($0) && !Query.isForeign($0) }) else {
      throw AddressError(
        "not the name of a host, nor an IPv4 or IPv6 address (without brackets and port): \(host.debugDescription)")
    }
    guard host.utf8.count <= 254 else {
      throw AddressError("the name of a host has at most 253 bytes; this has \(host.utf8.count)")
    }
  }

  /// What a URL or an address may have beside the name.
  private static func isForeign(_ byte: UInt8) -> Bool {
    "/:@[]%?#\"\\".utf8.contains(byte)
  }

  /// Asks, which blocks.
  func ask() throws -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_family = family.map { $0 == .ipv4 ? AF_INET : AF_INET6 } ?? AF_UNSPEC
    // One entry for each address; a service may be known for datagrams alone.
    hints.ai_socktype = service == nil ? Int32(SOCK_STREAM.rawValue) : 0
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, service, &hints, &list)
    let number = errno
    defer { if let list { freeaddrinfo(list) } }
    guard code == 0 else {
      throw ResolverError(host: host, service: service, code: code, errno: code == EAI_SYSTEM ? number : 0)
    }
    var addresses: [SocketAddress] = []
    var seen: Set<SocketAddress> = []
    var entry = list
    while let found = entry {
      let bytes = UnsafeRawBufferPointer(start: found.pointee.ai_addr, count: Int(found.pointee.ai_addrlen))
      let isUsable = service == nil || found.pointee.ai_socktype != Int32(SOCK_RAW.rawValue)
      if isUsable, let address = SocketAddress(bytes), seen.insert(address).inserted { addresses.append(address) }
      entry = found.pointee.ai_next
    }
    if addresses.isEmpty { throw ResolverError(host: host, service: service, code: EAI_NONAME, errno: 0) }
    return addresses
  }
}
