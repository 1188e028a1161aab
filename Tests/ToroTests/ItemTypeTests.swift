import Testing
import Toro

/// Items of whatever size and layout come through a queue whole, whichever side waits. (A waiter has room for some within itself.)
@Suite("Items of every type")
struct ItemTypeTests {
  @Test("Of no size, of a part of a word, of several words, with and without spare bits, aligned, optional, counted")
  func types() throws {
    try moves((0..<5).map { _ in Nothing() })
    try moves([true, false, true])
    try moves([UInt8.max, 0, 1])
    try moves([Int.max, .min, 0, -1, 1])
    try moves([Int?.none, 0, .max])
    try moves([Duration.seconds(1), .zero, .nanoseconds(-1)])
    try moves([Pair(first: .max, second: .max), Pair(first: 0, second: 0), Pair(first: 1, second: 256)])
    try moves([Pair?.none, Pair(first: 0, second: 1)])
    try moves([Nine(word: .max, byte: .max), Nine(word: 0, byte: 0)])
    try moves([Triple(first: 1, second: 2, third: 3), Triple(first: .max, second: 0, third: .max)])
    try moves([SIMD4<Int32>(1, 2, 3, 4), SIMD4<Int32>(repeating: -1)])
    try moves([SIMD16<Int32>(repeating: 7), SIMD16<Int32>(repeating: 8)])
    try moves(["", "short", "one that is too long to stand within the string itself"])
    try moves([[1, 2, 3], [], [4]])
    try moves([Choice.none, .some("text"), .pair(1, 2), .other(.none)])
    try moves([StaticString("a"), "b"].map { "\($0)" as Substring })
  }

  /// Sends the items through queues in each of the ways that an item can take.
  private func moves<Item: Equatable & Sendable>(_ items: [Item]) throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    let problem = try reactor.run { () -> String? in
      for capacity in [0, 1, nil] {
        for wayOfGetting in WayOfGetting.allCases {
          for waitsToPut in [false, true] {
            try await soil(reactor)
            let queue = Queue<Item>(capacity: capacity)
            let got = Got<Item>()
            if waitsToPut {
              for item in items { reactor.spawn { try await queue.put(item, deadline: .after(.seconds(1))) } }
              await reactor.yield()
            }
            let getting = reactor.spawn {
              for _ in items {
                switch wayOfGetting {
                case .plain: got.items.append(try await queue.get())
                case .deadline: got.items += [try await queue.get(deadline: .after(.seconds(1)))].compactMap { $0 }
                case .firstOf:
                  got.items.append(try await firstOf(queue.choice { $0 }, Event().choice { preconditionFailure() }))
                case .callback:
                  let isTold = Event()
                  queue.get { result in
                    if case .granted(let item) = result { got.items.append(item) }
                    isTold.set()
                  }
                  try await isTold.wait()
                }
              }
            }
            if !waitsToPut {
              for item in items {
                await reactor.yield()  // who gets waits
                queue.put(item) { _ in }
              }
            }
            try await getting.value
            if got.items != items { return "\(wayOfGetting), \(capacity as Int?): \(got.items)" }
          }
        }
        try await soil(reactor)
        let result = AsyncResult<Item>()
        let task = reactor.spawn { try await result.get() }
        await reactor.yield()
        try result.set(items[0])
        if try await task.value != items[0] { return "a result" }
      }
      return nil
    }
    #expect(problem == nil, "\(Item.self)")
  }

  /// Leaves ones in what waiters hold for items.
  private func soil(_ reactor: Reactor) async throws {
    let queue = Queue<Pair>()
    let tasks = (0..<8).map { _ in reactor.spawn { try await queue.get() } }
    await reactor.yield()
    for _ in tasks { queue.put(Pair(first: .max, second: .max)) { _ in } }
    for task in tasks { #expect(try await task.value == Pair(first: .max, second: .max)) }
  }
}

private enum WayOfGetting: CaseIterable { case plain, deadline, firstOf, callback }

/// What one reactor's tasks got.
private final class Got<Item>: @unchecked Sendable {
  var items: [Item] = []
}

private struct Nothing: Equatable, Sendable {}
private struct Pair: Equatable, Sendable { var first: UInt, second: UInt }
private struct Nine: Equatable, Sendable { var word: UInt, byte: UInt8 }
private struct Triple: Equatable, Sendable { var first: UInt, second: UInt, third: UInt }
private indirect enum Choice: Equatable, Sendable { case none, some(String), pair(Int, Int), other(Choice) }
