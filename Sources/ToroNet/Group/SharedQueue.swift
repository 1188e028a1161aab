import Toro

/// A bounded queue between reactors: each task waits on its own reactor, and what moves between them is the item.
///
/// Puts wait while it is full, gets while it is empty, each first in, first out, by hand-off: nobody overtakes. So a reactor
/// that is slow holds those up who hand it work, rather than have the work pile up. No lock is held while anybody waits.
///
///     let jobs = SharedQueue<Job>(capacity: 100, name: "jobs")
///     // on one reactor                  // on another
///     try await jobs.put(job)            for try await job in jobs { … }
///
/// Between tasks of one reactor `Queue` costs less. A wait that throws or times out owns nothing: the item was not put, or none
/// taken. One that was granted stands, also if the task is cancelled before it runs again.
public final class SharedQueue<Element: Sendable>: AsyncSequence, Sendable, CustomStringConvertible {
  public typealias Failure = any Error

  /// How many items it holds at most.
  public let capacity: Int
  private let name: String?
  private let state = Locked(State())

  /// Invariants: gets wait only while there is no item, puts only while there is no room; items are at most `capacity`.
  private struct State {
    /// What came last, in order; and what leaves next, in reverse.
    var incoming: [Element] = []
    var outgoing: [Element] = []
    var getters = Line()
    var putters = Line()
    var isClosed = false

    var count: Int { incoming.count + outgoing.count }

    mutating func takeFirst() -> Element? {
      if outgoing.isEmpty {
        outgoing = incoming.reversed()
        incoming.removeAll(keepingCapacity: true)
      }
      return outgoing.popLast()
    }
  }

  /// One wait. All but the event is guarded by the queue's lock.
  private final class Turn: @unchecked Sendable {
    let event: Event
    /// What a put brings, or a get was handed.
    var item: Element?
    var isGranted = false
    var isInLine = false
    var next: Turn?
    unowned(unsafe) var previous: Turn?

    init(_ item: Element?, _ event: Event) {
      self.item = item
      self.event = event
    }
  }

  /// Turns in order of arrival; any can leave in O(1).
  private struct Line {
    var first: Turn?
    var last: Turn?
    var isEmpty: Bool { first == nil }

    mutating func append(_ turn: Turn) {
      turn.isInLine = true
      turn.previous = last
      if let last { last.next = turn } else { first = turn }
      last = turn
    }

    mutating func remove(_ turn: Turn) {
      guard turn.isInLine else { return }
      turn.isInLine = false
      if let previous = turn.previous { previous.next = turn.next } else { first = turn.next }
      if let next = turn.next { next.previous = turn.previous } else { last = turn.previous }
      turn.next = nil
      turn.previous = nil
    }

    mutating func popFirst() -> Turn? {
      guard let turn = first else { return nil }
      remove(turn)
      return turn
    }

    mutating func removeAll() -> [Turn] {
      var all: [Turn] = []
      while let turn = popFirst() { all.append(turn) }
      return all
    }
  }

  /// - Parameters:
  ///   - capacity: How many items it holds at most, at least 1.
  ///   - name: What descriptions call it.
  public init(capacity: Int, name: String? = nil) {
    require(capacity >= 1, "SharedQueue(capacity: \(capacity)): at least 1")
    self.capacity = capacity
    self.name = name
  }

  // MARK: Putting

