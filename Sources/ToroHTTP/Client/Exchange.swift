#if HTTP
import HTTPTypes
import Toro
import ToroNet

/// A request and its answer over one connection. On the reactor's thread.
///
/// It has the connection until ``end(isReusable:)``, which comes once, whatever happens: when the body has been read, when
/// anything fails, when nobody wants the rest. The last reference to go has the same effect.
final class Exchange: BodySource, @unchecked Sendable {
  private let pool: ConnectionPool
  private let request: HTTPClient.Request
  /// Until when all of it has to be done.
  private let due: Int64
  /// `nil` when it has been given up.
  @exclusivity(unchecked) private var connection: ClientConnection?
  @exclusivity(unchecked) private var upload: Upload?
  /// Until when the server may say that it wants the body; `nil` if nobody waits for that.
  @exclusivity(unchecked) private var continueDue: Int64?
  /// Until when the head has to be there; not counted before the request has been sent.
  @exclusivity(unchecked) private var headDue = Int64.max
  /// Whether anything of the answer has come.
  @exclusivity(unchecked) private(set) var hasAnswer = false
  @exclusivity(unchecked) private var hasHead = false

  // Of the answer's body.
  @exclusivity(unchecked) private var bodyState = BodyState.reading
  /// What came along with something else.
  @exclusivity(unchecked) private var portion: [UInt8]?
  /// Whether the message's last byte has been taken.
  @exclusivity(unchecked) private var isAtEnd = false
  @exclusivity(unchecked) private var receivedTrailers = HTTPFields()

  private enum BodyState {
    case reading, ended
    case failed(any Error)
  }

  init(_ request: HTTPClient.Request, over connection: ClientConnection, _ pool: ConnectionPool, until due: Int64) {
    self.pool = pool
    self.request = request
    self.connection = connection
    self.due = due
  }

  deinit {
    guard let connection else { return }
    let (pool, upload, reactor) = (pool, upload, pool.reactor)
    @Sendable func giveUp() {
      upload?.cancel()
      pool.end(connection, isReusable: false)
    }
    if reactor.isCurrent { giveUp() } else { reactor.executeRelease { giveUp() } }
  }

  // MARK: The request

  /// Whether anything of the request's body may have been sent.
  var hasSentBody: Bool { upload?.hasBegun ?? true }

  /// Sends the request, or begins to, and receives the answer's head.
  ///
  /// - Parameter head: The request's, and its body if that goes with it.
  /// - Throws: What the connection, the server's syntax or the request's body throws; `TimeoutError`, which says of what;
  ///   `CancellationError`. The connection has been given up then, and the body's task has ended.
  func begin(_ head: borrowing HeadWriter, hasBody: Bool) async throws -> HTTPClient.Response {
    guard let connection else { throw BodyGoneError() }
    connection.reader.parser.reset(to: request.method.rawValue)
    do {
      try await send(head, over: connection.connection)
      if hasBody { headIsDue() } else { prepareUpload(over: connection.connection) }
      try await receiveHead(from: connection)
    } catch {
      let error = explain(error)
      await fail(error)
      throw error
    }
    let message = connection.message
    // A server that has decided reads no more of the body; one that takes it may answer meanwhile.
    if let upload, !upload.isDone, message.head.status >= 300 || !upload.hasBegun { await upload.stop() }
    let framing = message.head.framing
    lookAhead()
    // Who has all of the answer need not come back, and what the body's closure uses may be gone then.
    if case .reading = bodyState {} else { await upload?.stop() }
    var length: Int?
    if case .length(let count) = framing { length = count }
    let isEmpty = portion == nil && isAtEnd && receivedTrailers.isEmpty
    return HTTPClient.Response(
      message: message, exchange: self, body: isEmpty ? .empty : HTTPBody(self, 0, length: length), url: request.url)
  }

  private func send(_ head: borrowing HeadWriter, over connection: Connection) async throws {
    do {
      // In most cases the system takes all of it at once.
      guard let sent = try connection.startWriting(head.bytes) else { return }
      try await connection.write(head.array, from: sent, until: due, .http)
    } catch let error as SocketError where error.isReset {
      // The server may have answered nevertheless. If not, reading says so.
    }
  }

  private func prepareUpload(over connection: Connection) {
    let upload = Upload(request.body, over: connection, until: due)
    self.upload = upload
    if request.expectsContinue, request.body.count != 0 {
      continueDue = pool.reactor.resolve(.after(pool.configuration.continueTimeout))
    } else {
      start(upload, over: connection)
    }
  }

  private func start(_ upload: Upload, over connection: Connection) {
    continueDue = nil
    upload.start { connection.wakeReader() }
  }

  private func headIsDue() {
    headDue = min(due, pool.reactor.resolve(.after(pool.configuration.headTimeout)))
  }

  // MARK: The head

