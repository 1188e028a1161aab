#if HTTP
import HTTPTypes

/// Bodies in chunks, as they are sent (RFC 9112, 7.1).
extension HeadWriter {
  /// Larger chunks are not copied.
  private static var copiedChunk: Int { 16_384 }

  /// What is sent for a portion, in parts to be sent one after the other. It is written anew.
  mutating func chunk(_ bytes: [UInt8]) -> [[UInt8]] {
    clear()
    append(hex: bytes.count)
    append("\r\n")
    if bytes.count > Self.copiedChunk { return [array, bytes, [13, 10]] }
    append(bytes)
    append("\r\n")
    return [array]
  }

  /// What is sent behind the last portion. It is written anew.
  ///
  /// - Throws: ``InvalidFieldError`` for a trailer that cannot be sent, or not as one.
  mutating func lastChunk(_ trailers: HTTPFields) throws(InvalidFieldError) -> [UInt8] {
    clear()
    append("0\r\n")
    for field in trailers {
      if field.name.isOfConnection { throw InvalidFieldError(name: field.name.rawName) }
      try append(field)
    }
    append("\r\n")
    return array
  }
}

extension HTTPField.Name {
  /// Whether only client and server themselves may send it, in heads or trailers.
  var isOfConnection: Bool {
    switch canonicalName {
    case "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade", "te",
      "expect", "http2-settings":
      true
    default: false
    }
  }
}
#endif
