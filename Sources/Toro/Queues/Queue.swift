/// Items in order of arrival, which tasks and callbacks of one reactor put and get.
public typealias Queue<Element: Sendable> = GenericQueue<FifoStorage<Element>>

/// The latest item first.
public typealias LifoQueue<Element: Sendable> = GenericQueue<LifoStorage<Element>>

/// The lowest item first, equal ones in order of arrival.
public typealias PriorityQueue<Element: Comparable & Sendable> = GenericQueue<PriorityStorage<Element>>

/// Another name for ``Queue``, for code that joins it. Every queue can be joined.
public typealias JoinableQueue<Element: Sendable> = GenericQueue<FifoStorage<Element>>

/// A queue without room: a put waits until a get takes the item.
public typealias Channel<Element: Sendable> = GenericQueue<ChannelStorage<Element>>

/// A queue whose items leave in the order of its storage: ``Queue``, ``LifoQueue``, ``PriorityQueue``, ``Channel``.
///
/// A put waits while the queue is full, a get while it is empty, both first in, first out. An item that is put while
/// somebody waits for one goes to the longest waiter at once. When a get makes room, the longest waiting put's item enters.
///
/// Who takes an item out says ``taskDone(file:line:)`` when it has been dealt with; ``join(file:line:)`` waits until that was said
/// for every item.
public final class GenericQueue<Storage: QueueStorage>: AsyncSequence, Sendable, CustomStringConvertible {
  /// What the queue holds.
  public typealias Element = Storage.Element
  /// Iteration throws `CancellationError` or ``ReactorClosedError``.
  public typealias Failure = any Error

  /// The reactor that the queue belongs to.
  public let reactor: Reactor
  @usableFromInline let core: QueueCore<Storage>

  /// An empty queue.
  ///
  /// - Parameters:
  ///   - capacity: How many items there is room for; `nil` for no bound, 0 for a channel.
  ///   - name: What descriptions call the queue.
  ///   - reactor: Whose it is. Any thread may make it.
  ///   - deferred: Whether callbacks run on the next turn rather than before the call that ends their wait returns.
  public convenience init(
    capacity: Int? = Storage.defaultCapacity, name: String? = nil, on reactor: Reactor = .current,
    deferred: Bool = false
  ) {
    self.init(
      capacity: capacity, initial: EmptyCollection<Element>(), name: name, on: reactor, deferred: deferred)
  }

  /// A queue that holds `initial`: no more items than there is room for. They count as unfinished.
  public init(
    capacity: Int? = Storage.defaultCapacity, initial: some Sequence<Element>, name: String? = nil,
    on reactor: Reactor = .current, deferred: Bool = false
  ) {
    self.reactor = reactor
    core = QueueCore(capacity: capacity, initial: initial, name: name, on: reactor, deferred: deferred)
  }

  deinit { core.abandon() }

  // MARK: Putting

  /// Puts an item into the queue, waiting first in, first out while it is full.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first, ``ClosedError`` if the queue is closed,
  ///   ``ReactorClosedError`` if the reactor is. The item is then not in the queue.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1); O(log n) for a priority queue.
  @inlinable @inline(__always)
  public func put(_ item: Element, file: StaticString = #fileID, line: UInt = #line) async throws {
    if reactor.isCurrent && core.putFreely(item) { return }
    _ = try await core.put(item, on: reactor, until: .max, WaitSite(file, line))
  }