  /// Receives heads until the final one.
  @inline(__always)
  private func receiveHead(from connection: ClientConnection) async throws {
    let reader = connection.reader
    var informationalCount = 0
    while true {
      var hasHead = false
      func take(_ step: HTTPParser.Step, _ bytes: UnsafeRawBufferPointer) {
        guard case .head(let count) = step else { return }
        hasHead = true
        connection.take(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      }
      if reader.pendingCount > 0 { _ = try reader.step(take) }
      while !hasHead {
        try await awaitHead(connection.connection)
        let received = try reader.receive(take)
        if reader.pendingCount > 0 { hasAnswer = true }
        if case .end = received { throw HTTPSyntaxError.unexpectedEnd }
      }
      hasAnswer = true
      let status = connection.message.head.status
      if status >= 200 {
        self.hasHead = true
        return
      }
      informationalCount += 1
      if informationalCount > pool.configuration.maxInformationalResponses {
        throw HTTPClientError(
          .tooManyInformationalResponses,
          "\(request.subject): more than \(informationalCount - 1) informational responses came before the answer")
      }
      _ = try reader.step { _, _ in }  // its end
      reader.parser.reset(to: request.method.rawValue)
      if status == 100, continueDue != nil, let upload { start(upload, over: connection.connection) }
    }
  }

  /// Waits until there may be something, as long as the request's body fares well.
  @inline(__always)
  private func awaitHead(_ connection: Connection) async throws {
    while true {
      if let upload, upload.isDone {
        if let failure = upload.failure { throw failure }
        if headDue == .max { headIsDue() }
      }
      do {
        let until = min(due, headDue, continueDue ?? .max)
        _ = try await connection.awaitInput(betweenMessages: false, until: until, .http)
        return
      } catch is TimeoutError where readClock() < min(due, headDue) {
        // It was the time for a body to move, of which there is none, or for word that the body is wanted.
        if let continueDue, continueDue <= readClock(), let upload { start(upload, over: connection) }
      }
    }
  }

  private func readClock() -> Int64 { pool.reactor.readMonotonicClock() }

  // MARK: The body

  func nextPortion(of number: UInt64) async throws -> [UInt8]? {
    let reactor = pool.reactor
    guard reactor.isInside else { return try await reactor.visit { try await self.nextPortion(of: number) } }
    while true {
      if let portion {
        self.portion = nil
        lookAhead()
        return portion
      }
      switch bodyState {
      case .ended:
        await upload?.stop()
        return nil
      case .failed(let error):
        await upload?.stop()
        throw error
      case .reading: break
      }
      guard let connection else { throw BodyGoneError() }
      do {
        if let failure = upload?.failure { throw failure }
        // A body that comes fast is never waited for.
        if pool.reactor.isTaskCancelled { throw CancellationError() }
        if due != .max, readClock() >= due { throw TimeoutError(request.subject) }
        _ = try await connection.connection.awaitInput(betweenMessages: false, until: due, .http)
        guard self.connection != nil else { throw BodyGoneError() }
        if case .end = try connection.reader.receive({ take($0, $1, connection) }) {
          isAtEnd = try connection.reader.parser.finish(leftover: connection.reader.pendingCount)
        }
        if isAtEnd { finish() } else { lookAhead() }
      } catch {
        let error = explain(error)
        await fail(error)
        throw error
      }
    }
  }

  func trailers(of number: UInt64) -> HTTPFields {
    pool.reactor.expectOnThread("HTTPBody.trailers")
    return receivedTrailers
  }

  private func take(_ step: HTTPParser.Step, _ bytes: UnsafeRawBufferPointer, _ connection: ClientConnection) {
    switch step {
    case .body(let range):
      if range.isEmpty { break }
      if portion == nil { portion = [UInt8](bytes[range]) } else { portion?.append(contentsOf: bytes[range]) }
    case .end:
      isAtEnd = true
      let fields = connection.reader.parser.trailers
      if !fields.isEmpty { receivedTrailers = HTTPFields(fields, in: bytes) }
    case .needsMore, .head: break
    }
  }

  /// Goes on with what has come already, which is little, so that the connection is free as soon as it can be.
  private func lookAhead() {
    guard let connection, case .reading = bodyState else { return }
    do {
      while !isAtEnd, try connection.reader.step({ take($0, $1, connection) }) {}
      if isAtEnd { finish() }
    } catch {
      bodyState = .failed(error)
      upload?.cancel()
      end(isReusable: false)
    }
  }

  /// The answer is over.
  private func finish() {
    bodyState = .ended
    guard let connection else { return }
    let isWhole = upload?.isWhole ?? true
    if !isWhole { upload?.cancel() }
    end(isReusable: isWhole && connection.message.head.keepsAlive)
  }

  // MARK: Ends

  /// Gives the connection up: once.
  private func end(isReusable: Bool) {
    guard let connection else { return }
    self.connection = nil
    pool.end(connection, isReusable: isReusable)
  }

  private func fail(_ error: any Error) async {
    if case .reading = bodyState { bodyState = .failed(error) }
    portion = nil
    end(isReusable: false)
    await upload?.stop()
  }

  /// Waits until the request's body is not written any more, after ``abandon()``.
  func stopUpload() async { await upload?.stop() }

  /// Nobody wants the rest. From any thread.
  func abandon() {
    guard pool.reactor.isCurrent else { return pool.reactor.executeRelease { self.abandon() } }
    lookAhead()
    portion = nil
    bodyState = .failed(BodyGoneError())
    upload?.cancel()
    end(isReusable: false)
  }

  /// Says which time has run out.
  private func explain(_ error: any Error) -> any Error {
    guard error is TimeoutError else { return error }
    if readClock() >= due { return TimeoutError("\(request.subject): the whole exchange") }
    if headDue <= readClock(), !hasHead { return TimeoutError("\(request.subject): the answer's head") }
    return TimeoutError("\(request.subject): the next part of the body")
  }
}
#endif
