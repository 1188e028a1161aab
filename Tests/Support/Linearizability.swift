import Synchronization

/// What calls do one after the other: what calls that overlap must not differ from.
package protocol SequentialModel: Hashable {
  /// A call together with what came of it.
  associatedtype Call: Sendable

  /// Makes the call. False if nothing of the kind could have come of it now.
  mutating func admits(_ call: Call) -> Bool
}

/// The calls of several threads, each with the time before it was made and after it had returned.
package final class History<Call: Sendable>: Sendable {
  package struct Entry: Sendable {
    package let call: Call
    package let begun: Int
    package let ended: Int

    package init(_ call: Call, _ begun: Int, _ ended: Int) {
      self.call = call
      self.begun = begun
      self.ended = ended
    }
  }

  private let clock = Atomic<Int>(0)

  package init() {}

  /// Makes a call; `nil` where nothing came of it that may be told.
  package func note(_ call: () async throws -> Call?) async throws -> Entry? {
    let begun = clock.add(1, ordering: .sequentiallyConsistent).newValue
    let made = try await call()
    let ended = clock.add(1, ordering: .sequentiallyConsistent).newValue
    return made.map { Entry($0, begun, ended) }
  }
}

/// Whether the calls could have been made one after the other, each at some moment between its beginning and its end.
///
/// Wing and Gong, "Testing and verifying concurrent objects", 1993; that states which were seen are not gone into again is
/// Lowe's, "Testing for linearizability", 2017.
///
/// - Complexity: In the worst case exponential in the number of calls that overlap. At most 64 calls.
package func isLinearizable<Model: SequentialModel>(_ history: [History<Model.Call>.Entry], from model: Model) -> Bool {
  precondition(history.count <= 64)
  var search = Search(history: history, model)
  return search.goesOn(from: 0, model)
}

private struct Search<Model: SequentialModel> {
  private struct State: Hashable {
    let made: UInt64
    let model: Model
  }

  private let history: [History<Model.Call>.Entry]
  private let all: UInt64
  private var seen: Set<State> = []

  init(history: [History<Model.Call>.Entry], _ model: Model) {
    self.history = history.sorted { $0.begun < $1.begun }
    all = history.count == 64 ? .max : 1 << UInt64(history.count) - 1
  }

  mutating func goesOn(from made: UInt64, _ model: Model) -> Bool {
    if made == all { return true }
    guard seen.insert(State(made: made, model: model)).inserted else { return false }
    let left = history.indices.filter { made & 1 << UInt64($0) == 0 }
    // Who began after another had ended comes after it.
    let firstEnd = left.map { history[$0].ended }.min() ?? .max
    for index in left where history[index].begun < firstEnd {
      var next = model
      if next.admits(history[index].call), goesOn(from: made | 1 << UInt64(index), next) { return true }
    }
    return false
  }
}
