import Glibc
import Testing
import Toro
import ToroNet

@testable import Demo

@Suite("The echo daemon")
struct EchoTests {
  /// The daemon on free ports of every kind, and where it listens, in the order of the arguments.
  private static func start(
    _ addresses: [String], _ arguments: [String] = []
  ) async throws -> (daemon: ChildProcess, listening: [String]) {
    let listen = addresses.flatMap { ["--listen", $0] }
    let daemon = try ChildProcess(ChildProcess.neighbour("Echo"), listen + arguments, readsErrors: true)
    var listening: [String] = []
    for _ in addresses {
      let line = try await daemon.readLine(within: .seconds(30)) ?? ""
      #expect(line.hasPrefix("listening on "))
      listening.append(String(line.dropFirst("listening on ".count)))
    }
    return (daemon, listening)
  }

  @Test("Every transport sends back what comes, on one thread and on three", arguments: [1, 3])
  func transports(reactors: Int) throws {
    try onReactor { _ in
      let directory = try TemporaryDirectory()
      let (daemon, listening) = try await Self.start(
        ["127.0.0.1:0", "[::1]:0", "unix:\(directory.path)/echo", "udp:127.0.0.1:0"], ["--reactors", "\(reactors)"])
      for address in listening.prefix(3) {
        for round in 0..<10 {
          let client = try await Connection.connect(to: SocketAddress(address), deadline: soon(5_000))
          let text = String(repeating: "\(round) ", count: 50_000)
          async let back = client.read(exactly: text.utf8.count, deadline: soon(20_000))
          try await client.write(text, deadline: soon(20_000))
          #expect(try await back == Array(text.utf8))
          client.closeWrite()
          #expect(try await client.read(deadline: soon(5_000)).isEmpty)
        }
      }
      let socket = try DatagramSocket(connectedTo: SocketAddress(String(listening[3].dropFirst(4))))
      for round in 0..<10 {
        try await socket.send("datagram \(round)")
        #expect(try await socket.receive(deadline: soon(5_000)).text == "datagram \(round)")
      }
      daemon.send(SIGTERM)
      #expect(try await daemon.waitForExit() == 0)
    }
  }

  @Test("With a certificate it speaks TLS, to openssl as well")
  func tls() throws {
    try onReactor { reactor in
      let directory = try TemporaryDirectory()
      let (chain, key) = ("\(directory.path)/chain.pem", "\(directory.path)/key.pem")
      let make = try ChildProcess(
        "/usr/bin/openssl",
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
          + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", chain, "-keyout", key],
        readsErrors: true)
      while try await make.readLine() != nil {}
      #expect(try await make.waitForExit() == 0)
      let (daemon, listening) = try await Self.start(
        ["127.0.0.1:0"], ["--tls", chain, "--key", key, "--reactors", "2"])
      var configuration = TLSConfiguration.client()
      configuration.trustRoots = .certificates(.file(chain))
      let context = try TLSContext(configuration)
      let client = try await Connection.connect(
        to: SocketAddress(listening[0]), tls: context, serverName: "localhost", deadline: soon(10_000))
      try await client.write("over TLS\n")
      #expect(try await client.readLine(deadline: soon(10_000)) == "over TLS")
      let tool = try ChildProcess(
        "/bin/sh",
        [
          "-c",
          "{ echo hello; sleep 1; } | openssl s_client -quiet -connect \(listening[0]) -CAfile \(chain) 2>/dev/null",
        ])
      #expect(try await tool.readLine() == "hello")
      daemon.send(SIGINT)
      #expect(try await client.readLine(deadline: soon(10_000)) == nil)
      #expect(try await daemon.waitForExit() == 0)
      withExtendedLifetime(tool) {}
    }
  }

  @Test("A client that says nothing is let go of when its time is over")
  func idle() throws {
    try onReactor { _ in
      let (daemon, listening) = try await Self.start(["127.0.0.1:0"], ["--idle", "0.1"])
      let client = try await Connection.connect(to: SocketAddress(listening[0]), deadline: soon(5_000))
      #expect(try await client.read(deadline: soon(10_000)).isEmpty)
      withExtendedLifetime(daemon) {}
    }
  }

  @Test(
    "Bad arguments are told, with status 64",
    arguments: [
      ["--listen", "127.0.0.1:70000"], ["--listen", "nowhere"], ["--reactors", "0"], ["--tls", "x"], ["--idle", "0"],
      ["--listen", "unix:/" + String(repeating: "x", count: 200)],
    ])
  func badArguments(arguments: [String]) throws {
    try onReactor { _ in
      let (line, status) = try await refusal(of: "Echo", arguments)
      #expect(line?.hasPrefix("Error: ") == true)
      #expect(status == 64)
    }
  }

  @Test("A certificate that cannot be read, and an address that is taken, are told in one line")
  func badFiles() throws {
    try onReactor { _ in
      let (line, status) = try await refusal(
        of: "Echo", ["--listen", "127.0.0.1:0", "--tls", "/nowhere/chain.pem", "--key", "/nowhere/key.pem"])
      #expect(line?.contains("/nowhere/chain.pem") == true)
      #expect(status == 1)
      let taken = try Listener(host: "127.0.0.1", port: 0)
      let (other, otherStatus) = try await refusal(of: "Echo", ["--listen", "\(taken.localAddress)"])
      #expect(other == "Error: bind \(taken.localAddress): Address already in use")
      #expect(otherStatus == 1)
    }
  }
}
