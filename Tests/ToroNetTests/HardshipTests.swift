import Glibc
import Testing
import Toro
import ToroTestSupport

@testable import ToroNet

/// What bad luck and bad company do to a server. Each in a process of its own, whose memory and descriptors are looked at.
@Suite("Hardship", .timeLimit(.minutes(10)))
struct HardshipTests {
  @Test("A hundred thousand who connect and cut the connection leave nothing behind")
  func connectAndReset() async {
    await #expect(processExitsWith: .success) {
      try onReactor { reactor in
        let before = openSocketCount()
        let listener = try loopback()
        let serving = reactor.spawn {
          try await listener.serve { connection in _ = try await connection.read() }
        }
        for round in 0..<100_000 {
          let client = try await Connection.connect(to: listener.localAddress)
          if round % 2 == 0 { try await client.write("x") }
          client.reset()
          if round % 64 == 0 { await reactor.yield() }
        }
        _ = try await listener.stop(grace: .seconds(30))
        try await serving.value
        guard openSocketCount() == before, reactor.waits.isEmpty else {
          fatalError("\(openSocketCount()) sockets, \(before) before; waits: \(reactor.waits)")
        }
      }
    }
  }

  @Test(
    "With 64 descriptors, five hundred who come at once are all served, by and by",
    .enabled(if: isInstalled("python3"), "python3 is not installed"))
  func fewDescriptors() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let ours = limit
      limit.rlim_cur = 64
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      try onReactor { reactor in
        let listener = try loopback()
        let serving = reactor.spawn {
          try await listener.serve { connection in
            guard let line = try await connection.readLine() else { return }
            try await reactor.sleep(for: .milliseconds(1))
            try await connection.write(line + "\n")
          }
        }
        let said = try await shell(
          """
          python3 -c '
          import resource, socket
          resource.setrlimit(resource.RLIMIT_NOFILE, (\(min(ours.rlim_max, 4096)), \(ours.rlim_max)))
          all = [socket.create_connection(("127.0.0.1", \(listener.port))) for _ in range(500)]
          for n, s in enumerate(all): s.sendall(b"%d\\n" % n)
          done = 0
          for n, s in enumerate(all):
              s.settimeout(60)
              done += s.recv(100) == b"%d\\n" % n
          print(done)
          '
          """)
        guard said == "500\n" else { fatalError("served: \(said)") }
        _ = try await listener.stop(grace: .seconds(5))
        try await serving.value
      }
    }
  }

  @Test("A gibibyte for a peer that never reads costs no more memory than the marks say")
  func neverReads() async {
    await #expect(processExitsWith: .success) {
      try onReactor { reactor in
        let (client, server) = try await connectedPair()
        let portion = [UInt8](repeating: 7, count: 1 << 20)
        let before = residentKilobytes()
        var written = 0
        do {
          for _ in 0..<1_024 {
            try await server.write(portion, deadline: .after(.milliseconds(200)))
            written += portion.count
          }
        } catch is TimeoutError {
        }
        guard written < 1 << 28, server.unsentCount <= server.waterMarks.high else {
          fatalError("\(written) bytes were taken, \(server.unsentCount) are held")
        }
        guard residentKilobytes() - before < 16 << 10 else {
          fatalError("\(residentKilobytes() - before) KiB more than before")
        }
        withExtendedLifetime(client) {}
      }
    }
  }
}

private func residentKilobytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 256)
  let count = fread(&bytes, 1, bytes.count, file)
  let pages = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
  return pages.count > 1 ? (Int(pages[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) / 1024 : 0
}
