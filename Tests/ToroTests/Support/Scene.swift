import Glibc
import Testing
import Toro

/// What a test notes, in order. Written and read on one thread at a time: the reactor's, or the test's while that rests.
final class Log<Entry: Sendable>: @unchecked Sendable {
  private(set) var entries: [Entry] = []

  func note(_ entry: Entry) { entries.append(entry) }
  func take() -> [Entry] {
    defer { entries = [] }
    return entries
  }
}

/// A variable that callbacks share. Used on one thread at a time.
final class Box<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// The ways in which one waits.
enum Form: String, CaseIterable, CustomTestStringConvertible {
  case task, callback, deferred

  var testDescription: String { self == .deferred ? "deferred callback" : rawValue }
}

/// A wait that a test began, whatever its form.
final class Pending: @unchecked Sendable {
  fileprivate(set) var outcome: WaitOutcome?
  /// How often the wait has told its outcome.
  fileprivate(set) var tellings = 0
  /// Where a get leaves what it received.
  var received = Box<Int?>(nil)
  fileprivate var cancelling: () -> Void = {}

  /// What a get received.
  var item: Int? { received.value }

  func cancel() { cancelling() }

  fileprivate func end(_ outcome: WaitOutcome) {
    self.outcome = outcome
    tellings += 1
  }
}

/// One test on one reactor, in one form: what is written once runs with tasks and with callbacks.
final class Scene: Sendable {
  let reactor: Reactor
  let form: Form
  let log = Log<String>()

  init(_ reactor: Reactor, _ form: Form) {
    self.reactor = reactor
    self.form = form
  }

  /// Begins a wait, and returns when it is in line or has ended. Notes "label outcome" when it ends.
  func begin(
    _ label: String, _ inTask: @escaping @Sendable () async throws -> Bool,
    _ inCallback: (@escaping @Sendable (WaitOutcome) -> Void) -> Wait
  ) async -> Pending {
    let pending = Pending()
    let log = log
    let end: @Sendable (WaitOutcome) -> Void = { outcome in
      pending.end(outcome)
      log.note("\(label) \(outcome)")
    }
    if form == .task {
      let task = reactor.spawn(name: label) { end(await outcome(of: inTask)) }
      pending.cancelling = { task.cancel() }
    } else {
      let wait = inCallback(end)
      pending.cancelling = { wait.cancel() }
    }
    await settle()
    return pending
  }

  /// Lets all run that is ready, and what follows from it.
  func settle() async {
    for _ in 0..<3 { await reactor.yield() }
  }

  /// Goes on when this time has passed; everything that was due by then has ended.
  func pass(_ duration: Duration) async throws {
    try await reactor.sleep(until: .after(duration))
    await settle()
  }
}

/// How a task's wait ended, in the words of the callback form.
func outcome(of wait: () async throws -> Bool) async -> WaitOutcome {
  do {
    return try await wait() ? .granted : .timedOut
  } catch is CancellationError {
    return .cancelled
  } catch is ClosedError {
    return .closed
  } catch is ReactorClosedError {  // the test has ended
    return .closed
  } catch {
    Issue.record("a wait threw \(error)")
    return .closed
  }
}

/// Runs `body` as a task on a reactor in virtual time, and closes the reactor afterwards. A test that would hang throws
/// `DeadlockError`.
func inVirtualTime(_ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
  try play(on: .virtual, body)
}

/// The same on a thread of its own: for tests whose tasks need the threads on which tests run, which are few.
func inVirtualTimeOnOwnThread(_ body: @escaping @Sendable (Reactor) async throws -> Void) async throws {
  final class Work: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
  try await withCheckedThrowingContinuation { continuation in
    let work = Work { continuation.resume(with: Result { try inVirtualTime(body) }) }
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    precondition(error == 0, "pthread_create: \(error)")
    pthread_detach(thread)
  }
}

func play(on clock: Reactor.ClockKind, _ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
  let reactor = try Reactor(clock: clock)
  defer { reactor.close() }
  try reactor.run(detectsDeadlock: true) { try await body(reactor) }
}

/// Runs a scene in virtual time.
func inVirtualTime(_ form: Form, _ body: @escaping @Sendable (Scene) async throws -> Void) throws {
  try inVirtualTime { reactor in try await body(Scene(reactor, form)) }
}

/// Lets run what is ready, and what follows from it.
func settle(_ reactor: Reactor) async {
  for _ in 0..<3 { await reactor.yield() }
}

extension Deadline {
  /// Deadlines that have passed when they are given.
  static var passed: [Deadline] {
    [
      .after(.zero), .after(.seconds(-1)), .after(.seconds(Int64.min)), .at(.init(nanoseconds: .min)), .unixTime(0),
      .unixTime(-1e300), .unixTime(-.infinity), .unixTime(1),
    ]
  }

  /// Deadlines that never pass.
  static var unreachable: [Deadline] {
    [
      .never, .after(.seconds(Int64.max)), .after(.nanoseconds(Int64.max)), .at(.init(nanoseconds: .max)),
      .unixTime(.infinity), .unixTime(1e300), .unixTime(.greatestFiniteMagnitude),
    ]
  }
}
