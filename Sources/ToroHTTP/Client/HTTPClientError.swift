#if HTTP
/// A client could not do what it was asked for, by what the servers said rather than by what the network did.
public struct HTTPClientError: Error, Hashable, CustomStringConvertible {
  /// What went wrong, for programs.
  public enum Kind: Hashable, Sendable {
    /// More redirects came one after the other than are followed.
    case tooManyRedirects
    /// A redirect leads from https to http, or to what is no URL of these.
    case refusedRedirect
    /// A redirect asks for a body again that cannot be sent again.
    case unrepeatableBody
    /// More informational responses (1xx) came than are taken.
    case tooManyInformationalResponses
    /// The proxy does not connect to the server: its status.
    case refusedByProxy(status: Int)
    /// The request is of a kind that the client does not make.
    case unsupportedRequest
  }

  /// What went wrong.
  public let kind: Kind
  /// What happened, in words.
  public let reason: String

  init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  public var description: String { reason }
}
#endif
