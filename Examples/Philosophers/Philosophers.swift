// Five philosophers, five forks, and a deadlock to look at: each takes the fork on the left, then wants the one on the right, which
// a neighbour has. The inspector shows the circle; `kill -USR1` has it written to standard error.
import ArgumentParser
import Glibc
import Toro
import ToroInspector
import ToroNet

@main
struct Philosophers: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Philosophers", abstract: "A deadlock to look at.",
    discussion: """
      Open the address that it prints in a browser, or give it to toro-inspect. With --polite the last philosopher takes the forks
      in the other order, and all eat. SIGINT or SIGTERM ends it.
      """)

  @Option(help: "Where the inspector listens: a loopback address, or unix:PATH.") var inspect = "127.0.0.1:9090"
  @Flag(help: "Have one philosopher take the forks in the other order.") var polite = false

  func run() throws {
    let reactor = try Reactor()
    defer { reactor.close() }
    let inspector = try Inspector(at: SocketAddress(inspect))
    let reporter = try WaitReporter(on: SIGUSR1)
    inspector.watch(reactor, name: "table")
    reporter.watch(reactor, name: "table")
    print("inspector at \(inspector.address)")
    fflush(nil)  // a pipe is read while the program runs
    try reactor.run { try await dine(on: reactor) }
    inspector.close()
  }

  private func dine(on reactor: Reactor) async throws {
    let signals = try Signals([SIGINT, SIGTERM])
    let names = ["Kant", "Hume", "Locke", "Plato", "Hegel"]
    let forks = names.indices.map { Lock(name: "fork \($0)") }
    for (place, name) in names.enumerated() {
      let isReversed = polite && place == names.count - 1
      let (left, right) = (forks[place], forks[(place + 1) % forks.count])
      let (first, second) = isReversed ? (right, left) : (left, right)
      reactor.spawn(name: name) {
        while true {
          try await first.withLock {
            try await reactor.sleep(for: .milliseconds(50))
            try await second.withLock { try await reactor.sleep(for: .milliseconds(20)) }
          }
          try await reactor.sleep(for: .milliseconds(20))  // thinking
        }
      }
    }
    _ = try await signals.next()
  }
}
