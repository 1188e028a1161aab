import Testing
import ToroNet

@testable import ToroInspect

@Suite("toro-inspect: its command line")
struct OptionsTests {
  @Test("An address is a path, a port, or either in full")
  func addresses() throws {
    #expect(try Options(["/run/it.sock"]).address == SocketAddress(unixPath: "/run/it.sock"))
    #expect(try Options(["unix:it.sock"]).address == SocketAddress(unixPath: "it.sock"))
    #expect(try Options(["9090"]).address == SocketAddress(host: "127.0.0.1", port: 9090))
    #expect(try Options(["[::1]:9090"]).address == SocketAddress(host: "::1", port: 9090))
  }

  @Test("Options are read in any order")
  func options() throws {
    let options = try Options(["--json", "9090", "--interval", "0.5", "--rows", "20", "--once"])
    #expect(options.isJSON && options.isOnce && options.interval == .milliseconds(500) && options.rows == 20)
    #expect(try Options(["--help"]).asksForHelp)
  }

  @Test(
    "What makes no sense is told",
    arguments: [
      [], ["--wrong", "9090"], ["9090", "9091"], ["--interval", "0", "9090"], ["--interval"], ["--rows", "x", "9090"],
      ["65536"], ["example.org:80"],
    ])
  func misuse(_ arguments: [String]) { #expect(throws: UsageError.self) { try Options(arguments) } }
}
