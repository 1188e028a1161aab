import Glibc
import Testing
import Toro

@testable import ToroNet

@Suite("Unix sockets")
struct UnixSocketTests {
  /// A path that is free.
  private func path() -> String {
    var random = SystemRandomNumberGenerator()
    return "/tmp/toro-\(getpid())-\(random.next() as UInt64)"
  }

  private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  @Test("A listener on a path serves, and its file goes when it is closed", arguments: [true, false])
  func serves(isAbstract: Bool) throws {
    let path = (isAbstract ? "@" : "") + path()
    try onReactor { reactor in
      let listener = try Listener(unixPath: path)
      #expect(listener.localAddress.path == path)
      #expect("\(listener)" == "<Listener unix:\(path)>")
      #expect(exists(path) != isAbstract)
      let client = try await Connection.connect(to: listener.localAddress)
      let server = try #require(try await listener.accept())
      #expect(client.peerAddress.path == path)
      #expect(server.peerAddress == SocketAddress(unixSocketWithoutPath: ()))
      try await client.write("hello")
      client.closeWrite()
      #expect(try await server.readAll() == Array("hello".utf8))
      listener.close()
      #expect(!exists(path))
    }
  }

  @Test("Who may connect is what was asked for, whatever the umask")
  func mode() throws {
    let path = path()
    try onReactor { reactor in
      let listener = try Listener(unixPath: path, options: .init { $0.mode = 0o666 })
      var status = stat()
      #expect(stat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o666)
      listener.close()
    }
  }

  @Test("A file that nobody listens on any more is replaced; one that somebody listens on, or of another kind, is not")
  func stale() throws {
    let path = path()
    try onReactor { reactor in
      let left = try makeSocket(for: SocketAddress(unixPath: path))
      #expect(try SocketAddress(unixPath: path).withSystemAddress { bind(left, $0, $1) } == 0)
      close(left)
      #expect(exists(path))
      let error = #expect(throws: SocketError.self) {
        try Listener(unixPath: path, options: .init { $0.replacesStaleFile = false })
      }
      #expect(error?.errno == EADDRINUSE)
      let first = try Listener(unixPath: path)
      #expect(throws: SocketError.self) { try Listener(unixPath: path) }
      // Another's file in its place is not removed with it.
      unlink(path)
      close(open(path, O_CREAT | O_WRONLY, 0o600))
      first.close()
      #expect(exists(path))
      #expect(throws: SocketError.self) { try Listener(unixPath: path) }
      #expect(exists(path))
      unlink(path)
    }
  }

  @Test("A path that is too long, or none, says what is wrong")
  func badPaths() throws {
    let long = "/tmp/" + String(repeating: "x", count: 103)
    #expect(long.utf8.count == SocketAddress.maxUnixPathLength + 1)
    let error = #expect(throws: AddressError.self) { try SocketAddress(unixPath: long) }
    #expect(error?.description == "the path of a Unix socket has at most 107 bytes; this has 108: \"\(long)\"")
    #expect(throws: AddressError.self) { try SocketAddress(unixPath: "") }
    #expect(throws: AddressError.self) { try SocketAddress("unix:") }
    #expect(try SocketAddress("unix:/run/it.sock") == SocketAddress(unixPath: "/run/it.sock"))
    #expect(try SocketAddress("unix:@name").description == "unix:@name")
    #expect(try SocketAddress(unixPath: String(long.dropLast())).path?.utf8.count == 107)
  }

  @Test("Connecting to a path where nobody listens says so")
  func nobody() throws {
    let path = path()
    try onReactor { _ in
      let address = try SocketAddress(unixPath: path)
      let error = await #expect(throws: SocketError.self) { _ = try await Connection.connect(to: address) }
      #expect(error?.errno == ENOENT)
      #expect("\(try #require(error))" == "connect unix:\(path): No such file or directory")
    }
  }
}
