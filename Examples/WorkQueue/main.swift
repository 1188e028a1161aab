// A work queue daemon: a line protocol over TCP (Protocol.swift), served on one thread (Server.swift).
import Glibc
import Toro
import ToroNet

let usage = """
  usage: WorkQueue [--host <address>] [--port <port>] [--max-clients <count>] [--grace <seconds>] [-h | --help]

    --host <address>       the IPv4 or IPv6 address to listen on (127.0.0.1)
    --port <port>          0 has the system choose one (7311)
    --max-clients <count>  how many clients are served at a time; further ones wait (1000)
    --grace <seconds>      how long work in hand may take after SIGINT or SIGTERM (10); a second signal ends at once

    SIGINT or SIGTERM stops it: clients without an item in hand are sent away, and those with one have the time of
    --grace to be done with it. Items that are still queued then are lost; the last line says how many were not done.

    Exit status: 0 after a signal, whatever was left in the queue; 128 and the number of a second signal; 1 if it
    cannot listen or accept; 64 for arguments that cannot be read.

    To try it by hand: nc 127.0.0.1 7311, then put 1 hello, take 1000, done, stats, quit.

  """

/// What the command line asks for.
struct Options: Sendable {
  var host = "127.0.0.1"
  var port = 7311
  var maxClients = 1000
  /// Seconds.
  var grace = 10.0

  /// - Throws: ``UsageError``.
  init(_ arguments: [String]) throws(UsageError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard ["--host", "--port", "--max-clients", "--grace"].contains(parts[0]) else {
        throw UsageError("unknown argument: \(argument)")
      }
      guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else { throw UsageError("\(argument): no value") }
      switch parts[0] {
      case "--host": host = value
      case "--port": port = try Options.number(parts[0], value, in: 0...65_535)
      case "--max-clients": maxClients = try Options.number(parts[0], value, in: 1...1_000_000)
      default:
        guard let seconds = Double(value), (0...1_000_000).contains(seconds) else {
          throw UsageError("--grace: not a number of seconds: \(value)")
        }
        grace = seconds
      }
    }
    do { _ = try SocketAddress(host: host, port: port) } catch { throw UsageError("--host: \(error)") }
  }

  /// As in `10 seconds`.
  var graceText: String {
    let number = grace == grace.rounded() ? "\(Int(grace))" : "\(grace)"
    return number == "1" ? "1 second" : "\(number) seconds"
  }

  private static func number(_ name: String, _ text: String, in range: ClosedRange<Int>) throws(UsageError) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw UsageError("\(name): not a number from \(range.lowerBound) to \(range.upperBound): \(text)")
    }
    return number
  }
}

/// The command line cannot be read.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Serves until a signal, then until the work in hand is done.
func serve(_ options: Options) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    let signals = try Signals([SIGINT, SIGTERM])
    let server = try Server(host: options.host, port: options.port, maxClients: options.maxClients, on: reactor)
    say("listening on \(server.listener.localAddress)")
    let serving = reactor.spawn(name: "accepting") {
      do { try await server.run() } catch { end("WorkQueue: \(error)", 1) }
    }
    _ = try await signals.makeAsyncIterator().next()
    reactor.spawn(name: "second signal") {
      if let signal = try await signals.makeAsyncIterator().next() { end("WorkQueue: ended at once", 128 + signal) }
    }
    say("stopping: work in hand has \(options.graceText)")
    let left = try await server.stop(grace: .seconds(options.grace))
    await serving.value
    say("stopped: \(left) item\(left == 1 ? "" : "s") not done")
  }
}

func say(_ line: String) {
  print(line)
  fflush(nil)  // a pipe is read while the daemon runs
}

func end(_ message: String, _ status: Int32) -> Never {
  var message = message + "\n"
  message.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
  exit(status)
}

if CommandLine.arguments.dropFirst().contains(where: { ["-h", "--help"].contains($0) }) {
  print(usage, terminator: "")
  exit(0)
}
do {
  try serve(Options(Array(CommandLine.arguments.dropFirst())))
} catch let error as UsageError {
  end("WorkQueue: \(error) (--help tells more)", 64)
} catch {
  end("WorkQueue: \(error)", 1)
}