  /// Puts an item into the queue, unless the deadline passes first.
  ///
  /// - Returns: Whether the item was put.
  /// - Throws: As ``put(_:file:line:)``.
  /// - Isolation: May be awaited from any thread.
  @inlinable @inline(__always)
  public func put(
    _ item: Element, deadline: Deadline, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Bool {
    if reactor.isCurrent && core.putFreely(item) { return true }
    return try await core.put(item, on: reactor, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Puts an item into the queue, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public func put(
    _ item: Element, deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: core.put(item, on: reactor, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Puts an item into the queue if there is room, or somebody waiting for it, now.
  ///
  /// - Returns: Whether the item was put: not if the queue is full or closed.
  /// - Isolation: On the reactor's thread.
  @inlinable
  public func tryPut(_ item: Element) -> Bool {
    guard core.isHere("tryPut(_:)"), core.putNow(item) else { return false }
    core.settle()
    return true
  }

  // MARK: Getting

  /// Takes the item that leaves first, waiting first in, first out while there is none.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first; ``ClosedError`` if the queue is closed and empty,
  ///   ``ReactorClosedError`` if the reactor is closed. No item is taken then.
  /// - Isolation: May be awaited from any thread.
  /// - Complexity: O(1); O(log n) for a priority queue.
  @inlinable @inline(__always)
  public func get(file: StaticString = #fileID, line: UInt = #line) async throws -> Element {
    if reactor.isCurrent, let item = core.getFreely() { return item }
    return try await core.get(on: reactor, until: .max, WaitSite(file, line)).unsafelyUnwrapped
  }

  /// Takes the item that leaves first, unless the deadline passes first.
  ///
  /// - Returns: The item, or `nil` after a time-out.
  /// - Throws: As ``get(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  @inlinable @inline(__always)
  public func get(
    deadline: Deadline, file: StaticString = #fileID, line: UInt = #line
  ) async throws -> Element? {
    if reactor.isCurrent, let item = core.getFreely() { return item }
    return try await core.get(on: reactor, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Takes the item that leaves first, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public func get(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitResult<Element>) -> Void
  ) -> Wait {
    Wait(id: core.get(on: reactor, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  /// Takes the item that leaves first, or returns `nil` if there is none.
  ///
  /// - Isolation: On the reactor's thread.
  @inlinable
  public func tryGet() -> Element? {
    guard core.isHere("tryGet()"), let (item, letIn) = core.takeNow() else { return nil }
    core.finishTake(letIn)
    core.settle()
    return item
  }

  // MARK: Joining

  /// Says that an item taken out has been dealt with.
  ///
  /// - Precondition: Not more often than items were put.
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  @inlinable
  public func taskDone(file: StaticString = #fileID, line: UInt = #line) {
    let core = core
    core.forward { core.taskDone(file, line) }
  }

  /// Waits until every item that was put has been dealt with, also in a closed queue.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first; ``ReactorClosedError``.
  /// - Isolation: May be awaited from any thread.
  public func join(file: StaticString = #fileID, line: UInt = #line) async throws {
    _ = try await reactor.wait(on: core, .join, until: .max, WaitSite(file, line))
  }

  /// Waits until every item that was put has been dealt with, unless the deadline passes first.
  ///
  /// - Returns: Whether all were dealt with before the deadline.
  /// - Throws: As ``join(file:line:)``.
  /// - Isolation: May be awaited from any thread.
  public func join(deadline: Deadline, file: StaticString = #fileID, line: UInt = #line) async throws -> Bool {
    try await reactor.wait(on: core, .join, until: reactor.resolve(deadline), WaitSite(file, line))
  }

  /// Waits until every item that was put has been dealt with, in the callback form.
  ///
  /// - Returns: What cancels the wait.
  /// - Isolation: On the reactor's thread.
  @discardableResult @inlinable
  public func join(
    deadline: Deadline = .never, file: StaticString = #fileID, line: UInt = #line,
    callback: @escaping @Sendable (WaitOutcome) -> Void
  ) -> Wait {
    Wait(id: reactor.wait(on: core, .join, until: deadline, WaitSite(file, line), callback), of: reactor)
  }

  // MARK: Closing, looking

  /// Takes no more items. Waiting puts end with ``ClosedError``; gets drain what is left and then end with it, iteration
  /// simply ends. Joins go on.
  ///
  /// - Isolation: From any thread; elsewhere it is passed to the reactor.
  public func close() {
    let core = core
    core.forward { core.close() }
  }

  /// Changes how many items there is room for; `nil` for no bound. Puts that now find room enter, in order.
  ///
  /// - Throws: ``CapacityError`` if there are more items than that; nothing is changed then.
  /// - Isolation: On the reactor's thread.
  public func setCapacity(_ capacity: Int?) throws {
    if core.isHere("setCapacity(_:)") { try core.setCapacity(capacity) }
  }

  /// How many items there are. On the reactor's thread.
  public var count: Int { core.isHere("count") ? core.storage.count : 0 }

  /// How many items there is room for, or `nil`. On the reactor's thread.
  public var capacity: Int? { core.isHere("capacity") && core.capacity != .max ? core.capacity : nil }

  /// Whether there is no item. On the reactor's thread.
  public var isEmpty: Bool { !core.isHere("isEmpty") || core.storage.count == 0 }

  /// Whether there is no room: a channel is always full. On the reactor's thread.
  public var isFull: Bool { core.isHere("isFull") && core.storage.count >= core.capacity }

  /// How many items were put and not said to be done. On the reactor's thread.
  public var unfinishedTasks: Int { core.isHere("unfinishedTasks") ? core.unfinished : 0 }

  /// Whether the queue is closed. On the reactor's thread.
  public var isClosed: Bool { !core.isHere("isClosed") || core.isClosed }

  /// How many get, put or join. On the reactor's thread.
  public var waiterCount: Int { core.isHere("waiterCount") ? core.waiterCount : 0 }

  /// How many gets wait. On the reactor's thread.
  public var getterCount: Int { core.isHere("getterCount") ? core.waiters.count : 0 }

  /// How many puts wait. On the reactor's thread.
  public var putterCount: Int { core.isHere("putterCount") ? core.putters.count : 0 }

  /// As in `<Queue "jobs" count=2/10 waiters=0>`. From any thread; off the reactor without the state.
  public var description: String { core.summary }

  // MARK: Iterating

  /// Takes items until the queue is closed and empty.
  public struct Iterator: AsyncIteratorProtocol {
    @usableFromInline let queue: GenericQueue

    @inlinable init(_ queue: GenericQueue) { self.queue = queue }

    /// The next item, or `nil` when the queue is closed and empty.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first; ``ReactorClosedError``.
    @inlinable @inline(__always)
    public mutating func next() async throws -> Element? {
      if queue.reactor.isCurrent, let item = queue.core.getFreely() { return item }
      return try await queue.core.next(on: queue.reactor)
    }

    /// What `for try await` calls. It stays on the caller's actor by being nonsending, which costs no switch, rather than
    /// by an isolated parameter, which costs one each time.
    @inlinable @inline(__always)
    public mutating func next(isolation actor: (any Actor)?) async throws -> Element? {
      if queue.reactor.isCurrent, let item = queue.core.getFreely() { return item }
      return try await queue.core.next(on: queue.reactor)
    }
  }

  /// `for try await item in queue`: each item goes to one iteration; they may be many.
  @inlinable public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
