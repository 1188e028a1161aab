import CToroShims
import Glibc
import Synchronization
import Toro

/// Several reactors, each on a thread of its own: by default one for each processor.
///
///     let group = try ReactorGroup()
///     let listener = try GroupListener(host: "127.0.0.1", port: 7000, on: group)
///     group[0].spawn { for try await _ in try Signals([SIGINT, SIGTERM]) { group.stop(deadline: .after(.seconds(10))) } }
///     try group.run { _ in
///       try await listener.serve { connection in await echo(connection) }
///     }
///
/// `run(_:)` runs a body on each of them, at the same time. What the body does stays on its reactor: tasks, primitives,
/// connections, and actors made on it. ``SharedQueue`` hands items from one reactor to another. Tasks may be spawned on
/// any of the group's reactors from any thread, also before it runs.
///
/// A group runs once. When it ends, its reactors are closed: tasks that are left are cancelled and run to their ends.
public final class ReactorGroup: Sendable, CustomStringConvertible {
  /// The reactors, in the order of their threads. They are bound to no thread until the group runs.
  public let reactors: [Reactor]
  /// The names of the threads begin with it.
  public let name: String
  private let pinsThreads: Bool
  private let state: Locked<State>
  /// Set on each reactor when the group is asked to stop.
  private let stopEvents: [Event]
  /// Set on each reactor when every body has returned.
  private let endEvents: [Event]
  private let turn = Atomic<Int>(0)

  private struct State {
    enum Phase {
      case made, running, ended
    }

    var phase = Phase.made
    var isStopping = false
    /// Whether work was cancelled that had not ended.
    var isCut = false
    var isCancelled = false
    var error: (any Error)?
    /// Of each reactor, whether its body has.
    var hasEnded: [Bool]
    var threadsLeft = 0
    /// Hears what becomes of the group.
    var observer: (@Sendable (Change) -> Void)?
    /// What is done when the group is asked to stop.
    var stopHooks: [@Sendable () -> Void] = []
    /// Told when the last thread is about to end.
    var ending: CheckedContinuation<Void, Never>?
  }

  /// What becomes of a group.
  enum Change {
    case runs
    case stops
    /// A reactor's work was cancelled, since the time to end in order was over.
    case cut(Int)
    case failed(any Error)
    case ended
  }

  /// Has `observer` told what becomes of the group, on whatever thread.
  func observe(_ observer: @escaping @Sendable (Change) -> Void) { state.withLock { $0.observer = observer } }

  private func tell(_ change: Change) { state.withLock { $0.observer }?(change) }

  /// How many processors this process may run on: what it is allowed (`taskset`), as `nproc` says.
  public static var processorCount: Int { Int(toro_processor_count()) }

  /// Makes the reactors. Their threads begin in `run(_:)`.
  ///
  /// - Parameters:
  ///   - count: How many, at least 1.
  ///   - name: What tools call the threads, with a number after it, as in `reactor-0`: 15 bytes at most are shown.
  ///   - pinsThreads: Whether each thread stays on one processor, in turn of those that the process may run on.
  /// - Throws: `SystemError` if the system is out of descriptors or memory.
  /// - Isolation: On any thread.
  public init(
    count: Int = ReactorGroup.processorCount, name: String = "reactor", pinsThreads: Bool = false
  ) throws(SystemError) {
    require(count >= 1, "ReactorGroup(count: \(count)): at least 1")
    var reactors: [Reactor] = []
    for _ in 0..<count {
      let reactor = try Reactor()
      reactor.unbind()
      reactors.append(reactor)
    }
    self.reactors = reactors
    self.name = name
    self.pinsThreads = pinsThreads
    stopEvents = reactors.map { Event(name: "stopping", on: $0) }
    endEvents = reactors.map { Event(name: "end of the group", on: $0) }
    state = Locked(State(hasEnded: Array(repeating: false, count: count)))
  }

  deinit {
    if state.withLock({ $0.phase }) == .made { for reactor in reactors { reactor.close() } }
  }

  // MARK: The reactors

  /// How many reactors there are.
  public var count: Int { reactors.count }

  /// One of them, by its number from 0: as in `group[0].spawn { … }`.
  public subscript(index: Int) -> Reactor {
    require(reactors.indices.contains(index), "ReactorGroup[\(index)]: there are \(count) reactors, from 0")
    return reactors[index]
  }

  /// Each of them in turn, for work that may be done on any: `group.next().spawn { … }`. From any thread.
  public func next() -> Reactor {
    let number = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    return reactors[Int(UInt(bitPattern: number) % UInt(count))]
  }

