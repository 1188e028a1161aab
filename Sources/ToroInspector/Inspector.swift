import Toro
import ToroNet

import class Toro.Lock

/// Shows what the reactors of a running program do, and who waits where, to people and programs on the same machine.
///
///     let inspector = try Inspector(at: SocketAddress("127.0.0.1:9090"))  // or "unix:/run/daemon.inspect"
///     inspector.watch(reactor, name: "main")
///
/// | Path | What |
/// |---|---|
/// | `/` | a page for browsers, which asks nobody but the inspector |
/// | `/snapshot.json` | everything, as JSON: times in seconds, moments in seconds since the Unix epoch |
/// | `/snapshot.txt` | the same for a terminal, which `toro-inspect` prints |
///
/// It has a thread and a reactor of its own, so that it also answers while a watched reactor is stuck, and says so. Ten times a second it
/// posts a call to each watched reactor. How long that takes to be run is the loop's lag: as long would anything else wait that
/// comes from outside. Waits are listed when somebody asks.
///
/// **Access.** Whoever can connect may look: names of tasks and places in sources are all that there is to see. A Unix socket is its owner's
/// alone (mode 0600); a port has to be a loopback one, and requests from pages of other sites are refused.
///
/// It keeps the reactors that it watches until they are closed or ``unwatch(_:)`` is called. Dropping it closes it.
public final class Inspector: Sendable, CustomStringConvertible {
  /// How an inspector looks.
  public struct Configuration: Sendable {
    /// How often each reactor is asked how it is: more than 0.
    public var interval = Duration.milliseconds(100)
    /// How many waits are listed at most, of each reactor: first those of tasks that hold what others wait for, then those for
    /// locks that somebody holds, then the oldest. At least 1.
    public var maxWaits = 200
    /// Whether locks are to note who holds them (`Reactor.notesHolders`), so that cycles show. It costs some tens of
    /// nanoseconds an acquire.
    public var notesHolders = true

    /// The standard ones.
    public init() {}

    /// The standard ones, changed by `change`.
    public init(_ change: (inout Configuration) -> Void) { change(&self) }
  }

  /// Where it listens, with the port that the system chose if 0 was asked for.
  public let address: SocketAddress
  private let observer: Observer
  private let listener: Listener

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - address: A Unix socket or a loopback address; port 0 has the system choose one.
  ///   - configuration: How it looks.
  /// - Throws: `AddressError` for an address that others can reach; `SocketError`, as when it is in use; `SystemError`.
  /// - Isolation: On any thread.
  public init(at address: SocketAddress, configuration: Configuration = Configuration()) throws {
    require(configuration.interval > .zero, "Inspector.Configuration.interval = \(configuration.interval): more than 0")
    require(configuration.maxWaits >= 1, "Inspector.Configuration.maxWaits = \(configuration.maxWaits): at least 1")
    guard address.family == .unix || address.isLoopback else {
      throw AddressError("an inspector listens on a Unix socket or a loopback address, and \(address) is neither")
    }
    let observer = try Observer(notesHolders: configuration.notesHolders)
    var options = Listener.Options()
    options.mode = 0o600
    let listener: Listener
    do {
      listener = try Listener(at: address, options: options, on: observer.reactor)
    } catch {
      observer.stop()
      throw error
    }
    self.address = listener.localAddress
    self.observer = observer
    self.listener = listener
    let service = InspectorService(observer.list, configuration, isOnPort: address.family != .unix)
    try observer.thread.start { try await service.run(listener) }
  }

  /// Whether this process was forked by the one whose thread serves it.
  package var isForked: Bool { observer.reactor.isForked }

  deinit { close() }

  /// Ends it: nobody is served any more, and nothing watched. From any thread; in a forked child too, where it was not served anyway.
  public func close() { if isForked { listener.closeInChild() } else { observer.stop() } }

