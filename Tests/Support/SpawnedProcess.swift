import Glibc
import Toro
import ToroNet

/// A program that runs beside the test, such as a server, in a folder of its own below `/tmp`.
package struct SpawnedProcess: Sendable {
  package let folder: String
  private let pid: pid_t

  /// - Parameters:
  ///   - files: What to put in the folder first, by name.
  ///   - command: For the shell, in the folder. It is replaced by the program, so that ``stop()`` stops that.
  package init?(_ files: [String: String], _ command: String) {
    var template = Array("/tmp/toro-peer-XXXXXX".utf8CString)
    guard let folder = template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!).map { String(cString: $0) } })
    else { return nil }
    self.folder = folder
    for (name, content) in files {
      guard let file = fopen("\(folder)/\(name)", "w") else { return nil }
      fputs(content, file)
      fclose(file)
    }
    var pid: pid_t = 0
    let words = ["/bin/sh", "-c", "cd '\(folder)' && exec >log 2>&1 </dev/null && exec \(command)"]
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    guard posix_spawn(&pid, "/bin/sh", nil, nil, arguments, environ) == 0 else { return nil }
    self.pid = pid
  }

  /// Waits until somebody listens there.
  package func awaitListener(port: Int) async throws {
    let address = try SocketAddress(host: "127.0.0.1", port: port)
    for _ in 0..<400 {
      if let connection = try? await Connection.connect(to: address) { return connection.close() }
      try await Reactor.current.sleep(for: .milliseconds(50))
    }
  }

  /// What it has said.
  package var log: String {
    guard let file = fopen("\(folder)/log", "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
  }

  package func signal(_ number: Int32) { kill(pid, number) }

  /// Ends it, and removes its folder.
  package func stop() async throws {
    let (pid, folder) = (pid, folder)
    kill(pid, SIGTERM)
    try await Reactor.current.runBlocking {
      var status: Int32 = 0
      // On a thread of its own: a process ends in the system's time.
      for _ in 0..<500 where waitpid(pid, &status, WNOHANG) == 0 { usleep(10_000) }
      kill(pid, SIGKILL)
      _ = waitpid(pid, &status, 0)
      _ = Glibc.system("rm -rf '\(folder)'")
    }
  }
}

/// Whether there is such a command, also where only root finds it.
package func isInstalled(_ command: String) -> Bool {
  Glibc.system("PATH=\"$PATH:/usr/sbin\" command -v \(command) >/dev/null 2>&1") == 0
}
