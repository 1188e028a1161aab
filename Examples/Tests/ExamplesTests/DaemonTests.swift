import Glibc
import Testing
import Toro
import ToroNet

@testable import Demo

@Suite("The daemons")
struct DaemonTests {
  @Test(
    "One whose output nobody reads any more ends at a signal as others do",
    arguments: [
      ["Echo", "--listen", "127.0.0.1:0"], ["Chat", "--port", "0"], ["WorkQueue", "--port", "0"],
      ["CachingProxy", "--port", "0"], ["GracefulShutdown", "--port", "0", "/dev/null"],
    ])
  func closedOutput(words: [String]) throws {
    try onReactor { _ in
      let daemon = try ChildProcess(ChildProcess.neighbour(words[0]), Array(words.dropFirst()))
      #expect(try await daemon.readLine(within: .seconds(30))?.hasPrefix("listening on ") == true)
      daemon.closeOutput()
      daemon.send(SIGTERM)
      #expect(try await daemon.waitForExit() == 0)
    }
  }

  @Test("A signal right after the first line is heard")
  func earlySignal() throws {
    try onReactor { _ in
      let listen = (0..<20).flatMap { _ in ["--listen", "127.0.0.1:0"] }
      for _ in 0..<10 {
        let daemon = try ChildProcess(ChildProcess.neighbour("Echo"), listen)
        #expect(try await daemon.readLine(within: .seconds(30))?.hasPrefix("listening on ") == true)
        daemon.send(SIGTERM)
        #expect(try await daemon.waitForExit() == 0)
      }
    }
  }
}