  func index(of reactor: Reactor, _ call: @autoclosure () -> String) -> Int {
    guard let index = reactors.firstIndex(where: { $0 === reactor }) else {
      fatalError("\(call()): not on a reactor of the group")
    }
    return index
  }

  /// As in `<ReactorGroup "reactor" count=4 running>`. From any thread.
  public var description: String {
    let text =
      state.withLock { state in
        switch state.phase {
        case .made: state.isStopping ? " stopping" : ""
        case .running: state.isStopping ? " stopping" : " running"
        case .ended: " ended"
        }
      }
    return "<ReactorGroup \"\(name)\" count=\(count)\(text)>"
  }

  // MARK: Running

  /// Runs a task made of `body` on each reactor, at the same time, and blocks the calling thread until all have ended.
  ///
  /// A reactor whose body has returned goes on for the others' sake until every body has. Then the reactors are closed.
  /// If a body throws, the others are cancelled, run to their ends, and the first error is thrown.
  ///
  /// - Parameter body: What to run, given its reactor.
  /// - Returns: What the bodies returned, in the order of the reactors.
  /// - Throws: What a body throws; `StoppedError` if work had to be cancelled as the deadline of ``stop(deadline:)`` passed,
  ///   or the group was stopped before it ran; `ReactorClosedError` if it has run already; `SystemError` if there is no
  ///   thread to be had.
  /// - Precondition: The group does not run.
  /// - Isolation: On any thread that may block; not on a reactor of the group.
  @discardableResult
  public func run<Value: Sendable>(_ body: @escaping @Sendable (Reactor) async throws -> Value) throws -> [Value] {
    let outcomes = Locked([Value?](repeating: nil, count: count))
    let threads = try begin(outcomes, body)
    for thread in threads { pthread_join(thread, nil) }
    return try conclude(outcomes)
  }

