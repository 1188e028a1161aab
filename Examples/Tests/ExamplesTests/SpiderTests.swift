import Glibc
import HTTPTypes
import Testing
import Toro
import ToroHTTP
import ToroNet

@testable import Demo
@testable import WebSpider

@Suite("The spider")
struct SpiderTests {
  private static func links(in page: String, at base: HTTPURL) async throws -> [String] {
    var found: [String] = []
    try await findLinks(in: Array(page.utf8), at: base) { found.append($0.target) }
    return found
  }

  @Test("The spider ends with 1 when its time is up, and says what it found until then")
  func spiderInTime() throws {
    try onReactor { reactor in
      let listener = try Listener(host: "127.0.0.1", port: 0)
      let server = HTTPServer { request in
        if request.path == "/never" { try await reactor.sleep(for: .seconds(3_600)) }
        return .html(
          "<a href='/never'>n</a><A HREF=\"/a&amp;b?c=d#e\">m</A><!-- <a href=/not> --><a class=x href=../up>u</a>")
      }
      let serving = reactor.spawn { try await server.serve(listener) }
      let spider = try ChildProcess(
        ChildProcess.neighbour("WebSpider"), ["--deadline", "1.5", "http://\(listener.localAddress)/"])
      var said: [String] = []
      while let line = try await spider.readLine(within: .seconds(30)) { said.append(line) }
      #expect(try await spider.waitForExit() == 1)
      #expect(said.contains { $0.hasPrefix("3 pages, ") } && said.last?.hasPrefix("time is up") == true)
      #expect(said.contains { $0.hasSuffix("/a&b?c=d") } && said.contains { $0.hasSuffix("/up") })
      try await listener.stop(grace: .zero)
      try await serving.value
      #expect(try await refusal(of: "WebSpider", ["ftp://a/"]).status == 64)
      #expect(try await refusal(of: "WebSpider", ["--fetchers", "0", "http://a/"]).status == 64)
      #expect(try await refusal(of: "CachingProxy", ["--port", "70000"]).status == 64)
    }
  }

  @Test("What stands for a character is read as that, and a fragment is cut afterwards")
  func characters() throws {
    try onReactor { _ in
      let base = try HTTPURL("http://a/b/")
      let references = [
        ("?a=1&#38;b=2#c", "/b/?a=1&b=2"), ("?a=1&#x26;b=2", "/b/?a=1&b=2"), ("x&#35;y", "/b/x"), ("#x", nil),
        ("a&amp;#b", "/b/a&"), ("&lt;&gt;&quot;", "/b/%3C%3E%22"), ("&none;&;&#;&#xD800;&#99999999;&amp", nil),
      ]
      for (reference, target) in references {
        let found = try await Self.links(in: "<a href=\"\(reference)\">", at: base)
        if let target { #expect(found == [target]) } else { #expect(found.allSatisfy { $0.hasPrefix("/b/&none;&;&") }) }
      }
    }
  }

  @Test("References and URLs that are too long are no links")
  func tooLong() throws {
    try onReactor { _ in
      let long = try HTTPURL("http://a/" + String(repeating: "x", count: 7_000) + "/")
      let references = [String(repeating: "y", count: 2_000), "z", "/" + String(repeating: "w", count: 2_100)]
      let page = references.map { "<a href=\($0)>" }.joined()
      #expect(try await Self.links(in: page, at: long).map { $0.utf8.count } == [7_003])
    }
  }

  @Test("While a page of very many links is read others have their turn, and a cancellation ends it")
  func turns() throws {
    try onReactor { reactor in
      let base = try HTTPURL("http://a/b")
      let page = String(repeating: "<a href=../../../x>", count: 20_000)
      let reading = reactor.spawn { try await Self.links(in: page, at: base).count }
      let turns = Tally()
      let counting = reactor.spawn {
        while !Task.isCancelled {
          turns.add("turn")
          await reactor.yield()
        }
      }
      #expect(try await reading.value == 20_000)
      counting.cancel()
      #expect(turns.counts["turn"] ?? 0 > 50)
      let other = reactor.spawn { try await Self.links(in: page, at: base).count }
      await reactor.yield()
      other.cancel()
      await #expect(throws: CancellationError.self) { try await other.value }
    }
  }

  @Test("A site whose pages lead to longer and longer ones ends, and a base with dots and a type in capitals are read")
  func growingSite() throws {
    try onReactor { reactor in
      let listener = try Listener(host: "127.0.0.1", port: 0)
      let server = HTTPServer { _ in
        let link = String(repeating: "a", count: 1_500)
        return .init(contentType: "TEXT/HTML; charset=utf-8", body: .text("<a href='\(link)/'>n</a>"))
      }
      let serving = reactor.spawn { try await server.serve(listener) }
      let spider = try ChildProcess(
        ChildProcess.neighbour("WebSpider"), ["--quiet", "http://\(listener.localAddress)/a/../b/"])
      // /b/, and five below it: a sixth would have more than 8,192 bytes.
      #expect(try await spider.readLine(within: .seconds(30))?.hasPrefix("6 pages, ") == true)
      #expect(try await spider.waitForExit() == 0)
      try await listener.stop(grace: .zero)
      try await serving.value
    }
  }
}
