import Glibc
import Synchronization
import Testing
import Toro

@testable import ToroNet

/// A name server that does not answer before it is told to, and counts what it was asked.
final class SilentServer: Sendable {
  private let answers = Mutex<(isSilent: Bool, asked: [String])>((true, []))

  /// What a resolver asks in place of the system.
  func ask(_ query: Query) throws -> [SocketAddress] {
    answers.withLock { $0.asked.append(query.host) }
    // As getaddrinfo does it blocks a thread of the system's, which has no virtual time.
    while answers.withLock({ $0.isSilent }) { usleep(500) }
    return [try SocketAddress(host: "192.0.2.1", port: 0)]
  }

  /// The names that were asked for, in order.
  var asked: [String] { answers.withLock { $0.asked } }

  func speakUp() { answers.withLock { $0.isSilent = false } }

  func resolver(maxThreads: Int = 4) -> Resolver { Resolver(maxThreads: maxThreads, idleTime: 0) { try self.ask($0) } }
}

@Suite("Looking names up")
struct ResolverTests {
  /// Waits for what another thread does.
  private func until(_ condition: () -> Bool) async throws {
    while !condition() { try await Reactor.current.sleep(for: .milliseconds(1)) }
  }

  @Test("An address in numbers is read at once and without a thread, also too late and in a cancelled task")
  func numbers() throws {
    let resolver = Resolver(maxThreads: 1) { _ in fatalError("asked") }
    try onReactor { reactor in
      for text in ["127.0.0.1", "::1", "::ffff:192.0.2.1"] {
        let found = try await resolver.resolve(text, port: 80, deadline: .after(.zero))
        #expect(found == [try SocketAddress(host: text, port: 80)])
      }
      #expect(try await resolver.resolve("::1", service: "443").first?.port == 443)
      let cancelled = reactor.spawn { try await resolver.resolve("127.0.0.1", port: 1) }
      cancelled.cancel()
      #expect(try await cancelled.value.count == 1)
      #expect(resolver.threadCount == 0)
      let error = await #expect(throws: AddressError.self) {
        try await resolver.resolve("::1", port: 1, family: .ipv4)
      }
      #expect(error?.description == "not an IPv4 address, which is asked for: \"::1\"")
    }
  }

  @Test("A name of /etc/hosts is found, each address once, with the port or the service's")
  func hosts() throws {
    let resolver = Resolver(maxThreads: 2)
    try onReactor { _ in
      let found = try await resolver.resolve("localhost", port: 4321)
      #expect(!found.isEmpty && found.allSatisfy { $0.isLoopback && $0.port == 4321 })
      #expect(Set(found).count == found.count)
      let services = try await resolver.resolve("localhost", service: "http", family: .ipv4)
      #expect(services == [try SocketAddress("127.0.0.1:80")])
      let error = await #expect(throws: ResolverError.self) {
        try await resolver.resolve("localhost", service: "no-such-service")
      }
      #expect(error?.code == EAI_SERVICE)
      #expect(
        error?.description == "look-up of localhost, service no-such-service: Servname not supported for ai_socktype")
      #expect(resolver.lookupCount == 0)
    }
  }

  @Test("What the system says of a name that it cannot find is told apart and in words")
  func errors() throws {
    try onReactor { _ in
      for (code, isNotFound, isTemporary, text) in [
        (EAI_NONAME, true, false, "Name or service not known"),
        (-5, true, false, "No address associated with hostname"),
        (EAI_AGAIN, false, true, "Temporary failure in name resolution"),
        (EAI_SYSTEM, false, false, "Input/output error"),
      ] {
        let resolver = Resolver(maxThreads: 1) {
          throw ResolverError(host: $0.host, service: $0.service, code: code, errno: code == EAI_SYSTEM ? EIO : 0)
        }
        let error = await #expect(throws: ResolverError.self) { try await resolver.resolve("some.example", port: 1) }
        #expect(error?.isNotFound == isNotFound && error?.isTemporary == isTemporary)
        #expect(error?.description == "look-up of some.example: \(text)")
      }
    }
  }

  @Test(
    "What cannot be a host's name is refused, with what is wrong, and nobody is asked",
    arguments: [
      ("", "no host is given"), ("a b", "not the name of a host"), ("a\0b", "not the name of a host"),
      ("a\nb", "not the name of a host"), ("[::1]", "without brackets and port"),
      ("example.org:80", "without brackets and port"),
      ("http://example.org", "without brackets and port"), ("user@example.org", "not the name of a host"),
      ("bücher.example", "as in xn--"), (String(repeating: "a", count: 255), "at most 253 bytes"),
      ("fe80::1%nosuchif", "no such network interface"), ("fe80::1%", "no such network interface"),
      ("fe80::1%+1", "no such network interface"), ("::g", "without brackets and port"),
      ("\u{7f}", "not the name of a host"),
    ])
  func badNames(host: String, reason: String) throws {
    let resolver = Resolver(maxThreads: 1) { _ in fatalError("asked") }
    try onReactor { _ in
      let error = await #expect(throws: AddressError.self) { try await resolver.resolve(host, port: 80) }
      #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }
  }

  @Test("A port or a service that is none is refused")
  func badPorts() throws {
    let resolver = Resolver(maxThreads: 1) { _ in fatalError("asked") }
    try onReactor { _ in
      for port in [-1, 65_536, 70_000, .max] {
        let error = await #expect(throws: AddressError.self) { try await resolver.resolve("a.example", port: port) }
        #expect(error?.description == "not a port from 0 to 65535: \(port)")
      }
      for service in ["", "70000", "a b", "http\0", "ä"] {
        await #expect(throws: AddressError.self) { try await resolver.resolve("a.example", service: service) }
      }
    }
  }

  @Test("Those who ask for the same at the same time share one look-up, whatever the port")
  func shared() throws {
    let server = SilentServer()
    let resolver = server.resolver()
    try onReactor { reactor in
      let asking = (1...10).map { port in reactor.spawn { try await resolver.resolve("a.example", port: port) } }
      let other = reactor.spawn { try await resolver.resolve("a.example", port: 1, family: .ipv4) }
      try await until { server.asked.count == 2 }
      server.speakUp()
      for (index, task) in asking.enumerated() { #expect(try await task.value.map(\.port) == [index + 1]) }
      _ = try await other.value
      #expect(server.asked.count == 2)
      #expect(resolver.lookupCount == 0)
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test(
    "A wait that is cancelled or times out ends though nobody answers, and the answer goes to who asks again meanwhile")
  func leaving() throws {
    let server = SilentServer()
    let resolver = server.resolver()
    try onReactor { reactor in
      let cancelled = reactor.spawn { try await resolver.resolve("a.example", port: 1) }
      try await until { !server.asked.isEmpty }
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }
      let error = await #expect(throws: TimeoutError.self) {
        try await resolver.resolve("a.example", port: 1, deadline: soon(20))
      }
      #expect(error?.description == "timed out: look-up of a.example")
      await #expect(throws: TimeoutError.self) {
        try await resolver.resolve("a.example", port: 1, deadline: .after(.zero))
      }
      #expect(reactor.waits.isEmpty)
      let patient = reactor.spawn { try await resolver.resolve("a.example", port: 1) }
      await reactor.yield()
      server.speakUp()
      #expect(try await patient.value.count == 1)
      #expect(server.asked == ["a.example"])
      #expect(resolver.lookupCount == 0)
    }
  }

  @Test(
    "When nothing answers, no more threads are stuck than there may be; numbers are read, names wait until their deadlines"
  )
  func stuck() throws {
    let server = SilentServer()
    let resolver = server.resolver(maxThreads: 2)
    try onReactor { reactor in
      let waiting = (0..<50).map { number in
        reactor.spawn { try await resolver.resolve("\(number).example", port: 1) }
      }
      try await until { server.asked.count == 2 }
      #expect(resolver.threadCount == 2)
      #expect(try await resolver.resolve("127.0.0.1", port: 1).count == 1)
      await #expect(throws: TimeoutError.self) {
        try await resolver.resolve("localhost", port: 1, deadline: soon(20))
      }
      #expect(resolver.lookupCount == 50)
      for task in waiting { task.cancel() }
      for task in waiting { await #expect(throws: CancellationError.self) { try await task.value } }
      // Who waited for a thread is forgotten, and costs no memory.
      #expect(resolver.lookupCount == 2)
      #expect(reactor.waits.isEmpty)
      server.speakUp()
      #expect(try await resolver.resolve("last.example", port: 1).count == 1)
      // The first two were asked for by a thread each, and either may have been first.
      #expect(server.asked.prefix(2).sorted() == ["0.example", "1.example"])
      #expect(server.asked.dropFirst(2) == ["last.example"])
      try await until { resolver.lookupCount == 0 && resolver.threadCount == 0 }
    }
  }

  @Test("Closing the reactor does not wait for an answer")
  func closing() throws {
    let server = SilentServer()
    let resolver = server.resolver()
    let ended = Shared<(any Error)?>(nil)
    let reactor = try Reactor()
    reactor.spawn {
      do { _ = try await resolver.resolve("a.example", port: 1) } catch { ended.value = error }
    }
    try reactor.run { try await until { !server.asked.isEmpty } }
    reactor.close()
    #expect(ended.value is ReactorClosedError || ended.value is CancellationError || ended.value is ClosedError)
    server.speakUp()
  }

  @Test("A look-up holds the reactor: it is no deadlock, and virtual time stands still")
  func holds() throws {
    let server = SilentServer()
    let resolver = server.resolver()
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    try reactor.run(detectsDeadlock: true) {
      let began = reactor.now
      let timer = reactor.schedule(at: .after(.seconds(1))) { Issue.record("time jumped") }
      async let found = resolver.resolve("a.example", port: 1, deadline: .after(.seconds(60)))
      await reactor.yield()
      server.speakUp()
      let count = try await found.count
      #expect(count == 1 && reactor.now == began)
      timer.cancel()
    }
  }

  @Test("Reactors on several threads share a resolver, and tasks that are on none use it")
  func manyReactors() async throws {
    let resolver = Resolver(maxThreads: 2)
    async let others: Void = onReactorThread { _ in
      for _ in 0..<50 {
        let found = try await resolver.resolve("localhost", port: 1)
        #expect(found.first?.isLoopback == true)
      }
    }
    try await onReactorThread { reactor in
      for _ in 0..<50 {
        let count = try await Task.detached { try await resolver.resolve("localhost", port: 1, on: reactor).count }
          .value
        #expect(count > 0)
      }
    }
    try await others
    #expect(resolver.lookupCount == 0)
  }

  @Test("The reactor's list of waits says which name is waited for")
  func waitsAreNamed() throws {
    let server = SilentServer()
    let resolver = server.resolver()
    try onReactor { reactor in
      let asking = reactor.spawn { try await resolver.resolve("a.example", port: 1) }
      try await until { !reactor.waits.allSatisfy { $0.call == "sleep" } }
      #expect(reactor.waits.contains { $0.subject.contains("look-up of a.example") })
      server.speakUp()
      _ = try await asking.value
    }
  }

  @Test("A forked child looks names up with threads of its own, though all of the parent's are stuck")
  func forking() async {
    await #expect(processExitsWith: .success) {
      let server = SilentServer()
      let resolver = server.resolver(maxThreads: 1)
      try onReactor { reactor in
        let stuck = reactor.spawn { try await resolver.resolve("a.example", port: 1) }
        while server.asked.isEmpty { try await reactor.sleep(for: .milliseconds(1)) }
        let child = forkProcess()
        if child == 0 {
          alarm(20)
          server.speakUp()
          let found = try? onReactor { _ in try await resolver.resolve("a.example", port: 1) }
          _exit(found?.count == 1 ? 0 : 1)
        }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        #expect(status == 0)
        server.speakUp()
        #expect(try await stuck.value.count == 1)
      }
    }
  }
}
