import Toro

extension Snapshot {
  /// As JSON: times in seconds, moments in seconds since the Unix epoch.
  var json: String {
    JSON.object([
      "program": .object(["name": .string(program.name), "process": .int(program.id)]),
      "time": .seconds(nanoseconds: unixNanoseconds),
      "reactors": .array(reactors.map(\.json)),
      "waits": .array(waits.map(\.json)),
      "waitCount": .int(waitCount),
      "cycles": .array(cycles.map { .array($0.map { .int($0) }) }),
      "circles": .array(circles.map { .string($0) }),
    ]).text + "\n"
  }
}

extension Snapshot.ReactorState {
  fileprivate var json: JSON {
    .object([
      "name": .string(name),
      "answers": .bool(silence == 0),
      "silentFor": .seconds(nanoseconds: silence),
      "isVirtual": .bool(isVirtual),
      "isAdopted": .bool(isAdopted),
      "turnsPerSecond": .number(rates.turnsPerSecond),
      "jobsPerSecond": .number(rates.jobsPerSecond),
      "jobsPerTurn": .number(rates.jobsPerTurn),
      "runQueue": .int(activity?.ready),
      "tasks": .int(activity?.tasks),
      "timers": .int(activity?.timers),
      "waitCount": .int(waitCount),
      "waitsByPrimitive": byPrimitive(waitCounts),
      "lag": .object([
        "last": .seconds(nanoseconds: lag),
        "median": .seconds(nanoseconds: histogram.percentile(0.5)),
        "p99": .seconds(nanoseconds: histogram.percentile(0.99)),
        "max": .seconds(nanoseconds: histogram.max),
        "count": .int(histogram.count),
        "histogram": .array(
          histogram.counts.enumerated().map { index, count in
            .object([
              "upTo": .seconds(nanoseconds: index < LagHistogram.bounds.count ? LagHistogram.bounds[index] : nil),
              "count": .int(count),
            ])
          }),
      ]),
      "history": .array(
        history.map { point in
          .object([
            "lagMean": .seconds(nanoseconds: point.lagMean),
            "lagMax": .seconds(nanoseconds: point.lagMax),
            "turnsPerSecond": .number(point.rates.turnsPerSecond),
            "jobsPerSecond": .number(point.rates.jobsPerSecond),
            "waitsByPrimitive": byPrimitive(point.waitCounts),
          ])
        }),
    ])
  }

  private func byPrimitive(_ counts: [String: Int]) -> JSON {
    .map(counts.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) })
  }
}

extension Snapshot.WaitState {
  fileprivate var json: JSON {
    .object([
      "id": .string("\(reactor):\(wait.id)"),
      "reactor": .string(reactor),
      "subject": .string(wait.subject),
      "call": .string(wait.call),
      "task": .string(wait.task),
      "file": .string(wait.file),
      "line": .int(wait.line),
      "isIteration": .bool(wait.isIteration),
      "age": .seconds(nanoseconds: age),
      "since": .seconds(nanoseconds: age.map { unixNanoseconds - $0 }),
      "left": .seconds(nanoseconds: left),
      "until": .seconds(
        nanoseconds: left.flatMap { left in
          let (moment, overflow) = unixNanoseconds.addingReportingOverflow(left)
          return overflow ? nil : moment
        }),
      "holders": .array(wait.holders.map { .string($0.description) }),
      "waitsFor": .array(successors.map { .int($0) }),
      "cycle": .int(cycle),
    ])
  }
}
