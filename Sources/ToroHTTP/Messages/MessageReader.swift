#if HTTP
import Toro
import ToroNet

/// What comes over a connection, message by message: for one reader, on the reactor's thread.
///
/// Bytes are received into the reactor's memory and parsed there; only what is left over is kept. So between two messages a
/// connection holds nothing, and never more than a head, or a line, and a portion.
final class MessageReader: @unchecked Sendable {
  /// How much is received at once.
  private static let portion = 16_384

  enum Received {
    /// A step was taken, of which the caller was told.
    case step
    /// There was nothing, or nothing that makes a step.
    case nothing
    /// The stream has ended.
    case end
  }

  let connection: Connection
  @exclusivity(unchecked) var parser: HTTPParser
  /// Of a request whose head was refused, what its first line had asked for.
  @exclusivity(unchecked) private(set) var refusedLine: (method: String, target: String)?
  /// Received and not taken by the parser.
  @exclusivity(unchecked) private var pending: [UInt8] = []
  /// How much of it has been taken.
  @exclusivity(unchecked) private var taken = 0

  init(_ connection: Connection, _ kind: HTTPParser.Kind, _ limits: HTTPLimits) {
    self.connection = connection
    parser = HTTPParser(kind, limits: limits)
  }

  /// How many bytes have come that belong to no step yet.
  var pendingCount: Int { pending.count - taken }

  /// Whether some of the next message has come. An empty line before it is nothing of it (RFC 9112, 2.2).
  var hasBegunMessage: Bool {
    switch pendingCount {
    case 0: false
    case 1: pending[taken] != Octets.carriageReturn
    case 2: pending[taken] != Octets.carriageReturn || pending[taken + 1] != Octets.lineFeed
    default: true
    }
  }

  /// Takes a step with what has come before.
  ///
  /// - Parameter use: Is shown the step and the bytes that it is about.
  /// - Returns: Whether there was one.
  @inline(__always)
  func step(_ use: (HTTPParser.Step, UnsafeRawBufferPointer) -> Void) throws -> Bool {
    let step = try pending.withUnsafeBytes { bytes in
      let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
      let step = try parse(rest)
      use(step, rest)
      return step
    }
    taken += step.byteCount
    if taken == pending.count {
      // What was much is not held on to.
      if taken > 0 { pending.removeAll(keepingCapacity: pending.capacity <= 4096) }
      taken = 0
    }
    return step != .needsMore
  }

  /// Receives once, and takes a step.
  @inline(__always)
  func receive(_ use: (HTTPParser.Step, UnsafeRawBufferPointer) -> Void) throws -> Received {
    try connection.reactor.withScratch { scratch in
      let portion = UnsafeMutableRawBufferPointer(rebasing: scratch[..<Self.portion])
      guard let count = try connection.receiveNow(into: portion) else { return .nothing }
      if count == 0 { return .end }
      let bytes = UnsafeRawBufferPointer(rebasing: portion[..<count])
      guard pendingCount == 0 else {
        if taken > 0 {
          pending.removeSubrange(..<taken)
          taken = 0
        }
        pending.append(contentsOf: bytes)
        return try step(use) ? .step : .nothing
      }
      let step = try parse(bytes)
      use(step, bytes)
      let byteCount = step.byteCount
      if byteCount < count { pending.append(contentsOf: bytes[byteCount...]) }
      return step == .needsMore ? .nothing : .step
    }
  }

  @inline(__always)
  private func parse(_ bytes: UnsafeRawBufferPointer) throws -> HTTPParser.Step {
    do throws(HTTPSyntaxError) {
      return try parser.parse(bytes)
    } catch {
      keepRefusedLine(bytes)
      throw error
    }
  }

  /// The same of a head that came in part and is not waited for.
  func keepCutLine() {
    if refusedLine == nil { pending[taken...].withUnsafeBytes { keepRefusedLine($0) } }
  }

  @inline(never)
  private func keepRefusedLine(_ bytes: UnsafeRawBufferPointer) {
    guard parser.isAtStart, parser.hasFirstLine else { return }
    func text(_ part: HTTPHead.Part) -> String { String(decoding: bytes[part.range], as: UTF8.self) }
    refusedLine = (text(parser.head.method), text(parser.head.target))
  }

  /// Gives what has come and is no message's back to the connection.
  func putBack() {
    if pendingCount > 0 { pending[taken...].withUnsafeBytes { connection.putBack($0) } }
    pending = []
    taken = 0
  }
}

extension HTTPParser.Step {
  /// How many bytes the step has taken.
  @inline(__always)
  var byteCount: Int {
    switch self {
    case .needsMore: 0
    case .head(let count), .end(let count): count
    case .body(let range): range.upperBound
    }
  }
}

extension WaitSite {
  /// Of waits for what the other end sends or takes.
  static var http: WaitSite { WaitSite("HTTP", 0) }
}
#endif
