import Glibc
import Testing
import Toro

@testable import ToroNet

/// Attempts as a test wants them, and when each began and ended.
private final class Attempts: @unchecked Sendable {
  enum Fate {
    case succeeds(after: Int)
    case fails(after: Int, Int32 = ECONNREFUSED)
    case hangs
  }

  private let fates: [Fate]
  private let reactor: Reactor
  private let start: ReactorClock.Instant
  private(set) var log: [String] = []

  init(_ fates: [Fate], on reactor: Reactor) {
    self.fates = fates
    self.reactor = reactor
    start = reactor.now
  }

  /// An address for each fate: its port is its number.
  var addresses: [SocketAddress] {
    get throws { try fates.indices.map { try SocketAddress(host: "192.0.2.1", port: $0) } }
  }

  func race(delay: Int = 250) throws -> Race<Int> {
    Race(addresses: try addresses, delay: .milliseconds(delay), reactor: reactor) { try await self.attempt($0) }
  }

  func note(_ what: String) { log.append("\(start.duration(to: reactor.now) / .milliseconds(1)): \(what)") }

  private func attempt(_ address: SocketAddress) async throws -> Int {
    note("\(address.port) begins")
    do {
      switch fates[address.port] {
      case .succeeds(let time):
        try await reactor.sleep(for: .milliseconds(time))
        note("\(address.port) succeeds")
        return address.port
      case .fails(let time, let code):
        if time > 0 { try await reactor.sleep(for: .milliseconds(time)) }
        throw SocketError("connect", errno: code, address: address)
      case .hangs:
        try await Event(on: reactor).wait()
        return -1
      }
    } catch is CancellationError {
      note("\(address.port) is given up")
      throw CancellationError()
    }
  }
}

extension Race.Outcome where Success == Int {
  var winner: Int? { if case .success(let winner) = self { winner } else { nil } }
  var failures: [SocketError] { if case .failure(let failures) = self { failures } else { [] } }
}

@Suite("Trying a name's addresses")
struct RaceTests {
  /// Runs in virtual time.
  private func race(_ fates: [Attempts.Fate], delay: Int = 250) throws -> (outcome: Race<Int>.Outcome, log: [String]) {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    return try reactor.run {
      let attempts = Attempts(fates, on: reactor)
      let outcome = try await attempts.race(delay: delay).run()
      attempts.note("ended")
      #expect(reactor.waits.isEmpty)
      return (outcome, attempts.log)
    }
  }

  @Test("The families take turns, the preferred one first, and each keeps its order")
  func interleaving() throws {
    func order(_ texts: [String]) throws -> [String] {
      Race<Int>.interleaved(try texts.map { try SocketAddress(host: $0, port: 1) }).map(\.host)
    }
    #expect(
      try order(["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"]) == ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"])
    #expect(try order(["10.0.0.1", "::1", "::2"]) == ["10.0.0.1", "::1", "::2"])
    #expect(try order(["10.0.0.2", "10.0.0.1"]) == ["10.0.0.2", "10.0.0.1"])
    #expect(try order([]) == [])
  }

  @Test("One that answers in time is the only one tried")
  func first() throws {
    let (outcome, log) = try race([.succeeds(after: 249), .succeeds(after: 0)])
    #expect(outcome.winner == 0)
    #expect(log == ["0.0: 0 begins", "249.0: 0 succeeds", "249.0: ended"])
  }

  @Test(
    "Those that do not answer are left a quarter of a second each, the first that does wins, and the others are given up"
  )
  func silence() throws {
    let (outcome, log) = try race([.hangs, .succeeds(after: 1_000), .succeeds(after: 100), .hangs])
    #expect(outcome.winner == 2)
    #expect(log.prefix(4) == ["0.0: 0 begins", "250.0: 1 begins", "500.0: 2 begins", "600.0: 2 succeeds"])
    #expect(Set(log[4...5]) == ["600.0: 0 is given up", "600.0: 1 is given up"])
    #expect(log[6...] == ["600.0: ended"])
  }

