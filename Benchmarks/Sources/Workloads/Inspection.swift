import Glibc
import Synchronization
import Toro
import ToroHTTP
import ToroInspector
import ToroNet

import class Toro.Lock

let inspectionWorkloads = [
  Workload(
    "lock_noted", "as lock_uncontended, while holders are noted", operations: (5_000_000, 0),
    task: { reactor, operations in
      reactor.notesHolders = true
      defer { reactor.notesHolders = false }
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
    operations: (20, 0), task: inspected),
]

/// Serves requests of clients in the same process, on one reactor, which is kept busy by them. The inspector watches it or not, in
/// turn, so that what else goes on in the machine meets both alike; in a third state its page is asked for four times a second too.
/// An operation is a round of all this.
private func inspected(_ reactor: Reactor, rounds: Int) async throws -> Measurement {
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

  /// What a request costs, over a slice.
  func measure() async throws -> Cost {
    try await reactor.sleep(for: .milliseconds(20))
    let (began, before) = (Cost.now, count.value)
    try await reactor.sleep(for: slice)
    return (Cost.now - began) / Double(count.value - before)
  }
  _ = try await measure()
  var plainTimes: [Double] = []
  var watched: [(time: Double, processor: Double)] = []
  var looked: [(time: Double, processor: Double)] = []
  for _ in 0..<rounds {
    let before = try await measure()
    inspector.watch(reactor)
    let during = try await measure()
    isLooking.value = true
    let underEyes = try await measure()
    isLooking.value = false
    inspector.unwatch(reactor)
    let plain = (before + (try await measure())) / 2
    plainTimes.append(plain.time)
    watched.append(during.percentMore(than: plain))
    looked.append(underEyes.percentMore(than: plain))
  }
  for client in clients { client.cancel() }
  for client in clients { _ = await client.result }
  // What the inspection takes by itself, which no other load disturbs.
  var idle: [Double] = []
  inspector.watch(reactor)
  for isLookedAt in [false, true] {
    isLooking.value = isLookedAt
    try await reactor.sleep(for: .milliseconds(300))
    let began = Cost.now
    try await reactor.sleep(for: .seconds(3))
    let cost = Cost.now - began
    idle.append(cost.processor / cost.time * 100)
  }
  _ = try await listener.stop(grace: .zero)
  try await serving.value
  inspector.close()
  group.stop(deadline: .after(.zero))
  _ = await looking.result
  return Measurement(
    nanoseconds: Int(median(plainTimes)), operations: 1,
    extras: [
      ("watched_percent", median(watched.map(\.time))), ("watched_cpu_percent", median(watched.map(\.processor))),
      ("idle_cpu_percent", idle[0]), ("idle_looked_at_cpu_percent", idle[1]),
      ("looked_at_percent", median(looked.map(\.time))), ("looked_at_cpu_percent", median(looked.map(\.processor))),
    ])
}

/// Time, and what all the threads of the process had of the processors, which the rest of the machine disturbs less: nanoseconds.
private struct Cost {
  var time: Double
  var processor: Double

  static var now: Cost {
    var used = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
    return Cost(time: Double(nowNanoseconds()), processor: Double(used.tv_sec * 1_000_000_000 + used.tv_nsec))
  }

  static func + (a: Cost, b: Cost) -> Cost { Cost(time: a.time + b.time, processor: a.processor + b.processor) }
  static func - (a: Cost, b: Cost) -> Cost { Cost(time: a.time - b.time, processor: a.processor - b.processor) }
  static func / (a: Cost, b: Double) -> Cost { Cost(time: a.time / b, processor: a.processor / b) }

  func percentMore(than other: Cost) -> (time: Double, processor: Double) {
    ((time / other.time - 1) * 100, (processor / other.processor - 1) * 100)
  }
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
