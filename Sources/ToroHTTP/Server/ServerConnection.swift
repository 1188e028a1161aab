#if HTTP
import HTTPTypes
import Synchronization
import Toro
import ToroNet

/// A connection that is served: its requests, one after the other. On the reactor's thread.
final class ServerConnection: BodySource, @unchecked Sendable {
  let connection: Connection
  let server: HTTPServer
  let workspace: Workspace
  let reader: MessageReader
  /// Of the request in hand, used again for the next if nobody has kept it.
  @exclusivity(unchecked) var message = MessageHead()
  /// Counts requests.
  @exclusivity(unchecked) var number: UInt64 = 0
  @exclusivity(unchecked) var began: Int64 = 0
  /// Whether the handler was cancelled for it.
  @exclusivity(unchecked) var hasClientLeft = false

  // Of the request's body.
  @exclusivity(unchecked) var bodyState = BodyState.ended
  @exclusivity(unchecked) var bodyDue = Int64.max
  @exclusivity(unchecked) var owesContinue = false
  @exclusivity(unchecked) var receivedTrailers = HTTPFields()
  /// Whether somebody reads it now, and whether he tells the client to send it.
  @exclusivity(unchecked) var isReceiving = false
  @exclusivity(unchecked) var isWritingContinue = false
  /// Whether `onError` has heard of what ends the connection.
  @exclusivity(unchecked) var hasToldError = false
  /// Whether there was more of it than who has collected it would take, on whatever thread.
  private let bodyIsTooLarge = Atomic<Bool>(false)

  // Of the answer.
  @exclusivity(unchecked) var answer = AnswerState.none
  @exclusivity(unchecked) var isChunked = false
  @exclusivity(unchecked) var written = 0
  @exclusivity(unchecked) var promised: Int?
  @exclusivity(unchecked) var trailers: HTTPFields?
  @exclusivity(unchecked) var status = 0

  /// How much of a body that the handler has not read is read over, so that the connection can go on.
  static let leftoverLimit = 65_536
  /// How long that may take, and how long a client may take to read the answer and end its side before it is cut.
  private static let lingeringTime = Duration.seconds(5)

  enum BodyState {
    case reading, ended
    case failed(any Error)
  }

  enum AnswerState { case none, begun }

  init(_ connection: Connection, _ server: HTTPServer, _ workspace: Workspace) {
    self.connection = connection
    self.server = server
    self.workspace = workspace
    reader = MessageReader(connection, .request, server.configuration.limits)
  }

  func run() async throws {
    connection.idleTimeout = server.configuration.idleTimeout
    do {
      while try await receiveHead() {
        guard try await handle() else {
          await lingerIfUnread()
          break
        }
        reader.parser.reset()
      }
      connection.close()
    } catch let error as HTTPSyntaxError {
      // Not where an answer has begun: what wrote it met this in what it read.
      if case .none = answer { await refuse(error.status, error.description) }
      connection.close()
    } catch is TimeoutError {
      // In the middle of a head; nobody is told of a connection that was idle.
      if reader.hasBegunMessage, case .none = answer { await refuse(408, "the request took too long") }
      connection.close()
    } catch let error as CancellationError {
      connection.close()
      throw error
    } catch let error as ReactorClosedError {
      throw error
    } catch {
      if !(error is ClientLeft), !hasToldError { server.configuration.onConnectionError?(connection, error) }
      connection.close()  // the peer is gone
    }
  }

  func tooLarge() -> HTTPSyntaxError {
    bodyIsTooLarge.store(true, ordering: .relaxed)
    return .bodyTooLarge
  }

  // MARK: Heads

  /// Receives the next request's head.
  ///
  /// - Returns: Whether there is one: not at the end of the stream, nor when the server stops.
  @inline(__always)
  private func receiveHead() async throws -> Bool {
    var due = Int64.max
    var isComplete = false
    answer = .none
    began = 0
    if reader.pendingCount > 0 {
      isComplete = try reader.step { take($0, $1) }
      if !isComplete, reader.hasBegunMessage { due = headDue() }
    }
    while !isComplete {
      guard try await connection.awaitInput(betweenMessages: !reader.hasBegunMessage, until: due, .http) else {
        return false
      }
      switch try reader.receive({ take($0, $1) }) {
      case .step: isComplete = true
      case .end:
        if reader.hasBegunMessage { throw HTTPSyntaxError.unexpectedEnd }
        return false
      case .nothing: if due == .max, reader.hasBegunMessage { due = headDue() }
      }
    }
    return true
  }

