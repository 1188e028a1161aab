import Glibc
import Toro

/// Looks names up, as the system does (`getaddrinfo`: `/etc/hosts`, DNS, and what else `/etc/nsswitch.conf` says), on a few
/// threads of its own.
///
///     let addresses = try await Resolver.standard.resolve("example.org", port: 443, deadline: .after(.seconds(5)))
///
/// Addresses in numbers are read at once, without a thread. Those who ask for the same name at the same time share one
/// look-up. Nothing is kept afterwards: caching is the system's.
///
/// **When DNS does not answer** a look-up keeps its thread until the system gives up, which a program cannot hasten. Who waits for
/// it is not held up: the wait ends at its deadline, or as it is cancelled, and what is found later is thrown away, but for
/// those who ask for the same name meanwhile. So at most as many threads are stuck as the resolver may have, and further names wait
/// for one of them, until their deadlines; give one where it matters.
///
/// It holds the reactor meanwhile (`Reactor.hold()`), so that virtual time stands still, and no deadline in it passes. One resolver may serve any number of reactors. In a forked child it has
/// threads of its own; look-ups that were under way in the parent do not end there.
public final class Resolver: Sendable {
  /// One for the whole process, with up to four threads.
  public static let standard = Resolver()

  private let lookups: PerProcess<Lookups>

  /// - Parameter maxThreads: How many names can be looked up at the same time, at least 1. Threads are made when needed, and end
  ///   when there was nothing to do for ten seconds.
  public convenience init(maxThreads: Int = 4) { self.init(maxThreads: maxThreads) { try $0.ask() } }

  /// - Parameter ask: What blocks until there is an answer.
  init(maxThreads: Int, idleTime: Int = 10, _ ask: @escaping @Sendable (Query) throws -> [SocketAddress]) {
    require(maxThreads >= 1, "Resolver(maxThreads: \(maxThreads)): at least 1")
    lookups = PerProcess { Lookups(maxThreads: maxThreads, idleTime: idleTime, ask) }
  }

  /// How many threads there are, and how many names are looked up or wait for a thread. For tests.
  var threadCount: Int { lookups.content.threadCount }
  var lookupCount: Int { lookups.content.count }

