#if HTTP
import HTTPTypes
import Testing
import Toro
import ToroNet

@testable import ToroHTTP

/// How long a server waits, and how it ends. Hours pass in virtual time.
@Suite("HTTP: the server's deadlines and its end", .timeLimit(.minutes(10)))
struct ServerTimeTests {
  private let collect: HTTPServer.Handler = { request in
    .text("\(try await request.body.collect(upTo: 1000).count)")
  }

  @Test("A head that trickles is refused when its time is over, counted from its first byte")
  func slowHead() throws {
    try withServer(clock: .virtual, handler: collect) { listener in
      let reactor = Reactor.current
      let client = try await Connection.connect(to: listener.localAddress)
      try await reactor.sleep(for: .seconds(30))
      let began = reactor.now
      let trickle = reactor.spawn {
        for byte in Array("GET / HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz".utf8) {
          try await client.write([byte])
          try await reactor.sleep(for: .seconds(1))
        }
      }
      #expect(await statuses(client.readText()) == ["408"])
      #expect(began.duration(to: reactor.now) >= .seconds(10) && began.duration(to: reactor.now) < .seconds(20))
      trickle.cancel()
      _ = await trickle.result
    }
  }

  @Test("So is a body that trickles, and what reads it is told")
  func slowBody() throws {
    try withServer(clock: .virtual, { $0.bodyTimeout = .seconds(20) }, handler: collect) { listener in
      let reactor = Reactor.current
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n")
      let began = reactor.now
      let trickle = reactor.spawn {
        while true {
          try await client.write("x")
          try await reactor.sleep(for: .seconds(1))
        }
      }
      #expect(await statuses(client.readText()) == ["408"])
      #expect(began.duration(to: reactor.now) >= .seconds(20) && began.duration(to: reactor.now) < .seconds(30))
      trickle.cancel()
      _ = await trickle.result
    }
  }

  @Test("A connection on which nothing moves is closed without a word")
  func idle() throws {
    try withServer(clock: .virtual, handler: collect) { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let began = Reactor.current.now
      #expect(await statuses(client.readText()) == ["200"])
      #expect(began.duration(to: Reactor.current.now) >= .seconds(60))
      let silent = try await Connection.connect(to: listener.localAddress)
      #expect(await silent.readText() == "")
    }
  }

  @Test("An answer that the client does not take ends when nothing has moved for long enough")
  func unread() throws {
    let seen = Seen()
    try withServer(clock: .virtual, { $0.onError = { _, error in seen.add("\(type(of: error))") } }) { _ in
      .stream { body in while true { try await body.write([UInt8](repeating: 0, count: 100_000)) } }
    } _: { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      try await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      while seen.all.isEmpty { try await Reactor.current.sleep(for: .seconds(10)) }
      #expect(seen.all == ["TimeoutError"])
      client.close()
    }
  }

  @Test("A client that sends ahead and never reads has few of its requests handled")
  func neverReads() throws {
    let count = Shared(0)
    try withServer(handler: { _ in
      count.value += 1
      return .text(String(repeating: "x", count: 10_000))
    }) { listener in
      let client = try await Connection.connect(to: listener.localAddress)
      client.waterMarks = WaterMarks(low: 0, high: 0)
      let request = String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 1_000)
      await #expect(throws: TimeoutError.self) {
        for _ in 0..<2_000 { try await client.write(request, deadline: .after(.milliseconds(300))) }
      }
      // What the system holds of answers, some megabytes, and not what was asked for.
      #expect(count.value < 5_000)
      client.reset()
    }
  }

  @Test(
    "When the listener is stopped, requests in hand are answered, each with the word that this is the end; idle clients are let go"
  )
  func stopping() throws {
    let entered = Shared(0)
    try withServer(handler: { request in
      if request.path == "/slow" {
        entered.value += 1
        try await Reactor.current.sleep(for: .milliseconds(100))
      }
      return .text("hello")
    }) { listener in
      let idle = try await Connection.connect(to: listener.localAddress)
      try await idle.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = try await idle.readText(until: "hello")
      let busy = try await Connection.connect(to: listener.localAddress)
      try await busy.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
      while entered.value == 0 { await Reactor.current.yield() }
      #expect(try await listener.stop(grace: .seconds(30)) == 0)
      #expect(await idle.readText() == "")
      let text = await busy.readText()
      #expect(statuses(text) == ["200"] && text.contains("Connection: close"))
    }
  }

  @Test("A handler that goes on past the grace is cancelled, and nobody takes a part for the whole")
  func cut() throws {
    try withServer(handler: { request in
      if request.path == "/stream" {
        return .stream { body in
          try await body.write("part")
          try await Reactor.current.sleep(for: .seconds(3600))
        }
      }
      try await Reactor.current.sleep(for: .seconds(3600))
      return .text("never")
    }) { listener in
      let streaming = try await Connection.connect(to: listener.localAddress)
      try await streaming.write("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = try await streaming.readText(until: "part\r\n")
      let waiting = try await Connection.connect(to: listener.localAddress)
      try await waiting.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      while listener.servedCount < 2 { await Reactor.current.yield() }
      #expect(try await listener.stop(grace: .milliseconds(20)) == 2)
      await #expect(throws: SocketError.self) { while try await !streaming.read().isEmpty {} }
      #expect(await waiting.readText() == "")
    }
  }
}

#endif
