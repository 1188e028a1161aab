import Toro

extension Snapshot {
  /// For a terminal.
  ///
  /// - Parameters:
  ///   - columns: How wide it is, or `nil` if lines may have any length.
  ///   - rows: How many lines there may be, or `nil`.
  func text(columns: Int?, rows: Int?) -> String {
    let count =
      "\(reactors.count) reactor\(reactors.count == 1 ? "" : "s"), \(waitCount) wait\(waitCount == 1 ? "" : "s")"
    var lines = ["\(program.name), process \(program.id): \(count)", ""]
    lines +=
      TextTable(
        [
          "REACTOR", ">TURNS/S", ">JOBS/S", ">JOBS/TURN", ">QUEUE", ">TASKS", ">TIMERS", ">WAITS", ">LAG p50", ">p99",
          ">MAX",
        ],
        reactors.map(\.cells)
      ).lines
    for reactor in reactors where reactor.silence > 0 {
      lines.append(
        "\(reactor.name) has not answered for \(duration(reactor.silence)): it is stuck in something, or not run")
    }
    var byPrimitive: [String: Int] = [:]
    for reactor in reactors { byPrimitive.merge(reactor.waitCounts, uniquingKeysWith: +) }
    if !byPrimitive.isEmpty {
      let parts = byPrimitive.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
      lines += ["", "waits by primitive: " + parts.joined(separator: ", ")]
    }
    if !circles.isEmpty { lines += [""] + circles }
    if !waits.isEmpty {
      let first = waits.indices.sorted { order($0) < order($1) }
      lines += [""]
      lines +=
        TextTable(
          [">WAITS FOR", ">LEFT", "WHAT", "TASK", "WHERE", "REACTOR", "HELD BY"], first.map { waits[$0].cells }
        ).lines
      if waitCount > waits.count { lines.append("… and \(waitCount - waits.count) more") }
    }
    if let rows, lines.count > rows, rows > 0 {
      let left = lines.count - rows + 1
      lines = Array(lines.prefix(rows - 1)) + ["… \(left) lines more"]
    }
    if let columns { lines = lines.map { $0.count > columns ? "\($0.prefix(max(0, columns - 1)))…" : $0 } }
    return lines.map { $0 + "\n" }.joined()
  }

  /// Those that go round first, then the oldest.
  private func order(_ place: Int) -> (Int, Int64) {
    (waits[place].cycle ?? .max, -(waits[place].age ?? 0))
  }
}

extension Snapshot.ReactorState {
  fileprivate var cells: [String] {
    func rate(_ value: Double) -> String {
      value < 10 ? JSON.number((value * 10).rounded() / 10).text : "\(Int(value))"
    }
    func number(_ value: Int?) -> String { value.map { "\($0)" } ?? "-" }
    return [
      name, rate(rates.turnsPerSecond), rate(rates.jobsPerSecond), rate(rates.jobsPerTurn), number(activity?.ready),
      number(activity?.tasks), number(activity?.timers), number(waitCount), duration(histogram.percentile(0.5)),
      duration(histogram.percentile(0.99)), duration(histogram.max),
    ]
  }
}

extension Snapshot.WaitState {
  fileprivate var cells: [String] {
    let place = wait.file.map { "\($0):\(wait.line ?? 0)" } ?? (wait.isIteration ? "for try await" : "")
    let what = wait.call == "firstOf" ? "firstOf(\(wait.subject))" : "\(wait.subject).\(wait.call)"
    return [
      age.map(duration) ?? "-", left.map(duration) ?? "-", what, wait.task ?? "", place, reactor,
      wait.holder ?? "",
    ]
  }
}

func duration(_ nanoseconds: Int64) -> String { Duration.nanoseconds(nanoseconds).readable }

/// Columns of text; a heading that begins with `>` is that of a column which ends flush.
struct TextTable {
  let lines: [String]

  init(_ headings: [String], _ rows: [[String]]) {
    let isRight = headings.map { $0.hasPrefix(">") }
    let all = [headings.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }] + rows
    let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    lines = all.map { row in
      var line = row.enumerated().map { column, cell in
        let gap = String(repeating: " ", count: widths[column] - cell.count)
        return isRight[column] ? gap + cell : cell + gap
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
