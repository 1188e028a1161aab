// Graceful shutdown: a server whose requests write to a file, one at a time, and an end that waits for the one in hand.
import ArgumentParser
import Glibc
import HTTPTypes
import Toro
import ToroHTTP
import ToroNet

@main
struct GracefulShutdown: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "GracefulShutdown", abstract: "A guest book over HTTP that loses no entry when it is stopped.",
    discussion: """
      POST / adds an entry, GET / shows them. Each is written in two steps with a pause between them, under a lock, so that entries
      are never mixed. SIGINT or SIGTERM stops it: nothing new is accepted, those who wait for the lock get it, and what they
      write is whole. The exit status is 0 if all of them were done within --grace, else 1: an entry that was cut short keeps
      a line of its own.

      To try it: curl -d hello http://127.0.0.1:7380/ and, meanwhile, Ctrl-C.
      """)

  @Option(help: "The port on 127.0.0.1; 0 has the system choose one.") var port = 7380
  @Option(help: "How many milliseconds an entry takes.") var pause = 500
  @Option(help: "How many seconds requests in hand may take after a signal.") var grace = 10.0
  @Argument(help: "The file of the entries.") var file = "guestbook.txt"

  func validate() throws {
    guard (0...600_000).contains(pause) else { throw ValidationError("--pause: from 0 to 600000 ms") }
    guard (0...1_000_000).contains(grace) else { throw ValidationError("--grace: from 0 to 1000000 seconds") }
    do { _ = try SocketAddress(host: "127.0.0.1", port: port) } catch { throw ValidationError("\(error)") }
  }

  func run() throws {
    signal(SIGPIPE, SIG_IGN)  // whoever read what it prints may be gone: no reason to die in the middle of something
    guard let book = fopen(file, "a+") else { throw ValidationError("\(file): \(String(cString: strerror(errno)))") }
    defer { fclose(book) }
    let reactor = try Reactor()
    defer { reactor.close() }
    try endLine(of: book)
    nonisolated(unsafe) let entries = book
    try reactor.run { try await serve(entries) }
  }

  private func serve(_ book: UnsafeMutablePointer<FILE>) async throws {
    let reactor = Reactor.current
    let signals = try Signals([SIGINT, SIGTERM])
    let listener = try Listener(host: "127.0.0.1", port: port)
    let lock = Lock(name: "guest book")
    let pause = Duration.milliseconds(pause)
    nonisolated(unsafe) let book = book
    let server = HTTPServer { request in
      switch request.method {
      case .get, .head: return entries(in: file)
      case .post: break
      default: return .init(status: .methodNotAllowed, headerFields: [.allow: "GET, HEAD, POST"])
      }
      let entry = try await request.body.collect(upTo: 1 << 16)
      try await lock.withLock {
        try write(Array("[".utf8), to: book)
        try await reactor.sleep(for: pause)
        try write(entry + Array("]\n".utf8), to: book)
      }
      return .text("written\n", status: .created)
    }
    print("listening on http://\(listener.localAddress)/")
    fflush(nil)
    let serving = reactor.spawn(name: "serving") { try await server.serve(listener) }
    _ = try await signals.next()
    print("stopping: requests in hand have \(grace) seconds")
    fflush(nil)
    // From here on nobody new gets in. Who is in, is served.
    let cut = try await listener.stop(grace: .seconds(grace))
    try await serving.value
    print("stopped: \(cut) request\(cut == 1 ? "" : "s") cut short")
    fflush(nil)
    if cut > 0 { throw ExitCode(1) }
  }

  /// Throws if the file did not take all of it: the client must not hear that it is written.
  private func write(_ bytes: [UInt8], to file: UnsafeMutablePointer<FILE>) throws {
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fflush(file) == 0 else {
      throw WriteError(reason: String(cString: strerror(errno)))
    }
  }

  /// An entry that an earlier run has not written to its end stays by itself: the next one is not to go on in its line.
  private func endLine(of file: UnsafeMutablePointer<FILE>) throws {
    guard fseek(file, -1, SEEK_END) == 0 else { return }  // nothing is written yet
    let last = fgetc(file)
    fseek(file, 0, SEEK_END)  // between reading and writing, as C has it
    if last != 10 { try write([10], to: file) }
  }

  /// The file portion by portion, since nobody says how large it is.
  private func entries(in path: String) -> HTTPServer.Response {
    .stream(contentType: "text/plain; charset=utf-8") { body in
      guard let file = fopen(path, "r") else { return }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      while case let count = fread(&bytes, 1, bytes.count, file), count > 0 {
        try await body.write(Array(bytes[..<count]))
      }
    }
  }
}

/// An entry that is not written, or not whole: the disk may be full.
struct WriteError: Error, CustomStringConvertible {
  let reason: String
  var description: String { "the guest book: \(reason)" }
}
