import Glibc
import Toro
import ToroNet

/// A connection to the daemon: one line there, one line back.
struct Client: Sendable {
  let connection: Connection

  init(_ address: SocketAddress) async throws {
    connection = try await Connection.connect(to: address, deadline: .after(.seconds(5)))
  }

  func say(_ line: String) async throws -> String {
    try await connection.write(line + "\n", deadline: .after(.seconds(5)))
    guard let reply = try await connection.readLine(maxLength: 1 << 17, deadline: .after(.seconds(10))) else {
      throw Failure("the daemon ended the connection after \(line.prefix(40))")
    }
    return reply
  }

  /// Says a line, and stops the demo if the reply is another than expected.
  func say(_ line: String, expecting expected: String) async throws {
    let reply = try await say(line)
    guard reply == expected else { throw Failure("\(line.prefix(40)): expected \(expected), got \(reply)") }
  }
}

/// What the demo of the work queue shows, one scene after the other.
struct WorkQueueScenes: Sendable {
  let daemon: ChildProcess
  let address: SocketAddress
  let reactor: Reactor

  func play() async throws {
    show("daemon", "listens on \(address), process \(daemon.pid)")
    try await put()
    try await vanish()
    try await work()
    try await misbehave()
    try await waitInVain()
    try await stop()
  }

  /// Three clients put items at the same time.
  private func put() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for putter in 1...3 {
        group.addTask {
          let client = try await Client(address)
          for number in 1...20 {
            try await client.say("put \(number % 5) job \(putter).\(number)", expecting: "ok")
          }
          try await client.say("quit", expecting: "bye")
        }
      }
      try await group.waitForAll()
    }
    let stats = try await Client(address).say("stats")
    show("putters", "3 clients put 60 items: \(stats)")
  }

  /// One takes an item and goes without a word.
  private func vanish() async throws {
    let client = try await Client(address)
    let item = try await client.say("take 1000")
    client.connection.close()
    show("rogue", "took \"\(item)\" and hung up before it was done")
  }

  /// Four clients take until nothing comes; every item is seen, that of the one who went too.
  private func work() async throws {
    let items = try await withThrowingTaskGroup(of: [String].self) { group in
      for taker in 1...4 {
        group.addTask {
          let client = try await Client(address)
          var taken: [String] = []
          while case let reply = try await client.say("take 150"), reply != "none" {
            taken.append(reply)
            try await reactor.sleep(until: .after(.milliseconds(taker)))
            try await client.say("done", expecting: "ok")
          }
          show("taker \(taker)", "did \(taken.count) items, from \"\(taken.first ?? "")\" to \"\(taken.last ?? "")\"")
          return taken
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let expected = (1...3).flatMap { putter in (1...20).map { "item \($0 % 5) job \(putter).\($0)" } }
    guard items.sorted() == expected.sorted() else { throw Failure("items were lost or doubled: \(items.count) of 60") }
    show("takers", "60 items done, each once")
  }

  /// Bad lines are answered, and the connection lives on.
  private func misbehave() async throws {
    let client = try await Client(address)
    show("clumsy", "says \"frobnicate\": \(try await client.say("frobnicate"))")
    let long = try await client.say("put 1 " + String(repeating: "x", count: 1 << 20))
    guard long.hasPrefix("error ") else { throw Failure("a line of a megabyte was taken: \(long)") }
    show("clumsy", "says a line of a megabyte: \(long)")
    show("clumsy", "is still served: \(try await client.say("stats"))")
  }

  /// A take has a deadline.
  private func waitInVain() async throws {
    let client = try await Client(address)
    let began = reactor.now
    try await client.say("take 200", expecting: "none")
    show("patient", "got nothing within 200 ms, after \(began.duration(to: reactor.now).formattedMilliseconds)")
  }

  /// The daemon is stopped while work is in hand.
  private func stop() async throws {
    let client = try await Client(address)
    let idle = try await Client(address)
    try await client.say("put 1 the last job", expecting: "ok")
    try await client.say("put 2 left behind", expecting: "ok")
    try await client.say("take 1000", expecting: "item 1 the last job")
    show("taker", "has the last job in hand; another, \"left behind\", stays queued")
    daemon.send(SIGTERM)
    guard try await idle.connection.readLine(deadline: .after(.seconds(5))) == nil else {
      throw Failure("an idle client was not sent away")
    }
    show("daemon", "got SIGTERM with an item in hand: sends idle clients away, takes no new ones")
    let refused = try? await Client(address)
    guard refused == nil else { throw Failure("a client was accepted after SIGTERM") }
    try await reactor.sleep(until: .after(.milliseconds(200)))
    try await client.say("done", expecting: "ok")
    show("taker", "finishes the last job and is told ok")
    let status = try await daemon.waitForExit()
    var said: [String] = []
    while let line = try await daemon.readLine() { said.append(line) }
    show("daemon", "says \"\(said.last ?? "")\" and exits with \(status)")
    guard status == 0, said.last == "stopped: 1 item not done" else { throw Failure("not the end that was expected") }
  }
}

extension Duration {
  fileprivate var formattedMilliseconds: String { "\(self / .milliseconds(1))".prefix(5) + " ms" }
}

/// Prints what somebody does.
func show(_ who: String, _ what: String) {
  print("\(who)\(String(repeating: " ", count: max(1, 10 - who.count)))\(what)")
  fflush(nil)
}
