import Glibc
import Toro
import ToroNet

/// Serves on 127.0.0.1 until SIGTERM or SIGINT: every connection gets back what it sends.
func serveEcho(port: Int) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    let signals = try Signals([SIGTERM, SIGINT])
    let listener = try Listener(host: "127.0.0.1", port: port)
    reactor.spawn {
      for try await connection in listener {
        reactor.spawn { try await echo(connection) }
      }
    }
    _ = try await signals.next()
    listener.close()
  }
}

private func echo(_ connection: Connection) async throws {
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 1)
  defer { buffer.deallocate() }
  while case let count = try await connection.read(into: buffer), count > 0 {
    try await connection.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }
}
