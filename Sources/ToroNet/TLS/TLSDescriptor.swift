#if TLS
import COpenSSL
import Glibc

/// Where OpenSSL reads and writes: a layer's socket, by the socket's own calls (OpenSSL's write without MSG_NOSIGNAL).
///
/// What is written is put behind what is not sent yet, so that a write of a whole record succeeds whatever room the system
/// has: it need not be tried again with the same bytes, and may be cancelled.
enum TLSDescriptor {
  /// How much may stand unsent before a write is to wait: a peer that provokes answers and reads none is not to cost more.
  static let limit = 65_536

  nonisolated(unsafe) private static let method: OpaquePointer? = {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "toro") else { return nil }
    BIO_meth_set_read(method) { bio, bytes, count in
      guard let layer = TLSLayer.owning(bio), let bytes, count > 0 else { return -1 }
      let result = layer.receiveEncrypted(UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
      switch result {
      case .moved(let count):
        toro_tls_set_flags(bio, 0, 0)
        return Int32(count)
      case .blocked:
        toro_tls_set_flags(bio, 1, 0)
        return -1
      case .failed:
        toro_tls_set_flags(bio, 0, 0)
        return -1
      }
    }
    BIO_meth_set_write(method) { bio, bytes, count in
      guard let layer = TLSLayer.owning(bio), let bytes, count >= 0 else { return -1 }
      let isTaken = layer.holdEncrypted(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
      toro_tls_set_flags(bio, 0, isTaken ? 0 : 1)
      return isTaken ? count : -1
    }
    BIO_meth_set_ctrl(method) { bio, command, _, _ in
      switch command {
      case BIO_CTRL_FLUSH, BIO_CTRL_DUP: 1
      case BIO_CTRL_EOF: TLSLayer.owning(bio)?.isAtEnd == true ? 1 : 0
      default: 0
      }
    }
    return method
  }()

  /// - Parameter layer: It has to outlive what is made.
  static func make(for layer: TLSLayer) -> OpaquePointer? {
    guard let method, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(layer).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }
}

extension TLSLayer {
  static func owning(_ bio: OpaquePointer?) -> TLSLayer? {
    BIO_get_data(bio).map { Unmanaged<TLSLayer>.fromOpaque($0).takeUnretainedValue() }
  }

  static func behind(_ ssl: OpaquePointer) -> TLSLayer? {
    // While the handshake buffers what it writes, another stands before the writing one.
    SSL_get_rbio(ssl).flatMap(owning)
  }
}
#endif
