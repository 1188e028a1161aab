import Glibc
import Toro
import ToroNet

import class Toro.Semaphore

/// Some of what programs do, in which a call of the system's may fail.
struct Scenario: Sendable {
  let name: String
  /// Throws, or tells the journal, what could not be done.
  let run: @Sendable (Journal) throws -> Void
}

let scenarios = [
  Scenario(name: "reactor", run: aReactor), Scenario(name: "adopted", run: anAdoptedBase),
  Scenario(name: "tcp", run: overTCP), Scenario(name: "unix", run: overUnixSockets),
  Scenario(name: "flood", run: flood),
  Scenario(name: "datagrams", run: datagrams), Scenario(name: "names", run: byName),
  Scenario(name: "signals", run: signals), Scenario(name: "group", run: aGroup),
]

/// Longer than anything takes, also where a listener waits a second before it accepts again.
private let patience = Duration.seconds(15)

/// Runs a part that has to end, one way or the other.
private func part<Value: Sendable>(
  _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  do {
    return try await withDeadline(.after(patience)) { try await body() }
  } catch let error as TimeoutError {
    throw Lost(what: "\(what): \(error)")
  }
}

// MARK: The reactor alone

private func aReactor(_ journal: Journal) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    try await part("hand-over") { try await handOver() }
    try await part("thread") { try await hearFromThread(reactor) }
    try await part("sleep") { try await reactor.sleep(for: .milliseconds(2)) }
    do {
      try await part("pipe") { try await readPipe(reactor) }
    } catch {
      journal.tell(error)
    }
    try await part("task") { try await reactor.spawn { await Task.yield() }.value }
  }
}

private func handOver() async throws {
  let reactor = Reactor.current
  let (ping, pong) = (Semaphore(0), Semaphore(0))
  let other = reactor.spawn {
    for _ in 0..<5 {
      try await ping.acquire()
      pong.release()
    }
  }
  for _ in 0..<5 {
    ping.release()
    guard try await pong.acquire(deadline: .after(.seconds(10))) else { throw Lost(what: "a permit") }
  }
  try await other.value
}

