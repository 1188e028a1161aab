import Glibc
import Toro
import ToroHTTP
import ToroNet

/// Serves on 127.0.0.1 until SIGTERM or SIGINT: every connection gets back what it sends.
func serveEcho(port: Int) throws {
  try serve(port: port) { listener in try await listener.serve(echo) }
}

/// Serves on 127.0.0.1 until SIGTERM or SIGINT: every request gets the same answer.
func serveHello(port: Int) throws {
  let server = HTTPServer { _ in HTTPServer.Response(contentType: "text/plain", body: .text("Hello, World!")) }
  try serve(port: port) { listener in try await server.serve(listener) }
}

private func serve(port: Int, _ body: @escaping @Sendable (Listener) async throws -> Void) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    let signals = try Signals([SIGTERM, SIGINT])
    let listener = try Listener(host: "127.0.0.1", port: port)
    reactor.spawn { try await body(listener) }
    _ = try await signals.next()
    try await listener.stop(grace: .zero)
  }
}

private func echo(_ connection: Connection) async throws { try await connection.copy(to: connection) }
