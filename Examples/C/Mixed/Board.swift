// What ../mixed-server.c asks of Swift: each request is a task on the C program's own loop.
import Toro
import ToroC

/// Texts that some clients leave and others wait for.
final class Board: Sendable {
  let reactor: Reactor
  private let texts: Queue<String>

  init(capacity: Int, on reactor: Reactor) {
    self.reactor = reactor
    texts = Queue(capacity: capacity, name: "board", on: reactor)
  }

  /// Answers a request, waiting as long as it says.
  ///
  ///     /put/<milliseconds>/<text>   leaves a text, waiting that long for room
  ///     /take/<milliseconds>         takes the oldest text, waiting that long for one
  ///     /stats
  ///
  /// - Throws: `CancellationError` if its client has gone, or the program ends: no text was left or taken then.
  func answer(_ path: String) async throws -> Answer {
    let parts = path.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
    let milliseconds = parts.count > 1 ? Int(parts[1]).flatMap { (0...3_600_000).contains($0) ? $0 : nil } : nil
    switch (parts.first, milliseconds, parts.count) {
    case ("put", let milliseconds?, 3):
      let isLeft = try await texts.put(String(parts[2]), deadline: .after(.milliseconds(milliseconds)))
      return isLeft ? Answer(200, "ok") : Answer(503, "full")
    case ("take", let milliseconds?, 2):
      let text = try await texts.get(deadline: .after(.milliseconds(milliseconds)))
      return text.map { Answer(200, $0) } ?? Answer(404, "none")
    case ("stats", nil, 1):
      return Answer(200, "texts=\(texts.count) waits=\(reactor.waits.count)")
    default:
      return Answer(400, "/put/<milliseconds>/<text>, /take/<milliseconds> or /stats")
    }
  }
}

/// An HTTP status and what to say.
struct Answer: Sendable {
  let status: Int32
  let text: String

  init(_ status: Int32, _ text: String) {
    self.status = status
    self.text = text
  }
}

/// A request in hand: the task that answers it, and whom to tell.
///
/// Its task keeps it, so C may name it until it has been told.
final class Request: @unchecked Sendable {
  typealias Tell = @convention(c) (Int32, UnsafePointer<CChar>, UnsafeMutableRawPointer?) -> Void

  private let tell: Tell
  private let argument: UnsafeMutableRawPointer?
  var task: Task<Void, Never>?

  init(_ tell: @escaping Tell, _ argument: UnsafeMutableRawPointer?) {
    self.tell = tell
    self.argument = argument
  }

  func tell(_ answer: Answer) { tell(answer.status, answer.text, argument) }
}

// MARK: The functions that C calls

/// A board on the program's reactor, to be freed by ``board_free``.
@c(board_new)
public func makeBoard(_ reactor: OpaquePointer, _ capacity: Int) -> UnsafeMutableRawPointer {
  Unmanaged.passRetained(Board(capacity: capacity, on: Reactor.behind(reactor))).toOpaque()
}

@c(board_free)
public func freeBoard(_ board: UnsafeMutableRawPointer) {
  Unmanaged<Board>.fromOpaque(board).release()
}

/// Starts to answer a request. `tell` is called once, on a later turn of the loop, with an HTTP status and a text. Until then
/// what this returns can be given to `board_cancel`.
@c(board_ask)
public func ask(
  _ board: UnsafeMutableRawPointer, _ path: UnsafePointer<CChar>,
  _ tell: @convention(c) (Int32, UnsafePointer<CChar>, UnsafeMutableRawPointer?) -> Void,
  _ argument: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer {
  let board = Unmanaged<Board>.fromOpaque(board).takeUnretainedValue()
  let path = String(cString: path)
  let request = Request(tell, argument)
  request.task = board.reactor.spawn(name: path) {
    do {
      request.tell(try await board.answer(path))
    } catch {
      request.tell(Answer(503, "\(error)"))
    }
  }
  return Unmanaged.passUnretained(request).toOpaque()
}

/// Has a request end without waiting any longer. It is told on a later turn.
@c(board_cancel)
public func cancel(_ request: UnsafeMutableRawPointer) {
  Unmanaged<Request>.fromOpaque(request).takeUnretainedValue().task?.cancel()
}
