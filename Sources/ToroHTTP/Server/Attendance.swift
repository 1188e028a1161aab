#if HTTP
import Toro
import ToroNet

/// The requests of one reactor whose handlers are to be cancelled if their clients leave. On the reactor's thread.
///
/// Once a second it looks at the connections whose handlers run: those that are quick cost nothing but the entry. It asks
/// the system about each rather than wait for an event, since what a client has sent ahead would hide the end of its stream.
final class Attendance: @unchecked Sendable {
  private struct Entry {
    let connection: Connection
    let hasLeft: () -> Void
  }

  private static let interval = Duration.seconds(1)

  private unowned let reactor: Reactor
  /// One for each connection, which has one request in hand.
  @exclusivity(unchecked) private var entries: [ObjectIdentifier: Entry] = [:]
  @exclusivity(unchecked) private var isLooking = false

  init(_ reactor: Reactor) { self.reactor = reactor }

  /// Has `hasLeft` called, once, if the client of a connection leaves before ``end(_:)``.
  func begin(_ connection: Connection, hasLeft: @escaping () -> Void) {
    assert(entries[ObjectIdentifier(connection)] == nil, "a connection has one request in hand")
    entries[ObjectIdentifier(connection)] = Entry(connection: connection, hasLeft: hasLeft)
    lookLater()
  }

  func end(_ connection: Connection) { entries[ObjectIdentifier(connection)] = nil }

  private func lookLater() {
    if isLooking || entries.isEmpty { return }
    isLooking = true
    _ = reactor.scheduleInBackground(at: reactor.resolve(.after(Self.interval))) { [weak self] in self?.look() }
  }

  private func look() {
    isLooking = false
    for entry in entries.values where entry.connection.hasPeerLeft {
      end(entry.connection)
      entry.hasLeft()
    }
    lookLater()
  }
}
#endif
