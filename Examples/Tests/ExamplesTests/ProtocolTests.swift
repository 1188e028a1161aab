import Testing

@testable import WorkQueue

@Suite("The work queue's protocol")
struct ProtocolTests {
  @Test("Commands are read")
  func commands() throws {
    #expect(try Command("put 5 some text") == .put(priority: 5, text: "some text"))
    #expect(try Command("put -3   x ") == .put(priority: -3, text: "  x "))
    #expect(try Command("take 0") == .take(timeout: .zero))
    #expect(try Command("take 3600000") == .take(timeout: .seconds(3_600)))
    #expect(try Command("done") == .done)
    #expect(try Command("stats") == .stats)
    #expect(try Command("  stats") == .stats)
    #expect(try Command(" put 5  x") == .put(priority: 5, text: " x"))
    #expect(try Command("quit") == .quit)
  }

  @Test(
    "Lines that are no commands are refused in one short line",
    arguments: [
      "", " ", "put", "put ", "put 5", "put 5 ", "put x y", "put 99999999999999999999 x", "take", "take x", "take -1",
      "take 3600001", "take 1 2", "done 1", "stats ", "PUT 1 x", "quit\t", "\u{0}",
      String(repeating: "z", count: 60_000),
    ])
  func refusals(line: String) {
    let error = #expect(throws: CommandError.self) { try Command(line) }
    let reply = Reply.error(error?.reason ?? "").line
    #expect(reply.utf8.count < 200)
    #expect(reply.utf8.count { $0 == 10 } == 1 && reply.last == "\n")
  }

  @Test("A command without its arguments is told its usage", arguments: ["put", "take"])
  func usage(name: String) {
    let error = #expect(throws: CommandError.self) { try Command(name) }
    #expect(error?.reason.hasPrefix("usage: \(name) <") == true)
  }

  @Test("Replies are lines")
  func replies() {
    #expect(Reply.item(priority: -1, text: "a b").line == "item -1 a b\n")
    #expect(Reply.stats([("queued", 1), ("done", 2)]).line == "stats queued=1 done=2\n")
    #expect(Reply.none.line == "none\n")
  }
}
