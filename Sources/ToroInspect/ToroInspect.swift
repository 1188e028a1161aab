import Glibc
import Toro
import ToroNet

/// Prints what an inspector tells.
@main
struct ToroInspect {
  static func main() {
    let options: Options
    do {
      options = try Options(Array(CommandLine.arguments.dropFirst()))
    } catch {
      fail("\(error.text); --help says how", status: 2)
    }
    guard !options.asksForHelp, let address = options.address else { return put(Options.help) }
    do {
      let reactor = try Reactor()
      defer { reactor.close() }
      let isLive = isatty(STDOUT_FILENO) == 1 && !options.isOnce && !options.isJSON
      try reactor.run {
        if isLive { try await show(address, options) } else { put(try await ask(address, for: path(options, nil))) }
      }
    } catch {
      fail("\(address): \(error)", status: 1)
    }
  }

  /// Until it is interrupted, on the terminal's other screen, so that what was there comes back.
  private static func show(_ address: SocketAddress, _ options: Options) async throws {
    let signals = try Signals([SIGINT, SIGTERM])
    var text = try await ask(address, for: path(options, Terminal.size))
    put("\u{1B}[?1049h\u{1B}[?25l")
    defer { put("\u{1B}[?25h\u{1B}[?1049l") }
    let isStopping = Event()
    Reactor.current.spawn {
      _ = try await signals.next()
      isStopping.set()
    }
    while true {
      put(
        "\u{1B}[H" + text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\u{1B}[K\n")
          + "\u{1B}[J")
      if try await isStopping.wait(deadline: .after(options.interval)) { return }
      text = try await ask(address, for: path(options, Terminal.size))
    }
  }

  private static func path(_ options: Options, _ size: Terminal.Size?) -> String {
    if options.isJSON { return "/snapshot.json" }
    var query: [String] = []
    if let size { query.append("columns=\(size.columns)") }
    if let rows = options.rows ?? size.map({ $0.rows - 1 }) { query.append("rows=\(rows)") }
    return "/snapshot.txt" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
  }

  private static func put(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { exit(1) }
      rest = rest.dropFirst(count)
    }
  }

  private static func fail(_ text: String, status: Int32) -> Never {
    put("toro-inspect: \(text)\n", to: STDERR_FILENO)
    exit(status)
  }
}

/// The terminal's size.
enum Terminal {
  struct Size {
    let columns: Int
    let rows: Int
  }

  static var size: Size? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 1 else { return nil }
    return Size(columns: Int(size.ws_col), rows: Int(size.ws_row))
  }
}
