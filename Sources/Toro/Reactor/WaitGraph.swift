/// Who waits for whom, as far as locks know who holds them: what a deadlock is seen in.
package struct WaitGraph: Sendable {
  /// Of each wait, by its place in the list, those of the tasks that hold what it waits for.
  package let successors: [[Int]]
  /// Waits that go round: each is for something that the task of the next holds, and the last for something of the first's. Of those
  /// that have waits in common one at least is told.
  package let cycles: [[Int]]

  /// The cycles in words, as in
  /// `in a circle: "one" waits for Lock "b", which "two" holds, who waits for Lock "a", which "one" holds`.
  package let circles: [String]

  /// - Complexity: O(n) in the waits and holders.
  package init(_ waits: [WaitDescription]) {
    var places: [UInt64: Int] = [:]
    for (place, wait) in waits.enumerated() where wait.taskNumber != 0 { places[wait.taskNumber] = place }
    successors = waits.map { wait in wait.holders.compactMap { places[$0.taskNumber] } }
    cycles = WaitGraph.cycles(in: successors)
    circles = cycles.map { cycle in
      let who = cycle.map { waits[$0].task.map { "\"\($0)\"" } ?? "a task" }
      let parts = cycle.indices.map {
        "waits for \(waits[cycle[$0]].subject), which \(who[($0 + 1) % who.count]) holds"
      }
      return "in a circle: \(who[0]) \(parts.joined(separator: ", who "))"
    }
  }

  /// Follows each path to its end, in constant stack; where it meets itself is a cycle.
  private static func cycles(in successors: [[Int]]) -> [[Int]] {
    enum Mark {
      case unseen
      case onPath(Int)
      case done
    }
    var marks = [Mark](repeating: .unseen, count: successors.count)
    var found: [[Int]] = []
    for start in successors.indices {
      guard case .unseen = marks[start] else { continue }
      var path = [(node: start, next: 0)]
      marks[start] = .onPath(0)
      while let (node, next) = path.last {
        guard next < successors[node].count else {
          marks[node] = .done
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let successor = successors[node][next]
        switch marks[successor] {
        case .unseen:
          marks[successor] = .onPath(path.count)
          path.append((successor, 0))
        case .onPath(let index): found.append(path[index...].map(\.node))
        case .done: break
        }
      }
    }
    return found
  }
}
