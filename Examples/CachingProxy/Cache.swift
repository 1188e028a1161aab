import HTTPTypes
import Toro
import ToroHTTP

/// A page as it came from its server.
struct Page: Sendable {
  let status: HTTPResponse.Status
  let headerFields: HTTPFields
  let body: [UInt8]
  /// How old it was when it came.
  var age = Duration.zero

  /// What it takes of memory, about.
  var size: Int { body.count + headerFields.reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count + 64 } }
}

/// The pages that were fetched, and those that are being: each is fetched once, however many ask for it meanwhile.
///
/// This is the example of an ``Event``: whoever finds a page on its way waits until it has arrived. On the reactor's thread.
final class Cache: @unchecked Sendable {
  /// What was fetched, for whom.
  enum Fetched {
    /// For all who ask now, and for whoever asks within this time.
    case shared(Page, lifetime: Duration)
    /// For who asked first: the others ask for themselves, also those who ask within this time.
    case personal(Page?, lifetime: Duration)
  }

  /// How a page was come by.
  enum Source: String { case hit, coalesced, miss }

  private enum Outcome {
    case page(Page)
    case personal
    case failed(any Error)
  }

  private final class Entry: @unchecked Sendable {
    let key: String
    let arrived: Event
    var outcome: Outcome?
    /// What is for who asked first, until he has it; he may have gone away.
    var personal: Page?
    var isAsked = true
    var arrival: ReactorClock.Instant?
    var expiry: ReactorClock.Instant?
    /// In the order of use.
    var newer: Entry?
    unowned(unsafe) var older: Entry?

    init(_ key: String) {
      self.key = key
      arrived = Event(name: key)
    }

    /// Whether it is for who asked first; `nil` as long as nobody knows.
    var isPersonal: Bool? {
      switch outcome {
      case .personal: true
      case nil: nil
      default: false
      }
    }

    /// The key stands in the table and in the event's name.
    var size: Int {
      let page = if case .page(let page) = outcome { page.size } else { 0 }
      return page + 2 * key.utf8.count + 512
    }
  }

  private let reactor: Reactor
  private let maxBytes: Int
  private var entries: [String: Entry] = [:]
  /// Of those that are kept.
  private var oldest: Entry?
  private unowned(unsafe) var newest: Entry?
  private(set) var byteCount = 0
  private(set) var pageCount = 0
  private(set) var counts: [Source: Int] = [.hit: 0, .coalesced: 0, .miss: 0]
  /// How many ask for a page that is on its way.
  private(set) var waiting = 0

  init(maxBytes: Int, on reactor: Reactor) {
    self.maxBytes = maxBytes
    self.reactor = reactor
  }

  /// The page of this key if it is kept, and no older than that.
  func kept(_ key: String, maxAge: Duration?) -> Page? {
    guard let entry = usable(key), case .page(var page) = entry.outcome, let arrival = entry.arrival else { return nil }
    page.age += arrival.duration(to: reactor.now)
    if let maxAge, page.age > maxAge { return nil }
    counts[.hit, default: 0] += 1
    return page
  }

  /// The page of this key: kept, on its way, or fetched by `fetch`. Without a page who asks has to ask for himself.
  ///
  /// The fetch goes on if who began it goes away: others may be waiting for it.
  ///
  /// - Parameter maxAge: How old it may be if it is kept.
  func page(
    _ key: String, maxAge: Duration?, _ fetch: @escaping @Sendable () async throws -> Fetched
  ) async throws -> (Page?, Source) {
    if let page = kept(key, maxAge: maxAge) { return (page, .hit) }
    if let entry = usable(key), entry.isPersonal ?? true {
      let page = try await result(entry)
      let source = page == nil ? Source.miss : .coalesced
      counts[source, default: 0] += 1
      return (page, source)
    }
    counts[.miss, default: 0] += 1
    remove(key)
    let entry = Entry(key)
    entries[key] = entry
    reactor.spawn(name: "fetch \(key)") { [self] in
      var lifetime = Duration.zero
      do {
        switch try await fetch() {
        case .shared(let page, let time):
          (entry.outcome, lifetime) = (.page(page), time)
        case .personal(let page, let time):
          (entry.outcome, lifetime) = (.personal, time)
          if entry.isAsked { entry.personal = page }
        }
      } catch {
        entry.outcome = .failed(error)
      }
      keep(entry, lifetime)
      entry.arrived.set()
    }
    defer { (entry.personal, entry.isAsked) = (nil, false) }
    return (try await result(entry) ?? entry.personal, .miss)
  }

  /// Forgets a page that has been changed.
  func remove(_ key: String) {
    guard let entry = entries.removeValue(forKey: key), entry.expiry != nil else { return }
    unlink(entry)
    byteCount -= entry.size
    if case .page = entry.outcome { pageCount -= 1 }
  }

  /// What is kept and fresh, which is used by this, or on its way.
  private func usable(_ key: String) -> Entry? {
    guard let entry = entries[key] else { return nil }
    if let expiry = entry.expiry {
      if expiry <= reactor.now { return nil }
      unlink(entry)
      link(entry)
    }
    return entry
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
    case .personal, nil: return nil
    }
  }

  /// Keeps what may be kept, at the cost of what was not used for longest.
  private func keep(_ entry: Entry, _ lifetime: Duration) {
    entry.arrival = reactor.now
    guard entries[entry.key] === entry else { return }  // removed meanwhile
    if case .failed = entry.outcome { return entries[entry.key] = nil }
    guard lifetime > .zero, entry.size <= maxBytes else { return entries[entry.key] = nil }
    entry.expiry = reactor.now.advanced(by: lifetime)
    link(entry)
    byteCount += entry.size
    if case .page = entry.outcome { pageCount += 1 }
    while byteCount > maxBytes, let oldest, oldest !== entry { remove(oldest.key) }
  }

  private func link(_ entry: Entry) {
    entry.older = newest
    if let newest { newest.newer = entry } else { oldest = entry }
    newest = entry
  }

  private func unlink(_ entry: Entry) {
    let (older, newer) = (entry.older, entry.newer)
    if let older { older.newer = newer } else { oldest = newer }
    if let newer { newer.older = older } else { newest = older }
    entry.older = nil
    entry.newer = nil
  }
}
