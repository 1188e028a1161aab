#if HTTP
import HTTPTypes
import Toro

extension HTTPServer {
  /// An answer.
  ///
  /// The server adds what the connection needs: the body's length or its chunks, Date, and Connection when it ends. A field with
  /// a control character, such as the end of a line, is not sent: the answer is 500 then.
  public struct Response: Sendable {
    /// 200 or above: informational ones are the server's.
    public var status: HTTPResponse.Status
    /// What is said beside it: nothing that is the connection's.
    public var headerFields: HTTPFields
    /// What the body is; `nil` leaves it to the fields.
    public var contentType: String?
    /// What is sent after the head.
    public var body: Body
    /// Whether the connection is closed afterwards.
    public var closesConnection = false

    /// What is sent after the head. To a request for the head only nothing is.
    public enum Body: Sendable {
      /// Nothing.
      case empty
      /// These bytes.
      case bytes([UInt8])
      /// This text, in UTF-8.
      case text(String)
      /// What the closure writes, of this length if it is known.
      case stream(length: Int?, @Sendable (BodyWriter) async throws -> Void)
    }

    /// An answer; nothing is sent before the handler has returned it.
    public init(
      status: HTTPResponse.Status = .ok, headerFields: HTTPFields = HTTPFields(), contentType: String? = nil,
      body: Body = .empty
    ) {
      self.status = status
      self.headerFields = headerFields
      self.contentType = contentType
      self.body = body
    }

    /// Plain text.
    public static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
      Response(status: status, contentType: "text/plain; charset=utf-8", body: .text(text))
    }

    /// A page.
    public static func html(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
      Response(status: status, contentType: "text/html; charset=utf-8", body: .text(text))
    }

    /// What is JSON already.
    public static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
      Response(status: status, contentType: "application/json", body: .text(text))
    }

    /// What `write` writes, portion by portion: with its length if it is known, else in chunks.
    ///
    ///     .stream(contentType: "text/csv") { body in
    ///       for row in rows { try await body.write("\(row)\n") }
    ///     }
    ///
    /// A client that does not take it makes it wait. If it throws, the connection is cut, so that nobody takes the part for the
    /// whole.
    public static func stream(
      status: HTTPResponse.Status = .ok, contentType: String? = nil, length: Int? = nil,
      _ write: @escaping @Sendable (BodyWriter) async throws -> Void
    ) -> Response {
      Response(status: status, contentType: contentType, body: .stream(length: length, write))
    }
  }

  /// Writes the body of an answer portion by portion. To be used by one task, as long as the closure runs that got it.
  public struct BodyWriter: Sendable {
    let connection: ServerConnection
    let number: UInt64

    /// Writes a portion: waits until the client's side has taken it, but for what the connection holds.
    ///
    /// - Throws: `SocketError` if the client is gone, `TimeoutError` if it takes nothing for the server's idle timeout,
    ///   ``BodyLengthError`` for more than the length that was promised, `CancellationError`, `ClosedError`.
    public func write(_ bytes: [UInt8]) async throws { try await connection.writePortion(bytes, of: number) }

    /// The same for a text, as UTF-8.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Has these fields sent after the body, if that is in chunks. One that is the connection's cuts the answer.
    public func setTrailers(_ fields: HTTPFields) { connection.setTrailers(fields, of: number) }
  }
}

/// Thrown when a body has more bytes than its length that was said before, or fewer.
public struct BodyLengthError: Error, Hashable, CustomStringConvertible {
  /// How many bytes were promised.
  public let promised: Int
  /// How many there were, or would have been with the last portion.
  public let written: Int

  public var description: String { "a body of \(promised) bytes was promised, and \(written) were written" }
}
#endif
