#if HTTP
import HTTPTypes

extension HTTPResponse.Status {
  /// A status with the words that RFC 9110 and RFC 6585 give it, where the library itself answers.
  static func standard(_ code: Int) -> HTTPResponse.Status {
    switch code {
    case 400: .badRequest
    case 408: .requestTimeout
    case 413: .contentTooLarge
    case 414: .uriTooLong
    case 417: .expectationFailed
    case 431: .requestHeaderFieldsTooLarge
    case 500: .internalServerError
    case 501: .notImplemented
    case 502: .badGateway
    case 504: .gatewayTimeout
    case 505: .httpVersionNotSupported
    default: HTTPResponse.Status(code: code)
    }
  }
}
#endif
