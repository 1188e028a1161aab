import Glibc
import Toro
import ToroNet

@testable import Demo

/// Runs `body` on a reactor of its own, on this thread, and fails after some seconds rather than hang.
func onReactor(_ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
  let reactor = try Reactor()
  defer { reactor.close() }
  try reactor.run {
    try await withDeadline(.after(.seconds(60))) { try await body(reactor) }
  }
}

func soon(_ milliseconds: Int) -> Deadline { .after(.milliseconds(milliseconds)) }

/// An example's daemon, started on a free port, and where it listens.
func start(_ name: String, _ arguments: String...) async throws -> (ChildProcess, SocketAddress) {
  let daemon = try ChildProcess(ChildProcess.neighbour(name), ["--port", "0"] + arguments)
  let prefix = "listening on "
  guard let line = try await daemon.readLine(within: .seconds(30)), line.hasPrefix(prefix) else {
    throw Failure("\(name) does not say where it listens")
  }
  return (daemon, try SocketAddress(String(line.dropFirst(prefix.count))))
}

/// What an example says when it is not used as it should be, and how it exits.
func refusal(of name: String, _ arguments: [String]) async throws -> (line: String?, status: Int32) {
  let program = try ChildProcess(ChildProcess.neighbour(name), arguments, readsErrors: true)
  let line = try await program.readLine(within: .seconds(30))
  while try await program.readLine() != nil {}
  return (line, try await program.waitForExit())
}

/// A folder of its own, which is removed with what is in it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/toro-echo-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure("mkdtemp", errno) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    for name in ["echo", "chain.pem", "key.pem"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}