  @Test("After a failure the next is tried at once, and has its whole time")
  func failing() throws {
    let (outcome, log) = try race([.fails(after: 100), .fails(after: 0), .hangs, .succeeds(after: 10)])
    #expect(outcome.winner == 3)
    #expect(
      log == [
        "0.0: 0 begins", "100.0: 1 begins", "100.0: 2 begins", "350.0: 3 begins", "360.0: 3 succeeds",
        "360.0: 2 is given up", "360.0: ended",
      ])
  }

  @Test("One that is slow wins if all others fail")
  func slow() throws {
    let (outcome, log) = try race([.succeeds(after: 10_000), .fails(after: 20_000), .fails(after: 1)])
    #expect(outcome.winner == 0)
    #expect(log.first == "0.0: 0 begins")
    #expect(log.last == "10000.0: ended")
  }

  @Test("If all fail, all failures are told, in order")
  func allFail() throws {
    let (outcome, log) = try race([.fails(after: 300, ETIMEDOUT), .fails(after: 10), .fails(after: 0, ENETUNREACH)])
    #expect(outcome.failures.map(\.errno) == [ECONNREFUSED, ENETUNREACH, ETIMEDOUT])
    #expect(log == ["0.0: 0 begins", "250.0: 1 begins", "260.0: 2 begins", "300.0: ended"])
    let (_, hasty) = try race([.fails(after: 0), .fails(after: 0)], delay: 3_600_000)
    #expect(hasty == ["0.0: 0 begins", "0.0: 1 begins", "0.0: ended"])
  }

  @Test("The delay is what it is set to")
  func delay() throws {
    let (outcome, log) = try race([.hangs, .succeeds(after: 0)], delay: 3_600_000)
    #expect(outcome.winner == 1)
    #expect(log[1] == "3600000.0: 1 begins")
  }

  @Test("Cancelled, it gives all up before it ends")
  func cancelling() throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    try reactor.run {
      let attempts = Attempts([.hangs, .hangs, .hangs], on: reactor)
      let race = try attempts.race()
      let racing = reactor.spawn { try await race.run() }
      try await reactor.sleep(for: .milliseconds(300))
      racing.cancel()
      await #expect(throws: CancellationError.self) { try await racing.value }
      #expect(Set(attempts.log.suffix(2)) == ["300.0: 0 is given up", "300.0: 1 is given up"])
      #expect(reactor.waits.isEmpty)
    }
  }
}

@Suite("Connecting by name")
struct ConnectByNameTests {
  /// A resolver for which every name has these addresses.
  private func resolver(_ hosts: [String]) -> Resolver {
    Resolver(maxThreads: 1) { _ in try hosts.map { try SocketAddress(host: $0, port: 0) } }
  }

  private func options(_ hosts: [String], delay: Int = 20) -> Connection.ConnectOptions {
    .init {
      $0.resolver = resolver(hosts)
      $0.attemptDelay = .milliseconds(delay)
    }
  }

  @Test("localhost is connected to, by its name, as an endpoint, and from elsewhere")
  func localhost() async throws {
    try await onReactorThread { reactor in
      let listener = try loopback()
      let client = try await Connection.connect(toHost: "localhost", port: listener.port)
      #expect(client.peerAddress == listener.localAddress)
      let server = try #require(try await listener.accept())
      try await client.write("hello\n")
      #expect(try await server.readLine() == "hello")
      let named = try await Connection.connect(to: Endpoint("localhost:\(listener.port)"))
      let numbered = try await Connection.connect(to: Endpoint("\(listener.localAddress)"))
      #expect(named.peerAddress == numbered.peerAddress)
      let port = listener.port
      let far = try await Task.detached {
        try await Connection.connect(toHost: "localhost", port: port, on: reactor)
      }.value
      #expect(far.peerAddress == listener.localAddress)
    }
  }