  /// Adds a reactor; one that is watched already stays as it is.
  ///
  /// - Parameters:
  ///   - reactor: Which.
  ///   - name: What to call it.
  /// - Isolation: From any thread. On the reactor's own, its locks note who holds them from this call on; called elsewhere, a little
  ///   later, and what is held by then is not noted.
  public func watch(_ reactor: Reactor, name: String = "reactor") { observer.watch(reactor, name: name) }

  /// Adds the reactors of a group, as in `reactor-0`. From any thread.
  public func watch(_ group: ReactorGroup) {
    for (index, reactor) in group.reactors.enumerated() { watch(reactor, name: "\(group.name)-\(index)") }
  }

  /// Takes a reactor off. From any thread.
  public func unwatch(_ reactor: Reactor) { observer.unwatch(reactor) }

  /// As in `<Inspector 127.0.0.1:9090>`. From any thread.
  public var description: String { "<Inspector \(address)>" }
}

/// Asks and answers. On the observer's reactor.
private final class InspectorService: @unchecked Sendable {
  private let list: WatchedReactors
  private let configuration: Inspector.Configuration
  private let isOnPort: Bool
  /// Held by who takes a snapshot; who asks meanwhile gets the same.
  private let taking: Lock
  private var last: (snapshot: Snapshot, time: ReactorClock.Instant)?

  init(_ list: WatchedReactors, _ configuration: Inspector.Configuration, isOnPort: Bool) {
    self.list = list
    self.configuration = configuration
    self.isOnPort = isOnPort
    taking = Lock(name: "snapshot", on: list.observer)
  }

  func run(_ listener: Listener) async throws {
    let server = PageServer { request in try await self.answer(request) }
    list.observer.spawn(name: "serving") { try await listener.serve { try await server.serve($0) } }
    defer { listener.close() }
    while true {
      for watched in list.open { watched.probe() }
      try await list.observer.sleep(for: configuration.interval)
    }
  }

  private func answer(_ request: PageServer.Request) async throws -> PageServer.Answer {
    guard request.method == "GET" || request.method == "HEAD" else {
      var answer = PageServer.Answer.refusal(405, "GET or HEAD")
      answer.fields = [("Allow", "GET, HEAD")]
      return answer
    }
    // A page elsewhere can have a browser ask us under a name of its own that leads here, and read the answer.
    guard !isOnPort || isOurs(request.authority) else {
      return .refusal(421, "ask by a loopback address, or as localhost")
    }
    let query = request.query
    switch request.path {
    case "/":
      return PageServer.Answer(
        contentType: "text/html; charset=utf-8",
        fields: [
          (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"
          )
        ], text: inspectorPage)
    case "/snapshot.json":
      return PageServer.Answer(contentType: "application/json", text: try await snapshot().json)
    case "/snapshot.txt":
      return PageServer.Answer(
        text: try await snapshot().text(
          columns: Self.number("columns", in: query), rows: Self.number("rows", in: query)))
    default:
      return .refusal(404, "there are /, /snapshot.json and /snapshot.txt")
    }
  }

  private func isOurs(_ authority: String) -> Bool {
    var host = Substring(authority)
    if !authority.hasSuffix("]"), let colon = authority.lastIndex(of: ":") { host = authority[..<colon] }
    if host.lowercased() == "localhost" { return true }
    let digits = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
    return (try? SocketAddress(host: digits, port: 0))?.isLoopback ?? false
  }

  private static func number(_ name: String, in query: String) -> Int? {
    for part in query.split(separator: "&") where part.hasPrefix(name + "=") {
      return Int(part.dropFirst(name.count + 1)).flatMap { (1...100_000).contains($0) ? $0 : nil }
    }
    return nil
  }

  /// One for all who ask within a quarter of a second, so that the reactors are not asked more often for many who look.
  private func snapshot() async throws -> Snapshot {
    try await taking.withLock {
      if let (snapshot, time) = last, time.duration(to: list.observer.now) < .milliseconds(250) { return snapshot }
      let snapshot = try await Snapshot.take(of: list, limit: configuration.maxWaits)
      last = (snapshot, list.observer.now)
      return snapshot
    }
  }
}
