#if HTTP
import HTTPTypes
import Testing
import Toro
import ToroNet

@testable import ToroHTTP

/// What is left when a handler has returned: tasks that read on, clients that stay, errors that were told.
@Suite("HTTP server: left behind")
struct LeftBehindTests {
  @Test(
    "A task that reads the body on after the handler has returned gets an error, and the server goes on",
    arguments: [
      ("Content-Length: 100\r\n", "abc"), ("Content-Length: 100\r\n", ""), ("Content-Length: 1000000\r\n", "abc"),
      ("Expect: 100-continue\r\nContent-Length: 100\r\n", ""), ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
      ("Content-Length: 3\r\n", "abc"), ("Connection: close\r\nContent-Length: 100\r\n", "abc"),
    ], [false, true])
  func readOn(message: (fields: String, body: String), isStream: Bool) throws {
    let seen = Seen()
    try withServer { request in
      let body = request.body
      if request.method == .post {
        Reactor.current.spawn {
          do {
            for try await _ in body {}
            seen.add("read")
          } catch {
            seen.add("\(type(of: error))")
          }
        }
      }
      if isStream { return .stream { try await $0.write("early") } }
      return .text("early")
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("POST /left HTTP/1.1\r\nHost: a\r\n\(message.fields)\r\n\(message.body)")
      let head = try await client.read(exactly: 12)
      #expect(head == Array("HTTP/1.1 200".utf8))
      while seen.all.isEmpty { try await Reactor.current.sleep(for: .milliseconds(5)) }
      client.close()
      let text = try await answer(to: "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      #expect(text.hasPrefix("HTTP/1.1 200"))
    }
    #expect(seen.all == ["BodyGoneError"] || message.body == "abc" && seen.all == ["read"])
  }

  @Test("An answer with 205 has no content, whatever the handler made")
  func resetContent() throws {
    try withServer { _ in
      .text("content", status: .resetContent)
    } _: { listener in
      let text = try await answer(to: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", from: listener)
      #expect(text.hasPrefix("HTTP/1.1 205") && text.contains("Content-Length: 0\r\n") && text.hasSuffix("\r\n\r\n"))
    }
  }

  @Test("Who has his answer and stays does not keep the server from stopping")
  func lingering() throws {
    try withServer { _ in
      .text("hello")
    } _: { listener in
      var clients: [Connection] = []
      for text in ["BAD\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\nab"] {
        let client = try await Connection.connect(to: listener.localAddress)
        try await client.write(text)
        _ = try await client.read(exactly: 12)
        clients.append(client)
      }
      let began = listener.reactor.now
      #expect(try await listener.stop(grace: .seconds(60)) == 0)
      #expect(began.duration(to: listener.reactor.now) < .seconds(30))
      withExtendedLifetime(clients) {}
    }
  }

  @Test("What onError has heard of, onConnectionError does not hear")
  func toldOnce() throws {
    let seen = Seen()
    try withServer({
      $0.onError = { seen.add("request \($1)") }
      $0.onConnectionError = { seen.add("connection \($1)") }
    }) { _ in
      .stream(length: 7) { try await $0.write("1") }
    } _: { listener in
      _ = try? await answer(to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: listener)
      while seen.all.isEmpty { try await Reactor.current.sleep(for: .milliseconds(5)) }
      try await listener.stop(grace: .zero)
    }
    #expect(seen.all.count == 1 && seen.all[0].hasPrefix("request "))
  }
}
#endif
