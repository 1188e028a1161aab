#if HTTP
import Toro
import ToroNet

/// The requests of one reactor whose handlers are to be cancelled if their clients leave. On the reactor's thread.
///
/// Once a second it looks at the connections whose handlers have run that long: those that are quick cost nothing but the
/// entry. It asks the system about each rather than wait for an event, since what a client has sent ahead would hide the
/// end of its stream.
final class Attendance: @unchecked Sendable {
  struct Ticket: Hashable {
    fileprivate let number: UInt64
  }

  private struct Entry {
    let connection: Connection
    let hasLeft: () -> Void
  }

  private static let interval = Duration.seconds(1)

  private unowned let reactor: Reactor
  /// Those that have begun since the last look, and those from before it.
  @exclusivity(unchecked) private var recent: [Ticket: Entry] = [:]
  @exclusivity(unchecked) private var long: [Ticket: Entry] = [:]
  @exclusivity(unchecked) private var lastNumber: UInt64 = 0
  @exclusivity(unchecked) private var isLooking = false

  init(_ reactor: Reactor) { self.reactor = reactor }

  /// Has `hasLeft` called, once, if the client of a connection leaves before ``end(_:)``.
  func begin(_ connection: Connection, hasLeft: @escaping () -> Void) -> Ticket {
    lastNumber &+= 1
    let ticket = Ticket(number: lastNumber)
    recent[ticket] = Entry(connection: connection, hasLeft: hasLeft)
    lookLater()
    return ticket
  }

  func end(_ ticket: Ticket) {
    if recent.removeValue(forKey: ticket) == nil { long[ticket] = nil }
  }

  private func lookLater() {
    if isLooking || recent.isEmpty && long.isEmpty { return }
    isLooking = true
    _ = reactor.scheduleInBackground(at: reactor.resolve(.after(Self.interval))) { [weak self] in self?.look() }
  }

  private func look() {
    isLooking = false
    for (ticket, entry) in long where entry.connection.hasPeerLeft {
      long[ticket] = nil
      entry.hasLeft()
    }
    long.merge(recent) { old, _ in old }
    recent = [:]
    lookLater()
  }
}
#endif
