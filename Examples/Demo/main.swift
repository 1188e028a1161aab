// Starts the work queue daemon and drives it over TCP with clients of all kinds: `Demo [path of WorkQueue]`.
import Glibc
import Toro
import ToroNet

func runDemo(_ path: String) throws {
  let reactor = try Reactor()
  try reactor.run {
    try await withDeadline(.after(.seconds(45))) {
      let daemon = try ChildProcess(path, ["--port", "0", "--grace", "10"])
      let prefix = "listening on "
      guard let line = try await daemon.readLine(), line.hasPrefix(prefix) else {
        throw Failure("\(path) does not say where it listens")
      }
      let address = try SocketAddress(String(line.dropFirst(prefix.count)))
      try await Scenes(daemon: daemon, address: address, reactor: reactor).play()
    }
  }
}

do {
  try runDemo(CommandLine.arguments.dropFirst().first ?? ChildProcess.neighbour("WorkQueue"))
  print("all went well")
} catch {
  print("FAILED: \(error)")
  exit(1)
}
