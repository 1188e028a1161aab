#if HTTP
import HTTPTypes
import Toro

/// The content of a message that is being received, as an asynchronous sequence of portions.
///
///     for try await portion in request.body { … }
///
/// Nothing is received before it is asked for: who reads slowly makes the peer wait. It can be read once, by one task, as long
/// as its message is being handled.
///
/// Reading throws ``HTTPSyntaxError`` if the peer breaks a rule or ends too early, `TimeoutError` if it is too slow,
/// `SocketError` if the connection was cut, `CancellationError`; and ``BodyGoneError`` when it can be read no more.
public struct HTTPBody: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = any Error

  /// Who has it, and of which of his messages it is; `nil` of an empty one.
  private let source: (any BodySource)?
  private let number: UInt64
  /// How many bytes it has, if the sender said so.
  public let length: Int?

  init(_ source: (any BodySource)?, _ number: UInt64, length: Int?) {
    self.source = source
    self.number = number
    self.length = length
  }

  static var empty: HTTPBody { HTTPBody(nil, 0, length: 0) }

  /// All of it.
  ///
  /// - Parameter limit: How many bytes to take at most.
  /// - Throws: ``HTTPSyntaxError/bodyTooLarge`` if there are more. Else as reading does.
  public func collect(upTo limit: Int) async throws -> [UInt8] {
    guard let source else { return [] }
    if let length, length > limit { throw source.tooLarge() }
    var all: [UInt8] = []
    while let portion = try await source.nextPortion(of: number) {
      if portion.count > limit - all.count { throw source.tooLarge() }
      if all.isEmpty { all = portion } else { all += portion }
    }
    return all
  }

  /// The fields that came after it: empty before its end has been read. On the reactor's thread.
  public var trailers: HTTPFields { source?.trailers(of: number) ?? HTTPFields() }

  /// Reads it.
  public struct Iterator: AsyncIteratorProtocol {
    let body: HTTPBody

    /// The next portion, or `nil` at the end.
    public func next() async throws -> [UInt8]? { try await body.source?.nextPortion(of: body.number) }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> [UInt8]? {
      try await body.source?.nextPortion(of: body.number)
    }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(body: self) }
}

/// Where bodies are read from.
protocol BodySource: AnyObject, Sendable {
  /// - Parameter number: Of the message, so that nobody reads another's.
  func nextPortion(of number: UInt64) async throws -> [UInt8]?
  func trailers(of number: UInt64) -> HTTPFields
  /// The error for a body of which there is more than somebody would take. From any thread.
  func tooLarge() -> HTTPSyntaxError
}

extension BodySource {
  func tooLarge() -> HTTPSyntaxError { .bodyTooLarge }
}

/// Thrown when a body is read after its message has been dealt with.
public struct BodyGoneError: Error, CustomStringConvertible {
  public var description: String { "the body can be read no more: its message has been dealt with" }
}
#endif
