#if HTTP
import ToroNet

/// Whose connections are as good as each other.
struct Origin: Hashable, Sendable {
  let scheme: HTTPURL.Scheme
  let host: String
  let port: Int
  let proxy: HTTPClient.Proxy?
  /// Whom to connect to instead.
  let endpoint: Endpoint?

  init(_ request: HTTPClient.Request, _ proxy: HTTPClient.Proxy?) {
    scheme = request.url.scheme
    host = request.url.host
    port = request.url.port
    endpoint = request.endpoint
    self.proxy = request.endpoint == nil && proxy?.serves(request.url.host) == true ? proxy : nil
  }

  /// Whether the proxy itself is asked, with the whole URL.
  var asksProxy: Bool { proxy != nil && scheme == .http }

  /// Where the connection goes to first.
  var firstEndpoint: Endpoint { proxy?.endpoint ?? endpoint ?? .host(host, port: port) }
}
#endif
