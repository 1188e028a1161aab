/// A wait of the callback form: what cancels it.
///
/// Its callback runs exactly once whatever becomes of this value, which may be dropped. Cancelling a wait that has
/// ended does nothing: identities are never used twice.
public struct Wait: Sendable, Hashable {
  /// The reactor that the wait belongs to.
  public let reactor: Reactor
  /// Names the wait among all of its reactor; 0 if it had ended when the call that began it returned.
  public let id: UInt64

  @inlinable
  init(id: UInt64, of reactor: Reactor) {
    self.reactor = reactor
    self.id = id
  }

  /// Ends the wait as cancelled, unless it has ended already. O(log n) in the number of timed waits.
  ///
  /// On the reactor this takes effect at once and the callback runs before it returns (afterwards, if called in a wait
  /// callback); elsewhere it is passed to the reactor.
  public func cancel() {
    reactor.cancelWait(id)
  }

  public static func == (a: Wait, b: Wait) -> Bool { a.reactor === b.reactor && a.id == b.id }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(reactor))
    hasher.combine(id)
  }
}
