import Glibc
import Testing
import Toro

@testable import ToroNet

// Each in a process of its own: in a network of its own, or to count its descriptors.

private let makesNetworks = getuid() == 0 && system("unshare --net --mount ip link set lo up 2>/dev/null") == 0

/// Gives the calling thread, and those it makes, a network in which nothing is but the loopback interface, and names of its own.
private func enterNetwork(hasIPv6: Bool = true) {
  let unshare = unsafeBitCast(dlsym(nil, "unshare"), to: (@convention(c) (Int32) -> Int32).self)
  let newNetwork: Int32 = 0x4000_0000
  let newMounts: Int32 = 0x0002_0000
  precondition(unshare(newNetwork | newMounts) == 0)
  precondition(system("mount --make-rprivate /") == 0)
  if !hasIPv6 { precondition(system("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6") == 0) }
  precondition(system("ip link set lo up") == 0)
  for (file, text) in [
    ("/etc/resolv.conf", "nameserver 127.0.0.1\\noptions timeout:6 attempts:1"),
    ("/etc/nsswitch.conf", "hosts: files dns"),
    ("/etc/hosts", "127.0.0.1 localhost\\n127.0.0.7 known.example"),
  ] {
    let copy = "/tmp/toro-\(getpid())-network"
    precondition(system("printf '\(text)\\n' > \(copy) && mount --bind \(copy) \(file) && rm \(copy)") == 0)
  }
}

/// What a name server answers to a query for IPv4 addresses: this one, or none; to others, nothing of the kind.
private func answer(_ query: [UInt8], _ address: [UInt8]?) -> [UInt8] {
  var answer = Array(query)
  answer[2] |= 0x80
  answer[3] = address == nil ? 0x83 : 0x80  // no such name
  answer[11] = 0  // without the additional part
  guard let end = query[12...].firstIndex(of: 0) else { return [] }
  answer.removeSubrange((end + 5)...)
  if let address, query[end + 2] == 1 {
    answer[7] = 1
    answer += [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4] + address
  }
  return answer
}

@Suite("Networks of their own", .enabled(if: makesNetworks, "needs root, and unshare and ip"))
struct NetworkTests {
  @Test("DNS that never answers holds up nobody beyond the deadline, nor numbers, nor the end of the reactor")
  func silentServer() async {
    await #expect(processExitsWith: .success) {
      enterNetwork()
      let resolver = Resolver(maxThreads: 2)
      let connecting = Connection.ConnectOptions { $0.resolver = resolver }
      let ended = Shared<(any Error)?>(nil)
      let reactor = try Reactor()
      try reactor.run {
        let server = try DatagramSocket(host: "127.0.0.1", port: 53)
        let listener = try Listener(host: "127.0.0.7", port: 0)
        let client = try await Connection.connect(toHost: "known.example", port: listener.port, options: connecting)
        #expect(client.peerAddress == listener.localAddress)
        let stuck = ["a.example", "b.example"].map { name in
          reactor.spawn { try await Connection.connect(toHost: name, port: 1, options: connecting) }
        }
        var queries = ""
        while !queries.contains("\u{1}a\u{7}example") || !queries.contains("\u{1}b\u{7}example") {
          queries += try await server.receive(upTo: 10).map(\.text).joined()
        }
        await #expect(throws: TimeoutError.self) {
          try await Connection.connect(toHost: "c.example", port: 1, options: connecting, deadline: soon(20))
        }
        for task in stuck {
          task.cancel()
          await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(resolver.threadCount == 2 && resolver.lookupCount == 2)
        #expect(try await resolver.resolve("127.0.0.9", port: 1).count == 1)
        // Files are read when the system has given up on one of the others.
        let known = try await resolver.resolve("known.example", port: 1, deadline: soon(90_000))
        #expect(known.map(\.host) == ["127.0.0.7"])
        let error = await #expect(throws: ResolverError.self) { try await resolver.resolve("c.example", port: 1) }
        #expect(error?.isTemporary == true)
        #expect(error?.description == "look-up of c.example: Temporary failure in name resolution")
        #expect(reactor.waits.isEmpty)
        reactor.spawn {
          do { _ = try await resolver.resolve("d.example", port: 1) } catch { ended.value = error }
        }
        while try await !server.receive().text.contains("\u{1}d\u{7}example") {}
      }
      reactor.close()
      #expect(ended.value != nil)
      #expect(resolver.lookupCount == 1)  // which is still stuck
    }
  }

  @Test("DNS that answers is heard, also that there is no such name")
  func answeringServer() async {
    await #expect(processExitsWith: .success) {
      enterNetwork()
      try onReactor { reactor in
        let server = try DatagramSocket(host: "127.0.0.1", port: 53)
        let serving = reactor.spawn {
          for try await query in server {
            let isKnown = query.text.contains("known")
            try await server.send(answer(query.bytes, isKnown ? [127, 0, 0, 9] : nil), to: query.address)
          }
        }
        let found = try await Resolver.standard.resolve("known.test", port: 80)
        #expect(found.map(\.description) == ["127.0.0.9:80"])
        let error = await #expect(throws: ResolverError.self) {
          try await Resolver.standard.resolve("nowhere.test", port: 80)
        }
        #expect(error?.isNotFound == true)
        #expect(error?.description == "look-up of nowhere.test: Name or service not known")
        let listener = try Listener(host: "127.0.0.9", port: 0)
        let client = try await Connection.connect(to: Endpoint("known.test:\(listener.port)"))
        #expect(client.peerAddress == listener.localAddress)
        server.close()
        try await serving.value
        #expect(reactor.waits.isEmpty)
      }
    }
  }

  @Test("Where there is no IPv6, a name that has such an address is connected to by its other one, at once")
  func noIPv6() async {
    await #expect(processExitsWith: .success) {
      enterNetwork(hasIPv6: false)
      try onReactor { reactor in
        #expect(throws: SocketError.self) { try Listener(host: "::1", port: 0) }
        let both = Resolver(maxThreads: 1) { _ in [try SocketAddress("[::1]:0"), try SocketAddress("127.0.0.1:0")] }
        let options = Connection.ConnectOptions {
          $0.resolver = both
          $0.attemptDelay = .seconds(3_600)
        }
        let listener = try loopback()
        let client = try await Connection.connect(toHost: "some.example", port: listener.port, options: options)
        #expect(client.peerAddress == listener.localAddress)
        listener.close()
        let error = await #expect(throws: ConnectError.self) {
          try await Connection.connect(toHost: "some.example", port: listener.port, options: options)
        }
        #expect(error?.failures.count == 2 && error?.failures.last?.errno == ECONNREFUSED)
        #expect(reactor.waits.isEmpty)
      }
    }
  }
}

