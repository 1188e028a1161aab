import Toro

/// What a client may say: one command a line.
///
///     put <priority> <text>   adds an item; the lowest priority leaves first, equal ones in order of arrival -> ok,
///                             or an error where 10,000 wait already, or 64 MiB
///     take <milliseconds>     takes an item, waiting that long for one -> item <priority> <text>, or none; no more than
///                             --linger where the client has ended its side
///     done                    the item taken is dealt with -> ok
///     stats                   -> stats queued=… inhand=… waiting=… done=… clients=…
///     quit                    -> bye, and the connection ends
///
/// Blanks before a command do not count. A line that is none of these is answered by `error <why>`, and the next one is read.
enum Command: Equatable {
  case put(priority: Int, text: String)
  case take(timeout: Duration)
  case done
  case stats
  case quit

  /// How many bytes a line may have.
  static let maxLength = 65_536
  /// How long a take may wait.
  static let longestTake = 3_600_000

  /// Reads a line as it was sent, without its end.
  ///
  /// - Throws: ``CommandError`` that says what is wrong, in one line.
  init(_ line: [UInt8]) throws(CommandError) {
    guard let text = String(validating: line, as: UTF8.self) else { throw CommandError("a line that is not UTF-8") }
    try self.init(text)
  }

  /// Reads a line without its end.
  ///
  /// - Throws: ``CommandError`` that says what is wrong, in one line.
  init(_ line: String) throws(CommandError) {
    let command = line.drop { $0 == " " }
    let parts = command.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let argument = parts.count > 1 ? parts[1] : nil
    switch parts[0] {
    case "put":
      guard let argument else { throw CommandError("usage: put <priority> <text>") }
      self = try Command.put(argument)
    case "take":
      guard let argument else { throw CommandError("usage: take <milliseconds>") }
      self = try Command.take(argument)
    case "done": self = .done
    case "stats": self = .stats
    case "quit": self = .quit
    case "": throw CommandError("an empty line")
    default: throw CommandError("no such command: \(Command.quote(parts[0])) (put, take, done, stats, quit)")
    }
    switch self {
    case .put, .take: break
    default: if argument != nil { throw CommandError("\(parts[0]) takes no argument") }
    }
  }

  private static func put(_ argument: Substring) throws(CommandError) -> Command {
    let parts = argument.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    guard let priority = Int(parts[0]) else { throw CommandError("not a priority: \(quote(parts[0]))") }
    guard parts.count == 2, !parts[1].isEmpty else { throw CommandError("put <priority> <text>: no text") }
    return .put(priority: priority, text: String(parts[1]))
  }

  private static func take(_ argument: Substring) throws(CommandError) -> Command {
    guard let timeout = Int(argument), (0...longestTake).contains(timeout) else {
      throw CommandError("not a time-out from 0 to \(longestTake) ms: \(quote(argument))")
    }
    return .take(timeout: .milliseconds(timeout))
  }

  /// What a client sent, fit for a line of a reply.
  private static func quote(_ text: Substring) -> String {
    text.utf8.count > 40
      ? String(decoding: text.utf8.prefix(40), as: UTF8.self).debugDescription + "…" : String(text).debugDescription
  }
}

/// A line is no command.
struct CommandError: Error, Equatable {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// What the daemon answers.
enum Reply: Equatable {
  case ok
  case item(priority: Int, text: String)
  case none
  case stats([(name: String, value: Int)])
  case bye
  case error(String)

  /// The line, with its end.
  var line: String {
    switch self {
    case .ok: "ok\n"
    case .item(let priority, let text): "item \(priority) \(text)\n"
    case .none: "none\n"
    case .stats(let values): "stats " + values.map { "\($0.name)=\($0.value)" }.joined(separator: " ") + "\n"
    case .bye: "bye\n"
    case .error(let reason): "error \(reason)\n"
    }
  }

  static func == (a: Reply, b: Reply) -> Bool { a.line == b.line }
}
