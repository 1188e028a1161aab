// Starts the work queue daemon and drives it over TCP with clients of all kinds: `Demo [path of WorkQueue]`.
import Glibc
import Toro
import ToroNet

func runDemo(_ path: String) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    try await withDeadline(.after(.seconds(45))) {
      let daemon = try ChildProcess(path, ["--port", "0", "--grace", "10"])
      let prefix = "listening on "
      guard let line = try await daemon.readLine(), line.hasPrefix(prefix) else {
        throw Failure("\(path) does not say where it listens")
      }
      let address = try SocketAddress(String(line.dropFirst(prefix.count)))
      print(
        """
        A work queue daemon (Examples/WorkQueue) and its clients, who talk to it over TCP in lines of text. What follows
        is what they see. "item 2 job 3.7" has priority 2 (the lowest leave first) and is the 7th that putter 3 put.

        """)
      try await Scenes(daemon: daemon, address: address, reactor: reactor).play()
    }
  }
}

do {
  try runDemo(CommandLine.arguments.dropFirst().first ?? ChildProcess.neighbour("WorkQueue"))
  print(
    """
    all went well

    Try it by hand: `swift run --package-path Examples WorkQueue`, and elsewhere `nc 127.0.0.1 7311`;
    then put 1 hello, take 1000, done, stats, quit.
    """)
} catch {
  print("FAILED: \(error)")
  exit(1)
}
