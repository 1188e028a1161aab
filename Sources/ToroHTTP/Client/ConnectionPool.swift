#if HTTP
import Toro
import ToroNet

/// The connections of a client: who may have one, and those that are kept. On the reactor's thread.
///
/// Whoever asks has a permit of the origin's line first, and gives it back with the connection. A new connection is made only
/// by who has a permit and finds none that is kept, so that there are never more of an origin than permits:
/// those in use have one each, and those kept are of no more use than the permits that are free.
final class ConnectionPool: @unchecked Sendable {
  let reactor: Reactor
  let configuration: HTTPClient.Configuration
  @exclusivity(unchecked) private var lines: [Origin: Line] = [:]
  /// In use, to be cut short when the client is closed.
  @exclusivity(unchecked) private var used: [ObjectIdentifier: ClientConnection] = [:]
  /// Being made, likewise.
  @exclusivity(unchecked) private var making: [Int: Task<Connection, any Error>] = [:]
  @exclusivity(unchecked) private var madeCount = 0
  /// Kept ones, the one that was kept first in front, which goes first.
  @exclusivity(unchecked) private(set) var oldest: ClientConnection?
  @exclusivity(unchecked) private unowned(unsafe) var newest: ClientConnection?
  @exclusivity(unchecked) private(set) var idleCount = 0
  @exclusivity(unchecked) private var timer: Wait?
  /// Whether nothing is kept any more.
  @exclusivity(unchecked) private var keepsNone = false
  /// Whether no connection is made any more.
  @exclusivity(unchecked) private(set) var isClosed = false
  /// Calls in hand, and who may have a connection: a call ends when it has the answer's head.
  let calls: Gate
  let users: Gate
  /// Memory for heads, used again.
  @exclusivity(unchecked) private var spareWriter = HeadWriter()
  #if TLS
  @exclusivity(unchecked) var standardTLS: TLSContext?
  #endif

  /// An origin's connections.
  final class Line: @unchecked Sendable {
    let origin: Origin
    let permits: Toro.Semaphore
    /// Kept ones, the one used last at the end: it is the least likely to have been closed.
    @exclusivity(unchecked) var idle: [ClientConnection] = []
    /// How many have a permit or wait for one.
    @exclusivity(unchecked) var userCount = 0

    init(_ origin: Origin, _ count: Int, _ reactor: Reactor) {
      self.origin = origin
      permits = Toro.Semaphore(count, name: "connections to \(origin.host):\(origin.port)", on: reactor)
    }
  }

  init(_ configuration: HTTPClient.Configuration, _ reactor: Reactor) {
    self.configuration = configuration
    self.reactor = reactor
    calls = Gate(name: "HTTP requests", on: reactor)
    users = Gate(name: "HTTP connections", on: reactor)
  }

  deinit { timer?.cancel() }

  /// How many are in use.
  var usedCount: Int { used.count }
  var lineCount: Int { lines.count }

  // MARK: Permits

  /// Waits for its turn.
  ///
  /// - Returns: The line, of which the caller has a permit; `nil` if the deadline passes first.
  /// - Throws: `CancellationError`, `ClosedError`, `ReactorClosedError`.
  func enter(_ origin: Origin, until due: Int64) async throws -> Line? {
    let line = line(of: origin)
    line.userCount += 1
    _ = users.tryEnter()
    if line.permits.tryAcquire() { return line }
    do {
      if try await line.permits.acquire(deadline: Deadline(due: due)) { return line }
    } catch {
      leave(line)
      throw error
    }
    leave(line)
    return nil
  }

  private func line(of origin: Origin) -> Line {
    if let line = lines[origin] { return line }
    let line = Line(origin, configuration.maxConnectionsPerOrigin, reactor)
    lines[origin] = line
    return line
  }

  private func leave(_ line: Line) {
    line.userCount -= 1
    users.leave()
    forgetIfUnused(line)
  }

  private func forgetIfUnused(_ line: Line) {
    if line.userCount == 0, line.idle.isEmpty { lines[line.origin] = nil }
  }

  /// Gives a permit back without a connection.
  func giveBack(_ line: Line) {
    line.permits.release()
    leave(line)
  }

  // MARK: Connections

  /// A connection that was kept and is still of use, for who has a permit.
  func reuse(_ line: Line) -> ClientConnection? {
    while let last = line.idle.last {
      unkeep(last)
      last.connection.endWatchingIdle()
      if last.connection.isQuiet() {
        last.isReused = true
        used[ObjectIdentifier(last)] = last
        return last
      }
      last.connection.close()
    }
    return nil
  }

