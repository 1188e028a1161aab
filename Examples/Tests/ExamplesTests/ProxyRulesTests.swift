import Glibc
import HTTPTypes
import Testing
import Toro
import ToroHTTP
import ToroNet

@testable import Demo

@Suite("The caching proxy's rules")
struct ProxyRulesTests {
  private static let xCache = HTTPField.Name("X-Cache")!

  @Test("A request may ask for a page as it is now, or for what is kept and nothing else")
  func requests() throws {
    let asked = Tally()
    try withProxy { request in
      asked.add(request.path)
      return .text("page \(asked.counts[request.path] ?? 0)")
    } _: { origin, client, _ in
      let missing = "- 504 it is not kept here\n"
      let requests: [(HTTPField.Name, String, String)] = [
        (.cacheControl, "only-if-cached", missing), (.accept, "*/*", "miss 200 page 1"),
        (.cacheControl, "Only-If-Cached", "hit 200 page 1"), (.cacheControl, "max-age=60", "hit 200 page 1"),
        (.cacheControl, "No-Cache", "miss 200 page 2"), (.cacheControl, "max-age=0", "miss 200 page 3"),
        (HTTPField.Name("Pragma")!, "no-cache", "miss 200 page 4"),
        // What was fetched anew is what is kept.
        (.accept, "*/*", "hit 200 page 4"), (.cacheControl, "no-cache, only-if-cached", missing),
        (.cookie, "a=b", "- 200 page 5"),
      ]
      for (name, value, answer) in requests {
        let response = try await client.execute(HTTPClient.Request("\(origin)/", headerFields: [name: value]))
        let text = String(decoding: try await response.body.collect(upTo: 100), as: UTF8.self)
        #expect("\(response[Self.xCache] ?? "-") \(response.status.code) \(text)" == answer, "\(name): \(value)")
      }
    }
  }

  @Test("A page without a date gets that of its arrival, and only one that was kept has an age of the proxy's")
  func dates() throws {
    try withProxy { _ in
      .text("unused")
    } _: { _, client, _ in
      let origin = try Listener(host: "127.0.0.1", port: 0)
      let serving = Reactor.current.spawn {
        try await origin.serve { connection in
          while try await connection.awaitRequest() {
            while try await connection.readLine() != "" {}
            try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n\r\npage")
          }
        }
      }
      let url = "http://\(origin.localAddress)/"
      let first = try await client.get(url)
      #expect(first[Self.xCache] == "miss" && first[.age] == nil)
      let date = try #require(first[.date])
      // Dates are in whole seconds of the wall clock.
      try await Reactor.current.sleep(for: .milliseconds(1_100))
      let second = try await client.get(url)
      #expect(second[Self.xCache] == "hit" && second[.date] == date)
      #expect(second[.age].flatMap { Int($0) } ?? 0 >= 1)
      try await origin.stop(grace: .zero)
      try await serving.value
    }
  }

  @Test("A server that takes no upload, or is silent in the middle of a body, is given up after the time-out")
  func stalled() throws {
    try withProxy(["--timeout", "0.5"]) { _ in
      .stream(length: 1_000) { body in
        try await body.write("half of it")
        try await Reactor.current.sleep(for: .seconds(3_600))
      }
    } _: { origin, client, _ in
      var mine = try HTTPClient.Request(origin)
      mine.headerFields[.cookie] = "a=b"  // it is passed on as it comes
      let began = Reactor.current.now
      let response = try await client.execute(mine)
      #expect(response.status == .ok)
      await #expect(throws: (any Error).self) { try await response.body.collect(upTo: 1_000) }
      let deaf = try Listener(host: "127.0.0.1", port: 0)
      let body = [UInt8](repeating: 7, count: 15 << 20)  // the server takes no more than 16 MiB
      let upload = try HTTPClient.Request(method: .post, "http://\(deaf.localAddress)/", body: .bytes(body))
      #expect(try await client.execute(upload).status == .gatewayTimeout)
      #expect(began.duration(to: Reactor.current.now) < .seconds(15))
    }
  }
}
