#if HTTP
import HTTPTypes

extension HTTPClient {
  /// The request that an answer leads to, or `nil` if it is the answer.
  ///
  /// - Throws: ``HTTPClientError``.
  func redirect(_ request: Request, after response: Response) throws -> Request? {
    guard case .follow(let max, let allowsDowngrade) = request.redirects ?? configuration.redirects else { return nil }
    let status = response.message.head.status
    guard [301, 302, 303, 307, 308].contains(status), let location = response[.location] else { return nil }
    guard response.redirectCount < max else {
      throw HTTPClientError(.tooManyRedirects, "\(request.subject): the answer was a redirect \(max + 1) times")
    }
    let url: HTTPURL
    do {
      url = try request.url.resolving(location)
    } catch {
      throw HTTPClientError(.refusedRedirect, "\(request.subject): redirected to what is no URL: \(error)")
    }
    if request.url.scheme == .https, url.scheme == .http, !allowsDowngrade {
      throw HTTPClientError(.refusedRedirect, "\(request.subject): redirected from https to \(url.withoutQuery)")
    }
    var next = request
    next.url = url
    // As browsers do (RFC 9110, 15.4).
    let isRead = request.method == .get || request.method == .head
    if status == 303 && !isRead || (status == 301 || status == 302) && request.method == .post {
      next.method = .get
      next.body = .empty
      next.expectsContinue = false
      for name in [HTTPField.Name.contentType, .contentEncoding, .contentLanguage, .contentLocation] {
        next.headerFields[name] = nil
      }
    } else if !request.body.isRepeatable {
      throw HTTPClientError(
        .unrepeatableBody, "\(request.subject): redirected, with a body that cannot be sent again")
    }
    if !url.hasSameOrigin(as: request.url) {
      // What is meant for one is not for another, nor is the way there.
      for name in [HTTPField.Name.authorization, .cookie, .proxyAuthorization] { next.headerFields[name] = nil }
      next.endpoint = nil
    }
    return next
  }
}
#endif
