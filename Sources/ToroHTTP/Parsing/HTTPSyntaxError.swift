/// What is wrong with a message that a parser refuses: the first rule that it breaks, however its bytes were portioned.
///
/// Nothing after it can be trusted to be another message: the connection is of no more use.
public enum HTTPSyntaxError: Error, Hashable, Sendable, CaseIterable {
  /// Not a method, a target and a version with one space between them (RFC 9112, 3).
  case malformedRequestLine
  /// Not a version, three digits and a reason (RFC 9112, 4).
  case malformedStatusLine
  /// Neither HTTP/1.1 nor HTTP/1.0 (RFC 9112, 2.3).
  case unsupportedVersion
  /// Not a target that the method may have (RFC 9112, 3.2).
  case malformedTarget
  /// The first line is longer than ``HTTPLimits/startLineBytes``.
  case lineTooLong
  /// The fields are longer than ``HTTPLimits/headerBytes``.
  case headersTooLarge
  /// More fields than ``HTTPLimits/fieldCount``.
  case tooManyFields
  /// A line ends in a line feed alone (RFC 9112, 2.2).
  case bareLineFeed
  /// A carriage return without a line feed behind it (RFC 9112, 2.2).
  case bareCarriageReturn
  /// A field line begins with white space (RFC 9112, 5.2).
  case foldedLine
  /// A field's name is no token, or no colon follows it at once (RFC 9112, 5.1).
  case malformedFieldName
  /// A field's value has a control character (RFC 9110, 5.5).
  case malformedFieldValue
  /// A request without a Host field (RFC 9112, 3.2).
  case missingHost
  /// A request with several Host fields (RFC 9112, 3.2).
  case repeatedHost
  /// A Host field that is not a host with or without a port (RFC 9110, 7.2).
  case malformedHost
  /// A Content-Length that is not a number, or one too large (RFC 9112, 6.3).
  case malformedContentLength
  /// Several Content-Lengths that differ (RFC 9112, 6.3).
  case differingContentLengths
  /// Both a Content-Length and a Transfer-Encoding (RFC 9112, 6.3).
  case lengthAndCoding
  /// A Transfer-Encoding other than `chunked` (RFC 9112, 6.1).
  case unknownTransferCoding
  /// A body that is chunked more than once (RFC 9112, 7.1).
  case repeatedTransferCoding
  /// A Transfer-Encoding in HTTP/1.0, which has none (RFC 9112, 6.1).
  case codingInOldVersion
  /// A CONNECT request with a body, of which not all servers would know the end (RFC 9110, 9.3.6).
  case bodyOfConnect
  /// A chunk's size, extension or end is malformed (RFC 9112, 7.1).
  case malformedChunk
  /// A trailer field of a kind that has to be in the head (RFC 9110, 6.5.1).
  case malformedTrailer
  /// The body is longer than ``HTTPLimits/bodyBytes``.
  case bodyTooLarge
  /// The stream ended in the middle of a message (RFC 9112, 8).
  case unexpectedEnd
  /// An answer that switches the protocol, which nobody asked for (RFC 9110, 15.2.2).
  case unexpectedSwitch

  /// The status with which a server answers.
  public var status: Int {
    switch self {
    case .lineTooLong: 414
    case .headersTooLarge, .tooManyFields: 431
    case .bodyTooLarge: 413
    case .unsupportedVersion: 505
    case .unknownTransferCoding: 501
    default: 400
    }
  }
}

extension HTTPSyntaxError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformedRequestLine: "the request line is not a method, a target and a version with one space between them"
    case .malformedStatusLine: "the status line is not a version, three digits and a reason"
    case .unsupportedVersion: "HTTP is spoken here in the versions 1.1 and 1.0"
    case .malformedTarget: "the target is not one that its method may have"
    case .lineTooLong: "the first line is too long"
    case .headersTooLarge: "the header fields are too long"
    case .tooManyFields: "there are too many header fields"
    case .bareLineFeed: "a line ends in a line feed without a carriage return"
    case .bareCarriageReturn: "a carriage return is not followed by a line feed"
    case .foldedLine: "a field line begins with white space"
    case .malformedFieldName: "a field's name is empty, has a character that names do not have, or no colon after it"
    case .malformedFieldValue: "a field's value has a control character"
    case .missingHost: "there is no Host field"
    case .repeatedHost: "there is more than one Host field"
    case .malformedHost: "the Host field is not a host with or without a port"
    case .malformedContentLength: "the Content-Length is not a number, or one too large"
    case .differingContentLengths: "there are several Content-Lengths that differ"
    case .lengthAndCoding: "there are both a Content-Length and a Transfer-Encoding"
    case .unknownTransferCoding: "the Transfer-Encoding is not \"chunked\""
    case .repeatedTransferCoding: "the body is said to be chunked more than once"
    case .codingInOldVersion: "HTTP/1.0 has no Transfer-Encoding"
    case .bodyOfConnect: "a CONNECT request has a body, of which not all servers would know the end"
    case .malformedChunk: "a chunk's size, extension or end is malformed"
    case .malformedTrailer: "a trailer field is of a kind that has to be in the head"
    case .bodyTooLarge: "the body is too large"
    case .unexpectedEnd: "the stream ended in the middle of a message"
    case .unexpectedSwitch: "the protocol was switched without a request to"
    }
  }
}
