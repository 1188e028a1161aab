#if HTTP
import HTTPTypes
import Testing
import Toro
import ToroNet

@testable import ToroHTTP

/// A server on a free loopback port, as long as `body` runs; afterwards nothing of it may wait.
func withServer(
  clock: Reactor.ClockKind = .monotonic, options: Listener.Options = .init(),
  _ configure: (inout HTTPServer.Configuration) -> Void = { _ in },
  handler: @escaping HTTPServer.Handler,
  _ body: @escaping @Sendable (Listener) async throws -> Void
) throws {
  var configuration = HTTPServer.Configuration()
  configure(&configuration)
  let server = HTTPServer(configuration: configuration, handler: handler)
  let reactor = try Reactor(clock: clock)
  defer { reactor.close() }
  try reactor.run {
    let listener = try Listener(host: "127.0.0.1", port: 0, options: options)
    let serving = reactor.spawn { try await server.serve(listener) }
    if case .monotonic = clock {
      try await withDeadline(.after(.seconds(120))) { try await body(listener) }
    } else {
      try await body(listener)
    }
    _ = try await listener.stop(grace: .seconds(10))
    try await serving.value
    #expect(reactor.waits.filter { $0.subject.hasPrefix("Connection") }.isEmpty)
  }
}

extension Connection {
  /// Everything until the stream ends, or is cut.
  func readText() async -> String {
    var all: [UInt8] = []
    while let part = try? await read(), !part.isEmpty { all += part }
    return String(decoding: all, as: UTF8.self)
  }

  /// Reads until what has come ends so.
  func readText(until ending: String) async throws -> String {
    var all: [UInt8] = []
    while !all.ends(with: Array(ending.utf8)) {
      let part = try await read()
      if part.isEmpty { break }
      all += part
    }
    return String(decoding: all, as: UTF8.self)
  }
}

extension [UInt8] {
  fileprivate func ends(with ending: [UInt8]) -> Bool {
    count >= ending.count && suffix(ending.count).elementsEqual(ending)
  }
}

/// What a server answers to these bytes, to the end of the stream.
func answer(to request: String, from listener: Listener) async throws -> String {
  let client = try await Connection.connect(to: listener.localAddress)
  try await client.write(request)
  return await client.readText()
}

/// The statuses of the answers in what a server has sent.
func statuses(_ text: String) -> [String] {
  text.ranges(of: "HTTP/1.1 ").map { String(text[$0.upperBound...].prefix(3)) }
}
#endif
