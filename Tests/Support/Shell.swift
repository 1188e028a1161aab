import Glibc
import Toro

/// Runs a shell command to its end, on another thread, and returns what it prints.
package func shell(_ command: String) async throws -> String {
  try await Reactor.current.runBlocking {
    guard let pipe = popen("exec 2>&1; \(command)", "r") else { return "popen failed" }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, pipe)
      if count == 0 { break }
      output += buffer[..<count]
    }
    pclose(pipe)
    return String(decoding: output, as: UTF8.self)
  }
}
