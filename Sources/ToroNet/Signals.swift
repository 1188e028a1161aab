import CToroShims
import Glibc
import Synchronization
import Toro

/// Signals to the process, as an asynchronous sequence of their numbers.
///
///     let signals = try Signals([SIGINT, SIGTERM])
///     for try await signal in signals { … }
///
/// While it is open these signals do nothing else. Any number of these may watch for the same signal, on one reactor or
/// several: each gets it. When the last of them is closed or dropped, the signal does again what it did before; if another handler was
/// put in the place of Toro's meanwhile, that stays.
///
/// One that arrives while nobody iterates is kept for the next iteration. As with signals everywhere, one that arrives again
/// before it was taken counts once; different ones come in the order in which they arrived.
///
/// A signal for which the program, or a library of its, has a handler is refused, be it libevent's (`evsignal_new`). The handler
/// is Toro's own, so that the program's signal events on other signals go on as they are; interrupted system calls are
/// restarted (`SA_RESTART`).
///
/// **Threads.** The system delivers a signal on any thread that does not block it. Those of Swift's own pool do: a program whose
/// every thread blocks a signal never gets it.
///
/// **Forking.** In a forked child the signals do what they did before, and the child's copy has ended: it takes nothing from
/// its parent's.
public final class Signals: AsyncSequence, CustomStringConvertible, @unchecked Sendable {
  public typealias Element = Int32
  public typealias Failure = any Error

  /// The reactor that the signals come to.
  public let reactor: Reactor
  /// Which signals.
  public let numbers: [Int32]
  private let socket: Socket
  private let watch: OpaquePointer
  private let isOpen = Atomic<Bool>(true)

  /// Watches for signals.
  ///
  /// - Parameters:
  ///   - numbers: Which, such as `SIGINT` and `SIGTERM`; at least one.
  ///   - reactor: Where they come to. Any thread may make it.
  /// - Throws: `SystemError`: `EBUSY` for a signal that the program has a handler for, `EPERM` for one that tells of a fault of the
  ///   program's own (`SIGSEGV` and its like), `EINVAL` for what is no signal or cannot be handled. No signal is watched then.
  public init(_ numbers: [Int32], on reactor: Reactor = .current) throws(SystemError) {
    require(!numbers.isEmpty, "Signals([]): at least one signal")
    let descriptor = toro_make_eventfd()
    if descriptor < 0 { throw SystemError("eventfd", errno: errno) }
    let socket = Socket(descriptor, on: reactor)
    guard let watch = toro_signals_new(descriptor) else { throw SystemError("calloc", errno: ENOMEM) }
    for number in numbers {
      let code = toro_signals_add(watch, number)
      guard code != 0 else { continue }
      toro_signals_close(watch)
      toro_signals_free(watch)
      throw SystemError("sigaction(\(signalName(number)))", errno: code, reason: Signals.reason(code))
    }
    self.reactor = reactor
    self.numbers = numbers
    self.socket = socket
    self.watch = watch
    socket.name(reading: "next") { "Signals" }
  }

  private static func reason(_ code: Int32) -> String? {
    switch code {
    case EBUSY: "this program has a handler for it already; take that away first, or have it tell the reactor"
    case EPERM: "it tells of a fault of the program itself, and cannot be waited for"
    case EINVAL: "no signal that a program can handle"
    default: nil
    }
  }

  deinit {
    close()
    toro_signals_free(watch)
  }

  /// Has the signals do what they did before, if nobody else watches for them, and ends the iteration.
  ///
  /// - Isolation: From any thread.
  public func close() {
    if isOpen.exchange(false, ordering: .acquiringAndReleasing) { toro_signals_close(watch) }
    // In a forked child nothing can be passed to the reactor; the descriptor goes with the socket.
    if !reactor.isForked { socket.close() }
  }

  /// As in `<Signals SIGINT SIGTERM>`. From any thread.
  public var description: String {
    "<Signals \(numbers.map(signalName).joined(separator: " "))\(isOpen.load(ordering: .relaxed) ? "" : " closed")>"
  }

  private func next(_ site: WaitSite) async throws -> Int32? {
    guard reactor.isInside else { return try await reactor.visit { try await self.next(site) } }
    while true {
      if socket.isClosed || toro_signals_is_copy(watch) { return nil }
      // What arrives after this makes it readable again.
      var count: UInt64 = 0
      _ = read(socket.descriptor, &count, MemoryLayout<UInt64>.size)
      let number = toro_signals_take(watch)
      if number != 0 { return number }
      do {
        _ = try await socket.readable(until: .max, site)
      } catch is ClosedError {
        return nil
      }
    }
  }

  /// Waits for the next signal.
  ///
  /// - Returns: Its number, or `nil` if the sequence is closed.
  /// - Throws: `CancellationError` if the task is cancelled first; `SystemError` if there is no memory to wait with;
  ///   `ReactorClosedError`. No signal is lost.
  /// - Isolation: May be awaited from any thread.
  public func next(file: StaticString = #fileID, line: UInt = #line) async throws -> Int32? {
    try await next(WaitSite(file, line))
  }

  /// The signals, as they come, until the sequence is closed.
  public struct Iterator: AsyncIteratorProtocol {
    let signals: Signals

    /// The next signal's number, or `nil` if the sequence is closed.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first; `ReactorClosedError`.
    public func next() async throws -> Int32? { try await signals.next(.iteration) }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> Int32? {
      try await signals.next(.iteration)
    }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(signals: self) }
}

/// The name of a signal that programs watch for; of any other its number.
private func signalName(_ number: Int32) -> String {
  switch number {
  case SIGHUP: "SIGHUP"
  case SIGINT: "SIGINT"
  case SIGQUIT: "SIGQUIT"
  case SIGUSR1: "SIGUSR1"
  case SIGUSR2: "SIGUSR2"
  case SIGTERM: "SIGTERM"
  case SIGCHLD: "SIGCHLD"
  case SIGWINCH: "SIGWINCH"
  default: "\(number)"
  }
}
