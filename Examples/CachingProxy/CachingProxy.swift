// A caching forward proxy: one request upstream, however many ask for a page at the same time. What it does with a request is in
// Proxying.swift, the cache, where those who ask wait for each other, in Cache.swift.
import ArgumentParser
import Glibc
import Toro
import ToroHTTP
import ToroInspector
import ToroNet

@main
struct CachingProxy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "CachingProxy", abstract: "A forward proxy for http that keeps pages, and fetches each of them once.",
    discussion: """
      What fails upstream is answered with 502, what takes too long with 504, and neither is kept. Pages are kept for as long as
      their server says, or for --lifetime; those with cookies, and requests that are not GET, pass through. A
      request may ask for a page as it is now (Cache-Control: no-cache, max-age=60), or for what is kept (only-if-cached).
      OPTIONS of a URL without a path asks for /, not for * as RFC 9110 has it.
      /-/ shows in a browser what it does, /-/stats says it in JSON.

      SIGINT or SIGTERM stops it: requests in hand are answered. To try it: curl -x 127.0.0.1:3128 http://example.org/
      """)

  @Option(help: "The IPv4 or IPv6 address to listen on.") var host = "127.0.0.1"
  @Option(help: "The port; 0 has the system choose one.") var port = 3128
  @Option(help: "How many seconds a server may take for a page, and be silent in the middle of one.") var timeout = 30.0
  @Option(help: "For how many seconds a page is kept whose server says nothing.") var lifetime = 60.0
  @Option(help: "How many MiB of pages are kept.") var cacheSize = 64
  @Option(help: "How many MiB a page may have.") var pageSize = 8
  @Option(help: "How many connections there may be to one server.") var connections = 16
  @Option(help: "How many seconds requests in hand may take after a signal.") var grace = 10.0
  @Option(help: "Where an inspector listens, which shows what goes on: a loopback address, or unix:PATH.")
  var inspect: String?

  func validate() throws {
    guard (0.001...86_400).contains(timeout) else { throw ValidationError("--timeout: from 0.001 to 86400 seconds") }
    guard (0...86_400_000).contains(lifetime) else { throw ValidationError("--lifetime: from 0 to 86400000 seconds") }
    guard (0...1_000_000).contains(grace) else { throw ValidationError("--grace: from 0 to 1000000 seconds") }
    guard (1...65_536).contains(cacheSize) else { throw ValidationError("--cache-size: from 1 to 65536 MiB") }
    guard (1...1_024).contains(pageSize) else { throw ValidationError("--page-size: from 1 to 1024 MiB") }
    guard (1...1_024).contains(connections) else { throw ValidationError("--connections: from 1 to 1024") }
    do {
      _ = try SocketAddress(host: host, port: port)
      if let inspect { _ = try SocketAddress(inspect) }
    } catch {
      throw ValidationError("\(error)")
    }
  }

  func run() throws {
    signal(SIGPIPE, SIG_IGN)  // whoever read what it prints may be gone: no reason to die in the middle of something
    let reactor = try Reactor()
    defer { reactor.close() }
    try reactor.run { try await serve(on: reactor) }
  }

  private func serve(on reactor: Reactor) async throws {
    let signals = try Signals([SIGINT, SIGTERM])
    let listener = try Listener(host: host, port: port)
    let client = HTTPClient(
      configuration: .init {
        $0.maxConnectionsPerOrigin = connections
        $0.headTimeout = .seconds(timeout)
        $0.poolTimeout = .seconds(timeout)
        $0.idleTimeout = .seconds(timeout)
        $0.userAgent = nil
      })
    let cache = Cache(maxBytes: cacheSize << 20, on: reactor)
    let status = StatusPage(cache: cache, reactor: reactor)
    let proxying = Proxying(
      cache: cache, client: client, timeout: .seconds(timeout), lifetime: .seconds(lifetime),
      maxPageBytes: pageSize << 20)
    let server = HTTPServer { request in
      if let answer = status.answer(request) { return answer }
      return try await proxying.answer(request)
    }
    let inspector = try inspect.map { try Inspector(at: SocketAddress($0)) }
    inspector?.watch(reactor, name: "proxy")
    print("listening on \(listener.localAddress)")
    if let inspector { print("inspector at \(inspector.address)") }
    fflush(nil)  // a pipe is read while the daemon runs
    let serving = reactor.spawn(name: "serving") {
      do { try await server.serve(listener) } catch { Self.exit(withError: error) }
    }
    _ = try await signals.next()
    reactor.spawn(name: "second signal") {
      if let second = try await signals.next() { Self.exit(withError: ExitCode(128 + second)) }
    }
    let cut = try await listener.stop(grace: .seconds(grace))
    await serving.value
    client.close()
    inspector?.close()
    print("stopped: \(cut) request\(cut == 1 ? "" : "s") cut short")
    fflush(nil)
  }
}
