/// How much of a message a parser takes before it refuses the rest.
///
/// With these, a peer that sends without end costs no more memory than a head and a portion of the body.
public struct HTTPLimits: Hashable, Sendable {
  /// Bytes of the request line or status line, its end not counted.
  public var startLineBytes: Int
  /// Bytes of all field lines with their ends, of a head and, counted apart, of the trailers.
  public var headerBytes: Int
  /// Field lines, of a head and, counted apart, of the trailers.
  public var fieldCount: Int
  /// Bytes of a body's content, its framing not counted.
  public var bodyBytes: Int

  /// 8 KiB for the first line, 32 KiB in 100 fields, 16 MiB of body.
  public init(
    startLineBytes: Int = 8_192, headerBytes: Int = 32_768, fieldCount: Int = 100, bodyBytes: Int = 16 << 20
  ) {
    precondition(
      0 < startLineBytes && startLineBytes <= 1 << 24 && 0 < headerBytes && headerBytes <= 1 << 24 && 0 <= fieldCount
        && 0 <= bodyBytes, "HTTPLimits: lines and headers are of 1 byte to 16 MiB, the others not negative")
    self.startLineBytes = startLineBytes
    self.headerBytes = headerBytes
    self.fieldCount = fieldCount
    self.bodyBytes = bodyBytes
  }
}
