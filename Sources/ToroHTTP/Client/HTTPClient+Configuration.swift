#if HTTP
import Toro
import ToroNet

extension HTTPClient {
  /// How a client asks.
  public struct Configuration: Sendable {
    /// What is too large of an answer. Bodies are without bound at first, since they are received portion by portion:
    /// ``HTTPBody/collect(upTo:)`` has a bound of its own.
    public var limits = HTTPLimits(bodyBytes: .max)
    /// How many connections there may be to one origin at a time, at least 1. Requests beyond that wait, first in, first out.
    public var maxConnectionsPerOrigin = 8
    /// How long a request may wait for one of these, more than zero; `nil` is as long as all of it may take.
    public var poolTimeout: Duration?
    /// How many connections to one origin are kept for later requests, at least 0.
    public var maxIdlePerOrigin = 8
    /// How many connections are kept for later requests in all, at least 0: those that were kept longest make room.
    public var maxIdle = 64
    /// For how long a connection is kept that nobody uses: more than zero. Less than the servers' own time makes it rarer that
    /// one is found closed.
    public var keepAliveTimeout = Duration.seconds(30)
    /// How long it may take to look the host's name up, connect, pass a proxy and do the TLS handshake: more than zero.
    public var connectTimeout = Duration.seconds(10)
    /// How long a server may think: from the request's last byte to the answer's head.
    public var headTimeout = Duration.seconds(60)
    /// How long nothing may move in a body, of a request or an answer.
    public var idleTimeout = Duration.seconds(60)
    /// How long it may all take, from the call to the body's last byte, redirects included; `nil` is without bound. A call's
    /// own deadline bounds it as well.
    public var timeout: Duration?
    /// How long to wait for word before a body is sent whose request ``Request/expectsContinue``.
    public var continueTimeout = Duration.seconds(1)
    /// How many informational responses (1xx) may come before the answer.
    public var maxInformationalResponses = 8
    /// What to do when the answer is that the thing is elsewhere.
    public var redirects = Redirects.none
    /// Through whom to ask; `nil` is the servers themselves.
    public var proxy: Proxy?
    /// What is said of the program in each request's User-Agent field that does not have one; `nil` is nothing.
    public var userAgent: String? = "Toro"
    /// How names are looked up and connected to.
    public var connectOptions = Connection.ConnectOptions()
    #if TLS
    /// How TLS is spoken; `nil` is with the system's trusted certificates. It should offer no protocol but `http/1.1`.
    public var tls: TLSContext?
    #endif

    /// The standard ones.
    public init() {}

    /// The standard ones, changed by `change`.
    public init(_ change: (inout Configuration) -> Void) { change(&self) }
  }

  /// What to do when an answer says that the thing is elsewhere (RFC 9110, 15.4).
  ///
  /// Where they are followed, it is by the same request, with its body, if that can be sent again; but after 303, and after 301
  /// and 302 to a POST, by a GET without it. The fields Authorization and Cookie are not sent to another origin, nor what is
  /// said of a body that is left out. What is not followed is an answer like others.
  public enum Redirects: Hashable, Sendable {
    /// It is an answer like others.
    case none
    /// At most so many one after the other: one more throws ``HTTPClientError``, as one that leads nowhere does. From https to
    /// http only where that is allowed.
    case follow(max: Int = 10, allowsDowngrade: Bool = false)
  }
}
#endif
