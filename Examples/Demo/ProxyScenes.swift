import Glibc
import HTTPTypes
import Toro
import ToroHTTP
import ToroNet

/// What the demo of the caching proxy shows, one scene after the other.
struct ProxyScenes: Sendable {
  let site: Site
  let proxy: ChildProcess
  let address: SocketAddress
  /// The program that crawls.
  let spider: String

  private let client: HTTPClient

  init(site: Site, proxy: ChildProcess, address: SocketAddress, spider: String) {
    self.site = site
    self.proxy = proxy
    self.address = address
    self.spider = spider
    client = HTTPClient(
      configuration: .init {
        $0.proxy = HTTPClient.Proxy(endpoint: .address(address))
        $0.maxConnectionsPerOrigin = 200
      })
  }

  func play() async throws {
    show("site", "\(Site.targetCount) pages at \(site.url), each of which takes its time")
    show("proxy", "listens on \(address), process \(proxy.pid)")
    try await crawl()
    try await crowd()
    try await die()
    try await stop()
  }

  /// Three spiders crawl the site at the same time, through the proxy.
  private func crawl() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...3 {
        group.addTask {
          let child = try ChildProcess(spider, ["--quiet", "--proxy", "\(address)", "--fetchers", "8", site.url + "/"])
          var said: [String] = []
          while let line = try await child.readLine(within: .seconds(20)) { said.append(line) }
          let status = try await child.waitForExit()
          guard status == 0, said.first?.hasPrefix("\(Site.targetCount) pages") == true else {
            throw Failure("spider \(number) ended with \(status): \(said)")
          }
          show("spider \(number)", said[0] + "; " + (said.last { $0.hasPrefix("broken") } ?? "nothing broken"))
        }
      }
      try await group.waitForAll()
    }
    let counts = try await stats()
    show("site", "was asked \(site.requestCount) times for what three spiders read")
    show(
      "proxy", "coalesced \(counts["coalesced"] ?? 0) requests with one on its way, and had \(counts["hits"] ?? 0) kept"
    )
    // A 404 is not kept, so it may have been asked for again.
    guard site.requests.allSatisfy({ $0.value == 1 || $0.key == "/torn-out" }) else {
      throw Failure("the site was asked more than once for a page: \(site.requests)")
    }
  }

  /// Two hundred ask for one slow page at once.
  private func crowd() async throws {
    let answers = try await ask(200, for: "/slow")
    guard answers == ["200": 200], site.requests["/slow"] == 1 else {
      throw Failure("200 clients for one page: \(answers), asked \(site.requests["/slow"] ?? 0) times")
    }
    show("crowd", "200 clients ask for one slow page at once: 1 request to the site, 200 answers")
  }

  /// The site dies in the middle of a page that many wait for.
  private func die() async throws {
    let answers = try await ask(50, for: "/dies")
    guard answers == ["502": 50] else { throw Failure("the site died, and the answers were \(answers)") }
    show(
      "crowd",
      "50 ask for a page that breaks off: 50 times 502, after \(site.requests["/dies"] ?? 0) request to the site")
  }

  private func stop() async throws {
    proxy.send(SIGTERM)
    let status = try await proxy.waitForExit()
    var said: [String] = []
    while let line = try await proxy.readLine() { said.append(line) }
    show("proxy", "gets SIGTERM, says \"\(said.last ?? "")\" and exits with \(status)")
    guard status == 0, said.last == "stopped: 0 requests cut short" else {
      throw Failure("not the end that was expected")
    }
    client.close()
  }

  /// How often which status was the answer.
  private func ask(_ count: Int, for target: String) async throws -> [String: Int] {
    try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<count {
        group.addTask {
          try await client.withResponse(to: HTTPClient.Request(site.url + target), deadline: .after(.seconds(20))) {
            _ = try await $0.body.collect(upTo: 1 << 20)
            return "\($0.status.code)"
          }
        }
      }
      return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
  }

  /// What the proxy counts.
  private func stats() async throws -> [String: Int] {
    let direct = HTTPClient()
    defer { direct.close() }
    let body = try await direct.get("http://\(address)/-/stats", deadline: .after(.seconds(5))).body.collect(
      upTo: 4_096)
    var counts: [String: Int] = [:]
    for item in String(decoding: body, as: UTF8.self).split(whereSeparator: { "{},\n".contains($0) }) {
      let parts = item.split(separator: ":")
      guard parts.count == 2 else { continue }
      counts[parts[0].filter { $0.isLetter }] = Int(parts[1].filter { $0.isNumber })
    }
    return counts
  }
}
