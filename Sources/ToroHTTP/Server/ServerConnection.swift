#if HTTP
import HTTPTypes
import Toro
import ToroNet

/// A connection that is served: its requests, one after the other. On the reactor's thread.
final class ServerConnection: BodySource, @unchecked Sendable {
  let connection: Connection
  private let server: HTTPServer
  private let workspace: Workspace
  private let reader: MessageReader
  /// Of the request in hand, used again for the next if nobody has kept it.
  @exclusivity(unchecked) private var message = MessageHead()
  /// Counts requests.
  @exclusivity(unchecked) private var number: UInt64 = 0
  @exclusivity(unchecked) private var began: Int64 = 0
  /// Whether the handler was cancelled for it.
  @exclusivity(unchecked) private var hasClientLeft = false

  // Of the request's body.
  @exclusivity(unchecked) private var bodyState = BodyState.ended
  @exclusivity(unchecked) private var bodyDue = Int64.max
  @exclusivity(unchecked) private var owesContinue = false
  @exclusivity(unchecked) private var receivedTrailers = HTTPFields()
  /// Whether somebody reads it now, and whether he tells the client to send it.
  @exclusivity(unchecked) private var isReceiving = false
  @exclusivity(unchecked) private var isWritingContinue = false

  // Of the answer.
  @exclusivity(unchecked) private var answer = AnswerState.none
  @exclusivity(unchecked) private var isChunked = false
  @exclusivity(unchecked) private var written = 0
  @exclusivity(unchecked) private var promised: Int?
  @exclusivity(unchecked) private var trailers: HTTPFields?
  @exclusivity(unchecked) private var status = 0

  /// How much of a body that the handler has not read is read over, so that the connection can go on.
  private static let leftoverLimit = 65_536
  /// How long that may take, and how long a client may take to read the answer and end its side before it is cut.
  private static let lingeringTime = Duration.seconds(5)

  private enum BodyState {
    case reading, ended
    case failed(any Error)
  }

