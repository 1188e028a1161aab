import Glibc
import Toro

/// A program that runs as a child process, and what it prints. It is killed when it is dropped before it has ended.
final class ChildProcess: @unchecked Sendable {
  let pid: pid_t
  private let reactor: Reactor
  private var output: Int32
  private var text: [UInt8] = []
  private var isOver = false

  /// How a process ended: its exit status, or the signal that ended it as a shell has it (128 and the number).
  private(set) var status: Int32?

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - path: The program's file.
  ///   - arguments: Its arguments, without its name.
  ///   - readsErrors: Whether its errors are read with its output, rather than shown.
  init(_ path: String, _ arguments: [String], readsErrors: Bool = false, on reactor: Reactor = .current) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Failure("pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    if readsErrors { posix_spawn_file_actions_adddup2(&actions, ends[1], 2) }
    // The child is to have no signal blocked: threads that run tasks have. What a pipe without a reader does is as in a shell.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    sigaddset(&none, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let environment: [String] = ["PATH", "LD_LIBRARY_PATH"].compactMap { (name: String) -> String? in
      getenv(name).map { "\(name)=\(String(cString: $0))" }
    }
    let words: [String] = [path] + arguments
    let argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    let envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    var child = pid_t()
    let code = posix_spawn(&child, path, &actions, &attributes, argv, envp)
    for string in argv + envp { free(string) }
    posix_spawn_file_actions_destroy(&actions)
    posix_spawnattr_destroy(&attributes)
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      throw Failure("cannot start \(path)", code)
    }
    pid = child
    output = ends[0]
    self.reactor = reactor
  }

  deinit {
    closeOutput()
    guard status == nil else { return }
    kill(pid, SIGKILL)
    var ignored: Int32 = 0
    waitpid(pid, &ignored, 0)
  }

  /// The next line that it prints, or `nil` after the last.
  func readLine(within time: Duration = .seconds(10)) async throws -> String? {
    let deadline = Deadline.at(reactor.now.advanced(by: time))
    while true {
      if let feed = text.firstIndex(of: 10) {
        defer { text.removeSubrange(...feed) }
        return String(decoding: text[..<feed], as: UTF8.self)
      }
      if isOver { return nil }
      guard try await reactor.readable(output, deadline: deadline) else { throw Failure("no output from the child") }
      var part = [UInt8](repeating: 0, count: 4096)
      let count = read(output, &part, part.count)
      if count > 0 { text += part[..<count] } else if count == 0 || errno != EAGAIN { isOver = true }
    }
  }

  /// Reads no more: what it prints from now on finds nobody.
  func closeOutput() {
    if output >= 0 { close(output) }
    (output, isOver) = (-1, true)
  }

  func send(_ signal: Int32) { kill(pid, signal) }

  /// Waits until it has ended, and tells how.
  func waitForExit(within time: Duration = .seconds(10)) async throws -> Int32 {
    let end = reactor.now.advanced(by: time)
    while true {
      if let status { return status }
      var raw: Int32 = 0
      if waitpid(pid, &raw, WNOHANG) == pid {
        let signal = raw & 0x7f
        status = signal == 0 ? (raw >> 8) & 0xff : 128 + signal
      } else {
        guard reactor.now < end else { throw Failure("the child did not end") }
        try await reactor.sleep(until: .after(.milliseconds(5)))
      }
    }
  }

  /// The program of this name beside the one that runs.
  static func neighbour(_ name: String) -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/" + name
  }
}

/// Something that should not have happened did.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  init(_ what: String, _ code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
}
