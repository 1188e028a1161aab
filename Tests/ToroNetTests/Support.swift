import Glibc
import Testing
import Toro
@_exported import ToroTestSupport

@testable import ToroNet

/// Both ends of a connection.
func connectedPair(on reactor: Reactor = .current) async throws -> (client: Connection, server: Connection) {
  let listener = try loopback(reactor)
  let client = try await Connection.connect(to: listener.localAddress, on: reactor)
  let server = try await listener.accept()
  return (client, try #require(server))
}

/// The descriptors of two connected sockets: the first does not block, and neither is handed to other programs.
func makeSocketPair() throws -> (Int32, Int32) {
  var ends: [Int32] = [-1, -1]
  let code = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
  try #require(code == 0)
  _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
  return (ends[0], ends[1])
}
