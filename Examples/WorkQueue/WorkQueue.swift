// The tutorial's third step: a daemon. Its protocol is in Protocol.swift, which knows no sockets.
import ArgumentParser
import Glibc
import Toro
import ToroNet

@main
struct WorkQueue: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "WorkQueue", abstract: "A work queue for many clients, who talk to it over TCP in lines of text.",
    discussion: """
      SIGINT or SIGTERM stops it: clients without an item in hand are sent away, and those with one have the time of --grace
      to be done with it. The exit status is 0 then, and 128 and the number of a second signal, which ends it at once.

      To try it by hand: nc 127.0.0.1 7311, then put 1 hello, take 1000, done, stats, quit.
      """)

  @Option(help: "The IPv4 or IPv6 address to listen on.") var host = "127.0.0.1"
  @Option(help: "The port; 0 has the system choose one.") var port = 7311
  @Option(help: "How many clients are served at a time; further ones wait.") var maxClients = 1000
  @Option(help: "How many seconds work in hand may take after a signal.") var grace = 10.0

  @Option(help: "For how many seconds a take goes on whose client has ended its side.")
  var linger = 60.0

  func validate() throws {
    guard (1...1_000_000).contains(maxClients) else { throw ValidationError("--max-clients: from 1 to 1000000") }
    guard (0...1_000_000).contains(grace) else { throw ValidationError("--grace: from 0 to 1000000 seconds") }
    guard (0.1...3_600).contains(linger) else { throw ValidationError("--linger: from 0.1 to 3600 seconds") }
    do { _ = try SocketAddress(host: host, port: port) } catch { throw ValidationError("\(error)") }
  }

  // A reactor runs on the thread that runs it: this one, until the body returns.
  func run() throws {
    signal(SIGPIPE, SIG_IGN)  // whoever read what it prints may be gone: no reason to die in the middle of something
    let reactor = try Reactor()
    defer { reactor.close() }
    try reactor.run { try await serve(on: reactor) }
  }

  private func serve(on reactor: Reactor) async throws {
    let signals = try Signals([SIGINT, SIGTERM])
    let listener = try Listener(host: host, port: port, options: .init { $0.maxConnections = maxClients })
    let board = Board(linger: .seconds(linger), on: reactor)
    say("listening on \(listener.localAddress)")
    reactor.spawn(name: "serving") {
      do { try await listener.serve { try await board.serve($0) } } catch { Self.exit(withError: error) }
    }
    _ = try await signals.next()
    reactor.spawn(name: "second signal") {
      if let second = try await signals.next() { Self.exit(withError: ExitCode(128 + second)) }
    }
    say("stopping: work in hand has \(grace) seconds")
    let left = try await board.stop(listener, grace: .seconds(grace))
    say("stopped: \(left) item\(left == 1 ? "" : "s") not done")
  }

  private func say(_ line: String) {
    print(line)
    fflush(nil)  // a pipe is read while the daemon runs
  }
}
