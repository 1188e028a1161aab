// The tutorial's second step: clients who talk to one another. What they share is in Room.swift.
import ArgumentParser
import Glibc
import Toro
import ToroNet

@main
struct Chat: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Chat", abstract: "A room in which all who connect talk to one another.",
    discussion: """
      The first line is the name; then each line is for all, /msg <name> <text> for one, /who asks who is there, /quit ends.
      SIGINT or SIGTERM stops it: everybody is let go, and the exit status is 0.

      To try it: nc 127.0.0.1 7312, in two terminals.
      """)

  @Option(help: "The IPv4 or IPv6 address to listen on.") var host = "127.0.0.1"
  @Option(help: "The port; 0 has the system choose one.") var port = 7312

  func validate() throws {
    do { _ = try SocketAddress(host: host, port: port) } catch { throw ValidationError("\(error)") }
  }

  func run() throws {
    signal(SIGPIPE, SIG_IGN)  // whoever read what it prints may be gone: no reason to die in the middle of something
    let reactor = try Reactor()
    defer { reactor.close() }
    try reactor.run {
      let signals = try Signals([SIGINT, SIGTERM])
      let listener = try Listener(host: host, port: port)
      let room = Room(on: reactor)
      print("listening on \(listener.localAddress)")
      fflush(nil)
      reactor.spawn(name: "serving") {
        do { try await listener.serve { try await room.serve($0) } } catch { Self.exit(withError: error) }
      }
      _ = try await signals.next()
      try await listener.stop(grace: .seconds(1))
    }
  }
}