@Suite("Descriptors of names and datagrams")
struct NameDescriptorTests {
  @Test("Nothing leaves a descriptor open: losers of a race, failures, deadlines, cancellations, dropped sockets")
  func nothingLeaks() async {
    await #expect(processExitsWith: .success) {
      // The first loop may make what lasts, and other threads of the process have some open for a moment.
      var counts: [Int] = []
      for _ in 0..<20 {
        try onReactor { reactor in
          let addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
          let options = Connection.ConnectOptions {
            $0.resolver = Resolver(maxThreads: 1) { _ in try addresses.map { try SocketAddress(host: $0, port: 0) } }
            $0.attemptDelay = .milliseconds(2)
          }
          let dead = try Listener(host: "127.0.0.1", port: 0, options: .init { $0.backlog = 1 })
          var held: [Connection] = []
          while let one = try? await Connection.connect(to: dead.localAddress, deadline: soon(5)), held.count < 8 {
            held.append(one)
          }
          let alive = try Listener(host: "127.0.0.2", port: dead.port)
          for _ in 0..<5 {
            let client = try await Connection.connect(toHost: "some.example", port: dead.port, options: options)
            #expect(client.peerAddress == alive.localAddress)
          }
          alive.close()
          for _ in 0..<5 {
            _ = try? await Connection.connect(
              toHost: "some.example", port: dead.port, options: options, deadline: soon(5))
            let cancelled = reactor.spawn {
              try await Connection.connect(toHost: "some.example", port: dead.port, options: options)
            }
            await reactor.yield()
            cancelled.cancel()
            _ = try? await cancelled.value
          }
          for _ in 0..<20 {
            let server = try DatagramSocket(host: "127.0.0.1", port: 0)
            let client = try DatagramSocket(connectedTo: server.localAddress)
            try await client.send("x")
            _ = try await server.receive()
            _ = try? await server.receive(deadline: .after(.zero))
            _ = try? DatagramSocket(at: server.localAddress)
            _ = try? DatagramSocket(unixPath: "/nowhere/at/all")
            _ = try? DatagramSocket(connectedTo: SocketAddress(unixPath: "@toro-nobody"))
            _ = try? DatagramSocket(host: "127.0.0.1", port: 0, options: .init { $0.multicastInterface = "nosuchif" })
            client.close()
          }
          _ = try await Resolver.standard.resolve("localhost", port: 1)
          #expect(reactor.waits.isEmpty)
        }
        counts.append(openDescriptorCount())
      }
      #expect(counts.last! - counts.first! < 10)
    }
  }
}
