#if HTTP
import HTTPTypes
import Testing
import Toro
import ToroNet

@testable import ToroHTTP

/// Clients that leave while their requests are handled.
@Suite("HTTP: abandoned requests", .timeLimit(.minutes(10)))
struct AbandonedRequestTests {
  /// A handler that waits for the event, and notes how that ended.
  private static func waiting(_ event: Event, _ seen: Seen) -> HTTPServer.Handler {
    { request in
      do {
        seen.add("\(request.path) begins")
        try await event.wait()
        seen.add("\(request.path) goes on")
      } catch {
        seen.add("\(request.path) \(type(of: error))")
        throw error
      }
      return .text("done")
    }
  }

  private func eventually(_ condition: @escaping () -> Bool) async throws {
    while !condition() { try await Reactor.current.sleep(for: .milliseconds(10)) }
  }

  enum Leaving: CaseIterable, Sendable { case closing, resetting, endingItsSide, havingSentAhead }

  @Test(
    "The handler of a client that leaves is cancelled where the server is asked for it", arguments: Leaving.allCases)
  func cancelled(leaving: Leaving) throws {
    let seen = Seen()
    try withServer {
      $0.cancelsAbandonedRequests = true
      $0.onError = { seen.add("error \($0.path) \($1)") }
      $0.accessLog = { seen.add("\($0.target) \($0.status)") }
    } handler: { request in
      try await Self.waiting(Event(), seen)(request)
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
      if leaving == .havingSentAhead { try await client.write("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n") }
      try await eventually { !seen.all.isEmpty }
      switch leaving {
      case .closing, .havingSentAhead: client.close()
      case .resetting: client.reset()
      case .endingItsSide: client.closeWrite()
      }
      try await eventually { seen.all.count > 1 }
      let rest = client.isClosed ? "" : await client.readText()
      #expect(rest.isEmpty)
    }
    #expect(seen.all == ["/1 begins", "/1 CancellationError", "/1 0"])
  }

  @Test("Where a handler answers all the same, what the next one throws is told as always")
  func next() throws {
    let seen = Seen()
    try withServer {
      $0.cancelsAbandonedRequests = true
      $0.onError = { seen.add("error \($0.path) \($1)") }
    } handler: { request in
      if request.path == "/2" { throw Broken() }
      try? await Event().wait()
      return .text("all the same")
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
      client.closeWrite()
      let text = await client.readText()
      #expect(text.contains("all the same") && text.contains("HTTP/1.1 500 "), "\(text)")
    }
    #expect(seen.all == ["error /2 broken"])
  }

  @Test("So is one that writes its answer bit by bit, and has nothing to write")
  func stream() throws {
    let seen = Seen()
    try withServer {
      $0.cancelsAbandonedRequests = true
      $0.onError = { seen.add("error \($0.path) \($1)") }
    } handler: { _ in
      .stream { writer in
        try await writer.write("begun")
        do { try await Event().wait() } catch {
          seen.add("\(type(of: error))")
          throw error
        }
      }
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = try await client.readText(until: "begun\r\n")
      client.close()
      try await eventually { !seen.all.isEmpty }
    }
    #expect(seen.all == ["CancellationError"])
  }

  @Test("A client that stays is answered, however long it takes, and its connection goes on")
  func stays() throws {
    try withServer(clock: .virtual) {
      $0.cancelsAbandonedRequests = true
    } handler: { request in
      try await Reactor.current.sleep(for: .seconds(3600))
      return .text(try await String(decoding: request.body.collect(upTo: 10), as: UTF8.self))
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      for _ in 0..<3 {
        try await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nwell")
        #expect(try await client.readText(until: "well").hasPrefix("HTTP/1.1 200 OK\r\n"))
      }
      client.close()
    }
  }

  @Test("A server that stops ends handlers that are watched as well")
  func stopping() throws {
    let seen = Seen()
    try withServer(clock: .virtual) {
      $0.cancelsAbandonedRequests = true
    } handler: { request in
      try await Self.waiting(Event(), seen)(request)
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      try await eventually { !seen.all.isEmpty }
      _ = try await listener.stop(grace: .seconds(5))
    }
    #expect(seen.all == ["/ begins", "/ CancellationError"])
  }

  @Test("By default a client that has ended its side is answered")
  func halfClosed() throws {
    try withServer { request in
      try await Reactor.current.sleep(for: .milliseconds(50))
      return .text("done")
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      client.closeWrite()
      #expect(await client.readText().hasSuffix("done"))
    }
  }

  @Test("An empty line behind a body is not the beginning of another request", arguments: ["\r\n", "\r"])
  func emptyLine(line: String) throws {
    try withServer(clock: .virtual, { $0.idleTimeout = .seconds(100) }) { request in
      .text(try await String(decoding: request.body.collect(upTo: 10), as: UTF8.self))
    } _: { listener in
      let reactor = Reactor.current
      let client = try await Connection.connect(to: listener.localAddress)
      let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nwell"
      try await client.write(request + line)
      _ = try await client.readText(until: "well")
      try await reactor.sleep(for: .seconds(60))  // a head may take ten
      try await client.write((line == "\r" ? "\n" : "") + request + line)
      #expect(try await client.readText(until: "well").hasPrefix("HTTP/1.1 200 OK\r\n"))
      let began = reactor.now
      #expect(await client.readText().isEmpty)
      #expect(began.duration(to: reactor.now) >= .seconds(99))
    }
  }
}
#endif
