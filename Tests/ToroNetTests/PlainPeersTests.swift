import Glibc
import Testing
import Toro

@testable import ToroNet

/// With programs of others at the other end.
@Suite("Connections and datagrams: tools", .timeLimit(.minutes(10)))
struct PlainToolTests {
  private static let both = isInstalled("nc") && isInstalled("socat")

  private func expect(_ command: String, says text: String) async throws {
    let said = try await shell(command)
    #expect(said == text, "\(command)")
  }

  /// Runs `body` while each line that comes is answered with `got` and the line.
  private func whileServing(_ listener: Listener, _ body: () async throws -> Void) async throws {
    let serving = listener.reactor.spawn {
      try await listener.serve { connection in
        while let line = try await connection.readLine(deadline: soon(60_000)) {
          try await connection.write("got \(line)\n")
        }
      }
    }
    try await body()
    try await listener.stop(grace: .seconds(60))
    try await serving.value
    #expect(listener.reactor.waits.isEmpty)
  }

  @Test("nc and socat say lines, end their side, and hear the answers, over TCP of both kinds", .enabled(if: both))
  func lines() throws {
    try onReactor { _ in
      let four = try loopback()
      try await whileServing(four) {
        try await expect("printf 'a\\nb\\r\\nc' | nc -N 127.0.0.1 \(four.port)", says: "got a\ngot b\ngot c\n")
        try await expect(
          "yes | head -n 100000 | nc -N 127.0.0.1 \(four.port) | uniq -c | xargs", says: "100000 got y\n")
        try await expect("printf 'a\\n' | socat -t 60 - TCP4:127.0.0.1:\(four.port)", says: "got a\n")
      }
      let six = try Listener(host: "::1", port: 0)
      try await whileServing(six) {
        try await expect("printf 'a\\n' | socat -t 60 - 'TCP6:[::1]:\(six.port)'", says: "got a\n")
        try await expect("printf 'a\\n' | nc -6 -N ::1 \(six.port)", says: "got a\n")
      }
    }
  }

  @Test("nc and socat do the same over a Unix socket", .enabled(if: both))
  func unix() throws {
    try onReactor { _ in
      let path = "/tmp/toro-tools-\(getpid()).sock"
      let listener = try Listener(unixPath: path)
      try await whileServing(listener) {
        try await expect("printf 'a\\nb\\n' | socat -t 60 - UNIX-CONNECT:\(path)", says: "got a\ngot b\n")
        try await expect("printf 'a\\n' | nc -N -U \(path)", says: "got a\n")
      }
    }
  }

  @Test("What is written to socat's cat comes back whole, after this side has ended", .enabled(if: both))
  func server() throws {
    try onReactor { reactor in
      let command = "socat -t 60 -d -d"
      let onPort = try #require(SpawnedProcess([:], "\(command) TCP4-LISTEN:0,bind=127.0.0.1,fork EXEC:cat"))
      let onPath = try #require(SpawnedProcess([:], "\(command) UNIX-LISTEN:socket,fork EXEC:cat"))
      for process in [onPort, onPath] {
        while !process.log.contains("listening on") { try await reactor.sleep(for: .milliseconds(10)) }
      }
      let port = try #require(onPort.log.split(separator: "127.0.0.1:").last.flatMap { Int($0.prefix { $0.isNumber }) })
      for address in [
        try SocketAddress(host: "127.0.0.1", port: port), try SocketAddress(unixPath: "\(onPath.folder)/socket"),
      ] {
        let connection = try await Connection.connect(to: address)
        let sent = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        let writing = reactor.spawn {
          try await connection.write(sent)
          connection.closeWrite()
        }
        #expect(try await connection.readAll() == sent)
        try await writing.value
        connection.close()
      }
      try await onPort.stop()
      try await onPath.stop()
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("A peer that is killed in the middle is an end or a reset, one that is stopped is silent", .enabled(if: both))
  func killed() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let process = try #require(SpawnedProcess([:], "socat TCP4:127.0.0.1:\(listener.port) EXEC:cat"))
      let connection = try #require(try await listener.accept())
      connection.idleTimeout = .milliseconds(200)
      try await connection.write("a\n")
      #expect(try await connection.readLine() == "a")
      process.signal(SIGSTOP)
      // Its buffers take some; then nothing moves.
      await #expect(throws: TimeoutError.self) {
        while true { try await connection.write([UInt8](repeating: 1, count: 1 << 20)) }
      }
      process.signal(SIGKILL)
      let other = reactor.spawn { try await connection.readAll() }
      switch await other.result {
      case .success: break
      case .failure(let error): #expect(error is SocketError || error is TimeoutError)
      }
      await #expect(throws: SocketError.self) {
        while true { try await connection.write([UInt8](repeating: 1, count: 1 << 20)) }
      }
      connection.close()
      try await process.stop()
      #expect(reactor.waits.isEmpty)
    }
  }

  @Test("socat sends datagrams and hears the answers, over UDP and a Unix socket", .enabled(if: both))
  func datagrams() throws {
    try onReactor { reactor in
      let path = "/tmp/toro-tools-\(getpid())-datagrams"
      let sockets = [try DatagramSocket(host: "127.0.0.1", port: 0), try DatagramSocket(unixPath: path)]
      let peers = ["UDP4:127.0.0.1:\(sockets[0].localAddress.port)", "UNIX-SENDTO:\(path),bind=\(path)-client"]
      for (socket, peer) in zip(sockets, peers) {
        let answering = reactor.spawn {
          let datagram = try await socket.receive(deadline: soon(60_000))
          try await socket.send("got \(datagram.text)", to: datagram.address)
        }
        try await expect("printf hello | socat -t 2 - \(peer)", says: "got hello")
        try await answering.value
        socket.close()
      }
      #expect(reactor.waits.isEmpty)
    }
  }
}