  private enum AnswerState { case none, begun }

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
      await refuse(error.status, error.description)
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
      connection.close()  // the peer is gone
    }
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
    var response: HTTPServer.Response
    do {
      response =
        server.configuration.cancelsAbandonedRequests
        ? try await attended { try await self.server.handler(request) } : try await server.handler(request)
    } catch {
      response = try answer(to: error, request)
    }
    if isConnect, response.status.kind == .successful {
      // What comes then would be no HTTP (RFC 9110, 9.3.6), and is taken for requests here.
      response = Self.refusal(501, "there are no tunnels here")
      response.closesConnection = true
    }
    if isReceiving, isWritingContinue || !response.body.isStream {
      guard await takeBodyBack() else { return false }
    }
    let goesOn = response.body.isStream ? try await stream(response, request) : try await send(&response)
    if server.configuration.accessLog != nil { log(status) }
    if isReceiving { guard await takeBodyBack() else { return false } }
    if goesOn, case .ended = bodyState { return true }
    return try await finish(goesOn: goesOn)
  }

  private struct ClientLeft: Error {}

  /// Runs what is the handler's as a task of its own, which is cancelled if the client leaves meanwhile.
  private func attended<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let task = connection.reactor.spawn(body)
    let ticket = workspace.attendance.begin(connection) {
      self.hasClientLeft = true
      task.cancel()
    }
    defer { workspace.attendance.end(ticket) }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
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
    if let error = error as? HTTPSyntaxError, error == .bodyTooLarge {
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
    if reader.parser.isAtStart { message = MessageHead() }
    if (try? await send(&response)) != nil {
      if server.configuration.accessLog != nil { log(status) }
      await linger()
    }
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
        _ = try await connection.awaitInput(betweenMessages: false, until: due, .http)
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

  private func log(_ status: Int) {
    let head = message.head
    server.configuration.accessLog?(
      HTTPServer.AccessRecord(
        peerAddress: connection.peerAddress, method: message.text(head.method), target: message.text(head.target),
        status: status, bodyBytes: written,
        duration: .nanoseconds(began == 0 ? 0 : connection.reactor.readMonotonicClock() - began)))
  }

  // MARK: Bodies

  func nextPortion(of number: UInt64) async throws -> [UInt8]? {
    guard connection.reactor.isInside else {
      return try await connection.reactor.visit { try await self.nextPortion(of: number) }
    }
    guard number == self.number else { throw BodyGoneError() }
    switch bodyState {
    case .ended: return nil
    case .failed(let error): throw error
    case .reading: break
    }
    isReceiving = true
    defer { isReceiving = false }
    do {
      return try await receivePortion(of: number)
    } catch {
      if !(error is CancellationError || error is BodyGoneError) { bodyState = .failed(error) }
      throw error
    }
  }

  private func receivePortion(of number: UInt64) async throws -> [UInt8]? {
    var portion: [UInt8]?
    var hasEnded = false
    func take(_ step: HTTPParser.Step, _ bytes: UnsafeRawBufferPointer) {
      switch step {
      case .body(let range): if !range.isEmpty { portion = [UInt8](bytes[range]) }
      case .end:
        hasEnded = true
        let fields = reader.parser.trailers
        if !fields.isEmpty { receivedTrailers = HTTPFields(fields, in: bytes) }
      case .needsMore, .head: break
      }
    }
    while true {
      while try reader.step(take) {
        if let portion { return portion }
        if hasEnded {
          bodyState = .ended
          return nil
        }
      }
      if owesContinue {
        owesContinue = false
        // A client that has the answer's head already waits for no word.
        if case .none = answer { try await writeContinue() }
      }
      // A body that comes fast is never waited for.
      if connection.reactor.isTaskCancelled { throw CancellationError() }
      if connection.reactor.readMonotonicClock() >= bodyDue { throw TimeoutError("\(connection).read") }
      _ = try await connection.awaitInput(betweenMessages: false, until: bodyDue, .http)
      guard number == self.number else { throw BodyGoneError() }
      if case .end = try reader.receive(take) { throw HTTPSyntaxError.unexpectedEnd }
      if let portion { return portion }
      if hasEnded {
        bodyState = .ended
        return nil
      }
    }
  }

  private func writeContinue() async throws {
    isWritingContinue = true
    defer { isWritingContinue = false }
    try await connection.write("HTTP/1.1 100 Continue\r\n\r\n")
  }

  func trailers(of number: UInt64) -> HTTPFields {
    connection.reactor.expectOnThread("HTTPBody.trailers")
    return number == self.number ? receivedTrailers : HTTPFields()
  }

  // MARK: Answers

  /// Sends an answer whose body is known.
  ///
  /// - Returns: Whether the connection may go on.
  @inline(__always)
  private func send(_ response: inout HTTPServer.Response) async throws -> Bool {
    answer = .begun
    let (unsent, goesOn) = try put(&response)
    switch unsent {
    case .nothing: break
    case .rest(let sent):
      try await connection.write(workspace.writer.array, from: sent, until: .max, .http)
    case .body(let bytes): try await connection.write([workspace.writer.array, bytes])
    }
    return goesOn
  }

  /// What is left to be sent of an answer.
  private enum Unsent {
    case nothing
    /// What was put together, from here on.
    case rest(Int)
    /// All that was put together, and a body that is too large to be copied.
    case body([UInt8])
  }

  /// Puts it together and sends what can be sent at once.
  private func put(_ response: inout HTTPServer.Response) throws -> (Unsent, goesOn: Bool) {
    let goesOn: Bool
    let count = response.body.count
    do {
      goesOn = try putHead(response, length: count)
    } catch let error as InvalidFieldError {
      server.configuration.onError?(HTTPServer.Request(message: message, owner: self), error)
      response = Self.refusal(500, "internal error")
      return try put(&response)
    }
    written = 0
    if sendsBody(response.status.code) {
      written = count ?? 0
      switch response.body {
      case .text(let text): workspace.writer.append(text)
      case .bytes(let bytes) where bytes.count > 16_384: return (.body(bytes), goesOn)
      case .bytes(let bytes): workspace.writer.append(bytes)
      case .empty, .stream: break
      }
    }
    return (try connection.startWriting(workspace.writer.bytes).map { .rest($0) } ?? .nothing, goesOn)
  }

  private var isHead: Bool { message.equals(message.head.method, "HEAD") }

  private func sendsBody(_ status: Int) -> Bool { !isHead && status != 204 && status != 304 }

  /// Writes the head.
  ///
  /// - Parameter length: How many bytes the body has; `nil` if that is not known.
  /// - Returns: Whether the connection may go on.
  private func putHead(_ response: HTTPServer.Response, length: Int?) throws -> Bool {
    let status = response.status.code
    let isOld = message.head.minorVersion == 0
    var saidLength = length
    if status < 200 { throw InvalidFieldError(name: ":status") }
    isChunked = length == nil && !isOld && status != 204 && status != 304
    // To say nothing of the length is better than what a GET would belie.
    if isHead, case .empty = response.body { saidLength = nil }
    let goesOn =
      message.head.keepsAlive && !response.closesConnection && !connection.isLetGo && !hasUnreadBody
      && (length != nil || isChunked || !sendsBody(status))
    self.status = status
    try workspace.writer.response(
      response, ResponseFraming(length: saidLength, isChunked: isChunked, goesOn: goesOn, isOld: isOld),
      date: workspace.date.line(at: connection.reactor.unixNanoseconds / 1_000_000_000),
      serverName: server.configuration.serverName)
    return goesOn
  }

  /// Whether the request's body is not worth reading over: too much of it, or the client still waits for word before it sends
  /// it, and nobody knows then what comes next.
  private var hasUnreadBody: Bool {
    switch bodyState {
    case .ended: return false
    case .failed: return true
    case .reading: break
    }
    if case .length(let count) = message.head.framing, count > Self.leftoverLimit { return true }
    return owesContinue
  }

  // MARK: Answers bit by bit

  private func stream(
    _ response: HTTPServer.Response, _ request: HTTPServer.Request
  ) async throws -> Bool {
    guard case .stream(let length, let write) = response.body else { preconditionFailure("its body is known") }
    let goesOn: Bool
    do {
      goesOn = try putHead(response, length: length)
    } catch let error as InvalidFieldError {
      server.configuration.onError?(request, error)
      var refusal = Self.refusal(500, "internal error")
      return try await send(&refusal)
    }
    answer = .begun
    written = 0
    promised = length
    trailers = nil
    let hasBody = sendsBody(response.status.code)
    try await connection.write(workspace.writer.bytes)
    guard hasBody else { return goesOn }
    do {
      let writer = HTTPServer.BodyWriter(connection: self, number: number)
      if server.configuration.cancelsAbandonedRequests {
        try await attended { try await write(writer) }
      } else {
        try await write(writer)
      }
      if let length, written < length { throw BodyLengthError(promised: length, written: written) }
      if isChunked { try await connection.write(workspace.writer.lastChunk(trailers ?? HTTPFields())) }
      number &+= 1  // who has kept the writer writes no more
    } catch {
      // The client must not take a part for the whole.
      number &+= 1
      connection.reset()
      if server.configuration.accessLog != nil { log(status) }
      if hasClientLeft { throw ClientLeft() }
      if !(error is CancellationError) { server.configuration.onError?(request, error) }
      throw error
    }
    return goesOn
  }

  func writePortion(_ bytes: [UInt8], of number: UInt64) async throws {
    guard connection.reactor.isInside else {
      return try await connection.reactor.visit { try await self.writePortion(bytes, of: number) }
    }
    guard number == self.number, case .begun = answer else { throw BodyGoneError() }
    if bytes.isEmpty { return }
    if let promised, bytes.count > promised - written {
      throw BodyLengthError(promised: promised, written: written + bytes.count)
    }
    written += bytes.count
    try await connection.write(isChunked ? workspace.writer.chunk(bytes) : [bytes])
  }

  func setTrailers(_ fields: HTTPFields, of number: UInt64) {
    connection.reactor.expectOnThread("HTTPServer.BodyWriter.setTrailers")
    if number == self.number { trailers = fields }
  }
}
#endif
