// A parallel web spider: fetches all pages below a URL, several at a time, with a deadline for all of it. The crawl is in
// Crawl.swift; Links.swift finds the links of a page, and knows nothing of the rest.
import ArgumentParser
import Glibc
import Toro
import ToroHTTP
import ToroNet

@main
struct WebSpider: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "WebSpider", abstract: "Crawls a site below its base URL, and says what it found.",
    discussion: """
      Shows how far it is on a terminal, and a line for each page elsewhere; then how many pages and bytes there were, which were
      slowest, and which links are broken. The exit status is 0 if all was fetched in time, or as many as
      --max-pages, 1 if not, or if the first page could not be fetched, 130 or 143 after a signal: what was found until then is said all the same.
      """)

  @Argument(help: "Where to begin, as in http://127.0.0.1:8000/docs/") var url: String
  @Option(help: "How many fetchers work at the same time.") var fetchers = 10
  @Option(help: "How many requests are made at the same time; as many as there are fetchers if it is not given.")
  var requests: Int?
  @Option(help: "How many seconds all of it may take.") var deadline = 60.0
  @Option(help: "How many pages are fetched at most.") var maxPages = 10_000
  @Option(help: "A proxy to ask, as in 127.0.0.1:3128.") var proxy: String?
  @Flag(name: .shortAndLong, help: "Show the summary only.") var quiet = false

  func validate() throws {
    guard (1...1_000).contains(fetchers) else { throw ValidationError("--fetchers: from 1 to 1000") }
    guard (1...1_000).contains(requests ?? 1) else { throw ValidationError("--requests: from 1 to 1000") }
    guard (0.001...1_000_000).contains(deadline) else {
      throw ValidationError("--deadline: from 0.001 to 1000000 seconds")
    }
    guard (1...1_000_000).contains(maxPages) else { throw ValidationError("--max-pages: from 1 to 1000000") }
    do { _ = try HTTPURL(url) } catch { throw ValidationError("\(error)") }
    do { _ = try proxy.map { try Endpoint($0) } } catch { throw ValidationError("--proxy: \(error)") }
  }

  func run() throws {
    let reactor = try Reactor()
    defer { reactor.close() }
    let status = try reactor.run { try await crawl(on: reactor) }
    if status != 0 { throw ExitCode(status) }
  }

  private func crawl(on reactor: Reactor) async throws -> Int32 {
    var configuration = HTTPClient.Configuration()
    configuration.maxConnectionsPerOrigin = requests ?? fetchers
    configuration.maxIdlePerOrigin = requests ?? fetchers
    configuration.redirects = .follow()
    configuration.proxy = try proxy.map { HTTPClient.Proxy(endpoint: try Endpoint($0)) }
    let client = HTTPClient(configuration: configuration)
    let crawl = Crawl(try HTTPURL(url), client, maxPages: maxPages, requests: requests ?? fetchers)
    let isTerminal = isatty(1) == 1
    if !quiet { crawl.onVisit = { visit in show(visit, crawl, isTerminal) } }
    let signals = try Signals([SIGINT, SIGTERM])
    let crawling = reactor.spawn(name: "crawl") { [fetchers, deadline] () -> Bool in
      try await crawl.run(fetchers: fetchers, deadline: .after(.seconds(deadline)))
    }
    let watching = reactor.spawn(name: "signals") { () -> Int32? in
      let number = try await signals.next()
      if number != nil { crawling.cancel() }
      return number
    }
    let began = reactor.now
    let result = await crawling.result
    watching.cancel()
    let signal = (try? await watching.value) ?? nil
    client.close()
    if isTerminal && !quiet { print("\r\u{1B}[K", terminator: "") }
    summarize(crawl, began.duration(to: reactor.now))
    if crawl.leftOut > 0 { print("--max-pages \(maxPages): \(crawl.leftOut) more links were not followed") }
    if let signal { return 128 + signal }
    if try result.get() { return crawl.visits.contains { $0.from == nil && $0.isBroken } ? 1 : 0 }
    print("time is up: \(crawl.queuedCount + crawl.cutCount) pages were still to be fetched")
    return 1
  }

  private func show(_ visit: Crawl.Visit, _ crawl: Crawl, _ isTerminal: Bool) {
    if isTerminal {
      let line = "\(crawl.visits.count) done, \(crawl.inHand) in hand, \(crawl.queuedCount) to go  \(visit.url.target)"
      print("\r\(line.prefix(100))\u{1B}[K", terminator: "")
    } else {
      print("\(visit.outcome) \(visit.byteCount) bytes \(milliseconds(visit.time)) \(visit.url)")
    }
    fflush(nil)
  }

  private func summarize(_ crawl: Crawl, _ time: Duration) {
    let visits = crawl.visits
    print("\(visits.count) pages, \(visits.reduce(0) { $0 + $1.byteCount }) bytes in \(milliseconds(time))")
    for visit in visits.sorted(by: { $0.time > $1.time }).prefix(3) {
      print("slow: \(milliseconds(visit.time)) \(visit.url)")
    }
    for visit in visits where visit.isBroken {
      print("broken: \(visit.url) (\(visit.outcome)), linked from \(visit.from.map { "\($0)" } ?? "the command line")")
    }
  }

  private func milliseconds(_ time: Duration) -> String { "\(Int(time / .milliseconds(1))) ms" }
}
