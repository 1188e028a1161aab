import Glibc

// Apart from what imports CToroShims: of a system's constants that both modules have, one file's choice is every file's.
extension Socket {
  /// Sends a datagram to an address, once.
  func send(_ bytes: UnsafeRawBufferPointer, to address: SocketAddress) -> Transfer {
    address.withSystemAddress { target, length in
      while true {
        let count = sendto(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL), target, length)
        if count >= 0 || errno != EINTR { return Transfer(count) }
      }
    }
  }

  /// Receives a datagram, once: how long it is, which may be more than the buffer holds, and whom it is from.
  func receiveDatagram(into buffer: UnsafeMutableRawBufferPointer) -> (whole: Int, errno: Int32, sender: SocketAddress?)
  {
    var whole = 0
    let (_, code, sender) = SocketAddress.from {
      whole = recvfrom(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_TRUNC), $0, $1)
      return whole < 0 ? -1 : 0
    }
    return (whole, code, sender)
  }
}
