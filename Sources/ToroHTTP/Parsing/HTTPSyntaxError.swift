/// What is wrong with a message that a parser refuses: the first rule that it breaks, however its bytes were portioned.
///
/// Nothing after it can be trusted to be another message: the connection is of no more use.
public enum HTTPSyntaxError: Error, Hashable, Sendable, CaseIterable {
  case malformedRequestLine
  case malformedStatusLine
  case unsupportedVersion
  case malformedTarget
  case lineTooLong
  case headersTooLarge
  case tooManyFields
  case bareLineFeed
  case bareCarriageReturn
  case foldedLine
  case malformedFieldName
  case malformedFieldValue
  case missingHost
  case repeatedHost
  case malformedHost
  case malformedContentLength
  case differingContentLengths
  case lengthAndCoding
  case unknownTransferCoding
  case repeatedTransferCoding
  case codingInOldVersion
  case bodyOfConnect
  case malformedChunk
  case malformedTrailer
  case bodyTooLarge
  case unexpectedEnd
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
