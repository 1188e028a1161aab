import Toro

extension Connection {
  /// How to connect to a name.
  public struct ConnectOptions: Sendable {
    /// What looks the name up.
    public var resolver = Resolver.standard
    /// IPv4 or IPv6, if only such addresses are to be tried.
    public var family: SocketAddress.Family?
    /// How long an address may leave an attempt without an answer before the next is tried beside it: more than zero. 250
    /// milliseconds at first, as RFC 8305 recommends.
    public var attemptDelay = Duration.milliseconds(250)

    /// The standard ones.
    public init() {}

    /// The standard ones, changed by `change`.
    public init(_ change: (inout ConnectOptions) -> Void) { change(&self) }
  }

  /// Connects to a host by its name.
  ///
  /// The name is looked up, and its addresses are tried in the order that the system prefers, those of IPv6 and IPv4 in turn: the
  /// next one when the one before has failed, or beside it when that has not answered for ``ConnectOptions/attemptDelay``. The
  /// first that answers has it; the other attempts are closed ("Happy Eyeballs", RFC 8305).
  ///
  /// - Parameters:
  ///   - host: A name, or an IPv4 or IPv6 address in numbers.
  ///   - port: 0 to 65535.
  ///   - options: How.
  ///   - deadline: Until when to wait, for the look-up and the connection together.
  ///   - reactor: Whose the connection is to be.
  /// - Throws: ``ConnectError`` if no address answers; ``ResolverError`` if the name has none; ``AddressError`` for what cannot be
  ///   a host or port; `TimeoutError` if the deadline passes first; `CancellationError` if the task is cancelled first;
  ///   `ReactorClosedError`. No descriptor is left open then.
  /// - Isolation: May be awaited from any thread.
  public static func connect(
    toHost host: String, port: Int, options: ConnectOptions = ConnectOptions(), deadline: Deadline = .never,
    on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Connection {
    try SocketAddress.check(port: port)
    return try await connect(host, port, options, until: reactor.resolve(deadline), on: reactor, WaitSite(file, line))
  }

  /// Connects to an address, or to a host by its name: what a configuration names.
  ///
  /// - Parameters:
  ///   - endpoint: Whom to connect to.
  ///   - options: How, if it is a name.
  ///   - deadline: Until when to wait, for the look-up and the connection together.
  ///   - reactor: Whose the connection is to be.
  /// - Throws: As ``connect(toHost:port:options:deadline:on:file:line:)``; ``SocketError`` if it is an address that does not
  ///   answer.
  /// - Isolation: May be awaited from any thread.
  public static func connect(
    to endpoint: Endpoint, options: ConnectOptions = ConnectOptions(), deadline: Deadline = .never,
    on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Connection {
    let due = reactor.resolve(deadline)
    switch endpoint {
    case .address(let address):
      return try await connect(to: address, until: due, on: reactor, WaitSite(file, line))
    case .host(let host, let port):
      try SocketAddress.check(port: port)
      return try await connect(host, port, options, until: due, on: reactor, WaitSite(file, line))
    }
  }

  private static func connect(
    _ host: String, _ port: Int, _ options: ConnectOptions, until due: Int64, on reactor: Reactor, _ site: WaitSite
  ) async throws -> Connection {
    guard reactor.isInside else {
      return try await reactor.visit {
        try await connect(host, port, options, until: due, on: reactor, site)
      }
    }
    let addresses = try await options.resolver.resolve(host, port, options.family, until: due, on: reactor, site)
    return try await connect(
      toFirstOf: addresses, of: "\(host):\(port)", options, until: due, on: reactor, site)
  }

  /// - Parameters:
  ///   - addresses: In the order of preference.
  ///   - name: Whose they are, for messages.
  static func connect(
    toFirstOf addresses: [SocketAddress], of name: String, _ options: ConnectOptions, until due: Int64,
    on reactor: Reactor, _ site: WaitSite
  ) async throws -> Connection {
    require(
      options.attemptDelay > .zero,
      "Connection.ConnectOptions.attemptDelay = \(options.attemptDelay): not more than zero")
    let race = Race(
      addresses: Race<Connection>.interleaved(addresses), delay: options.attemptDelay, reactor: reactor
    ) { try await connect(to: $0, until: due, on: reactor, site) }
    do {
      switch try await race.run() {
      case .success(let connection): return connection
      case .failure(let failures): throw ConnectError(name: name, failures: failures)
      }
    } catch is TimeoutError {
      throw TimeoutError("connect \(name)")
    }
  }
}

/// None of a name's addresses could be connected to.
public struct ConnectError: Error, Hashable, CustomStringConvertible {
  /// Whom to: `example.org:80`.
  public let name: String
  /// What each address failed with, in the order in which they failed. Never empty.
  public let failures: [SocketError]

  /// As in `connect example.org:80: [2001:db8::7]:80: Network is unreachable; 192.0.2.7:80: Connection refused`.
  public var description: String {
    let reasons = failures.map { failure in
      let address = failure.address.map { "\($0)" } ?? name
      return (address == name ? "" : "\(address): ") + errorText(failure.errno)
    }
    return "connect \(name): \(reasons.joined(separator: "; "))"
  }
}
