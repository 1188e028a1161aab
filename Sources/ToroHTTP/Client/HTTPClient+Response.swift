#if HTTP
import HTTPTypes
import Toro
import ToroNet

extension HTTPClient {
  /// An answer: its head, and its body to be read.
  ///
  /// The connection is in use until the body has been read to its end, the answer was closed, or neither it nor its body are
  /// referenced any more; then it is kept for later requests, or closed if something of the answer was still to come. A small body
  /// that came along with the head needs no connection any more.
  public struct Response: Sendable {
    let message: MessageHead
    let exchange: Exchange
    /// What comes after the head.
    public let body: HTTPBody
    /// What was asked for last, redirects followed.
    public let url: HTTPURL
    /// How many redirects were followed.
    public internal(set) var redirectCount = 0

    /// The final one, with the server's words.
    public var status: HTTPResponse.Status {
      HTTPResponse.Status(code: message.head.status, reasonPhrase: message.text(message.head.reason))
    }

    /// A field's value; of several lines with this name, all of them as HTTP puts them together.
    public subscript(name: HTTPField.Name) -> String? { message.value(name) }

    /// Whether there is such a field.
    public func contains(_ name: HTTPField.Name) -> Bool { message.contains(name) }

    /// The fields, put together anew at each call.
    public var headerFields: HTTPFields { message.fields }

    /// All of the head, put together anew at each call.
    public var head: HTTPResponse { HTTPResponse(status: status, headerFields: headerFields) }

    /// 0 or 1, of HTTP/1.
    public var minorVersion: Int { message.head.minorVersion }

    /// Gives the connection up: what is left of the body is not wanted. Reading it throws ``BodyGoneError`` then.
    ///
    /// - Isolation: From any thread; elsewhere it is passed to the reactor.
    public func close() { exchange.abandon() }
  }
}
#endif
