import Synchronization
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
  @usableFromInline let head = Locked(Head())
  @usableFromInline let tail = Locked(Tail())
  /// How many items both have. It grows under the tail's lock, up to the capacity, and shrinks under the head's.
  @usableFromInline let itemCount = Atomic<Int>(0)
  /// How many puts wait. Who takes an item looks here whether to let one in, and so need not have the tail's lock.
  @usableFromInline let putterCount = Atomic<Int>(0)

  /// What leaves next. Where that is nothing, all that the tail has becomes it: so those who put and those who get meet once for
  /// many items, and do not wait for each other's lock at each. Its lock is taken before the tail's.
  @usableFromInline
  struct Head {
    @usableFromInline var items = RingBuffer<Element>()
    @inlinable init() {}
  }

  /// What came last, and who waits.
  ///
  /// Invariants, while nobody has the head's lock: gets wait only while there is no item, puts only while there is no room.
  @usableFromInline
  struct Tail {
    @usableFromInline var items = RingBuffer<Element>()
    @usableFromInline var getters = Line()
    @usableFromInline var putters = Line()
    @usableFromInline var isClosed = false
    @inlinable init() {}
  }

  /// One wait. All but the event is guarded by the tail's lock.
  @usableFromInline
  final class Turn: @unchecked Sendable {
    @usableFromInline let event: Event
    /// What a put brings, or a get was handed.
    @usableFromInline var item: Element?
    @usableFromInline var isGranted = false
    @usableFromInline var isInLine = false
    @usableFromInline var next: Turn?
    @usableFromInline unowned(unsafe) var previous: Turn?

    @inlinable init(_ item: Element?, _ event: Event) {
      self.item = item
      self.event = event
    }
  }

  /// Turns in order of arrival; any can leave in O(1).
  @usableFromInline
  struct Line {
    @usableFromInline var first: Turn?
    @usableFromInline var last: Turn?
    @inlinable init() {}

    @inlinable var isEmpty: Bool { first == nil }

    @inlinable mutating func append(_ turn: Turn) {
      turn.isInLine = true
      turn.previous = last
      if let last { last.next = turn } else { first = turn }
      last = turn
    }

    /// Whether it was in line.
    @discardableResult @inlinable
    mutating func remove(_ turn: Turn) -> Bool {
      guard turn.isInLine else { return false }
      turn.isInLine = false
      if let previous = turn.previous { previous.next = turn.next } else { first = turn.next }
      if let next = turn.next { next.previous = turn.previous } else { last = turn.previous }
      turn.next = nil
      turn.previous = nil
      return true
    }

    @inlinable mutating func popFirst() -> Turn? {
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

  deinit {
    head.withLock { $0.items.deallocate() }
    tail.withLock { $0.items.deallocate() }
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
  @inlinable
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
  @inlinable
  public func put(
    _ item: Element, deadline: Deadline, on reactor: Reactor = .current, file: StaticString = #fileID,
    line: UInt = #line
  ) async throws -> Bool {
    try await put(item, until: deadline, on: reactor, file, line)
  }

  /// Puts an item into the queue if there is room, or somebody waiting for it, now. From any thread.
  ///
  /// - Returns: Whether the item was put: not if the queue is full or closed.
  @inlinable
  public func tryPut(_ item: Element) -> Bool {
    let (isPut, woken) = tail.withLock { putNow(item, &$0) }
    woken?.event.set()
    return isPut
  }

  @inlinable
  func put(
    _ item: Element, until deadline: Deadline, on reactor: Reactor, _ file: StaticString, _ line: UInt
  ) async throws -> Bool {
    if tryPut(item) { return true }
    let turn = Turn(item, Event(name: waitName, on: reactor))
    let (isPut, woken) = try tail.withLock { tail -> (Bool, Turn?) in
      if tail.isClosed { throw ClosedError(subject) }
      let now = putNow(item, &tail)
      if now.isPut { return now }
      tail.putters.append(turn)
      putterCount.add(1, ordering: .sequentiallyConsistent)
      // Who took an item meanwhile has seen that a put waits, or is seen here.
      let admitted = admit(&tail)
      return admitted === turn ? (true, nil) : (false, admitted)
    }
    woken?.event.set()
    if isPut { return true }
    let end = await wait(turn, until: deadline, on: reactor, file, line)
    // Whoever granted it decided it: the wait may have ended otherwise a moment later.
    let isGranted = tail.withLock { tail in
      if tail.putters.remove(turn) { putterCount.subtract(1, ordering: .sequentiallyConsistent) }
      return turn.isGranted
    }
    if isGranted { return true }
    if try end.get() { throw ClosedError(subject) }
    return false
  }

  @inlinable var hasRoom: Bool { itemCount.load(ordering: .sequentiallyConsistent) < capacity }

  @inlinable
  func putNow(_ item: Element, _ tail: inout Tail) -> (isPut: Bool, woken: Turn?) {
    if tail.isClosed { return (false, nil) }
    if let getter = tail.getters.popFirst() {
      getter.item = item
      getter.isGranted = true
      return (true, getter)
    }
    guard tail.putters.isEmpty && hasRoom else { return (false, nil) }
    append(item, &tail)
    return (true, nil)
  }

  @inlinable
  func append(_ item: Element, _ tail: inout Tail) {
    tail.items.append(item)
    itemCount.add(1, ordering: .sequentiallyConsistent)
  }

  /// Lets in the put that has waited longest, if there is room.
  @inlinable
  func admit(_ tail: inout Tail) -> Turn? {
    guard hasRoom, let putter = tail.putters.popFirst(), let item = putter.item.take() else { return nil }
    putterCount.subtract(1, ordering: .sequentiallyConsistent)
    append(item, &tail)
    putter.isGranted = true
    return putter
  }

  // MARK: Getting

  /// Takes the item that leaves first, waiting first in, first out while there is none.
  ///
  /// - Parameter reactor: On which to wait: that of the task.
  /// - Throws: `CancellationError` if the task is cancelled first; `ClosedError` if the queue is closed and empty;
  ///   `ReactorClosedError`. No item is taken then.
  /// - Isolation: As ``put(_:on:file:line:)``.
  /// - Complexity: O(1), amortised.
  @inlinable
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
  @inlinable
  public func get(
    deadline: Deadline, on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Element? {
    try await get(until: deadline, on: reactor, file, line)
  }

  /// Takes the item that leaves first, or returns `nil` if there is none. From any thread.
  @inlinable
  public func tryGet() -> Element? {
    let (item, woken) = takeNow { _ in }
    woken?.event.set()
    return item
  }

  @inlinable
  func get(
    until deadline: Deadline, on reactor: Reactor, _ file: StaticString, _ line: UInt
  ) async throws -> Element? {
    if let item = tryGet() { return item }
    let turn = Turn(nil, Event(name: waitName, on: reactor))
    let (item, woken) = try takeNow { tail in
      if tail.isClosed { throw ClosedError(subject) }
      tail.getters.append(turn)
    }
    woken?.event.set()
    if let item { return item }
    let end = await wait(turn, until: deadline, on: reactor, file, line)
    let handed = tail.withLock { tail -> Element? in
      tail.getters.remove(turn)
      return turn.item.take()
    }
    if let handed { return handed }
    if try end.get() { throw ClosedError(subject) }
    return nil
  }

  /// Takes the item that leaves first, and lets a put in. Calls `otherwise` if there is none.
  @inlinable
  func takeNow(otherwise: (inout Tail) throws -> Void) rethrows -> (item: Element?, woken: Turn?) {
    try head.withLock { head in
      if head.items.isEmpty {
        try tail.withLock { tail in
          swap(&head.items, &tail.items)
          if head.items.isEmpty { try otherwise(&tail) }
        }
        if head.items.isEmpty { return (nil, nil) }
      }
      let item = head.items.removeFirst()
      itemCount.subtract(1, ordering: .sequentiallyConsistent)
      if putterCount.load(ordering: .sequentiallyConsistent) == 0 { return (item, nil) }
      return (item, tail.withLock { admit(&$0) })
    }
  }

  /// Waits for one's turn: whether it was told of, or what ended the wait otherwise.
  @usableFromInline
  func wait(
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
    let ended = tail.withLock { tail in
      tail.isClosed = true
      putterCount.store(0, ordering: .sequentiallyConsistent)
      return tail.putters.removeAll() + tail.getters.removeAll()
    }
    for turn in ended { turn.event.set() }
  }

  /// Whether it is closed. From any thread.
  public var isClosed: Bool { tail.withLock { $0.isClosed } }

  /// How many items there are. From any thread; it may have changed when this returns.
  public var count: Int { itemCount.load(ordering: .sequentiallyConsistent) }

  /// As in `<SharedQueue "jobs" count=2/10>`. From any thread.
  public var description: String {
    "<\(subject) count=\(count)/\(capacity)\(isClosed ? " closed" : "")>"
  }

  @usableFromInline var subject: String { name.map { "SharedQueue \"\($0)\"" } ?? "SharedQueue" }
  @usableFromInline var waitName: String { name ?? "SharedQueue" }

  // MARK: Iterating

  /// What `for try await` takes the items from.
  public struct Iterator: AsyncIteratorProtocol {
    @usableFromInline let queue: SharedQueue
    @inlinable init(queue: SharedQueue) { self.queue = queue }

    /// The next item, or `nil` when the queue is closed and empty.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first; `ReactorClosedError`.
    @inlinable
    public func next() async throws -> Element? { try await queue.next() }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    @inlinable
    public func next(isolation actor: (any Actor)?) async throws -> Element? { try await queue.next() }
  }

  @inlinable
  func next() async throws -> Element? {
    do { return try await get(until: .never, on: .current, "for try await", 0) } catch is ClosedError { return nil }
  }

  /// `for try await item in queue`: each item goes to one iteration; they may be many. In tasks of a reactor.
  @inlinable
  public func makeAsyncIterator() -> Iterator { Iterator(queue: self) }
}