  /// As `run(_:)`, and suspends the calling task rather than block its thread.
  ///
  /// If the task is cancelled, the bodies are cancelled at once, run to their ends, and `CancellationError` is thrown.
  @discardableResult
  public func run<Value: Sendable>(
    _ body: @escaping @Sendable (Reactor) async throws -> Value
  ) async throws -> [Value] {
    try Task.checkCancellation()
    let outcomes = Locked([Value?](repeating: nil, count: count))
    let threads = try begin(outcomes, body)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let hasEnded = state.withLock { state in
          if state.threadsLeft > 0 { state.ending = continuation }
          return state.threadsLeft == 0
        }
        if hasEnded { continuation.resume() }
      }
    } onCancel: {
      state.withLock { state in
        state.isCancelled = true
        state.isStopping = true
      }
      cutAll()
    }
    for thread in threads { pthread_join(thread, nil) }
    return try conclude(outcomes)
  }

  /// Starts the threads.
  private func begin<Value: Sendable>(
    _ outcomes: Locked<[Value?]>, _ body: @escaping @Sendable (Reactor) async throws -> Value
  ) throws -> [pthread_t] {
    let (phase, isStopping) = state.withLock { state in
      defer {
        if state.phase == .made {
          state.phase = .running
          state.threadsLeft = count
        }
      }
      return (state.phase, state.isStopping)
    }
    require(phase != .running, "ReactorGroup.run { }: the group \"\(name)\" runs already")
    if phase == .ended { throw ReactorClosedError() }
    if isStopping {
      endWithoutThreads(from: 0)
      throw StoppedError()
    }
    tell(.runs)
    var threads: [pthread_t] = []
    for index in reactors.indices {
      do throws(SystemError) {
        threads.append(try startThread(name: "\(name)-\(index)") { self.main(index, outcomes, body) })
      } catch {
        fail(error)
        endWithoutThreads(from: index)
        break
      }
    }
    return threads
  }

  /// Closes the reactors that got no thread.
  private func endWithoutThreads(from index: Int) {
    for index in index..<count {
      reactors[index].close()
      bodyEnds(index)
      threadEnds()
    }
  }

  /// What each thread does.
  private func main<Value: Sendable>(
    _ index: Int, _ outcomes: Locked<[Value?]>, _ body: @escaping @Sendable (Reactor) async throws -> Value
  ) {
    let label = "\(name)-\(index)"
    if pinsThreads { toro_pin_this_thread(Int32(index)) }  // if it may not, it runs where it is put
    let reactor = reactors[index]
    let end = endEvents[index]
    do {
      try reactor.run(name: label) {
        let value = try await body(reactor)
        outcomes.withLock { $0[index] = value }
        self.bodyEnds(index)
        try await end.wait()  // until then others may need this loop
      }
    } catch {
      if outcomes.withLock({ $0[index] == nil }) {
        let isOurs = error is StoppedError && state.withLock { $0.isCut }
        if !isOurs { fail(error) }
        bodyEnds(index)
      }
    }
    reactor.close()
    threadEnds()
  }

  private func bodyEnds(_ index: Int) {
    let isLast = state.withLock { state in
      state.hasEnded[index] = true
      return state.hasEnded.allSatisfy { $0 }
    }
    if isLast { for event in endEvents { event.set() } }
  }

  private func threadEnds() {
    let (isLast, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
      state.threadsLeft -= 1
      guard state.threadsLeft == 0 else { return (false, nil) }
      state.phase = .ended
      return (true, state.ending.take())
    }
    if isLast { tell(.ended) }
    continuation?.resume()
  }

  private func conclude<Value>(_ outcomes: Locked<[Value?]>) throws -> [Value] {
    let (error, isCut, isCancelled) = state.withLock { ($0.error, $0.isCut, $0.isCancelled) }
    if let error { throw error }
    if isCut { throw isCancelled ? CancellationError() : StoppedError() }
    return outcomes.withLock { $0.map(\.unsafelyUnwrapped) }
  }

  // MARK: Stopping

  /// Asks the group to end in order: its listeners take no more connections, ``stopping(on:)`` is set on each reactor, and
  /// what is left when the deadline passes is cancelled.
  ///
  /// It returns at once; `run(_:)` returns when the bodies have. May be called again, as with an earlier deadline. A group
  /// that is stopped before it runs does not start its bodies.
  ///
  /// - Parameter deadline: Until when the bodies may end by themselves; one that has passed cancels them now.
  /// - Isolation: From any thread.
  public func stop(deadline: Deadline = .never) {
    let due = reactors[0].resolve(deadline)
    let (isEnded, isFirst, hooks) = state.withLock { state in
      defer {
        state.isStopping = true
        state.stopHooks = []
      }
      return (state.phase == .ended, !state.isStopping, state.stopHooks)
    }
    if isEnded { return }
    if isFirst { tell(.stops) }
    for hook in hooks { hook() }
    for event in stopEvents { event.set() }
    if due == .min { return cutAll() }
    if due == .max { return }
    // Each by itself: one that is busy must not keep the others.
    for (index, reactor) in reactors.enumerated() {
      reactor.execute {
        reactor.schedule(at: .at(ReactorClock.Instant(nanoseconds: due))) { self.cut(index) }
      }
    }
  }

  /// Whether the group was asked to stop, or a body has failed. From any thread.
  public var isStopping: Bool { state.withLock { $0.isStopping } }

  /// An event that is set on the reactor when the group is asked to stop: to wait for, alone or in a `firstOf`.
  ///
  /// - Parameter reactor: One of the group's.
  /// - Isolation: On any thread.
  public func stopping(on reactor: Reactor = .current) -> Event {
    stopEvents[index(of: reactor, "ReactorGroup.stopping(on:)")]
  }

  /// Has `hook` called when the group is asked to stop: at once if it was.
  func whenStopping(_ hook: @escaping @Sendable () -> Void) {
    let isStopping = state.withLock { state in
      if !state.isStopping { state.stopHooks.append(hook) }
      return state.isStopping
    }
    if isStopping { hook() }
  }

  private func cutAll() { for index in reactors.indices { cut(index) } }

  private func cut(_ index: Int) {
    let (isTold, hasEnded) = state.withLock { state in
      if !state.hasEnded[index] { state.isCut = true }
      return (state.error == nil, state.hasEnded[index])
    }
    if hasEnded { return }  // it waits for the others, and goes on for their sake
    if isTold { tell(.cut(index)) }
    reactors[index].stop()
  }

  private func fail(_ error: any Error) {
    let (isFirst, hooks) = state.withLock { state in
      defer {
        if state.error == nil { state.error = error }
        state.isStopping = true
        state.stopHooks = []
      }
      return (state.error == nil, state.stopHooks)
    }
    if isFirst { tell(.failed(error)) }
    for hook in hooks { hook() }
    cutAll()
  }
}

/// Starts a thread that can be joined, called `name` by tools.
package func startThread(
  name: String, _ body: @escaping @Sendable () -> Void
) throws(SystemError) -> pthread_t {
  final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let box = Unmanaged.passRetained(
    Box {
      toro_name_this_thread(name)
      body()
    })
  let code = pthread_create(
    &thread, nil,
    { argument in
      Unmanaged<Box>.fromOpaque(argument.unsafelyUnwrapped).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  if code != 0 {
    box.release()
    throw SystemError("pthread_create", errno: code)
  }
  return thread
}
