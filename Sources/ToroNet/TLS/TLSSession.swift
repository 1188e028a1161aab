#if TLS
import COpenSSL

/// What the two ends of a connection agreed on in the handshake.
public struct TLSSession: Hashable, Sendable {
  /// The version that is spoken.
  public let version: TLSVersion
  /// As in `TLS_AES_256_GCM_SHA384`.
  public let cipherSuite: String
  /// The protocol to be spoken over it (ALPN), `nil` if none was agreed on.
  public let applicationProtocol: String?
  /// The name that the client asked for (SNI), `nil` if it asked for none.
  public let serverName: String?
  /// Who the peer is; `nil` of a client that shows none. It was verified as far as the ``TLSConfiguration`` asked for that.
  public let peerCertificate: TLSCertificate?
  /// Whether an earlier session was resumed, without the certificates being sent again.
  public let isResumed: Bool

  init(of ssl: OpaquePointer) {
    version = TLSVersion(rawValue: Int(SSL_version(ssl))) ?? .tls12
    cipherSuite = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? ""
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &length)
    applicationProtocol = name.map {
      String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self)
    }
    serverName = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    peerCertificate = SSL_get0_peer_certificate(ssl).map { TLSCertificate($0) }
    isResumed = SSL_session_reused(ssl) != 0
  }
}

/// A certificate that a peer showed.
public struct TLSCertificate: Hashable, Sendable {
  /// Whose it is, as RFC 2253 writes it: `CN=example.org,O=Example`.
  public let subject: String
  /// All of it, in its binary form (DER).
  public let der: [UInt8]

  init(_ certificate: OpaquePointer) {
    var memory: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509(certificate, &memory)
    der = count > 0 ? Array(UnsafeBufferPointer(start: memory, count: Int(count))) : []
    CRYPTO_free(memory, #file, #line)
    guard let text = BIO_new(BIO_s_mem()) else {
      subject = ""
      return
    }
    defer { BIO_free(text) }
    toro_tls_print_name(text, X509_get_subject_name(certificate))
    var start: UnsafeMutablePointer<CChar>?
    let length = toro_tls_memory(text, &start)
    subject = String(decoding: UnsafeRawBufferPointer(start: start, count: max(0, length)), as: UTF8.self)
  }
}
#endif
