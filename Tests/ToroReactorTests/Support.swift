import Glibc
import Synchronization
import Testing
import Toro

// Loops block their thread, and tests run on a pool of few: every loop gets a thread of its own here.

/// A thread that can be joined.
final class Thread: @unchecked Sendable {
  private var handle = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) {
    final class Box {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let error = pthread_create(
      &handle, nil,
      { argument in
        Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(Box(body)).toOpaque())
    precondition(error == 0, "pthread_create: \(error)")
  }

  /// Blocks until the thread has ended. Once.
  func join() { pthread_join(handle, nil) }

  func detach() { pthread_detach(handle) }
}

/// Runs `body` on a thread of its own.
func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread { continuation.resume(with: Result { try body() }) }.detach()
  }
}

/// Runs `body` with a reactor of its own on a thread of its own, and closes the reactor.
@discardableResult
func withReactor<Value: Sendable>(
  _ clock: Reactor.ClockKind = .virtual, _ body: @escaping @Sendable (Reactor) throws -> Value
) async throws -> Value {
  try await onOwnThread {
    let reactor = try Reactor(clock: clock)
    defer { reactor.close() }
    return try body(reactor)
  }
}

/// Runs a task made of `body` on a reactor of its own on a thread of its own, and closes the reactor.
@discardableResult
func inReactor<Value: Sendable>(
  _ clock: Reactor.ClockKind = .virtual, _ body: @escaping @Sendable (Reactor) async throws -> Value
) async throws -> Value {
  try await withReactor(clock) { reactor in try reactor.run { try await body(reactor) } }
}

func currentThread() -> UInt { UInt(pthread_self()) }

/// A value that one thread at a time may use. (Not the standard library's Mutex: the thread sanitizer cannot see into it.)
final class Guarded<Value>: @unchecked Sendable {
  private var value: Value
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  init(_ value: sending Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}

/// What happened, in order, from any thread.
final class Log: Sendable, CustomStringConvertible {
  private let entries = Guarded<[String]>([])

  func callAsFunction(_ entry: String) { entries.withLock { $0.append(entry) } }

  var all: [String] { entries.withLock { $0 } }
  var count: Int { entries.withLock { $0.count } }
  var description: String { "\(all)" }

  /// What happened since the last look.
  func take() -> [String] {
    entries.withLock { entries in
      defer { entries = [] }
      return entries
    }
  }
}

/// A number that any thread may change.
final class Counter: Sendable {
  private let number: Atomic<Int>

  init(_ value: Int = 0) { number = Atomic(value) }

  @discardableResult
  func add(_ amount: Int = 1) -> Int { number.add(amount, ordering: .sequentiallyConsistent).newValue }

  var value: Int { number.load(ordering: .sequentiallyConsistent) }
}

/// The largest number that was noted.
final class Most: Sendable {
  private let state = Guarded(0)

  func note(_ number: Int) { state.withLock { $0 = max($0, number) } }

  var value: Int { state.withLock { $0 } }
}

/// Blocks threads until it is opened.
final class Latch: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func open() { sem_post(semaphore) }

  func wait() {
    while sem_wait(semaphore) != 0 {}
  }
}

/// A value that is set on one thread and read on another.
final class Shared<Value: Sendable>: Sendable {
  private let state: Guarded<Value>

  init(_ value: Value) { state = Guarded(value) }

  func append<Element>(_ element: Element) where Value == [Element] {
    state.withLock { $0.append(element) }
  }

  var value: Value {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

/// Both ends of a pipe, closed when it goes.
final class Pipe: Sendable {
  let readEnd: Int32
  let writeEnd: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    for end in ends {
      precondition(fcntl(end, F_SETFL, O_NONBLOCK) == 0 && fcntl(end, F_SETFD, FD_CLOEXEC) == 0)
    }
    readEnd = ends[0]
    writeEnd = ends[1]
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  func send(_ text: String = "x") {
    let bytes = Array(text.utf8)
    precondition(write(writeEnd, bytes, bytes.count) == bytes.count)
  }

  /// What can be read now.
  func receive() -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(readEnd, &bytes, bytes.count)
    return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
  }

  /// Writes until nothing more fits.
  func fill() {
    let bytes = [UInt8](repeating: 0, count: 4096)
    while write(writeEnd, bytes, bytes.count) > 0 {}
  }
}

/// An actor that lives on a reactor.
actor Resident: ReactorActor {
  let reactor: Reactor
  private(set) var visits = 0

  init(on reactor: Reactor) { self.reactor = reactor }

  @discardableResult
  func visit() -> Int {
    visits += 1
    return visits
  }

  func threadOfVisit() -> UInt { currentThread() }

  /// Waits, and tells on which threads it was before and after.
  func wait(for event: Event) async throws -> [UInt] {
    let before = currentThread()
    try await event.wait()
    visits += 1
    return [before, currentThread()]
  }
}

func busyWait(_ nanoseconds: Int) {
  var start = timespec()
  clock_gettime(CLOCK_MONOTONIC, &start)
  var now = start
  repeat {
    clock_gettime(CLOCK_MONOTONIC, &now)
  } while (now.tv_sec - start.tv_sec) * 1_000_000_000 + now.tv_nsec - start.tv_nsec < nanoseconds
}

/// A generator of pseudo-random numbers whose every run is the same (SplitMix64).
struct Randomness: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
