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
    _ = try await signals.makeAsyncIterator().next()
    listener.close()
  }
}

private func echo(_ connection: Connection) async throws {
  for try await chunk in connection.chunks() { try await connection.write(chunk) }
}
