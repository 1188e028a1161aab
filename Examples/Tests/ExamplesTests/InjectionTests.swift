import Glibc
import Testing
import Toro
import ToroNet

@testable import Demo

private let strace = "/usr/bin/strace"
/// Whether it is there, and may trace here.
private let traces = access(strace, X_OK) == 0 && system("\(strace) -o /dev/null true 2>/dev/null") == 0

/// The echo daemon under a tracer that has system calls fail.
@Suite("Failing system calls", .enabled(if: traces, "needs strace, and leave to trace"))
struct InjectionTests {
  private func cutCount(_ failures: String) throws -> Int {
    let result = Box(0)
    try onReactor { reactor in
      let calls = "trace=recvfrom,sendto,sendmsg,accept4,epoll_wait"
      let daemon = try ChildProcess(
        strace,
        ["-f", "-o", "/dev/null", "-e", calls, "-e", "inject=\(failures)", ChildProcess.neighbour("Echo")]
          + ["--listen", "127.0.0.1:0"])
      let line = try #require(try await daemon.readLine(within: .seconds(30)))
      let address = try SocketAddress(String(line.dropFirst("listening on ".count)))
      for round in 0..<60 {
        let client = try await Connection.connect(to: address, deadline: soon(10_000))
        do {
          for size in [1, 100, 5_000, 60_000] {
            let sent = [UInt8](repeating: UInt8(round), count: size)
            try await client.write(sent, deadline: soon(10_000))
            let back = try await client.read(exactly: size, deadline: soon(10_000))
            if let back { #expect(back == sent) } else { throw Failure("the end") }
          }
        } catch let error where !(error is TimeoutError) {
          result.value += 1
        }
        client.close()
      }
      // The tracer passes no signal on: the daemon is its only child.
      let found = system("pkill -TERM -P \(daemon.pid)")
      #expect(found == 0)
      #expect(try await daemon.waitForExit(within: .seconds(20)) == 0)
    }
    return result.value
  }

  @Test("An interrupted call is made again, and nobody notices")
  func interrupted() throws {
    #expect(try cutCount("recvfrom,sendto,sendmsg,accept4,epoll_wait:error=EINTR:when=3+2") == 0)
  }

  @Test("Out of buffers, a connection is cut at most, and the others are served", arguments: ["recvfrom", "sendto"])
  func outOfBuffers(call: String) throws {
    let cut = try cutCount("\(call):error=ENOBUFS:when=40+60")
    #expect((1...30).contains(cut))
  }

  @Test("Out of buffers at an accept, it is tried again")
  func outOfBuffersAtAccept() throws {
    #expect(try cutCount("accept4:error=ENOBUFS:when=3+5") == 0)
  }
}

private final class Box: @unchecked Sendable {
  var value: Int
  init(_ value: Int) { self.value = value }
}