  private func headDue() -> Int64 { connection.reactor.resolve(.after(server.configuration.headTimeout)) }

  @inline(__always)
  private func take(_ step: HTTPParser.Step, _ bytes: UnsafeRawBufferPointer) {
    guard case .head(let count) = step else { return }
    if !isKnownUniquelyReferenced(&message) { message = MessageHead() }
    message.fill(&reader.parser, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
  }

  // MARK: Handling

  /// Answers the request whose head was received.
  ///
  /// - Returns: Whether the connection goes on.
  @inline(__always)
  private func handle() async throws -> Bool {
    number &+= 1
    message.number = number
    hasClientLeft = false
    status = 0
    written = 0
    bodyIsTooLarge.store(false, ordering: .relaxed)
    switch message.head.framing {
    case .none, .length(0): bodyState = .ended
    default:
      bodyState = .reading
      owesContinue = message.head.expectsContinue
      bodyDue = connection.reactor.resolve(.after(server.configuration.bodyTimeout))
      receivedTrailers = HTTPFields()
    }
    if server.configuration.accessLog != nil { began = connection.reactor.readMonotonicClock() }
    if message.head.hasUnknownExpectation {
      await refuse(417, "the expectation cannot be met")
      return false
    }
    let request = HTTPServer.Request(message: message, owner: self)
    let goesOn: Bool?
    do {
      goesOn = try await respond(to: request)
      number &+= 1  // who reads the body in a task of his own reads no more, be it that he has not begun
    } catch {
      number &+= 1
      if server.configuration.accessLog != nil { log(isComplete: false) }
      throw error
    }
    if server.configuration.accessLog != nil { log(isComplete: goesOn != nil) }
    guard let goesOn else { return false }
    if isReceiving { guard await takeBodyBack() else { return false } }
    if goesOn, case .ended = bodyState { return true }
    return try await finish(goesOn: goesOn)
  }

  /// Has the handler make an answer, and writes it.
  ///
  /// - Returns: Whether the connection may go on; `nil` if it cannot, and nothing was answered.
  @inline(__always)
  private func respond(to request: HTTPServer.Request) async throws -> Bool? {
    var response: HTTPServer.Response
    do {
      response =
        server.configuration.cancelsAbandonedRequests
        ? try await attended { try await self.server.handler(request) } : try await server.handler(request)
    } catch {
      response = try answer(to: error, request)
    }
    if response.status.code == 205 { response.body = .empty }  // it says that there is none (RFC 9110, 15.3.6)
    if isConnect, response.status.kind == .successful {
      // What comes then would be no HTTP (RFC 9110, 9.3.6), and is taken for requests here.
      response = Self.refusal(501, "there are no tunnels here")
      response.closesConnection = true
    }
    if isReceiving, isWritingContinue || !response.body.isStream {
      guard await takeBodyBack() else { return nil }
    }
    return response.body.isStream ? try await stream(response, request) : try await send(&response)
  }

  struct ClientLeft: Error {}

  /// Runs what is the handler's as a task of its own, which is cancelled if the client leaves meanwhile.
  func attended<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let task = connection.reactor.spawn(body)
    workspace.attendance.begin(connection) {
      self.hasClientLeft = true
      task.cancel()
    }
    defer { workspace.attendance.end(connection) }
    return try await task.join().get()
  }

  private var isConnect: Bool { message.equals(message.head.method, "CONNECT") }

