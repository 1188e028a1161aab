#if HTTP
import HTTPTypes
import Toro
import ToroNet

extension HTTPClient {
  /// What to ask for.
  ///
  /// The client adds what the connection needs: Host, from the URL, the body's length or its chunks, and User-Agent. The fields for
  /// that, and those of the connection, cannot be given: ``InvalidFieldError``.
  public struct Request: Sendable {
    /// What to do: anything but CONNECT.
    public var method: HTTPRequest.Method
    /// With what.
    public var url: HTTPURL
    /// What is said beside it: nothing that is the connection's.
    public var headerFields: HTTPFields
    /// What is sent after the head.
    public var body: Body
    /// Whether the server is to say that it wants the body before it is sent (RFC 9110, 10.1.1). One that says nothing gets it
    /// after ``Configuration/continueTimeout``.
    public var expectsContinue = false
    /// What to do with redirects; `nil` is as the client's configuration says.
    public var redirects: Redirects?
    /// Whom to connect to instead of the URL's host, such as a Unix socket. The URL still says what is asked, and whose
    /// certificate it takes.
    public var endpoint: Endpoint?

    /// A request of a URL that has been read; nothing is sent yet.
    public init(
      method: HTTPRequest.Method = .get, url: HTTPURL, headerFields: HTTPFields = HTTPFields(), body: Body = .empty
    ) {
      self.method = method
      self.url = url
      self.headerFields = headerFields
      self.body = body
    }

    /// - Throws: ``HTTPURLError``.
    public init(
      method: HTTPRequest.Method = .get, _ url: String, headerFields: HTTPFields = HTTPFields(), body: Body = .empty
    ) throws(HTTPURLError) {
      self.init(method: method, url: try HTTPURL(url), headerFields: headerFields, body: body)
    }

    /// - Parameters:
    ///   - head: With a scheme, an authority and a path.
    ///   - body: What is sent after it.
    /// - Throws: ``HTTPURLError``.
    public init(_ head: HTTPRequest, body: Body = .empty) throws(HTTPURLError) {
      try self.init(
        method: head.method, "\(head.scheme ?? "")://\(head.authority ?? "")\(head.path ?? "")",
        headerFields: head.headerFields, body: body)
    }

    /// What is sent after the head.
    public enum Body: Sendable {
      /// Nothing.
      case empty
      /// These bytes.
      case bytes([UInt8])
      /// This text, in UTF-8.
      case text(String)
      /// What the closure writes, of this length if it is known, else in chunks. It cannot be sent again: the request is not
      /// repeated, and no redirect followed that needs it to be.
      ///
      /// A server that does not take it makes it wait. The closure runs in a task of its own on the client's reactor, at most
      /// until the answer has been read or given up; it is cancelled when nobody wants the rest.
      case stream(length: Int?, @Sendable (BodyWriter) async throws -> Void)

      /// What is being received, as it comes: of another's request or answer.
      public static func forwarding(_ body: HTTPBody) -> Body {
        .stream(length: body.length) { writer in
          for try await portion in body { try await writer.write(portion) }
        }
      }
    }
  }

  /// Writes the body of a request portion by portion. To be used by one task, as long as the closure runs that got it.
  public struct BodyWriter: Sendable {
    let upload: Upload

    /// Writes a portion: waits until the system has taken it, but for what the connection holds.
    ///
    /// - Throws: `SocketError` if the server is gone, `TimeoutError` if it takes nothing for the client's idle timeout,
    ///   ``BodyLengthError`` for more than the length that was promised, `CancellationError`, `ClosedError`.
    public func write(_ bytes: [UInt8]) async throws { try await upload.write(bytes) }

    /// The same for a text, as UTF-8.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Has these fields sent after the body, if that is in chunks.
    ///
    /// - Isolation: In the task that runs the closure.
    public func setTrailers(_ fields: HTTPFields) { upload.setTrailers(fields) }
  }
}

extension HTTPClient.Request.Body {
  /// Whether it can be sent again.
  var isRepeatable: Bool {
    if case .stream = self { return false }
    return true
  }

  /// How many bytes it has, if that is known.
  var count: Int? {
    switch self {
    case .empty: 0
    case .bytes(let bytes): bytes.count
    case .text(let text): text.utf8.count
    case .stream(let length, _): length
    }
  }
}
#endif
