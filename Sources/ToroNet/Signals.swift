import CToroShims
import Glibc
import Synchronization
import Toro

/// Signals to the process, as an asynchronous sequence of their numbers.
///
///     let signals = try Signals([SIGINT, SIGTERM])
///     for try await signal in signals { … }
///
/// From when it is made these signals do nothing else; when it is closed or dropped they do what they did before. One
/// that arrives while nobody iterates is kept for the next iteration. A handler of its own writes to a pipe: libevent's
/// signal events, which serve one base in a process, are not used. A forked child gets the default effect.
public final class Signals: AsyncSequence, CustomStringConvertible, @unchecked Sendable {
  public typealias Element = Int32
  public typealias Failure = any Error

  /// The reactor that the signals come to.
  public let reactor: Reactor
  /// Which signals.
  public let numbers: [Int32]
  private let socket: Socket
  private let writeEnd: Int32
  private let isWatching = Atomic<Bool>(true)

  /// Watches for signals.
  ///
  /// - Parameters:
  ///   - numbers: Which, such as `SIGINT` and `SIGTERM`. Each may be watched once in a process at a time.
  ///   - reactor: Where they come to. Any thread may make it.
  /// - Throws: `SystemError`: `EBUSY` for a signal that is watched already, `EINVAL` for one that cannot be.
  public init(_ numbers: [Int32], on reactor: Reactor = .current) throws(SystemError) {
    var ends: (Int32, Int32) = (-1, -1)
    let result = withUnsafeMutableBytes(of: &ends) { toro_make_pipe($0.bindMemory(to: Int32.self).baseAddress) }
    if result != 0 { throw SystemError("pipe", errno: errno) }
    for (index, number) in numbers.enumerated() {
      let code = toro_signal_watch(number, ends.1)
      guard code != 0 else { continue }
      for watched in numbers[..<index] { toro_signal_unwatch(watched) }
      Glibc.close(ends.0)
      Glibc.close(ends.1)
      throw SystemError(
        "sigaction(\(signalName(number)))", errno: code,
        reason: code == EBUSY ? "another Signals of this process watches it already" : nil)
    }
    self.reactor = reactor
    self.numbers = numbers
    socket = Socket(ends.0, on: reactor)
    writeEnd = ends.1
    socket.name(reading: "next") { "Signals" }
  }

  deinit { close() }

  /// Has the signals do what they did before, and ends the iteration.
  ///
  /// - Isolation: From any thread.
  public func close() {
    if isWatching.exchange(false, ordering: .acquiringAndReleasing) {
      for number in numbers { toro_signal_unwatch(number) }
      Glibc.close(writeEnd)
    }
    socket.close()
  }

  /// As in `<Signals SIGINT SIGTERM>`. From any thread.
  public var description: String {
    "<Signals \(numbers.map(signalName).joined(separator: " "))\(socket.isClosed ? " closed" : "")>"
  }

  private func next(_ site: WaitSite) async throws -> Int32? {
    guard reactor.isInside else { return try await reactor.visit { try await self.next(site) } }
    while true {
      if socket.isClosed { return nil }
      var number: UInt8 = 0
      let count = Glibc.read(socket.descriptor, &number, 1)
      if count == 1 { return Int32(number) }
      if count == 0 { return nil }
      let code = errno
      guard code == EAGAIN || code == EINTR else { throw SystemError("read", errno: code) }
      do {
        if code == EAGAIN { _ = try await socket.readable(until: .max, site) }
      } catch is ClosedError {
        return nil
      }
    }
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

/// The name of a signal that programs watch for; any other's number.
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