  /// Puts an item into the queue, waiting first in, first out while it is full.
  ///
  /// - Parameters:
  ///   - item: What to put.
  ///   - reactor: On which to wait: that of the task.
  /// - Throws: `CancellationError` if the task is cancelled first; `ClosedError` if the queue is closed; `ReactorClosedError`. The
  ///   item is then not in the queue.
  /// - Isolation: In a task of a reactor; elsewhere name one to wait on.
  /// - Complexity: O(1), amortised.
  public func put(
    _ item: Element, on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws {
    _ = try await put(item, until: .never, on: reactor, file, line)
  }

  /// Puts an item into the queue, unless the deadline passes first.
  ///
  /// - Returns: Whether the item was put.
  /// - Throws: As ``put(_:on:file:line:)``.
  /// - Isolation: As ``put(_:on:file:line:)``.
  public func put(
    _ item: Element, deadline: Deadline, on reactor: Reactor = .current, file: StaticString = #fileID,
    line: UInt = #line
  ) async throws -> Bool {
    try await put(item, until: deadline, on: reactor, file, line)
  }

  /// Puts an item into the queue if there is room, or somebody waiting for it, now. From any thread.
  ///
  /// - Returns: Whether the item was put: not if the queue is full or closed.
  public func tryPut(_ item: Element) -> Bool {
    let (isPut, woken) = state.withLock { putNow(item, &$0) }
    woken?.event.set()
    return isPut
  }

  private func put(
    _ item: Element, until deadline: Deadline, on reactor: Reactor, _ file: StaticString, _ line: UInt
  ) async throws -> Bool {
    if tryPut(item) { return true }
    let turn = Turn(item, Event(name: waitName, on: reactor))
    let (isPut, woken) = try state.withLock { state -> (Bool, Turn?) in
      if state.isClosed { throw ClosedError(subject) }
      let now = putNow(item, &state)
      if !now.isPut { state.putters.append(turn) }
      return now
    }
    woken?.event.set()
    if isPut { return true }
    let end = await wait(turn, until: deadline, on: reactor, file, line)
    // Whoever granted it decided it: the wait may have ended otherwise a moment later.
    let isGranted = state.withLock { state in
      state.putters.remove(turn)
      return turn.isGranted
    }
    if isGranted { return true }
    if try end.get() { throw ClosedError(subject) }
    return false
  }

  private func putNow(_ item: Element, _ state: inout State) -> (isPut: Bool, woken: Turn?) {
    if state.isClosed { return (false, nil) }
    if let getter = state.getters.popFirst() {
      getter.item = item
      getter.isGranted = true
      return (true, getter)
    }
    guard state.putters.isEmpty && state.count < capacity else { return (false, nil) }
    state.incoming.append(item)
    return (true, nil)
  }

  // MARK: Getting

  /// Takes the item that leaves first, waiting first in, first out while there is none.
  ///
  /// - Parameter reactor: On which to wait: that of the task.
  /// - Throws: `CancellationError` if the task is cancelled first; `ClosedError` if the queue is closed and empty;
  ///   `ReactorClosedError`. No item is taken then.
  /// - Isolation: As ``put(_:on:file:line:)``.
  /// - Complexity: O(1), amortised.
  public func get(
    on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Element {
    guard let item = try await get(until: .never, on: reactor, file, line) else { throw ClosedError(subject) }
    return item
  }

  /// Takes the item that leaves first, unless the deadline passes first.
  ///
  /// - Returns: The item, or `nil` after a time-out.
  /// - Throws: As ``get(on:file:line:)``.
  /// - Isolation: As ``put(_:on:file:line:)``.
  public func get(
    deadline: Deadline, on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Element? {
    try await get(until: deadline, on: reactor, file, line)
  }

  /// Takes the item that leaves first, or returns `nil` if there is none. From any thread.
  public func tryGet() -> Element? {
    let (item, woken) = state.withLock { takeNow(&$0) }
    woken?.event.set()
    return item
  }

  private func get(
    until deadline: Deadline, on reactor: Reactor, _ file: StaticString, _ line: UInt
  ) async throws -> Element? {
    if let item = tryGet() { return item }
    let turn = Turn(nil, Event(name: waitName, on: reactor))
    let (item, woken) = try state.withLock { state -> (Element?, Turn?) in
      let now = takeNow(&state)
      if now.item == nil {
        if state.isClosed { throw ClosedError(subject) }
        state.getters.append(turn)
      }
      return now
    }
    woken?.event.set()
    if let item { return item }
    let end = await wait(turn, until: deadline, on: reactor, file, line)
    let handed = state.withLock { state -> Element? in
      state.getters.remove(turn)
      return turn.item.take()
    }
    if let handed { return handed }
    if try end.get() { throw ClosedError(subject) }
    return nil
  }

  private func takeNow(_ state: inout State) -> (item: Element?, woken: Turn?) {
    guard let item = state.takeFirst() else { return (nil, nil) }
    let putter = state.putters.popFirst()
    if let putter, let next = putter.item.take() {
      state.incoming.append(next)
      putter.isGranted = true
    }
    return (item, putter)
  }

  /// Waits for one's turn: whether it was told of, or what ended the wait otherwise.
  private func wait(
    _ turn: Turn, until deadline: Deadline, on reactor: Reactor, _ file: StaticString, _ line: UInt
  ) async -> Result<Bool, any Error> {
    // Another thread may end it. (A bare wait does not keep a host's loop going.)
    let holds = !reactor.isAdopted
    if holds { _ = reactor.holdJumping(1) }
    defer { if holds { _ = reactor.holdJumping(-1) } }
    do {
      return .success(try await turn.event.wait(deadline: deadline, file: file, line: line))
    } catch {
      return .failure(error)
    }
  }

  // MARK: Closing, looking

  /// Takes no more items. Waiting puts end with `ClosedError`; gets drain what is left and then end with it, iteration simply
  /// ends. From any thread.
  public func close() {
    let ended = state.withLock { state in
      state.isClosed = true
      return state.putters.removeAll() + state.getters.removeAll()
    }
    for turn in ended { turn.event.set() }
  }

  /// Whether it is closed. From any thread.
  public var isClosed: Bool { state.withLock { $0.isClosed } }

  /// How many items there are. From any thread; it may have changed when this returns.
  public var count: Int { state.withLock { $0.count } }

  /// As in `<SharedQueue "jobs" count=2/10>`. From any thread.
  public var description: String {
    let (count, isClosed) = state.withLock { ($0.count, $0.isClosed) }
    return "<\(subject) count=\(count)/\(capacity)\(isClosed ? " closed" : "")>"
  }

  private var subject: String { name.map { "SharedQueue \"\($0)\"" } ?? "SharedQueue" }
  private var waitName: String { name ?? "SharedQueue" }

  // MARK: Iterating

  /// What `for try await` takes the items from.
  public struct Iterator: AsyncIteratorProtocol {
    let queue: SharedQueue

    /// The next item, or `nil` when the queue is closed and empty.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first; `ReactorClosedError`.
    public func next() async throws -> Element? { try await queue.next() }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> Element? { try await queue.next() }
  }

  private func next() async throws -> Element? {
    do { return try await get(until: .never, on: .current, "for try await", 0) } catch is ClosedError { return nil }
  }

  /// `for try await item in queue`: each item goes to one iteration; they may be many. In tasks of a reactor.
  public func makeAsyncIterator() -> Iterator { Iterator(queue: self) }
}
