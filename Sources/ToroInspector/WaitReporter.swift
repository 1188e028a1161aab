import Glibc
import Toro
import ToroNet

/// Writes who waits where, on each of some reactors, whenever the process gets a signal: `kill -USR1`.
///
///     let reporter = try WaitReporter(on: SIGUSR1)
///     reporter.watch(reactor, name: "main")
///
/// It has a thread of its own, so that a reactor which is stuck in something that blocks is told of as such. It costs nothing until the
/// signal comes, but that locks note who holds them. The signal is handled as by `Signals` of ToroNet.
///
/// It keeps the reactors that it watches until they are closed. Dropping it ends it.
public final class WaitReporter: Sendable {
  private let observer: Observer

  /// - Parameters:
  ///   - signal: Which.
  ///   - descriptor: Where to write: standard error if nothing is said. It is not closed.
  ///   - notesHolders: Whether locks are to note who holds them, as by `Reactor.notesHolders`.
  /// - Throws: `SystemError`, as when the program has a handler for the signal.
  /// - Isolation: On any thread.
  public init(
    on signal: Int32 = SIGUSR1, to descriptor: Int32 = STDERR_FILENO, notesHolders: Bool = true
  ) throws(SystemError) {
    let observer = try Observer(notesHolders: notesHolders)
    self.observer = observer
    let signals = try Signals([signal], on: observer.reactor)
    let list = observer.list
    try observer.thread.start {
      for try await _ in signals {
        // Reactors that were added before the signal was sent are in the list two turns later, if they are on their way.
        for _ in 0..<2 { await list.observer.yield() }
        WaitReporter.write(try await WaitReporter.report(of: list), to: descriptor)
      }
    }
  }

  deinit { observer.stop() }

  /// Adds a reactor.
  ///
  /// - Parameters:
  ///   - reactor: Which.
  ///   - name: What to call it.
  /// - Isolation: From any thread.
  public func watch(_ reactor: Reactor, name: String = "reactor") { observer.watch(reactor, name: name) }

  /// Adds the reactors of a group. From any thread.
  public func watch(_ group: ReactorGroup) {
    for (index, reactor) in group.reactors.enumerated() { watch(reactor, name: "\(group.name)-\(index)") }
  }

  private static func report(of list: WatchedReactors) async throws -> String {
    let answers = try await list.waits(limit: .max, deadline: .after(.seconds(1)))
    var text = ""
    for (watched, answer) in answers {
      guard let answer else {
        text += "\(watched.name): does not answer: it is stuck in something that blocks, or not run\n"
        continue
      }
      text += "\(watched.name): \(answer.count) wait\(answer.count == 1 ? "" : "s")\n"
      for wait in answer.waits { text += "  \(wait)\n" }
    }
    for circle in WaitGraph(answers.flatMap { $0.answer?.waits ?? [] }).circles { text += circle + "\n" }
    return text
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }
}
