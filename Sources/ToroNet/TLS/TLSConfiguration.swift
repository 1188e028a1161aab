#if TLS

/// How TLS is to be spoken: what a ``TLSContext`` is made of.
///
/// What the standard values stand for is what most should have: TLS 1.2 or later, a server's certificate verified together
/// with its name, no client certificates. There is no renegotiation and no compression.
public struct TLSConfiguration: Sendable {
  /// Certificates or a key in PEM form, the text with `-----BEGIN …-----`.
  public enum PEM: Hashable, Sendable {
    /// The path of a file.
    case file(String)
    /// What such a file has in it.
    case bytes([UInt8])
  }

  /// Who this end is: a certificate and the key that proves it.
  public struct Identity: Sendable {
    /// The certificate, then those that lead to the one that others trust.
    public var certificateChain: PEM
    /// The certificate's private key.
    public var privateKey: PEM
    /// What an encrypted private key is decrypted by.
    public var password: String?

    /// An identity.
    ///
    /// - Parameters:
    ///   - certificateChain: The certificate first.
    ///   - privateKey: The key of that certificate.
    ///   - password: What an encrypted key is decrypted by.
    public init(certificateChain: PEM, privateKey: PEM, password: String? = nil) {
      self.certificateChain = certificateChain
      self.privateKey = privateKey
      self.password = password
    }
  }

  /// Whose certificates are believed.
  public enum TrustRoots: Hashable, Sendable {
    /// Those that the system has, as by the package ca-certificates.
    case system
    /// These, and no others.
    case certificates(PEM)
  }

  /// What a client asks of a server's certificate.
  public enum ServerVerification: Hashable, Sendable {
    /// That somebody trusted has signed it, that it is valid now, and that it is for the name or address connected to.
    case full
    /// The same, for whatever name.
    case withoutName
    /// Nothing: whoever is in between can read and change everything.
    case none
  }

  /// Whether a server asks its clients for certificates, which ``trustRoots`` have to vouch for.
  public enum ClientCertificates: Hashable, Sendable {
    /// None is asked for.
    case none
    /// A client that shows none is served; one that shows a bad one is not.
    case optional
    /// A client that shows none is not served.
    case required
  }

  enum Role { case client, server }

  let role: Role
  /// Who this end is. A server has to have one; a client shows it to servers that ask.
  public var identity: Identity?
  /// Whose certificates are believed. A server that asks for client certificates has to name them.
  public var trustRoots = TrustRoots.system
  /// Of a client: what it asks of a server.
  public var serverVerification = ServerVerification.full
  /// Of a server: what it asks of clients.
  public var clientCertificates = ClientCertificates.none
  /// The protocols that can be spoken over it, the preferred first, as in `["h2", "http/1.1"]` (ALPN). The server's
  /// preference decides; a client that offers only others is refused. Empty: none is agreed on.
  public var applicationProtocols: [String] = []
  /// Older versions are refused.
  public var minimumVersion = TLSVersion.tls12
  /// How long a handshake may take from its beginning, more than zero.
  public var handshakeTimeout = Duration.seconds(10)
  /// Of a client: whether the next connection to the same name and port resumes a session, if the server gave it the means.
  /// That saves the certificates' way and their verification: what was verified holds for a session's life, some hours.
  public var resumesSessions = true
  /// Of a server: the context that serves clients which ask for this name (SNI), or `nil` for this one. It is called in the
  /// handshake, on the reactor.
  public var contextForServerName: (@Sendable (_ serverName: String) -> TLSContext?)?

  /// That of a client.
  public static func client() -> TLSConfiguration { TLSConfiguration(role: .client) }

  /// That of a server.
  public static func server(certificateChain: PEM, privateKey: PEM, password: String? = nil) -> TLSConfiguration {
    var configuration = TLSConfiguration(role: .server)
    configuration.identity = Identity(certificateChain: certificateChain, privateKey: privateKey, password: password)
    return configuration
  }

  private init(role: Role) { self.role = role }
}

/// A version of TLS. Older ones are not spoken.
public enum TLSVersion: Int, Comparable, Sendable, CustomStringConvertible {
  /// TLS 1.2 (RFC 5246).
  case tls12 = 0x0303
  /// TLS 1.3 (RFC 8446).
  case tls13 = 0x0304

  public static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }

  public var description: String { self == .tls12 ? "TLS 1.2" : "TLS 1.3" }
}
#endif
