import HTTPTypes
import Toro
import ToroHTTP

/// A crawl of a site: a queue of pages to fetch, which is done when it is empty and no fetcher has a page in hand.
///
/// This is the example of a ``JoinableQueue``, and of a ``BoundedSemaphore`` that says how many requests there are at a time. On the
/// reactor's thread.
final class Crawl: @unchecked Sendable {
  struct Visit {
    let url: HTTPURL
    let from: HTTPURL?
    let outcome: String
    let isBroken: Bool
    let byteCount: Int
    let time: Duration
  }

  private let base: HTTPURL
  /// Pages below this are crawled.
  private let directory: Substring
  private let client: HTTPClient
  private let maxPages: Int
  private let queue = JoinableQueue<(url: HTTPURL, from: HTTPURL?)>(name: "pages to fetch")
  private let slots: BoundedSemaphore
  private var seen: Set<String> = []
  private(set) var visits: [Visit] = []
  private(set) var inHand = 0
  /// How many were cut short.
  private(set) var cutCount = 0
  /// How many links were not followed, there being enough pages.
  private(set) var leftOut = 0
  var onVisit: (Visit) -> Void = { _ in }

  var queuedCount: Int { queue.count }

  init(_ base: HTTPURL, _ client: HTTPClient, maxPages: Int, requests: Int) {
    // Links are resolved, so they have no dots: where it begins has none either.
    self.base = (try? base.resolving("\(base)")) ?? base
    let path = self.base.path
    directory = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
    self.client = client
    self.maxPages = maxPages
    slots = BoundedSemaphore(requests, name: "requests")
  }

  /// Crawls with so many fetchers.
  ///
  /// - Returns: Whether all was fetched by the deadline.
  func run(fetchers: Int, deadline: Deadline) async throws -> Bool {
    add(base, from: nil)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<fetchers {
        group.addTask {
          for try await next in self.queue {
            await self.fetch(next.url, from: next.from)
            self.queue.taskDone()
          }
        }
      }
      let isDone = try await queue.join(deadline: deadline)
      queue.close()
      group.cancelAll()
      return isDone
    }
  }

  private func add(_ url: HTTPURL, from: HTTPURL?) {
    guard isInSite(url), !seen.contains(url.target) else { return }
    if seen.count == maxPages { return leftOut += 1 }
    seen.insert(url.target)
    _ = queue.tryPut((url, from))
  }

  private func isInSite(_ url: HTTPURL) -> Bool { url.hasSameOrigin(as: base) && url.target.hasPrefix(directory) }

  private func fetch(_ url: HTTPURL, from: HTTPURL?) async {
    let began = Reactor.current.now
    var byteCount = 0
    var outcome: String
    var isBroken = true
    inHand += 1
    do {
      outcome = try await slots.withPermit {
        try await client.withResponse(to: HTTPClient.Request(url: url)) { response in
          var text: [UInt8] = []
          let isPage = response[.contentType]?.lowercased().hasPrefix("text/html") == true
          for try await portion in response.body {
            byteCount += portion.count
            if isPage, text.count < 4 << 20 { text += portion }
          }
          // A page that has moved away is another site's.
          if isInSite(response.url) {
            try await findLinks(in: text, at: response.url) { add($0, from: url) }
          }
          isBroken = response.status.code >= 400
          return "\(response.status.code)"
        }
      }
    } catch is CancellationError {
      inHand -= 1
      cutCount += 1
      return
    } catch {
      outcome = "\(error)"
    }
    inHand -= 1
    let time = began.duration(to: Reactor.current.now)
    let visit = Visit(url: url, from: from, outcome: outcome, isBroken: isBroken, byteCount: byteCount, time: time)
    visits.append(visit)
    onVisit(visit)
  }
}
