import Toro
import ToroNet

/// Tells when a client has gone, while nobody reads what it sends.
///
/// A peer that has ended its side may still read, as `nc -N` does, so it has some time; but not for ever, since one that is
/// gone for good looks the same, and has one of the places of --max-clients.
struct Departure {
  let event: Event
  private let watching: Task<Void, any Error>

  /// - Parameter linger: How much time it has.
  init(of connection: Connection, linger: Duration) {
    let reactor = connection.reactor
    let event = Event(name: "gone", on: reactor)
    self.event = event
    watching = reactor.spawn(name: "watch") {
      let interval = min(linger / 4, .seconds(5))
      while !connection.hasPeerLeft { try await reactor.sleep(for: interval) }
      try await reactor.sleep(for: linger - interval)
      event.set()
    }
  }

  /// Ends it: nobody asks any more.
  func forget() { watching.cancel() }
}
