import Toro
import ToroNet

/// Who is there, and what was said.
///
/// A line is kept once, however many read it: each member knows how far it has read, and waits on a condition for more. Who is
/// slower than others can talk misses lines, and is told how many; nobody waits for it. What is for one member alone comes by a
/// queue of its own.
actor Room: ReactorActor {
  nonisolated let reactor: Reactor
  private var members: [String: Queue<String>] = [:]
  /// The last lines said; the first of them has the number `firstLine`.
  private var lines: [String] = []
  private var firstLine = 0
  private let said: Condition

  private static let keptLines = 1_000
  /// In bytes.
  private static let (longestName, longestLine) = (32, 1_000)

  init(on reactor: Reactor) {
    self.reactor = reactor
    said = Condition(name: "said", on: reactor)
  }

  /// Serves one member from its name to its end.
  func serve(_ connection: Connection) async throws {
    try await connection.write("Who are you?\n", deadline: .after(.seconds(10)))
    guard let name = try await readName(connection) else { return }
    let isName = !name.isEmpty && name.allSatisfy { $0.isLetter || $0.isNumber }
    guard isName, members[name] == nil else {
      return try await connection.write(isName ? "That name is taken.\n" : "Letters and digits, please.\n")
    }
    let mail = Queue<String>(capacity: 100, name: name, on: reactor)
    members[name] = mail
    let start = firstLine + lines.count
    say("* \(name) is here")
    defer {
      members[name] = nil
      say("* \(name) has gone")
    }
    // Whichever ends first ends the other: the member hangs up, or cannot be written to.
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.listen(to: name, connection) }
      group.addTask { try await self.tell(connection, mail, from: start) }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// The name that somebody gives; `nil` if it is none that anybody would want to read, which is told.
  private func readName(_ connection: Connection) async throws -> String? {
    do {
      return try await connection.readLine(maxLength: Self.longestName, deadline: .after(.seconds(60)))
    } catch let error as LineTooLongError {
      try await connection.write("That name is longer than \(error.maxLength) bytes.\n", deadline: .after(.seconds(10)))
      return nil
    }
  }

  /// Passes on what a member says.
  private func listen(to name: String, _ connection: Connection) async throws {
    while try await connection.awaitRequest() {
      let line: String
      do {
        guard let next = try await connection.readLine(maxLength: Self.longestLine) else { return }
        line = next
      } catch let error as LineTooLongError {
        // It has been skipped: who talks too much is told, and stays.
        _ = members[name]?.tryPut("* nobody hears a line of more than \(error.maxLength) bytes")
        continue
      }
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      switch words.first {
      case nil: break
      case "/quit": return
      case "/who": _ = members[name]?.tryPut("* " + members.keys.sorted().joined(separator: " "))
      case "/msg" where words.count == 3:
        let isTold = members[words[1]]?.tryPut("\(name), to you alone: \(words[2])") ?? false
        if !isTold { _ = members[name]?.tryPut("* \(words[1]) cannot be told") }
      case let word? where word.hasPrefix("/"): _ = members[name]?.tryPut("* /who, /msg <name> <text>, /quit")
      default: say("\(name): \(line)")
      }
    }
  }

  private func say(_ line: String) {
    lines.append(line)
    if lines.count > Self.keptLines {
      lines.removeFirst(lines.count / 2)
      firstLine += Self.keptLines + 1 - lines.count
    }
    said.notifyAll()
  }

  /// Tells a member what is said from a line on, and what comes by its mail, many lines at a time if it is behind.
  private func tell(_ connection: Connection, _ mail: Queue<String>, from start: Int) async throws {
    var next = start
    while true {
      var text = ""
      if next < firstLine {
        text = "* you missed \(firstLine - next) lines\n"
        next = firstLine
      }
      for line in lines[(next - firstLine)...] { text += line + "\n" }
      next = firstLine + lines.count
      while let letter = mail.tryGet() { text += letter + "\n" }
      if text.isEmpty {
        let letter = try await firstOf(mail.choice { String?.some($0) }, said.choice { String?.none })
        if let letter { text = letter + "\n" }
      }
      if !text.isEmpty { try await connection.write(text, deadline: .after(.seconds(30))) }
    }
  }
}
