import Glibc
import Toro

extension DatagramSocket {
  /// What a datagram socket is like.
  public struct Options: Sendable {
    /// How many bytes of a datagram are received, at least 1: what is longer is cut off, and ``Datagram/missingCount`` says so.
    /// 65,536 at first, which no datagram over IPv4 or IPv6 exceeds. Batches take least memory where this is 1,024 or less.
    public var maxLength = 65_536
    /// How many bytes the system holds of what was sent and has not left, and of what has come and was not received; it throws
    /// away what comes beyond. `nil` leaves it to the system, which may also take it as a hint.
    public var sendBuffer: Int?
    /// See ``sendBuffer``.
    public var receiveBuffer: Int?
    /// Whether other sockets of the same user may be bound to the same port: the system then spreads what comes over them
    /// (`SO_REUSEPORT`).
    public var reusesPort = false
    /// Whether other sockets that say the same may be bound to the same address: each then gets what is sent to a group that it
    /// has joined (`SO_REUSEADDR`).
    public var reusesAddress = false
    /// Whether datagrams may be sent to broadcast addresses (`SO_BROADCAST`).
    public var allowsBroadcast = false
    /// Whether a socket on an IPv6 address takes nothing over IPv4; `nil` leaves it to the system (`IPV6_V6ONLY`).
    public var isIPv6Only: Bool?
    /// By which network interface, by its name or number, datagrams to groups leave; `nil` leaves it to the system.
    public var multicastInterface: String?
    /// How many hops datagrams to groups may go, 0 to 255; `nil` is the system's 1, which no router passes on.
    public var multicastHops: Int?
    /// Whether datagrams to groups come back to those who joined them on this machine.
    public var loopsMulticastBack = true
    /// Of a Unix socket: who may send to it, as in `0o660`; `nil` leaves it to the process's `umask`. Its file is removed when
    /// the socket is closed.
    public var mode: UInt32?
    /// Of a Unix socket: whether a file that was left by a socket that nobody has any more is removed first.
    public var replacesStaleFile = true

    /// The standard ones.
    public init() {}

    /// The standard ones, changed by `change`.
    public init(_ change: (inout Options) -> Void) { change(&self) }

    func check() {
      require(maxLength >= 1, "DatagramSocket.Options.maxLength = \(maxLength): at least 1")
      require(sendBuffer ?? 1 >= 1, "DatagramSocket.Options.sendBuffer = \(sendBuffer ?? 0): at least 1")
      require(receiveBuffer ?? 1 >= 1, "DatagramSocket.Options.receiveBuffer = \(receiveBuffer ?? 0): at least 1")
      require(
        (0...255).contains(multicastHops ?? 0), "DatagramSocket.Options.multicastHops = \(multicastHops ?? 0): 0 to 255"
      )
    }

    /// Sets what has to be set before the socket is bound.
    func apply(to descriptor: Int32, _ address: SocketAddress) throws(SocketError) {
      func set(_ level: Int32, _ option: Int32, _ value: Int, _ name: String) throws(SocketError) {
        var value = Int32(clamping: value)
        if setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) != 0 {
          throw SocketError("setsockopt \(name)", errno: errno, address: address)
        }
      }
      if let sendBuffer { try set(SOL_SOCKET, SO_SNDBUF, sendBuffer, "SO_SNDBUF") }
      if let receiveBuffer { try set(SOL_SOCKET, SO_RCVBUF, receiveBuffer, "SO_RCVBUF") }
      guard address.isInternet else {
        if let mode { fchmod(descriptor, mode) }  // before there is a file that others could open
        return
      }
      if reusesAddress { try set(SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR") }
      if reusesPort { try set(SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT") }
      if allowsBroadcast { try set(SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST") }
      let isIPv6 = address.family == .ipv6
      if isIPv6, let isIPv6Only { try set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, isIPv6Only ? 1 : 0, "IPV6_V6ONLY") }
      // A socket that takes both has the options of both.
      let takesIPv4 = !isIPv6 || isIPv6Only == false
      if let multicastHops {
        if isIPv6 { try set(Int32(IPPROTO_IPV6), IPV6_MULTICAST_HOPS, multicastHops, "IPV6_MULTICAST_HOPS") }
        if takesIPv4 { try set(Int32(IPPROTO_IP), IP_MULTICAST_TTL, multicastHops, "IP_MULTICAST_TTL") }
      }
      if !loopsMulticastBack {
        if isIPv6 { try set(Int32(IPPROTO_IPV6), IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP") }
        if takesIPv4 { try set(Int32(IPPROTO_IP), IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP") }
      }
      if let multicastInterface {
        let index = SocketAddress.interface(multicastInterface)
        if index == 0 {
          throw SocketError("multicast by \(multicastInterface.debugDescription)", errno: ENODEV, address: address)
        }
        if isIPv6 { try set(Int32(IPPROTO_IPV6), IPV6_MULTICAST_IF, Int(index), "IPV6_MULTICAST_IF") }
        if takesIPv4 {
          var request = ip_mreqn()
          request.imr_ifindex = Int32(bitPattern: index)
          let size = socklen_t(MemoryLayout<ip_mreqn>.size)
          if setsockopt(descriptor, Int32(IPPROTO_IP), IP_MULTICAST_IF, &request, size) != 0 {
            throw SocketError("setsockopt IP_MULTICAST_IF", errno: errno, address: address)
          }
        }
      }
    }
  }

  /// Joins a group: what is sent to it, and to the socket's port, is received from now on.
  ///
  /// - Parameters:
  ///   - group: The group's address, in numbers, as in `239.255.0.7` or `ff02::1234%eth0`.
  ///   - interface: The network interface by which it comes, by its name or number; `nil` is that of the address, or has the
  ///     system choose one.
  /// - Throws: ``AddressError`` for what is no group's address, or no interface; ``SocketError``, as where there is no route to
  ///   groups, or if it was joined before (`EADDRINUSE`); `ClosedError` if the socket is closed.
  /// - Isolation: On the reactor's thread.
  public func join(group: String, interface: String? = nil) throws {
    try setMembership(of: group, interface, MCAST_JOIN_GROUP, "join")
  }

  /// Leaves a group. Closing the socket leaves all.
  ///
  /// - Throws: As ``join(group:interface:)``; ``SocketError`` with `EADDRNOTAVAIL` if it was not joined.
  /// - Isolation: On the reactor's thread.
  public func leave(group: String, interface: String? = nil) throws {
    try setMembership(of: group, interface, MCAST_LEAVE_GROUP, "leave")
  }

  private func setMembership(of group: String, _ interface: String?, _ option: Int32, _ call: String) throws {
    if socket.isClosed { throw ClosedError(subject) }
    let address = try SocketAddress(host: group, port: 0)
    guard address.isMulticast else {
      throw AddressError("not the address of a group, as 239.255.0.7 and ff02::1234 are: \(group.debugDescription)")
    }
    var request = group_req()
    request.gr_interface = address.interface
    if let interface {
      request.gr_interface = SocketAddress.interface(interface)
      guard request.gr_interface != 0 else {
        throw AddressError("no such network interface: \(interface.debugDescription)")
      }
    }
    address.withSystemAddress { pointer, length in
      withUnsafeMutableBytes(of: &request.gr_group) {
        $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
      }
    }
    let level = address.family == .ipv4 ? IPPROTO_IP : IPPROTO_IPV6
    if setsockopt(socket.descriptor, Int32(level), option, &request, socklen_t(MemoryLayout<group_req>.size)) != 0 {
      throw SocketError(call, errno: errno, address: address)
    }
  }
}
