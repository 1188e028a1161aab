import Glibc
import Testing
import Toro
import ToroHTTP
import ToroNet

@testable import Demo

/// Runs `body` on a reactor of its own, on this thread, and fails after some seconds rather than hang.
func onReactor(_ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    try await withDeadline(.after(.seconds(60))) { try await body(reactor) }
  }
}

func soon(_ milliseconds: Int) -> Deadline { .after(.milliseconds(milliseconds)) }

/// An example's daemon, started on a free port, and where it listens.
func start(_ name: String, _ arguments: String...) async throws -> (ChildProcess, SocketAddress) {
  let daemon = try ChildProcess(ChildProcess.neighbour(name), ["--port", "0"] + arguments)
  let prefix = "listening on "
  guard let line = try await daemon.readLine(within: .seconds(30)), line.hasPrefix(prefix) else {
    throw Failure("\(name) does not say where it listens")
  }
  return (daemon, try SocketAddress(String(line.dropFirst(prefix.count))))
}

/// A server, the proxy in front of it, and a client of the proxy.
func withProxy(
  _ arguments: [String] = [], handler: @escaping HTTPServer.Handler,
  _ body: @escaping @Sendable (_ origin: String, _ client: HTTPClient, _ proxy: SocketAddress) async throws -> Void
) throws {
  try onReactor { reactor in
    let listener = try Listener(host: "127.0.0.1", port: 0)
    let server = HTTPServer(handler: handler)
    let serving = reactor.spawn { try await server.serve(listener) }
    let daemon = try ChildProcess(ChildProcess.neighbour("CachingProxy"), ["--port", "0"] + arguments)
    let line = try #require(try await daemon.readLine(within: .seconds(30)))
    let address = try SocketAddress(String(line.dropFirst("listening on ".count)))
    var configuration = HTTPClient.Configuration()
    configuration.proxy = HTTPClient.Proxy(endpoint: .address(address))
    configuration.maxConnectionsPerOrigin = 200
    let client = HTTPClient(configuration: configuration)
    try await body("http://\(listener.localAddress)", client, address)
    client.close()
    daemon.send(SIGTERM)
    #expect(try await daemon.waitForExit() == 0)
    try await listener.stop(grace: .zero)
    try await serving.value
  }
}

/// How often what was asked for.
final class Tally: @unchecked Sendable {
  private(set) var counts: [String: Int] = [:]
  /// What the proxy called itself.
  var via = ""
  func add(_ name: String) { counts[name, default: 0] += 1 }
}

/// What an example says when it is not used as it should be, and how it exits.
func refusal(of name: String, _ arguments: [String]) async throws -> (line: String?, status: Int32) {
  let program = try ChildProcess(ChildProcess.neighbour(name), arguments, readsErrors: true)
  let line = try await program.readLine(within: .seconds(30))
  while try await program.readLine() != nil {}
  return (line, try await program.waitForExit())
}

/// A folder of its own, which is removed with what is in it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/toro-echo-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure("mkdtemp", errno) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    for name in ["echo", "chain.pem", "key.pem", "book"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}