  /// Makes a connection, for who has a permit.
  ///
  /// - Throws: What connecting throws. The caller has the permit still.
  func make(_ line: Line, until due: Int64) async throws -> ClientConnection {
    if isClosed { throw closedError }
    // The permit may be the last, and stand for one that is kept.
    if let kept = line.idle.first { drop(kept) }
    // In a task that can be cut short.
    let task = reactor.spawn(name: "connecting") { [self] in try await connect(line.origin, until: due) }
    madeCount += 1
    let number = madeCount
    making[number] = task
    defer { making[number] = nil }
    let connection = try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
    if isClosed {
      connection.close()
      throw closedError
    }
    connection.idleTimeout = configuration.idleTimeout
    let made = ClientConnection(connection, self, line, configuration.limits)
    used[ObjectIdentifier(made)] = made
    return made
  }

  var closedError: ClosedError { ClosedError("HTTPClient") }

  /// Takes a connection back after use, and gives its permit back.
  ///
  /// - Parameter isReusable: Whether the next message can be sent over it.
  func end(_ connection: ClientConnection, isReusable: Bool) {
    used[ObjectIdentifier(connection)] = nil
    if !(isReusable && keep(connection)) { close(connection.connection) }
    giveBack(connection.line)
  }

  /// Closes what nobody has use for any more: not even for what is still to be sent.
  private func close(_ connection: Connection) {
    if !connection.isClosed, connection.unsentCount > 0 { connection.reset() } else { connection.close() }
  }

  // MARK: Memory

  func takeWriter() -> HeadWriter {
    var writer = HeadWriter()
    swap(&writer, &spareWriter)
    writer.clear()
    return writer
  }

  func giveBack(_ writer: inout HeadWriter) { swap(&writer, &spareWriter) }

  // MARK: Keeping

  private func keep(_ connection: ClientConnection) -> Bool {
    let line = connection.line
    guard !keepsNone, configuration.maxIdle > 0, line.idle.count < configuration.maxIdlePerOrigin,
      connection.reader.pendingCount == 0, !connection.connection.isClosed,
      connection.connection.watchIdle(connection.notice)
    else { return false }
    if idleCount == configuration.maxIdle, let oldest { drop(oldest) }
    connection.idleDue = reactor.resolve(.after(configuration.keepAliveTimeout))
    line.idle.append(connection)
    connection.older = newest
    if let newest { newest.newer = connection } else { oldest = connection }
    newest = connection
    idleCount += 1
    if timer == nil { setTimer() }
    return true
  }

  private func unkeep(_ connection: ClientConnection) {
    let line = connection.line
    if let index = line.idle.lastIndex(where: { $0 === connection }) { line.idle.remove(at: index) }
    let (older, newer) = (connection.older, connection.newer)
    if let older { older.newer = newer } else { oldest = newer }
    if let newer { newer.older = older } else { newest = older }
    connection.older = nil
    connection.newer = nil
    idleCount -= 1
  }

  private func drop(_ connection: ClientConnection) {
    unkeep(connection)
    connection.connection.close()
    forgetIfUnused(connection.line)
  }

  /// Something came over a connection that is kept, or its end.
  func noticed(_ connection: ClientConnection) {
    if connection.connection.isQuiet(), connection.connection.watchIdle(connection.notice) { return }
    drop(connection)
  }

  /// One timer for the next that has been kept for too long. It keeps nothing going.
  private func setTimer() {
    guard let oldest, oldest.idleDue != .max else { return timer = nil }
    timer = reactor.scheduleInBackground(at: oldest.idleDue) { [weak self] in self?.dropOld() }
  }

  private func dropOld() {
    let now = reactor.readMonotonicClock()
    while let oldest, oldest.idleDue <= now { drop(oldest) }
    setTimer()
  }

  /// Closes what is kept.
  func dropIdle() { while let oldest { drop(oldest) } }

  /// Closes what is kept, and keeps nothing any more.
  func closeIdle() {
    keepsNone = true
    dropIdle()
    timer?.cancel()
    timer = nil
  }

  /// Closes all, and ends who waits.
  ///
  /// - Returns: How many were in use.
  @discardableResult
  func closeAll() -> Int {
    isClosed = true
    calls.close()
    closeIdle()
    for line in lines.values { line.permits.close() }
    for task in making.values { task.cancel() }
    let count = used.count + making.count
    for connection in used.values { close(connection.connection) }
    return count
  }
}
#endif
