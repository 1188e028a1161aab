/// The faces that one reactor shows to the Swift runtime.
///
/// Which face a job came in by tells how to run it so that it can go on without another switch: one that prefers the
/// reactor as its task executor comes by ``ReactorTaskExecutor``, one of an actor on the reactor by ``Reactor`` itself.
struct Executors {
  let companion: ReactorTaskExecutor
  let task: UnownedTaskExecutor
  let serial: UnownedSerialExecutor
  let parking: Parking
  let home: ReactorHome

  init(_ reactor: Reactor) {
    companion = ReactorTaskExecutor(reactor)
    task = companion.asUnownedTaskExecutor()
    serial = reactor.asUnownedSerialExecutor()
    parking = Parking(reactor)
    home = ReactorHome(reactor)
  }
}

/// A reactor as the executor that a task prefers: ``Reactor/taskExecutor``.
///
/// A task that prefers it, its child tasks, and what they call that is isolated to no actor, run on the reactor's thread.
/// An unstructured `Task { }` does not inherit the preference: write `reactor.spawn { }`.
public final class ReactorTaskExecutor: TaskExecutor, @unchecked Sendable {
  private let owner: Unmanaged<Reactor>

  fileprivate init(_ reactor: Reactor) { owner = .passUnretained(reactor) }

  /// The reactor that this is a face of.
  public var reactor: Reactor { owner.takeUnretainedValue() }

  /// Takes a job from the Swift runtime, on any thread: not for programs to call.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    owner._withUnsafeGuaranteedRef { $0.enqueue(.job(job, .preferring)) }
  }
}

extension Reactor {
  /// Takes a job from the Swift runtime, on any thread: not for programs to call.
  public func enqueue(_ job: consuming ExecutorJob) {
    enqueue(.job(UnownedJob(job), .isolated))
  }

  /// Stops the program unless called on the reactor's thread, on behalf of `assumeIsolated` and its kin.
  public func checkIsolated() {
    require(isCurrent || Fallback.isCurrent(for: self), "not on the reactor's thread")
  }

  public func isIsolatingCurrentContext() -> Bool? {
    isCurrent || Fallback.isCurrent(for: self)
  }
}

/// An actor that runs on a reactor's thread.
///
/// State that a daemon's tasks share is best an actor on the loop that they run on: the compiler checks the access, and
/// getting to it from a task of the same reactor costs no thread switch. Primitives of the same reactor used in it do not
/// leave the thread.
///
///     actor Sessions: ReactorActor {
///       let reactor: Reactor
///       init(on reactor: Reactor) { self.reactor = reactor }
///     }
public protocol ReactorActor: Actor {
  /// The reactor whose thread the actor runs on.
  nonisolated var reactor: Reactor { get }
}

extension ReactorActor {
  public nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }
}

/// The actor that stands for a reactor's thread: how code elsewhere gets there and comes back.
@usableFromInline
actor ReactorHome {
  private nonisolated unowned(unsafe) let reactor: Reactor

  init(_ reactor: Reactor) { self.reactor = reactor }

  @usableFromInline nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

  /// Runs `body` on the reactor's thread. (Not one function with a generic `throws(Failure)`: see `Reactor.run`.)
  func run<Result>(_ body: () async throws -> Result) async throws -> Result {
    visit()
    return try await body()
  }

  func run(_ body: () async -> Void) async {
    visit()
    await body()
  }

  /// Touches the actor, so that a hop to it cannot be elided.
  func visit() { visits &+= 1 }

  private var visits = 0
}
