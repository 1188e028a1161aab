import Glibc
import Synchronization
import Toro
import ToroHTTP
import ToroInspector
import ToroNet

import class Toro.Lock

let inspectionWorkloads = [
  Workload(
    "lock_noted", "as lock_uncontended, while holders are noted",
    task: { reactor in
      reactor.notesHolders = true
      defer { reactor.notesHolders = false }
      let operations = 5_000_000
      let lock = Lock()
      let began = nowNanoseconds()
      for _ in 0..<operations {
        try await lock.acquire()
        lock.release()
      }
      return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
    }),
  Workload(
    "http_inspected", "a small request, watched by an inspector or not in turn: how much longer it takes, in percent",
    task: inspected),
]

/// Serves requests of clients in the same process, on one reactor, which is kept busy by them. The inspector watches it or not, in
/// turn, so that what else goes on in the machine meets both alike; in a third state its page is asked for four times a second too.
private func inspected(_ reactor: Reactor) async throws -> Measurement {
  let rounds = 40
  let slice = Duration.milliseconds(250)
  let listener = try Listener(host: "127.0.0.1", port: 0)
  let server = HTTPServer { _ in .text("Hello, World!\n") }
  let serving = reactor.spawn { try await server.serve(listener) }
  let count = Shared(0)
  let clients = (0..<16).map { _ in reactor.spawn { try await send(to: listener.localAddress, counting: count) } }
  let inspector = try Inspector(at: SocketAddress(host: "127.0.0.1", port: 0))
  let group = try ReactorGroup(count: 1)
  let isLooking = Flag(false)
  let address = inspector.address
  let looking = Task {
    try await group.run { own in
      while true {
        if isLooking.value { try await look(at: address) }
        try await own.sleep(for: .milliseconds(250))
      }
    }
  }

  /// Nanoseconds a request, over a slice.
  func measure() async throws -> Double {
    try await reactor.sleep(for: .milliseconds(20))
    let (began, before) = (nowNanoseconds(), count.value)
    try await reactor.sleep(for: slice)
    return Double(nowNanoseconds() - began) / Double(count.value - before)
  }
  _ = try await measure()
  var watched: [Double] = []
  var looked: [Double] = []
  var plainTimes: [Double] = []
  for _ in 0..<rounds {
    let before = try await measure()
    inspector.watch(reactor)
    let during = try await measure()
    isLooking.value = true
    let underEyes = try await measure()
    isLooking.value = false
    inspector.unwatch(reactor)
    let plain = (before + (try await measure())) / 2
    plainTimes.append(plain)
    watched.append((during / plain - 1) * 100)
    looked.append((underEyes / plain - 1) * 100)
  }
  for client in clients { client.cancel() }
  for client in clients { _ = await client.result }
  _ = try await listener.stop(grace: .zero)
  try await serving.value
  inspector.close()
  group.stop(deadline: .after(.zero))
  _ = await looking.result
  return Measurement(
    nanoseconds: Int(median(plainTimes)), operations: 1,
    extras: [("watched_percent", median(watched)), ("looked_at_percent", median(looked))])
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// One request after the other, over one connection, until it is cancelled.
private func send(to address: SocketAddress, counting count: Shared<Int>) async throws {
  let connection = try await Connection.connect(to: address)
  let request = Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
  while true {
    try await connection.write(request)
    // The answer is so small that it comes at once.
    if try await connection.read().isEmpty { return }
    count.value += 1
  }
}

private func look(at address: SocketAddress) async throws {
  let connection = try await Connection.connect(to: address)
  try await connection.write("GET /snapshot.json HTTP/1.0\r\nHost: localhost\r\n\r\n")
  while try await !connection.read().isEmpty {}
  connection.close()
}

/// A flag that threads share.
private final class Flag: Sendable {
  private let flag: Atomic<Bool>
  init(_ value: Bool) { flag = Atomic(value) }
  var value: Bool {
    get { flag.load(ordering: .relaxed) }
    set { flag.store(newValue, ordering: .relaxed) }
  }
}