private func hearFromThread(_ reactor: Reactor) async throws {
  let event = Event()
  let body = Unmanaged.passRetained(Body { event.set() })
  var thread = pthread_t()
  let error = Faults.own {
    pthread_create(
      &thread, nil,
      { body in
        usleep(2000)  // the reactor is asleep by then
        Unmanaged<Body>.fromOpaque(body.unsafelyUnwrapped).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
  }
  guard error == 0 else { throw Lost(what: "no thread: \(error)") }
  reactor.hold()
  defer { reactor.unhold() }
  let isSet = try await event.wait(deadline: .after(.seconds(10)))
  Faults.own { _ = pthread_join(thread, nil) }
  if !isSet { throw Lost(what: "what a thread has posted") }
}

private final class Body: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func readPipe(_ reactor: Reactor) async throws {
  var ends: [Int32] = [0, 0]
  guard Faults.own({ pipe(&ends) }) == 0 else { throw Lost(what: "no pipe") }
  let (input, output) = (ends[0], ends[1])
  defer {
    close(input)
    close(output)
  }
  reactor.schedule(at: .after(.milliseconds(2))) { Faults.own { _ = Glibc.write(output, "x", 1) } }
  if try await !reactor.readable(input, deadline: .after(.seconds(10))) { throw Lost(what: "a readable pipe") }
}

// MARK: A host's base

private func anAdoptedBase(_ journal: Journal) throws {
  typealias Make = @convention(c) () -> OpaquePointer?
  typealias Run = @convention(c) (OpaquePointer) -> Int32
  typealias Free = @convention(c) (OpaquePointer) -> Void
  func find<Function>(_ name: String, _ type: Function.Type) -> Function {
    unsafeBitCast(dlsym(nil, name), to: Function.self)
  }
  guard let base = Faults.own({ find("event_base_new", Make.self)() }) else { throw Lost(what: "no base") }
  defer { Faults.own { find("event_base_free", Free.self)(base) } }
  let reactor = try Reactor(adopting: base)
  defer { reactor.close() }
  let ended = Ended()
  reactor.spawn {
    defer { ended.isSet = true }
    do {
      try await part("hand-over") { try await handOver() }
      try await part("thread") { try await hearFromThread(reactor) }
      try await part("sleep") { try await reactor.sleep(for: .milliseconds(2)) }
      try await part("pipe") { try await readPipe(reactor) }
    } catch {
      journal.tell(error)
    }
  }
  // The host's loop has nothing of its own: it ends when Toro has nothing left for it.
  let until = time(nil) + 20
  while !ended.isSet, time(nil) < until {
    _ = find("event_base_dispatch", Run.self)(base)
    if !ended.isSet { usleep(1000) }
  }
  if !ended.isSet { throw Lost(what: "the host's loop ended, and a task had not") }
}

private final class Ended: @unchecked Sendable {
  var isSet = false
}

// MARK: Connections

private func overTCP(_ journal: Journal) throws {
  try inReactor { reactor in
    let listener = try Listener(host: "127.0.0.1", port: 0)
    try await serve(listener, journal) { try await Connection.connect(to: listener.localAddress) }
  }
}

private func overUnixSockets(_ journal: Journal) throws {
  let path = "/tmp/toro-faults-\(getpid())"
  try inReactor { reactor in
    let listener = try Listener(unixPath: path)
    try await serve(listener, journal) { try await Connection.connect(to: SocketAddress(unixPath: path)) }
  }
  if access(path, F_OK) == 0 { throw Lost(what: "\(path) is left") }
}

private func byName(_ journal: Journal) throws {
  try inReactor { reactor in
    let listener = try Listener(host: "127.0.0.1", port: 0)
    let port = Int(listener.localAddress.port ?? 0)
    try await serve(listener, journal) { try await Connection.connect(toHost: "localhost", port: port) }
  }
}

private func inReactor(_ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    try await part("all") { try await body(reactor) }
    // What was written may still be on its way.
    let until = reactor.now.advanced(by: .seconds(12))
    while reactor.waits.contains(where: { !$0.subject.contains("Reactor") }), reactor.now < until {
      try await reactor.sleep(for: .milliseconds(5))
    }
  }
  if !reactor.waits.isEmpty { throw Lost(what: "waits are left: \(reactor.waits)") }
}

/// An echo that a client asks some times; then all is stopped.
private func serve(
  _ listener: Listener, _ journal: Journal, _ connect: @escaping @Sendable () async throws -> Connection
) async throws {
  try await serve(listener, journal) { connection in
    while let line = try await connection.readLine() {
      try await connection.write(["\(line)\n", "."].map { Array($0.utf8) })
    }
  } toClient: {
    let client = try await connect()
    defer { client.close() }
    for number in 1...3 {
      try await client.write("line \(number)\n")
      guard try await client.read(exactly: 8) == Array("line \(number)\n.".utf8).suffix(8) else {
        throw CutShort()
      }
    }
    try await sendFile(over: client)
    client.closeWrite()
    while try await !client.read().isEmpty {}
  }
}

/// Serves connections while a client has its way; then all is stopped.
private func serve(
  _ listener: Listener, _ journal: Journal, _ answer: @escaping @Sendable (Connection) async throws -> Void,
  toClient client: @escaping @Sendable () async throws -> Void
) async throws {
  let serving = Reactor.current.spawn {
    try await listener.serve { connection in
      do {
        try await answer(connection)
        connection.closeWrite()
      } catch {
        journal.tell(error)
        throw error
      }
    }
  }
  do {
    try await part("exchange", client)
  } catch {
    journal.tell(error)
  }
  _ = try await part("stop") { try await listener.stop(grace: .seconds(5)) }
  _ = try await part("serving") { try await serving.value }
}

private struct CutShort: Error {}

private func sendFile(over client: Connection) async throws {
  let file = Faults.own { open("/proc/self/exe", O_RDONLY | O_CLOEXEC) }
  defer { close(file) }
  let sent = try await client.write(contentsOf: file, count: 100)
  if sent != 100 { throw CutShort() }
  try await client.write("\n")
}

/// More than the system holds, to a client that takes it late.
private func flood(_ journal: Journal) throws {
  let size = 4 << 20
  try inReactor { reactor in
    let listener = try Listener(host: "127.0.0.1", port: 0)
    try await serve(listener, journal) { connection in
      try await connection.write([UInt8](repeating: 1, count: size))
      try await connection.write([[UInt8](repeating: 2, count: size), [3]])
    } toClient: {
      let client = try await Connection.connect(to: listener.localAddress)
      defer { client.close() }
      try await reactor.sleep(for: .milliseconds(5))
      var count = 0
      while case let bytes = try await client.read(), !bytes.isEmpty { count += bytes.count }
      if count != 2 * size + 1 { throw CutShort() }
    }
  }
}

// MARK: Datagrams, signals, groups

private func datagrams(_ journal: Journal) throws {
  try inReactor { reactor in
    let receiver = try DatagramSocket(host: "127.0.0.1", port: 0)
    defer { receiver.close() }
    let sender = try DatagramSocket(connectedTo: receiver.localAddress)
    defer { sender.close() }
    try await part("one") {
      try await sender.send("one")
      guard try await receiver.receive(deadline: .after(.seconds(5))).bytes == Array("one".utf8) else {
        throw CutShort()
      }
    }
    try await part("some") {
      let sent = try await sender.send([Datagram("two"), Datagram("three")])
      var count = 0
      while count < sent { count += try await receiver.receive(upTo: 5, deadline: .after(.seconds(5))).count }
    }
  }
}

private func signals(_ journal: Journal) throws {
  try inReactor { reactor in
    let signals = try Signals([SIGUSR1, SIGUSR2])
    defer { signals.close() }
    for number in [SIGUSR1, SIGUSR2, SIGUSR1] {
      reactor.schedule(at: .after(.milliseconds(2))) { kill(getpid(), number) }
      let got = try await part("signal \(number)") { try await signals.next() }
      if got != number { throw Lost(what: "signal \(number)") }
    }
  }
}

private func aGroup(_ journal: Journal) throws {
  let group = try ReactorGroup(count: 2)
  let queue = SharedQueue<Int>(capacity: 2)
  _ = try group.run { reactor in
    if reactor === group[0] {
      for number in 1...10 { try await queue.put(number) }
      queue.close()
    } else {
      var sum = 0
      for try await number in queue { sum += number }
      if sum != 55 { throw Lost(what: "items: \(sum)") }
    }
  }
}