  @Test("Where the first address is dead the second has it, and the first attempt is closed")
  func deadFirst() throws {
    try onReactor { reactor in
      // When the backlog is full the system drops what asks to connect.
      let dead = try Listener(host: "127.0.0.1", port: 0, options: .init { $0.backlog = 1 })
      var held: [Connection] = []
      while held.count < 8 {
        guard let one = try? await Connection.connect(to: dead.localAddress, deadline: soon(50)) else { break }
        held.append(one)
      }
      try #require(held.count < 8, "the backlog does not fill")
      let alive = try Listener(host: "127.0.0.2", port: dead.port)
      let client = try await Connection.connect(
        toHost: "some.example", port: dead.port, options: options(["127.0.0.1", "127.0.0.2"]), deadline: soon(20_000))
      #expect(client.peerAddress == alive.localAddress)
      #expect(reactor.waits.isEmpty)
      // The deadline is for all of them together.
      let error = await #expect(throws: TimeoutError.self) {
        try await Connection.connect(
          toHost: "some.example", port: dead.port, options: options(["127.0.0.1"]), deadline: soon(50))
      }
      let texts = ["timed out: connect some.example:\(dead.port)", "timed out: look-up of some.example"]
      #expect(texts.contains(error?.description ?? ""))  // if the machine is busy, the latter
      let connecting = reactor.spawn { [options] in
        try await Connection.connect(toHost: "some.example", port: dead.port, options: options(["127.0.0.1"], 20))
      }
      try await reactor.sleep(for: .milliseconds(20))
      connecting.cancel()
      await #expect(throws: CancellationError.self) { try await connecting.value }
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("Where the first address refuses the second has it, without the delay")
  func refusedFirst() throws {
    try onReactor { reactor in
      let silent = try SilentPort()
      let alive = try Listener(host: "127.0.0.2", port: silent.port)
      let client = try await Connection.connect(
        toHost: "some.example", port: silent.port, options: options(["127.0.0.1", "127.0.0.2"], delay: 3_600_000))
      #expect(client.peerAddress == alive.localAddress)
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("Where no address answers, each is named with its reason")
  func nobody() throws {
    try onReactor { reactor in
      let silent = try SilentPort(["127.0.0.1", "127.0.0.2"])
      let port = silent.port
      let error = await #expect(throws: ConnectError.self) {
        try await Connection.connect(toHost: "some.example", port: port, options: options(["127.0.0.1", "127.0.0.2"]))
      }
      #expect(
        error?.description
          == "connect some.example:\(port): 127.0.0.1:\(port): Connection refused; 127.0.0.2:\(port): Connection refused"
      )
      #expect(error?.failures.map(\.errno) == [ECONNREFUSED, ECONNREFUSED])
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A name that is not found, a name that nobody looks up in time, and bad arguments say so")
  func errors() throws {
    try onReactor { _ in
      let none = Resolver(maxThreads: 1) {
        throw ResolverError(host: $0.host, service: nil, code: EAI_NONAME, errno: 0)
      }
      await #expect(throws: ResolverError.self) {
        try await Connection.connect(toHost: "a.example", port: 1, options: .init { $0.resolver = none })
      }
      let server = SilentServer()
      let silent = server.resolver()
      await #expect(throws: TimeoutError.self) {
        try await Connection.connect(
          toHost: "a.example", port: 1, options: .init { $0.resolver = silent }, deadline: soon(20))
      }
      server.speakUp()
      await #expect(throws: AddressError.self) { try await Connection.connect(toHost: "a.example", port: 70_000) }
      await #expect(throws: AddressError.self) { try await Connection.connect(toHost: "", port: 1) }
      await #expect(throws: AddressError.self) {
        try await Connection.connect(toHost: "127.0.0.1", port: 1, options: .init { $0.family = .ipv6 })
      }
    }
  }
}
