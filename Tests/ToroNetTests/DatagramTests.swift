import Glibc
import Testing
import Toro

@testable import ToroNet

@Suite("Datagrams")
struct DatagramTests {
  /// A socket on a free port, and one that is connected to it.
  private func pair(_ host: String = "127.0.0.1", _ options: DatagramSocket.Options = .init()) throws -> (
    server: DatagramSocket, client: DatagramSocket
  ) {
    let server = try DatagramSocket(host: host, port: 0, options: options)
    return (server, try DatagramSocket(connectedTo: server.localAddress))
  }

  /// A path that is free.
  private func path() -> String {
    var random = SystemRandomNumberGenerator()
    return "/tmp/toro-\(getpid())-\(random.next() as UInt64)"
  }

  @Test("What is sent is received whole, with whom it is from, and can be answered", arguments: ["127.0.0.1", "::1"])
  func exchange(host: String) throws {
    try onReactor { reactor in
      let (server, client) = try pair(host)
      #expect(server.port != 0 && client.peerAddress == server.localAddress)
      try await client.send("hello")
      let datagram = try await server.receive()
      #expect(datagram.text == "hello" && datagram.address == client.localAddress && !datagram.isTruncated)
      try await server.send([1, 2, 3], to: datagram.address)
      #expect(try await client.receive().bytes == [1, 2, 3])
      try await client.send("")
      #expect(try await server.receive().bytes == [])
      #expect("\(server)" == "<DatagramSocket \(server.localAddress)>")
      #expect("\(client)" == "<DatagramSocket \(client.localAddress) to \(server.localAddress)>")
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A receive waits for a datagram, and one for room")
  func waiting() throws {
    try onReactor { reactor in
      let (server, client) = try pair()
      let receiving = reactor.spawn { try await server.receive() }
      try await reactor.sleep(for: .milliseconds(1))
      #expect(
        reactor.waits.contains { $0.subject == "DatagramSocket \"\(server.localAddress)\"" && $0.call == "receive" })
      try await client.send("late")
      #expect(try await receiving.value.text == "late")
    }
  }

  @Test("A datagram that is longer than the receiver takes is cut off, and how much is told")
  func truncation() throws {
    try onReactor { _ in
      let (server, client) = try pair("127.0.0.1", .init { $0.maxLength = 4 })
      for length in [3, 4, 5, 60_000] {
        try await client.send([UInt8](repeating: 7, count: length))
        let datagram = try await server.receive()
        #expect(datagram.bytes == [UInt8](repeating: 7, count: min(4, length)))
        #expect(datagram.missingCount == max(0, length - 4) && datagram.isTruncated == (length > 4))
      }
      for length in [3, 5] { try await client.send([UInt8](repeating: 7, count: length)) }
      #expect(try await server.receive(upTo: 8).map(\.missingCount) == [0, 1])
      try await client.send("longer")
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 5, alignment: 1)
      defer { memory.deallocate() }
      let (count, address, missingCount) = try await server.receive(into: memory)
      #expect(count == 5 && missingCount == 1 && address == client.localAddress)
      #expect(memory.elementsEqual("longe".utf8))
    }
  }

  @Test("The longest datagrams arrive, and one that is too long is refused")
  func longest() throws {
    try onReactor { _ in
      let (server, client) = try pair()
      let longest = (0..<65_507).map { UInt8(truncatingIfNeeded: $0) }
      try await client.send(longest)
      #expect(try await server.receive().bytes == longest)
      let error = await #expect(throws: SocketError.self) { try await client.send(longest + [0]) }
      #expect(error?.errno == EMSGSIZE)
      #expect(error?.description == "send \(server.localAddress): Message too long")
      #expect(try await client.send([Datagram("first"), Datagram(longest + [0]), Datagram("third")]) == 1)
      await #expect(throws: SocketError.self) { try await client.send([Datagram(longest + [0])]) }
      #expect(try await server.receive().text == "first")
    }
  }

