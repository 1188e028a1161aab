import Glibc
import Toro

/// A TCP port of loopback addresses where nobody listens, and nobody else can while this lives: tests that run beside this
/// one take ports all the time.
package final class SilentPort {
  package let port: Int
  private let descriptors: [Int32]

  package init(_ hosts: [String] = ["127.0.0.1"]) throws {
    for _ in 0..<100 {
      var descriptors: [Int32] = []
      var port: in_port_t = 0
      for host in hosts {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
          }
        }
        descriptors.append(descriptor)
        guard isBound else { break }
        port = in_port_t(bigEndian: address.sin_port)
        if descriptors.count == hosts.count {
          (self.port, self.descriptors) = (Int(port), descriptors)
          return
        }
      }
      descriptors.forEach { _ = close($0) }
    }
    throw SystemError("bind \(hosts)", errno: EADDRINUSE)
  }

  deinit { descriptors.forEach { _ = close($0) } }
}