  /// The addresses of a host, with a port.
  ///
  /// - Parameters:
  ///   - host: A name (not ASCII as DNS has it: `xn--…`), or an IPv4 or IPv6 address in numbers.
  ///   - port: 0 to 65535.
  ///   - family: IPv4 or IPv6, if only such addresses are wanted.
  ///   - deadline: Until when to wait. An address in numbers is read whatever the deadline.
  ///   - reactor: Whose clock the deadline is read on.
  /// - Returns: At least one address, each once, the one that the system would try first at the front (RFC 6724).
  /// - Throws: ``ResolverError`` if there is no such name, or no answer; ``AddressError`` for what cannot be a host or port;
  ///   `TimeoutError` if the deadline passes first, `CancellationError` if the task is cancelled first; `ReactorClosedError`;
  ///   `SystemError` if the system refuses the first thread. The look-up goes on then, if a thread has begun it, and nobody
  ///   hears of it.
  /// - Isolation: May be awaited from any thread.
  public func resolve(
    _ host: String, port: Int, family: SocketAddress.Family? = nil, deadline: Deadline = .never,
    on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> [SocketAddress] {
    try SocketAddress.check(port: port)
    return try await resolve(host, port, family, until: reactor.resolve(deadline), on: reactor, WaitSite(file, line))
  }

  /// The addresses of a host, with the port of a service.
  ///
  /// - Parameters:
  ///   - host: As for ``resolve(_:port:family:deadline:on:file:line:)``.
  ///   - service: A name of `/etc/services`, such as `https`, or a port in digits.
  ///   - family: As there.
  ///   - deadline: As there.
  ///   - reactor: As there.
  /// - Returns: As ``resolve(_:port:family:deadline:on:file:line:)``.
  /// - Throws: As ``resolve(_:port:family:deadline:on:file:line:)``; ``ResolverError`` also if there is no such service.
  /// - Isolation: May be awaited from any thread.
  public func resolve(
    _ host: String, service: String, family: SocketAddress.Family? = nil, deadline: Deadline = .never,
    on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> [SocketAddress] {
    let due = reactor.resolve(deadline)
    if let port = try SocketAddress.port(inDigits: service) {
      return try await resolve(host, port, family, until: due, on: reactor, WaitSite(file, line))
    }
    guard !service.isEmpty, service.utf8.allSatisfy({ (33...126).contains($0) }) else {
      throw AddressError("not the name of a service or a port in digits: \(service.debugDescription)")
    }
    let query = try Query(host: host, service: service, family: family)
    return try await resolve(query, until: due, on: reactor, WaitSite(file, line))
  }

  func resolve(
    _ host: String, _ port: Int, _ family: SocketAddress.Family?, until due: Int64, on reactor: Reactor,
    _ site: WaitSite
  ) async throws -> [SocketAddress] {
    if let address = try SocketAddress(ifInNumbers: host, port: port) {
      guard family == nil || family == address.family else {
        throw AddressError(
          "not an \(family == .ipv4 ? "IPv4" : "IPv6") address, which is asked for: \(host.debugDescription)")
      }
      return [address]
    }
    // One look-up serves all ports.
    let query = try Query(host: host, service: nil, family: family)
    return try await resolve(query, until: due, on: reactor, site).map { $0.with(port: port) }
  }

  private func resolve(
    _ query: Query, until due: Int64, on reactor: Reactor, _ site: WaitSite
  ) async throws -> [SocketAddress] {
    guard reactor.isInside else {
      return try await reactor.visit { try await self.resolve(query, until: due, on: reactor, site) }
    }
    try Task.checkCancellation()
    let answer = AsyncResultCore<[SocketAddress]>(name: "look-up of \(query.host)", on: reactor)
    if due == .min {
      _ = try await reactor.wait(on: answer, .get, until: due, site)
      throw TimeoutError("look-up of \(query.host)")
    }
    let lookups = lookups.content
    reactor.hold()
    let ticket = lookups.join(query) { result in
      // A closed reactor drops it: the wait has ended.
      reactor.execute { try? answer.set(result) }
    }
    defer {
      // In a forked child it was the parent's, whose lock another thread may have held.
      if lookups === self.lookups.content { lookups.leave(ticket) }
      reactor.unhold()
      withExtendedLifetime(answer) {}
    }
    let isInTime = try await reactor.wait(on: answer, .get, until: due, site)
    guard isInTime, let result = answer.result else { throw TimeoutError("look-up of \(query.host)") }
    return try result.get()
  }
}

/// A name could not be looked up.
public struct ResolverError: Error, Hashable, CustomStringConvertible {
  /// The name that was looked up.
  public let host: String
  /// The service, if one was.
  public let service: String?
  /// What `getaddrinfo` returned: `EAI_NONAME`, `EAI_AGAIN` and so on.
  public let code: Int32
  /// What `errno` was, if `code` is `EAI_SYSTEM`; else 0.
  public let errno: Int32

  /// Whether there is no such name, or it has no address of the kind that was asked for.
  public var isNotFound: Bool { code == EAI_NONAME || code == -5 || code == -9 }  // EAI_NODATA, EAI_ADDRFAMILY

  /// Whether a later try may succeed: no server answered, or one said so.
  public var isTemporary: Bool { code == EAI_AGAIN }

  /// As in `look-up of nowhere.example: Name or service not known`.
  public var description: String {
    let reason = code == EAI_SYSTEM ? errorText(errno) : String(cString: gai_strerror(code))
    return "look-up of \(host)\(service.map { ", service \($0)" } ?? ""): \(reason)"
  }
}
