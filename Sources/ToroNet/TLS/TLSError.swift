#if TLS
import COpenSSL

/// TLS could not be set up, or failed.
///
/// What the network did is a ``SocketError``, as without TLS.
public struct TLSError: Error, Hashable, CustomStringConvertible {
  /// What went wrong, as programs tell it apart.
  public enum Kind: Hashable, Sendable {
    /// A certificate, a key or another part of a ``TLSConfiguration`` cannot be used.
    case configuration
    /// The peer's certificate was refused here.
    case certificate(CertificateProblem)
    /// The peer refused to go on, and said why.
    case refusedByPeer
    /// The two ends found nothing in common, or what the peer sent is not TLS.
    case handshake
    /// What came after the handshake was damaged.
    case `protocol`
    /// The connection ended without the peer's word that this is the end: what was received may be a part of what it sent.
    case truncated
  }

  /// Why a certificate is refused.
  public enum CertificateProblem: Hashable, Sendable {
    /// Its time is over.
    case expired
    /// Its time has not begun.
    case notYetValid
    /// It is for another name or address than the one connected to.
    case wrongHost
    /// It is its own issuer, and not among the trusted.
    case selfSigned
    /// Nobody trusted has signed it.
    case unknownIssuer
    /// The peer showed none.
    case missing
    /// Something else, which ``TLSError/reason`` names.
    case other
  }

  /// What went wrong, to be told apart.
  public let kind: Kind
  /// What is wrong, in words.
  public let reason: String

  init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  /// Whether the stream ended without the peer's word that it is the end.
  public var isTruncation: Bool { kind == .truncated }

  /// As in `TLS: the peer's certificate is refused: certificate has expired`.
  public var description: String { "TLS: \(reason)" }

  // MARK: What OpenSSL says

  /// Makes an error of what stands in this thread's queue after a failed call on a connection.
  static func ofConnection(_ ssl: OpaquePointer, inHandshake: Bool, serverName: String?) -> TLSError {
    let code = ERR_get_error()
    let reason = toro_tls_error_is_ssl(code) != 0 ? toro_tls_error_reason(code) : 0
    defer { ERR_clear_error() }
    switch reason {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      let result = SSL_get_verify_result(ssl)
      let problem = CertificateProblem(result)
      var text = String(cString: X509_verify_cert_error_string(result))
      if problem == .wrongHost, let serverName { text += ": it is not for \(serverName.debugDescription)" }
      return TLSError(.certificate(problem), "the peer's certificate is refused: \(text)")
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TLSError(.certificate(.missing), "the peer shows no certificate")
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return TLSError(
        .truncated,
        inHandshake
          ? "the peer closed the connection in the middle of the handshake"
          : "the connection ended without the peer's word that this is the end: what was received may not be all")
    // The peer's alerts.
    case Int32(SSL_AD_REASON_OFFSET)...(Int32(SSL_AD_REASON_OFFSET) + 255):
      return TLSError(.refusedByPeer, "the peer refuses: \(text(of: code))")
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
      return TLSError(
        inHandshake ? .handshake : .protocol,
        "what the peer sends is not TLS, or of another version: \(text(of: code))")
    default:
      return TLSError(
        inHandshake ? .handshake : .protocol, "\(inHandshake ? "the handshake failed: " : "")\(text(of: code))")
    }
  }

  /// What an error of OpenSSL's means, in its words.
  static func text(of code: UInt) -> String {
    if code == 0 { return "no reason given" }
    if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
    var text = [CChar](repeating: 0, count: 256)
    ERR_error_string_n(code, &text, text.count)
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
  }
}

extension TLSError.CertificateProblem {
  fileprivate init(_ result: Int) {
    switch Int32(truncatingIfNeeded: result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: self = .expired
    case X509_V_ERR_CERT_NOT_YET_VALID: self = .notYetValid
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .wrongHost
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: self = .selfSigned
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      self = .unknownIssuer
    default: self = .other
    }
  }
}
#endif