  /// Ends a read of the body that the handler has left to a task of its own, as when it has forwarded the body and did not wait
  /// for the end: nobody may read beside it. It throws ``BodyGoneError`` there.
  ///
  /// - Returns: Whether the connection is of use still.
  private func takeBodyBack() async -> Bool {
    number &+= 1
    connection.wakeReader()
    // Its task is ready now; from elsewhere it takes another turn.
    while isReceiving, !isWritingContinue { await connection.reactor.yield() }
    if isReceiving { connection.reset() }
    return !isReceiving
  }

  /// What a handler that throws is answered for with.
  private func answer(to error: any Error, _ request: HTTPServer.Request) throws -> HTTPServer.Response {
    if error is CancellationError, connection.reactor.isTaskCancelled { throw error }
    if hasClientLeft { throw ClientLeft() }
    // What reading the body has thrown is the client's doing.
    if case .failed(let failure) = bodyState {
      var response: HTTPServer.Response
      switch failure {
      case let failure as HTTPSyntaxError: response = Self.refusal(failure.status, failure.description)
      case is TimeoutError: response = Self.refusal(408, "the request took too long")
      default: throw error
      }
      response.closesConnection = true
      return response
    }
    if bodyIsTooLarge.load(ordering: .relaxed), let error = error as? HTTPSyntaxError, error == .bodyTooLarge {
      return Self.refusal(413, error.description)
    }
    server.configuration.onError?(request, error)
    return HTTPServer.Response.text("internal error\n", status: .internalServerError)
  }

  static func refusal(_ status: Int, _ reason: String) -> HTTPServer.Response {
    .text("\(reason)\n", status: .standard(status))
  }

  /// Answers what is no request, or cannot be gone on with, and ends the connection so that the client hears of it.
  private func refuse(_ status: Int, _ reason: String) async {
    var response = Self.refusal(status, reason)
    response.closesConnection = true
    if reader.parser.isAtStart {
      message = MessageHead()
      reader.keepCutLine()
    }
    let isSent = (try? await send(&response)) != nil
    if server.configuration.accessLog != nil { log(isComplete: isSent) }
    if isSent { await linger() }
    connection.close()
  }

  /// Deals with what is left of the request.
  private func finish(goesOn: Bool) async throws -> Bool {
    if goesOn, !owesContinue {
      // A little is read over; much is not waited for.
      var rest = Self.leftoverLimit
      bodyDue = min(bodyDue, connection.reactor.resolve(.after(Self.lingeringTime)))
      do {
        while case .reading = bodyState, rest > 0, let portion = try await nextPortion(of: number) {
          rest -= portion.count
        }
      } catch is HTTPSyntaxError {
      }
      if case .ended = bodyState { return true }
    }
    return false
  }

  /// Has the client read the answer before the connection is closed: closed with something unread, the system would cut it.
  private func linger() async {
    connection.closeWrite()
    let due = connection.reactor.resolve(.after(Self.lingeringTime))
    do {
      repeat {
        // It has been answered: a stop does not wait for it.
        guard try await connection.awaitInput(betweenMessages: true, until: due, .http) else { return }
      } while try connection.reactor.withScratch({ try connection.receiveNow(into: $0) }) != 0
        && connection.reactor.readMonotonicClock() < due && !connection.reactor.isTaskCancelled
    } catch {
      // It need not be told twice.
    }
  }

  /// The same where the client has sent more than was answered, or is still at it.
  private func lingerIfUnread() async {
    if connection.isClosed { return }
    guard case .ended = bodyState else { return await linger() }
    connection.closeWrite()
    let received = try? connection.reactor.withScratch { try connection.receiveNow(into: $0) }
    if reader.pendingCount > 0 || received ?? 0 > 0 { await linger() }
  }

  private func log(isComplete: Bool) {
    let head = message.head
    let refused = reader.parser.isAtStart ? reader.refusedLine : nil
    server.configuration.accessLog?(
      HTTPServer.AccessRecord(
        peerAddress: connection.peerAddress, method: refused?.method ?? message.text(head.method),
        target: refused?.target ?? message.text(head.target),
        status: status, bodyBytes: written, isComplete: isComplete,
        duration: .nanoseconds(began == 0 ? 0 : connection.reactor.readMonotonicClock() - began)))
  }
}
#endif
