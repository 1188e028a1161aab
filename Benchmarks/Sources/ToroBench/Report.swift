import Workloads

/// Rounds of one workload, as they are told.
struct Report {
  let workload: String
  let form: Form
  let rounds: [Measurement]

  private var figures: [Double] {
    rounds.map { Double(max($0.nanoseconds, 0)) / Double($0.operations) }.sorted()
  }

  private var median: Double {
    let figures = figures
    let middle = figures.count / 2
    return figures.count % 2 == 1 ? figures[middle] : (figures[middle - 1] + figures[middle]) / 2
  }

  /// A line of JSON, as the peers print it: the medians, and of several rounds the least and the most.
  var json: String {
    var pairs = [
      ("peer", quoted("toro")), ("form", quoted(form.rawValue)), ("workload", quoted(workload)),
      ("ns_per_op", decimal(median)),
    ]
    if rounds.count > 1 {
      pairs += [("ns_min", decimal(figures[0])), ("ns_max", decimal(figures[figures.count - 1]))]
      pairs += [("rounds", "\(rounds.count)")]
    }
    pairs += [("ops", "\(rounds[0].operations)"), ("peak_rss_kb", "\(statusKilobytes("VmHWM"))")]
    pairs += extras.map { ($0.name, decimal($0.value)) }
    return "{" + pairs.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
  }

  /// A line for people.
  var text: String {
    let name = padded(workload, 20) + padded(form.rawValue, 10)
    let range = "\(decimal(figures[0])) to \(decimal(figures[figures.count - 1])) in \(rounds.count) rounds"
    let others = extras.map { ", \($0.name) \(decimal($0.value))" }.joined()
    return "\(name)\(decimal(median)) ns per operation, \(range)\(others)"
  }

  /// The medians of the further figures.
  private var extras: [(name: String, value: Double)] {
    rounds[0].extras.indices.map { index in
      let values = rounds.map { $0.extras[index].value }.sorted()
      return (rounds[0].extras[index].name, values[values.count / 2])
    }
  }
}

func quoted(_ text: String) -> String { "\"\(text)\"" }

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.utf8.count))
}

/// With two digits after the point.
func decimal(_ value: Double) -> String {
  let hundredths = Int((abs(value) * 100).rounded())
  let sign = value < 0 && hundredths > 0 ? "-" : ""
  return "\(sign)\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}

/// An object of texts, as JSON.
func object(_ pairs: [(String, String)]) -> String {
  "{" + pairs.map { "\(quoted($0)):\(quoted($1))" }.joined(separator: ",") + "}"
}