  @Test("Many are sent and received at a time, in order, each to whom it is for", arguments: [1_024, 65_536])
  func batches(maxLength: Int) throws {
    try onReactor { reactor in
      let (server, client) = try pair("127.0.0.1", .init { $0.maxLength = maxLength })
      let other = try DatagramSocket(connectedTo: server.localAddress)
      let total = 150
      #expect(try await client.send((0..<total).map { Datagram("\($0)") }) == total)
      var received: [Datagram] = []
      var calls = 0
      while received.count < total {
        received += try await server.receive(upTo: 1_000)
        calls += 1
      }
      #expect(received.map(\.text) == (0..<total).map { "\($0)" })
      #expect(received.allSatisfy { $0.address == client.localAddress && !$0.isTruncated })
      #expect(calls <= (maxLength == 1_024 ? 4 : 12))
      let answers = [Datagram("a", to: client.localAddress), Datagram("b", to: other.localAddress)]
      #expect(try await server.send(answers) == 2)
      #expect(try await client.receive(upTo: 2).map(\.text) == ["a"])
      #expect(try await other.receive(upTo: 2).map(\.text) == ["b"])
      #expect(try await client.send([]) == 0)
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("Large datagrams are sent together as far as they have room, in order")
  func largeBatches() throws {
    try onReactor { _ in
      let (server, client) = try pair("127.0.0.1", .init { $0.receiveBuffer = 4 << 20 })
      let lengths = [40_000, 30_000, 65_507, 1, 0, 20_000]
      #expect(try await client.send(lengths.map { Datagram([UInt8](repeating: 1, count: $0)) }) == lengths.count)
      var received: [Int] = []
      while received.count < lengths.count { received += try await server.receive(upTo: 3).map(\.bytes.count) }
      #expect(received == lengths)
    }
  }

  @Test("They come as a sequence, until the socket is closed")
  func sequence() throws {
    try onReactor { reactor in
      let (server, client) = try pair()
      let received = Shared<[String]>([])
      let receiving = reactor.spawn { for try await datagram in server { received.value.append(datagram.text) } }
      for number in 0..<100 {
        try await client.send("\(number)")
        if number % 10 == 0 { await reactor.yield() }
      }
      while received.value.count < 100 { try await reactor.sleep(for: .milliseconds(1)) }
      #expect(received.value == (0..<100).map { "\($0)" })
      server.close()
      try await receiving.value
      #expect(server.isClosed)
      await #expect(throws: ClosedError.self) { try await server.receive() }
      await #expect(throws: ClosedError.self) { try await server.send("x", to: client.localAddress) }
      await #expect(throws: ClosedError.self) { try await server.send([Datagram("x", to: client.localAddress)]) }
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A receive ends at its deadline or by cancellation, and takes no datagram with it")
  func deadlines() throws {
    try onReactor { reactor in
      let (server, client) = try pair()
      await #expect(throws: TimeoutError.self) { try await server.receive(deadline: soon(10)) }
      await #expect(throws: TimeoutError.self) { try await server.receive(deadline: .after(.zero)) }
      await #expect(throws: TimeoutError.self) { try await server.receive(upTo: 4, deadline: soon(10)) }
      let receiving = reactor.spawn { try await server.receive() }
      await reactor.yield()
      receiving.cancel()
      await #expect(throws: CancellationError.self) { try await receiving.value }
      try await client.send("one")
      try await client.send("two")
      // What is there is received whatever the deadline, and in a cancelled task.
      #expect(try await server.receive(deadline: .after(.zero)).text == "one")
      let late = reactor.spawn { try await server.receive().text }
      late.cancel()
      #expect(try await late.value == "two")
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("Several tasks receive, and each datagram goes to one of them")
  func receivers() throws {
    try onReactor { reactor in
      let (server, client) = try pair()
      let receiving = (0..<5).map { _ in reactor.spawn { try await server.receive().text } }
      await reactor.yield()
      for number in 0..<5 { try await client.send("\(number)") }
      var received: Set<String> = []
      for task in receiving { received.insert(try await task.value) }
      #expect(received == ["0", "1", "2", "3", "4"])
    }
  }

  @Test("That nobody listens is told to the next call of a connected socket, which can be used on")
  func refused() throws {
    try onReactor { reactor in
      let (server, client) = try pair()
      let address = server.localAddress
      server.close()
      try await client.send("anybody?")
      let error = await #expect(throws: SocketError.self) { try await client.receive(deadline: soon(10_000)) }
      #expect(error?.errno == ECONNREFUSED)
      #expect(error?.description == "receive \(address): Connection refused")
      try await client.send("again?")
      let batch = await #expect(throws: SocketError.self) { try await client.receive(upTo: 3, deadline: soon(10_000)) }
      #expect(batch?.errno == ECONNREFUSED)
      try await client.send("again?")
      try await reactor.sleep(for: .milliseconds(20))  // real time: the answer travels
      let sending = await #expect(throws: SocketError.self) { try await client.send("once more?") }
      #expect(sending?.errno == ECONNREFUSED && sending?.operation == "send")
      let again = try DatagramSocket(at: address)
      try await client.send("there you are")
      #expect(try await again.receive(deadline: soon(10_000)).text == "there you are")
    }
  }

  @Test("A connected socket hears its peer only")
  func connected() throws {
    try onReactor { _ in
      let (server, client) = try pair()
      let stranger = try DatagramSocket(host: "127.0.0.1", port: 0)
      try await stranger.send("psst", to: client.localAddress)
      try await client.send("hello")
      try await server.send("hi", to: try await server.receive().address)
      #expect(try await client.receive().text == "hi")
      let bound = try DatagramSocket(connectedTo: server.localAddress, from: SocketAddress("127.0.0.2:0"))
      #expect(bound.localAddress.host == "127.0.0.2")
      try await bound.send("from the other")
      #expect(try await server.receive().address == bound.localAddress)
    }
  }

  @Test("A socket can be used from tasks that are not on its reactor")
  func elsewhere() async throws {
    try await onReactorThread { _ in
      let (server, client) = try pair()
      let echoing = Task.detached {
        for try await datagram in server { try await server.send(datagram.bytes, to: datagram.address) }
      }
      let answers = try await Task.detached {
        var answers: [String] = []
        for number in 0..<100 {
          try await client.send("\(number)")
          answers.append(try await client.receive(deadline: .after(.seconds(600))).text)
        }
        return answers
      }.value
      #expect(answers == (0..<100).map { "\($0)" })
      server.close()
      try await echoing.value
    }
  }

  @Test("Unix sockets do the same, and their files go when they are closed", arguments: [true, false])
  func unix(isAbstract: Bool) throws {
    let path = (isAbstract ? "@" : "") + path()
    try onReactor { reactor in
      let server = try DatagramSocket(unixPath: path, options: .init { $0.mode = 0o600 })
      #expect((access(path, F_OK) == 0) != isAbstract)
      if !isAbstract {
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(throws: SocketError.self) { try DatagramSocket(unixPath: path) }
        #expect(throws: SocketError.self) { try Listener(unixPath: path) }
      }
      let client = try DatagramSocket(connectedTo: server.localAddress)
      try await client.send("hello")
      let datagram = try await server.receive()
      #expect(datagram.text == "hello" && datagram.address == client.localAddress)
      try await server.send("hi", to: datagram.address)
      #expect(try await client.receive().text == "hi")
      // A long one, beyond what the internet's protocols have.
      let long = [UInt8](repeating: 3, count: 100_000)
      try await client.send(long)
      let cut = try await server.receive()
      #expect(cut.bytes.count == 65_536 && cut.missingCount == 100_000 - 65_536)
      #expect(try await client.send([Datagram("a"), Datagram(long), Datagram("b")]) == 3)
      var lengths: [Int] = []
      while lengths.count < 3 { lengths += try await server.receive(upTo: 3).map { $0.bytes.count + $0.missingCount } }
      #expect(lengths == [1, 100_000, 1])
      server.close()
      #expect(access(path, F_OK) != 0)
      let error = await #expect(throws: SocketError.self) { try await client.send("anybody?") }
      #expect(error?.errno == ECONNREFUSED)
      #expect(throws: SocketError.self) { try DatagramSocket(connectedTo: server.localAddress) }
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A sender waits while a Unix socket's queue is full, and goes on as it is emptied", arguments: [true, false])
  func fullQueue(isConnected: Bool) throws {
    let path = "@" + path()
    try onReactor { reactor in
      let server = try DatagramSocket(unixPath: path)
      let address = server.localAddress
      let client =
        isConnected ? try DatagramSocket(connectedTo: address) : try DatagramSocket(unixPath: "\(path)-client")
      let target = isConnected ? nil : address
      // The queue is some datagrams long.
      var sent = 0
      while sent < 10_000 {
        do { try await client.send("\(sent)", to: target, deadline: soon(20)) } catch is TimeoutError { break }
        sent += 1
      }
      #expect(sent < 10_000)
      await #expect(throws: TimeoutError.self) { try await client.send("x", to: target, deadline: .after(.zero)) }
      await #expect(throws: TimeoutError.self) {
        try await client.send([Datagram("x", to: target)], deadline: soon(10))
      }
      let cancelled = reactor.spawn { try await client.send("x", to: target) }
      try await reactor.sleep(for: .milliseconds(5))
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }
      let total = sent + 200
      let began = processorTime()
      let sending = reactor.spawn { [sent] in
        for number in sent..<total { try await client.send("\(number)", to: target) }
      }
      try await reactor.sleep(for: .milliseconds(50))  // real time, and processor time
      #expect(processorTime() - began < 0.025)
      var received: [String] = []
      while received.count < total {
        received += try await server.receive(upTo: 64, deadline: soon(10_000)).map(\.text)
      }
      #expect(received == (0..<total).map { "\($0)" })
      try await sending.value
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("What was left by a socket that nobody has any more is replaced")
  func stale() throws {
    let path = path()
    try onReactor { _ in
      let left = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      #expect(try SocketAddress(unixPath: path).withSystemAddress { bind(left, $0, $1) } == 0)
      close(left)
      #expect(throws: SocketError.self) {
        try DatagramSocket(unixPath: path, options: .init { $0.replacesStaleFile = false })
      }
      let socket = try DatagramSocket(unixPath: path)
      socket.close()
      #expect(access(path, F_OK) != 0)
    }
  }

  @Test("Options are what they were set to; sharing a port and broadcasting take permission")
  func options() throws {
    try onReactor { _ in
      let socket = try DatagramSocket(
        host: "127.0.0.1", port: 0,
        options: .init {
          $0.reusesPort = true
          $0.sendBuffer = 40_000
          $0.receiveBuffer = 50_000
        })
      func value(_ option: Int32) -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(4)
        getsockopt(socket.socket.descriptor, SOL_SOCKET, option, &value, &size)
        return value
      }
      #expect(value(SO_SNDBUF) == 80_000 && value(SO_RCVBUF) == 100_000)  // the system doubles them
      let second = try DatagramSocket(at: socket.localAddress, options: .init { $0.reusesPort = true })
      #expect(second.port == socket.port)
      let error = #expect(throws: SocketError.self) { try DatagramSocket(at: socket.localAddress) }
      #expect(error?.description == "bind \(socket.localAddress): Address already in use")
      let broadcast = try SocketAddress("127.255.255.255:\(socket.port)")
      let sender = try DatagramSocket(host: "127.0.0.1", port: 0)
      let denied = await #expect(throws: SocketError.self) { try await sender.send("x", to: broadcast) }
      #expect(denied?.errno == EACCES)
      let everybody = try DatagramSocket(host: "0.0.0.0", port: 0, options: .init { $0.allowsBroadcast = true })
      try await everybody.send("all", to: SocketAddress("127.255.255.255:\(everybody.port)"))
      #expect(try await everybody.receive(deadline: soon(10_000)).text == "all")
      #expect(throws: AddressError.self) { try DatagramSocket(host: "127.0.0.1", port: 70_000) }
      #expect(throws: AddressError.self) { try DatagramSocket(unixPath: String(repeating: "x", count: 108)) }
    }
  }

  @Test("What is sent to an IPv4 group comes to those who have joined it, until they leave")
  func multicast() throws { try multicast("239.255.42.17", "lo") }

  /// To a group that is local to this machine.
  @Test(
    "What is sent to an IPv6 group comes to those who have joined it, until they leave",
    .enabled(if: multicastInterface() != nil, "no network interface has IPv6 and takes multicast"))
  func multicastIPv6() throws { try multicast("ff01::4217", try #require(multicastInterface())) }

  private func multicast(_ group: String, _ interface: String) throws {
    try onReactor { reactor in
      let isIPv4 = try SocketAddress(host: group, port: 0).family == .ipv4
      var options = DatagramSocket.Options()
      options.reusesAddress = true
      options.multicastInterface = interface
      options.multicastHops = 1
      let any = isIPv4 ? "0.0.0.0" : "::"
      let first = try DatagramSocket(host: any, port: 0, options: options)
      let second = try DatagramSocket(host: any, port: first.port, options: options)
      for socket in [first, second] { try socket.join(group: group, interface: interface) }
      let again = #expect(throws: SocketError.self) { try first.join(group: group, interface: interface) }
      #expect(again?.errno == EADDRINUSE && again?.operation == "join")
      let target = try SocketAddress(host: isIPv4 ? group : "\(group)%\(interface)", port: first.port)
      let sender = try DatagramSocket(host: any, port: 0, options: options)
      try await sender.send("to all", to: target)
      #expect(try await first.receive(deadline: soon(10_000)).text == "to all")
      #expect(try await second.receive(deadline: soon(10_000)).text == "to all")
      try second.leave(group: group, interface: interface)
      let absent = #expect(throws: SocketError.self) { try second.leave(group: group, interface: interface) }
      #expect(absent?.errno == EADDRNOTAVAIL)
      try await sender.send("to the rest", to: target)
      #expect(try await first.receive(deadline: soon(10_000)).text == "to the rest")
      let none = #expect(throws: AddressError.self) { try first.join(group: "10.0.0.1") }
      #expect(none?.description == "not the address of a group, as 239.255.0.7 and ff02::1234 are: \"10.0.0.1\"")
      #expect(throws: AddressError.self) { try first.join(group: group, interface: "nosuchif") }
      first.close()
      #expect(throws: ClosedError.self) { try first.join(group: group) }
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A flood costs no memory but the system's, and what is received of it is whole")
  func flood() throws {
    try onReactor { reactor in
      let (server, client) = try pair()
      let datagram = [UInt8](repeating: 9, count: 1_400)
      var sent = 0
      for _ in 0..<200 { sent += try await client.send([Datagram](repeating: Datagram(datagram), count: 64)) }
      #expect(sent == 12_800)
      var received = 0
      while let some = try? await server.receive(upTo: 64, deadline: soon(10)) {
        #expect(some.allSatisfy { $0.bytes == datagram })
        received += some.count
      }
      #expect(received > 0 && received <= sent)
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A socket that nobody waits on does not keep the loop going, and closing the reactor ends its waits")
  func ending() throws {
    let reactor = try Reactor()
    let socket = try reactor.run { try DatagramSocket(host: "127.0.0.1", port: 0) }
    try reactor.run()
    let ended = Shared<(any Error)?>(nil)
    reactor.spawn { do { _ = try await socket.receive() } catch { ended.value = error } }
    _ = try reactor.runOnce(blocking: false)
    reactor.close()
    #expect(ended.value != nil)
  }
}

/// A network interface over which IPv6 groups are reached.
private func multicastInterface() -> String? {
  var list: UnsafeMutablePointer<ifaddrs>?
  guard getifaddrs(&list) == 0 else { return nil }
  defer { freeifaddrs(list) }
  var entry = list
  while let one = entry?.pointee {
    let flags = UInt32(IFF_UP | IFF_MULTICAST)
    if one.ifa_addr?.pointee.sa_family == sa_family_t(AF_INET6), one.ifa_flags & flags == flags {
      return String(cString: one.ifa_name)
    }
    entry = one.ifa_next
  }
  return nil
}

/// How long this thread has run: seconds.
private func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
