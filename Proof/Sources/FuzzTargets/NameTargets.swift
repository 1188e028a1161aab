import ToroHTTP
import ToroNet

extension FuzzTarget {
  /// A base and a reference, a line each.
  static let urls = FuzzTarget("urls") {
    [
      "http://a/b/c?d\n../e", "https://user@[::1]:8080/%41?x#y\n//c:1/d", "http://127.0.0.1\n?q",
      "HTTP://A.b:80\n/./a/../b",
    ].map { Array($0.utf8) }
  } run: { bytes in
    let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    guard let url = try? HTTPURL(String(decoding: lines[0], as: UTF8.self)) else { return nil }
    if let wrong = flaw(of: url) { return wrong }
    guard lines.count > 1, let resolved = try? url.resolving(String(decoding: lines[1], as: UTF8.self)) else {
      return nil
    }
    return flaw(of: resolved)
  }

  private static func flaw(of url: HTTPURL) -> String? {
    guard let again = try? HTTPURL(url.description) else { return "\(url.description.debugDescription) is refused" }
    if again != url { return "\(url) becomes \(again)" }
    if !url.target.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) || url.target.first != "/" {
      return "a target \(url.target.debugDescription)"
    }
    if !url.authority.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) || url.host.isEmpty || !(1...65_535).contains(url.port) {
      return "an authority \(url.authority.debugDescription)"
    }
    return nil
  }

  static let addresses = FuzzTarget("addresses") {
    [
      "127.0.0.1:80", "[::1]:0", "[fe80::1%lo]:65535", "unix:/tmp/a", "localhost:1", "@abstract", ":80",
      "[::ffff:1.2.3.4]:5",
    ]
    .map { Array($0.utf8) }
  } run: { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let address = try? SocketAddress(text) {
      guard let again = try? SocketAddress(address.description) else {
        return "\(address.description.debugDescription), from \(text.debugDescription), is refused"
      }
      if again != address { return "\(address) becomes \(again)" }
    }
    if let endpoint = try? Endpoint(text, defaultPort: 7) {
      guard let again = try? Endpoint(endpoint.description) else {
        return "\(endpoint.description.debugDescription), from \(text.debugDescription), is refused"
      }
      if again != endpoint { return "\(endpoint) becomes \(again)" }
    }
    return nil
  }

  static let workQueueLines = FuzzTarget("workqueue-lines") {
    ["put 1 text", "take 500", "done", "stats", "quit", " put -3  a b", "take -1"].map { Array($0.utf8) }
  } run: { bytes in
    do throws(CommandError) {
      let command = try Command(Array(bytes))
      switch command {
      case .put(let priority, let text):
        guard (try? Command("put \(priority) \(text)")) == command else { return "\(command) is not read again" }
        return flaw(of: .item(priority: priority, text: text), from: bytes)
      case .take(let timeout):
        return timeout < .zero || timeout > .milliseconds(Command.longestTake) ? "\(command)" : nil
      default: return nil
      }
    } catch {
      return flaw(of: .error(error.reason), from: bytes)
    }
  }

  /// A reply is one line, unless the client's was none.
  private static func flaw(of reply: Reply, from line: UnsafeRawBufferPointer) -> String? {
    if case .item = reply, line.contains(UInt8(ascii: "\n")) { return nil }
    return reply.line.utf8.count { $0 == UInt8(ascii: "\n") } == 1 ? nil : "\(reply.line.debugDescription) is no line"
  }
}
