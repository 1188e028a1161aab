// The tutorial's first step: what comes is sent back, over every transport, on as many threads as are wanted.
import ArgumentParser
import Glibc
import Toro
import ToroNet

@main
struct Echo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Echo", abstract: "Sends back what it receives, over TCP, TLS, Unix sockets and UDP.",
    discussion: """
      An address is 127.0.0.1:7310, [::1]:7310, unix:/run/echo.sock or udp:127.0.0.1:7310; port 0 has the system choose one.
      SIGINT or SIGTERM stops it, within five seconds, and the exit status is 0.

      To try it: nc 127.0.0.1 7310; with --tls and --key, openssl s_client -connect 127.0.0.1:7310.
      """)

  @Option(help: "An address to listen on; may be given more than once. (default: 127.0.0.1:7310)")
  var listen: [String] = []
  @Option(help: "A file with the certificate chain, in PEM: streams speak TLS then.") var tls: String?
  @Option(help: "The file with the certificate's private key.") var key: String?
  @Option(help: "How many reactors serve, each on a thread of its own.") var reactors = 1
  @Option(help: "After how many seconds without a byte a connection is closed.") var idle = 300.0

  private var addresses: [String] { listen.isEmpty ? ["127.0.0.1:7310"] : listen }

  func validate() throws {
    guard (1...1024).contains(reactors) else { throw ValidationError("--reactors: from 1 to 1024") }
    guard idle > 0, idle <= 1_000_000 else { throw ValidationError("--idle: more than 0, up to 1000000 seconds") }
    guard (tls == nil) == (key == nil) else { throw ValidationError("--tls and --key go together") }
    for address in addresses {
      do { _ = try SocketAddress(withoutScheme(address)) } catch { throw ValidationError("\(error)") }
    }
  }

  private func withoutScheme(_ address: String) -> String {
    address.hasPrefix("udp:") ? String(address.dropFirst(4)) : address
  }

  // A group is a reactor for each thread. A listener of a group spreads its connections over them.
  func run() throws {
    signal(SIGPIPE, SIG_IGN)  // whoever read what it prints may be gone: no reason to die in the middle of something
    let group = try ReactorGroup(count: reactors)
    var options = Listener.Options()
    if let tls, let key {
      options.tls = try TLSContext(.server(certificateChain: .file(tls), privateKey: .file(key)))
    }
    // Before the first line: who has read that may send one.
    let signals = try Signals([SIGINT, SIGTERM], on: group[0])
    var listeners: [GroupListener] = []
    for address in addresses {
      if address.hasPrefix("udp:") {
        let socket = try DatagramSocket(at: SocketAddress(withoutScheme(address)), on: group[0])
        group[0].spawn(name: "datagrams") { try await echo(socket) }
        say("listening on udp:\(socket.localAddress)")
      } else {
        let listener = try GroupListener(at: SocketAddress(address), options: options, on: group)
        listeners.append(listener)
        say("listening on \(listener.localAddress)")
      }
    }
    group[0].spawn(name: "signals") {
      for try await _ in signals { group.stop(deadline: .after(.seconds(5))) }
    }
    do {
      // On each reactor: a child task for each listener, in which each connection is served by a task of its own.
      try group.run { [listeners, idle = Duration.seconds(idle)] _ in
        try await withThrowingDiscardingTaskGroup { tasks in
          for listener in listeners {
            tasks.addTask { try await listener.serve { try await echo($0, idle: idle) } }
          }
          try await group.stopping().wait()
        }
      }
    } catch is StoppedError {
      say("some had to be cut")
    }
  }
}

/// Serves one connection, until its end, or until the daemon stops.
private func echo(_ connection: Connection, idle: Duration) async throws {
  while try await connection.awaitRequest(deadline: .after(idle)) {
    try await connection.write(try await connection.read(), deadline: .after(.seconds(30)))
  }
}

/// Sends datagrams back, as many at a time as have come.
private func echo(_ socket: DatagramSocket) async throws {
  while true {
    for datagram in try await socket.receive(upTo: 64) {
      // One that cannot be sent is lost, as any may be.
      try? await socket.send(datagram.bytes, to: datagram.address, deadline: .after(.seconds(1)))
    }
  }
}

private func say(_ line: String) {
  print(line)
  fflush(nil)  // a pipe is read while the daemon runs
}
