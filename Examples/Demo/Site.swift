import Toro
import ToroHTTP
import ToroNet

/// A small site to be crawled: an index, chapters, and their pages, each of which takes a moment; one link leads nowhere.
final class Site: @unchecked Sendable {
  static let chapterCount = 6
  static let pagesPerChapter = 9
  /// All pages that there are to be found, and the broken link.
  static let targetCount = 1 + chapterCount + chapterCount * pagesPerChapter + 1

  private let listener: Listener
  private let reactor: Reactor
  /// How often it was asked for each target.
  private(set) var requests: [String: Int] = [:]

  var requestCount: Int { requests.values.reduce(0, +) }
  var url: String { "http://\(listener.localAddress)" }

  init(on reactor: Reactor = .current) throws {
    self.reactor = reactor
    listener = try Listener(host: "127.0.0.1", port: 0)
    let server = HTTPServer { try await self.answer($0) }
    reactor.spawn(name: "site") { [listener] in try await server.serve(listener) }
  }

  func stop() async throws { try await listener.stop(grace: .zero) }

  private func answer(_ request: HTTPServer.Request) async throws -> HTTPServer.Response {
    requests[request.path, default: 0] += 1
    try await reactor.sleep(for: .milliseconds(request.path == "/slow" ? 500 : 20))
    let parts = request.path.split(separator: "/").compactMap { Int($0) }
    switch parts.count {
    case 0 where request.path == "/":
      return page("Index", (1...Self.chapterCount).map { "/\($0)/" } + ["/torn-out"])
    case 0 where request.path == "/slow":
      return page("Slow", [])
    case 0 where request.path == "/dies":
      // It breaks off in the middle.
      return .stream(contentType: "text/html", length: 1_000) { body in
        try await body.write("<p>It was a dark and")
        try await Reactor.current.sleep(for: .milliseconds(200))
        throw CancellationError()
      }
    case 1 where (1...Self.chapterCount).contains(parts[0]):
      return page("Chapter \(parts[0])", ["/"] + (1...Self.pagesPerChapter).map { "/\(parts[0])/\($0)" })
    case 2 where (1...Self.chapterCount).contains(parts[0]) && (1...Self.pagesPerChapter).contains(parts[1]):
      return page(
        "Page \(parts[1])", ["/", "/\(parts[0])/", "/\(parts[0])/\(parts[1] + 1)".replacing("/10", with: "/1")])
    default:
      return .html("<h1>not found</h1>", status: .notFound)
    }
  }

  private func page(_ title: String, _ links: [String]) -> HTTPServer.Response {
    let list = links.map { "<li><a href=\"\($0)\">\($0)</a>" }.joined(separator: "\n")
    return .html("<!doctype html><title>\(title)</title><h1>\(title)</h1>\n<ul>\(list)</ul>\n")
  }
}
