#if HTTP
import HTTPTypes
import Toro
import ToroNet

// The answer to the request in hand: at once where it is known, or bit by bit as its handler writes it.
extension ServerConnection {
  /// Sends an answer whose body is known.
  ///
  /// - Returns: Whether the connection may go on.
  @inline(__always)
  func send(_ response: inout HTTPServer.Response) async throws -> Bool {
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

  func stream(
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
      if hasClientLeft { throw ClientLeft() }
      if !(error is CancellationError) {
        hasToldError = true
        server.configuration.onError?(request, error)
      }
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
