import Synchronization
import Toro

import class Toro.Semaphore

/// A socket that others connect to, whose connections are spread over the reactors of a group: an asynchronous sequence on
/// each of them, of the connections that are that reactor's.
///
///     let listener = try GroupListener(host: "127.0.0.1", port: 0, on: group)
///     try group.run { _ in
///       for try await connection in listener { … }  // on this reactor
///     }
///
/// Every reactor of the group should iterate: what is given to one that does not waits until it does. When the group is asked to
/// stop, it closes, after those who wait to be accepted.
///
/// Dropping it closes it.
public final class GroupListener: AsyncSequence, CustomStringConvertible, @unchecked Sendable {
  public typealias Element = Connection
  public typealias Failure = any Error

  /// How connections are spread.
  public enum Distribution: Hashable, Sendable {
    /// By the system: each reactor has a socket of its own on the same port (`SO_REUSEPORT`), and accepts by itself. The cheapest,
    /// and even over many connections. Unix sockets lack this: there it is `roundRobin`.
    case system
    /// By the first reactor, which accepts all and hands each to the next in turn.
    case roundRobin
    /// By the first reactor, to the one that has the fewest open of those that it was handed.
    case leastConnections
  }

  /// Where it listens, with the port that the system chose if 0 was asked for.
  public let localAddress: SocketAddress
  /// The port on which it listens.
  public var port: Int { localAddress.port }
  private let group: ReactorGroup
  private let source: Source
  /// Of each reactor, what it serves.
  private let servings: [Serving]

  private enum Source {
    case listeners([Listener])
    case desk(ConnectionDesk)
  }

  /// Listens on an address.
  ///
  /// - Parameters:
  ///   - address: Where. Port 0 has the system choose one, which ``port`` tells.
  ///   - options: How. A limit on connections is the group's, of which each reactor has an equal part with ``Distribution/system``.
  ///   - distribution: How connections are spread.
  ///   - group: Whose reactors they are for.
  /// - Throws: ``SocketError``, as when the address is in use.
  /// - Isolation: On any thread.
  public init(
    at address: SocketAddress, options: Listener.Options = .init(), distribution: Distribution = .system,
    on group: ReactorGroup
  ) throws(SocketError) {
    self.group = group
    servings = group.reactors.map { Serving(on: $0) }
    if distribution == .system && address.family != .unix {
      var listeners: [Listener] = []
      var address = address
      for (index, reactor) in group.reactors.enumerated() {
        var own = options
        own.reusesPort = true
        if let limit = options.maxConnections {
          require(
            limit >= group.count,
            "GroupListener: maxConnections = \(limit) for \(group.count) reactors: at least one each, or hand them out")
          own.maxConnections = limit / group.count + (index < limit % group.count ? 1 : 0)
        }
        let listener = try Listener(at: address, options: own, on: reactor)
        address = listener.localAddress  // the port that was chosen
        listeners.append(listener)
      }
      localAddress = address
      source = .listeners(listeners)
    } else {
      let listener = try Listener(at: address, options: options, on: group[0])
      localAddress = listener.localAddress
      source = .desk(ConnectionDesk(listener, of: group, byCount: distribution == .leastConnections))
    }
    group.whenStopping { [weak self] in
      self?.close(draining: true)
      for serving in self?.servings ?? [] { serving.reactor.execute { serving.letGo() } }
    }
  }

  /// Listens on a host's address and a port.
  ///
  /// - Throws: ``AddressError`` for a host or port that is none; ``SocketError``.
  public convenience init(
    host: String, port: Int, options: Listener.Options = .init(), distribution: Distribution = .system,
    on group: ReactorGroup
  ) throws {
    try self.init(at: SocketAddress(host: host, port: port), options: options, distribution: distribution, on: group)
  }

  deinit { close() }

  /// Ends the iterations, and refuses further connections. Those accepted go on.
  ///
  /// - Parameter draining: Whether those who wait in the backlog now are accepted first, rather than cut.
  /// - Isolation: From any thread.
  public func close(draining: Bool = false) {
    switch source {
    case .listeners(let listeners): for listener in listeners { listener.close(draining: draining) }
    case .desk(let desk): desk.listener.close(draining: draining)
    }
  }

  /// As in `<GroupListener 127.0.0.1:80>`. From any thread.
  public var description: String { "<GroupListener \(localAddress)>" }

