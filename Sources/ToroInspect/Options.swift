import ToroNet

/// What the command line says.
struct Options {
  var address: SocketAddress?
  var isJSON = false
  var isOnce = false
  var interval = Duration.seconds(1)
  var rows: Int?
  var asksForHelp = false

  static let help = """
    toro-inspect shows what the reactors of a running program do, and who waits where.

      toro-inspect [options] <address>

    The address is that of the program's Inspector: the path of a Unix socket, a port of this machine,
    or both in full as in unix:/run/daemon.inspect and 127.0.0.1:9090.

    On a terminal it goes on until it is interrupted; otherwise it prints once, as plain text.

      --once              print once, on a terminal too
      --json              print once, as JSON
      --interval SECONDS  how long to pause in between (1)
      --rows COUNT        how many lines to print at most
      --help              print this

    It ends with 0, with 1 if the program cannot be asked, with 2 if the command line makes no sense.

    """

  /// - Throws: ``UsageError``.
  init(_ arguments: [String]) throws(UsageError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--help", "-h": asksForHelp = true
      case "--json": isJSON = true
      case "--once": isOnce = true
      case "--interval":
        guard let text = rest.popFirst(), let seconds = Double(text), (0.1...3_600).contains(seconds) else {
          throw UsageError("--interval: from 0.1 to 3600 seconds")
        }
        interval = .milliseconds(Int(seconds * 1_000))
      case "--rows":
        guard let text = rest.popFirst(), let count = Int(text), (1...100_000).contains(count) else {
          throw UsageError("--rows: from 1 to 100000")
        }
        rows = count
      case _ where argument.hasPrefix("-"): throw UsageError("unknown option \(argument)")
      case _ where address != nil: throw UsageError("one address, and not \(argument) too")
      default: address = try Options.address(argument)
      }
    }
    if address == nil && !asksForHelp { throw UsageError("an address is missing") }
  }

  private static func address(_ text: String) throws(UsageError) -> SocketAddress {
    do {
      if text.contains("/") && !text.hasPrefix("unix:") { return try SocketAddress(unixPath: text) }
      if let port = Int(text) { return try SocketAddress(host: "127.0.0.1", port: port) }
      return try SocketAddress(text)
    } catch {
      throw UsageError("\(error)")
    }
  }
}

/// The command line makes no sense.
struct UsageError: Error, Equatable {
  let text: String
  init(_ text: String) { self.text = text }
}
