#if HTTP
import Toro
import ToroNet

/// A connection of a pool's, with what is kept between its messages. On the reactor's thread.
final class ClientConnection: @unchecked Sendable {
  let connection: Connection
  let reader: MessageReader
  unowned let pool: ConnectionPool
  let line: ConnectionPool.Line
  /// Of the answer in hand, used again for the next if nobody has kept it.
  @exclusivity(unchecked) var message = MessageHead()
  /// Whether it has had an answer before: it may have been closed since.
  @exclusivity(unchecked) var isReused = false

  // While it is idle.
  /// Until when it is kept.
  @exclusivity(unchecked) var idleDue = Int64.max
  @exclusivity(unchecked) var newer: ClientConnection?
  @exclusivity(unchecked) unowned(unsafe) var older: ClientConnection?
  /// Told of what comes unasked. Made once.
  @exclusivity(unchecked) private(set) var notice: @Sendable () -> Void = {}

  init(_ connection: Connection, _ pool: ConnectionPool, _ line: ConnectionPool.Line, _ limits: HTTPLimits) {
    self.connection = connection
    self.pool = pool
    self.line = line
    reader = MessageReader(connection, .response, limits)
    notice = { [weak self] in
      if let self { self.pool.noticed(self) }
    }
  }

  /// A head was found in these bytes.
  @inline(__always)
  func take(_ bytes: UnsafeRawBufferPointer) {
    if !isKnownUniquelyReferenced(&message) { message = MessageHead() }
    message.fill(&reader.parser, bytes)
  }
}
#endif