  /// Accepts the next connection of a reactor, waiting for one.
  ///
  /// - Parameter reactor: One of the group's: whose the connection is.
  /// - Returns: The connection, or `nil` if the listener is closed.
  /// - Throws: `CancellationError` if the task is cancelled first: then no connection was taken. ``SocketError`` if
  ///   accepting fails for good; `ReactorClosedError`.
  /// - Isolation: May be awaited from any thread.
  public func accept(
    on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Connection? {
    let index = group.index(of: reactor, "GroupListener.accept(on:)")
    switch source {
    case .listeners(let listeners): return try await listeners[index].accept(file: file, line: line)
    case .desk(let desk): return try await desk.take(index, file, line)
    }
  }

  /// Serves the connections of this reactor, each in a task of its own, until the listener is closed; returns when all have been
  /// served: ``Listener/serve(onError:_:)``. When the group is asked to stop, those who await a request are let go.
  ///
  /// - Parameters:
  ///   - onError: Hears, on the reactor, of what handlers throw.
  ///   - handler: Serves one connection, in a task of its own on the reactor. The connection is closed when it returns or throws.
  /// - Throws: As ``accept(on:file:line:)``: the handlers of this reactor are cancelled and have ended when it throws.
  /// - Precondition: This reactor's connections are not served or iterated over by another task.
  /// - Isolation: In a task of a reactor of the group.
  public func serve(
    onError: (@Sendable (Connection, any Error) -> Void)? = nil,
    _ handler: @escaping @Sendable (Connection) async throws -> Void
  ) async throws {
    let reactor = Reactor.current
    let index = group.index(of: reactor, "GroupListener.serve(onError:_:)")
    let serving = servings[index]
    require(!serving.isBegun, "\(self).serve(onError:_:): this reactor serves it already")
    try await serving.run(onError, handler) {
      try await self.accept(on: reactor, file: "for try await", line: 0)
    } closing: {
      self.close()
    }
  }

  /// What `for try await` takes the connections from.
  public struct Iterator: AsyncIteratorProtocol {
    let listener: GroupListener
    let reactor: Reactor

    /// The next connection, or `nil` if the listener is closed.
    ///
    /// - Throws: As ``GroupListener/accept(on:file:line:)``.
    public func next() async throws -> Connection? {
      try await listener.accept(on: reactor, file: "for try await", line: 0)
    }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> Connection? {
      try await listener.accept(on: reactor, file: "for try await", line: 0)
    }
  }

  /// The connections of the reactor on which this is called, which is one of the group's.
  public func makeAsyncIterator() -> Iterator {
    let reactor = Reactor.current
    _ = group.index(of: reactor, "GroupListener.makeAsyncIterator()")
    return Iterator(listener: self, reactor: reactor)
  }
}

/// Where one reactor accepts for all, and each of the others takes what it was handed.
///
/// What was accepted and not taken is bounded: for each reactor, so that one that is busy is passed over, and thereby for all.
private final class ConnectionDesk: Sendable {
  let listener: Listener
  private let trays: [Tray]
  /// As many permits as connections may stand in the trays.
  private let room: Semaphore
  private let failure = Locked<(any Error)?>(nil)

  /// How many a reactor may have been handed and not taken.
  private static let depth = 64

  private final class Tray: Sendable {
    let reactor: Reactor
    let queue: Queue<Connection>
    let waiting = Atomic<Int>(0)
    let open = Atomic<Int>(0)

    init(_ reactor: Reactor, _ name: String) {
      self.reactor = reactor
      queue = Queue(capacity: nil, name: name, on: reactor)
    }
  }

  init(_ listener: Listener, of group: ReactorGroup, byCount: Bool) {
    self.listener = listener
    trays = group.reactors.map { Tray($0, "\(listener.localAddress)") }
    room = Semaphore(Self.depth * group.count, on: group[0])
    let chosen = Choice(byCount)
    listener.placing = { [trays] in trays[chosen.next(trays)].reactor }
    group[0].spawn(name: "accepting") { await self.handOut(chosen) }
  }

  /// Which reactor gets the next connection. On the accepting reactor's thread.
  private final class Choice: @unchecked Sendable {
    private let isByCount: Bool
    @exclusivity(unchecked) private(set) var last = -1

    init(_ isByCount: Bool) { self.isByCount = isByCount }

    /// The next in turn that has room, or of those the one with the fewest connections. There is one: a permit was acquired.
    func next(_ trays: [Tray]) -> Int {
      let candidates = (1...trays.count).lazy.map { (self.last + $0) % trays.count }
        .filter { trays[$0].waiting.load(ordering: .relaxed) < ConnectionDesk.depth }
      let best =
        isByCount
        ? candidates.min { trays[$0].open.load(ordering: .relaxed) < trays[$1].open.load(ordering: .relaxed) }
        : candidates.first
      last = best ?? (last + 1) % trays.count
      return last
    }
  }

  private func handOut(_ choice: Choice) async {
    do {
      while true {
        try await room.acquire()
        guard let connection = try await listener.accept() else { break }
        hand(connection, to: trays[choice.last])
      }
    } catch {
      failure.withLock { $0 = error }
      listener.close()
    }
    for tray in trays { tray.queue.close() }
  }

  private func hand(_ connection: Connection, to tray: Tray) {
    tray.waiting.add(1, ordering: .relaxed)
    tray.open.add(1, ordering: .relaxed)
    connection.socket.whenClosed { tray.open.subtract(1, ordering: .relaxed) }
    tray.reactor.execute { _ = tray.queue.tryPut(connection) }
  }

  func take(_ index: Int, _ file: StaticString, _ line: UInt) async throws -> Connection? {
    let tray = trays[index]
    do {
      let connection = try await tray.queue.get(file: file, line: line)
      tray.waiting.subtract(1, ordering: .relaxed)
      room.release()
      return connection
    } catch is ClosedError {
      if let failure = failure.withLock({ $0 }) { throw failure }
      return nil
    }
  }
}
