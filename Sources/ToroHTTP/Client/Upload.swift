#if HTTP
import HTTPTypes
import Toro
import ToroNet

/// A request's body that is sent by a task of its own, while another waits for the answer. On the reactor's thread.
final class Upload: @unchecked Sendable {
  private let connection: Connection
  private let body: HTTPClient.Request.Body
  private let due: Int64
  private let promised: Int?
  @exclusivity(unchecked) private var written = 0
  @exclusivity(unchecked) private var framing = HeadWriter()
  @exclusivity(unchecked) private var trailers = HTTPFields()
  @exclusivity(unchecked) private var task: Task<Void, Never>?
  @exclusivity(unchecked) private(set) var isDone = false
  /// Why it will never be whole, if that is not the connection's doing.
  @exclusivity(unchecked) private(set) var failure: (any Error)?
  /// Whether the connection has failed it: the server may have said why.
  @exclusivity(unchecked) private var isCut = false

  init(_ body: HTTPClient.Request.Body, over connection: Connection, until due: Int64) {
    self.connection = connection
    self.body = body
    self.due = due
    promised = body.count
  }

  var hasBegun: Bool { task != nil }
  /// Whether all of it was sent.
  var isWhole: Bool { isDone && failure == nil && !isCut }

  /// - Parameter onEnd: Is called when there is no more to send, for whatever reason.
  func start(_ onEnd: @escaping @Sendable () -> Void) {
    // It keeps the upload as long as the body is written.
    task = connection.reactor.spawn(name: "HTTP body") { [self] in
      do {
        try await send()
      } catch {
        if !isCut { failure = error }
      }
      isDone = true
      onEnd()
    }
  }

  /// Sends no more, and waits until the task has ended.
  func stop() async {
    guard let task else { return }
    if !isDone { task.cancel() }
    await task.value
  }

  /// Has it end some time.
  func cancel() { if !isDone { task?.cancel() } }

  private func send() async throws {
    switch body {
    case .empty: break
    case .bytes(let bytes): try await put([bytes])
    case .text(let text): try await put([Array(text.utf8)])
    case .stream(let length, let write):
      try await write(HTTPClient.BodyWriter(upload: self))
      if let length {
        if written < length { throw BodyLengthError(promised: length, written: written) }
      } else {
        try await put([framing.lastChunk(trailers)])
      }
    }
  }

  /// What ``HTTPClient/BodyWriter`` calls.
  func write(_ bytes: [UInt8]) async throws {
    guard connection.reactor.isInside else {
      return try await connection.reactor.visit { try await self.write(bytes) }
    }
    if isDone { throw BodyGoneError() }
    if bytes.isEmpty { return }
    if let promised, bytes.count > promised - written {
      throw BodyLengthError(promised: promised, written: written + bytes.count)
    }
    written += bytes.count
    try await put(promised == nil ? framing.chunk(bytes) : [bytes])
  }

  func setTrailers(_ fields: HTTPFields) {
    connection.reactor.expectOnThread("HTTPClient.BodyWriter.setTrailers")
    trailers = fields
  }

  private func put(_ parts: [[UInt8]]) async throws {
    do {
      if parts.count == 1 {
        try await connection.write(parts[0], from: 0, until: due, .http)
      } else {
        try await connection.write(parts, until: due, .http)
      }
    } catch {
      if !(error is CancellationError || error is TimeoutError) { isCut = true }
      throw error
    }
  }
}
#endif
