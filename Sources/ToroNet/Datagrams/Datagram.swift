/// A message that arrives whole or not at all, and who is at its other end.
public struct Datagram: Hashable, Sendable {
  /// What it says. May be empty.
  public var bytes: [UInt8]
  /// Received: whom it is from. To be sent: whom to, or `nil` for the one that the socket is connected to.
  public var address: SocketAddress?
  /// Received: how many bytes at its end were cut off, since it was longer than the receiver takes
  /// (``DatagramSocket/Options/maxLength``).
  public var missingCount = 0

  /// Whether its end was cut off.
  public var isTruncated: Bool { missingCount > 0 }

  /// What it says as text; what is not UTF-8 is repaired.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// A datagram to be sent.
  ///
  /// - Parameters:
  ///   - bytes: What it says.
  ///   - address: Whom to; `nil` is whom the socket is connected to.
  public init(_ bytes: [UInt8], to address: SocketAddress? = nil) {
    self.bytes = bytes
    self.address = address
  }

  /// A datagram of a text, in UTF-8, to be sent.
  ///
  /// - Parameters:
  ///   - text: What it says.
  ///   - address: Whom to; `nil` is whom the socket is connected to.
  public init(_ text: String, to address: SocketAddress? = nil) { self.init(Array(text.utf8), to: address) }
}
