import HTTPTypes
import Toro
import ToroHTTP

/// A page as it came from its server.
struct Page: Sendable {
  let status: HTTPResponse.Status
  let headerFields: HTTPFields
  let body: [UInt8]

  var size: Int { body.count + 512 }
}

/// The pages that were fetched, and those that are being: each is fetched once, however many ask for it meanwhile.
///
/// This is the example of an ``Event``: whoever finds a page on its way waits until it has arrived. On the reactor's thread.
final class Cache: @unchecked Sendable {
  /// What became of a fetch.
  enum Outcome {
    case page(Page)
    /// It is not for others than who asked: each has to ask for himself.
    case unshared
    case failed(any Error)
  }

  /// How a page was come by.
  enum Source: String { case hit, coalesced, miss }

  private final class Entry: @unchecked Sendable {
    let arrived: Event
    var outcome: Outcome?
    var expiry: ReactorClock.Instant?
    var lastUse: UInt64 = 0
    init(_ key: String) { arrived = Event(name: key) }
  }

  private let reactor: Reactor
  private let maxBytes: Int
  private var entries: [String: Entry] = [:]
  private var uses: UInt64 = 0
  private(set) var byteCount = 0
  private(set) var counts: [Source: Int] = [.hit: 0, .coalesced: 0, .miss: 0]
  /// How many ask for a page that is on its way.
  private(set) var waiting = 0

  var pageCount: Int { entries.values.count { $0.outcome != nil } }

  init(maxBytes: Int, on reactor: Reactor) {
    self.maxBytes = maxBytes
    self.reactor = reactor
  }

  /// The page of this key: kept, on its way, or fetched by `fetch`, which says for how long it may be kept.
  ///
  /// The fetch goes on if who began it goes away: others may be waiting for it.
  func page(
    _ key: String, _ fetch: @escaping @Sendable () async throws -> (page: Page?, lifetime: Duration)
  ) async throws -> (Page?, Source) {
    uses += 1
    if let entry = entries[key], entry.expiry.map({ $0 > reactor.now }) ?? true {
      entry.lastUse = uses
      let source: Source = entry.outcome == nil ? .coalesced : .hit
      counts[source, default: 0] += 1
      return (try await result(entry), source)
    }
    counts[.miss, default: 0] += 1
    if let stale = entries[key] { remove(key, stale) }
    let entry = Entry(key)
    entry.lastUse = uses
    entries[key] = entry
    reactor.spawn(name: "fetch \(key)") { [self] in
      var lifetime = Duration.zero
      do {
        let (page, time) = try await fetch()
        entry.outcome = page.map { .page($0) } ?? .unshared
        lifetime = page == nil ? .zero : time
      } catch {
        entry.outcome = .failed(error)
      }
      keep(key, entry, lifetime)
      entry.arrived.set()
    }
    return (try await result(entry), .miss)
  }

  private func result(_ entry: Entry) async throws -> Page? {
    if entry.outcome == nil {
      waiting += 1
      defer { waiting -= 1 }
      try await entry.arrived.wait()
    }
    switch entry.outcome {
    case .page(let page): return page
    case .failed(let error): throw error
    case .unshared, nil: return nil
    }
  }

  /// Keeps what may be kept, at the cost of what was not used for longest.
  private func keep(_ key: String, _ entry: Entry, _ lifetime: Duration) {
    guard case .page(let page) = entry.outcome, lifetime > .zero, page.size <= maxBytes else {
      if entries[key] === entry { entries[key] = nil }
      return
    }
    entry.expiry = reactor.now.advanced(by: lifetime)
    byteCount += page.size
    while byteCount > maxBytes,
      let oldest = entries.filter({ $0.value.outcome != nil && $0.value !== entry })
        .min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      remove(oldest.key, oldest.value)
    }
  }

  private func remove(_ key: String, _ entry: Entry) {
    if case .page(let page) = entry.outcome { byteCount -= page.size }
    entries[key] = nil
  }
}
