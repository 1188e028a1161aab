#if HTTP
import HTTPTypes
import Testing
import Toro
@_exported import ToroTestSupport

@testable import ToroHTTP
@testable import ToroNet

/// Runs `body` with a client on a reactor of its own, then looks whether everything has been given up: connections, permits and
/// waits.
@discardableResult
func withClient<Value: Sendable>(
  _ change: @escaping @Sendable (inout HTTPClient.Configuration) -> Void = { _ in },
  _ body: @escaping @Sendable (HTTPClient) async throws -> Value
) throws -> Value {
  try onReactor { reactor in
    let client = HTTPClient(configuration: HTTPClient.Configuration(change))
    let value: Value
    do {
      value = try await body(client)
    } catch {
      client.close()
      throw error
    }
    for _ in 0..<20 where client.pool.usedCount > 0 || !reactor.waits.isEmpty {
      try await reactor.sleep(for: .milliseconds(10))
    }
    #expect(client.pool.usedCount == 0 && client.pool.users.count == 0 && client.pool.calls.count == 0)
    client.close()
    #expect(client.pool.idleCount == 0 && client.pool.lineCount == 0)
    #expect(reactor.waits.isEmpty, "\(reactor)")
    return value
  }
}

/// Serves by a handler while `body` runs, which gets the URL to put paths behind.
func serving<Value>(
  configuration: HTTPServer.Configuration = HTTPServer.Configuration(), on listener: Listener? = nil,
  _ handler: @escaping HTTPServer.Handler, _ body: (_ base: String) async throws -> Value
) async throws -> Value {
  let listener = try listener ?? loopback()
  let server = HTTPServer(configuration: configuration, handler: handler)
  return try await serve(listener, body) { try await server.serve(listener) }
}

/// Plays a script to each connection, which is told how many came before.
func playing<Value>(
  on listener: Listener? = nil, _ script: @escaping @Sendable (Connection, Int) async throws -> Void,
  _ body: (_ base: String) async throws -> Value
) async throws -> Value {
  let listener = try listener ?? loopback()
  let count = Shared(0)
  return try await serve(listener, body) {
    try await listener.serve { connection in
      let number = count.value
      count.value += 1
      connection.deadline = .after(.seconds(20))
      try await script(connection, number)
    }
  }
}

/// Has `serving` go on while `body` runs, then stops the listener.
private func serve<Value>(
  _ listener: Listener, _ body: (_ base: String) async throws -> Value,
  by serving: @escaping @Sendable () async throws -> Void
) async throws -> Value {
  let task = Reactor.current.spawn { try await serving() }
  let result: Result<Value, any Error>
  do {
    result = .success(try await body("http://\(listener.localAddress)"))
  } catch {
    result = .failure(error)
  }
  try await listener.stop(grace: .milliseconds(100))
  try await task.value
  return try result.get()
}

extension Connection {
  /// Reads a request's head: its lines; `nil` at the end of the stream.
  func readHead() async throws -> [String]? {
    var lines: [String] = []
    while let line = try await readLine() {
      if line.isEmpty { return lines }
      lines.append(line)
    }
    return nil
  }

  /// Answers with this body.
  func answer(_ body: String, _ fields: String = "") async throws {
    try await write("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }
}

extension HTTPBody {
  func text() async throws -> String { String(decoding: try await collect(upTo: 1 << 26), as: UTF8.self) }
}

/// What `body` throws.
func thrown<Value>(_ body: () async throws -> Value) async -> (any Error)? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error
  }
}
#endif
