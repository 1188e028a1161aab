#if HTTP
import HTTPTypes
import Toro
import ToroNet

// The body of the request in hand, as its handler reads it.
extension ServerConnection {
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
}
#endif
