/// Which reactor has adopted which base, and how often: adopting a base again gives the same reactor.
///
/// The reactors are kept until they have been closed as often: their events are on a base that another thread may be
/// driving, so nobody else's last reference can be what takes them off.
enum AdoptedBases {
  private struct Entry {
    let reactor: Reactor
    var adoptions = 1
  }

  private static let table = PerProcess {
    Locked<[UInt: Entry]>([:])
  } inheriting: {
    $0.valueInChild.map { Locked($0) }
  } leaving: {
    $0.emptyInChild(leaving: [:])
  }
  private static var entries: Locked<[UInt: Entry]> { table.content }

  /// The reactor that has adopted `base`, adopted once more.
  static func adoptAgain(_ base: OpaquePointer) -> Reactor? {
    entries.withLock { entries in
      entries[UInt(bitPattern: base)]?.adoptions += 1
      return entries[UInt(bitPattern: base)]?.reactor
    }
  }

  static func remember(_ reactor: Reactor, for base: OpaquePointer) {
    entries.withLock { $0[UInt(bitPattern: base)] = Entry(reactor: reactor) }
  }

  /// The same in a forked child, where it may have been forgotten.
  static func rememberInChild(_ reactor: Reactor, for base: OpaquePointer) {
    entries.withLock { entries in
      if entries[UInt(bitPattern: base)] == nil { entries[UInt(bitPattern: base)] = Entry(reactor: reactor) }
    }
  }

  /// Takes back one adoption. True if others are left.
  static func leave(_ reactor: Reactor) -> Bool {
    entries.withLock { entries in
      guard let key = entries.first(where: { $0.value.reactor === reactor })?.key,
        let adoptions = entries[key]?.adoptions, adoptions > 0
      else { return false }
      entries[key]?.adoptions -= 1
      return adoptions > 1
    }
  }

  /// Forgets a reactor that is about to close. False if its base has been adopted again since it was left.
  static func forgetUnlessAdopted(_ reactor: Reactor) -> Bool {
    let (isForgotten, entry) = entries.withLock { entries -> (Bool, Entry?) in
      guard let found = entries.first(where: { $0.value.reactor === reactor }) else { return (true, nil) }
      return found.value.adoptions > 0 ? (false, nil) : (true, entries.removeValue(forKey: found.key))
    }
    withExtendedLifetime(entry) {}
    return isForgotten
  }

  static func forget(_ reactor: Reactor) {
    guard reactor.isAdopted else { return }
    let forgotten = entries.withLock { entries -> Entry? in
      guard let key = entries.first(where: { $0.value.reactor === reactor })?.key else { return nil }
      return entries.removeValue(forKey: key)
    }
    withExtendedLifetime(forgotten) {}
  }

  /// For code that a host calls between turns.
  static func reactorOfThisThread() -> Reactor? {
    entries.withLock { entries in entries.values.first { $0.reactor.isCurrent }?.reactor }
  }
}

/// What makes ``Reactor/init(adopting:)`` able to return a reactor that exists: only an initializer in a protocol
/// extension may assign `self` of a class.
public protocol ReactorAdoption {}

extension Reactor: ReactorAdoption {}

extension ReactorAdoption where Self == Reactor {
  /// A reactor on an `event_base` that the program made and drives, by `event_base_dispatch` or otherwise.
  ///
  /// The base is never dispatched, broken, freed or re-prioritised by Toro, which adds its own events to it. It may have
  /// been made with locks or without. Timed or queued work, descriptor waits and holds keep the host's loop going; a bare
  /// wait does not. ``Reactor/run()`` and its kin are not for it. Adopting a base again gives the same reactor, counted:
  /// it lives until ``Reactor/close()`` has been called as often. Closed off its thread, it closes on its next turn.
  ///
  /// - Parameter base: An `event_base *`. It must outlive the reactor, or be freed after ``Reactor/close()``.
  /// - Throws: ``SystemError`` if the system is out of descriptors.
  /// - Isolation: On the thread that drives the base.
  public init(adopting base: OpaquePointer) throws(SystemError) {
    if let reactor = AdoptedBases.adoptAgain(base) {
      self = reactor
      return
    }
    let reactor = try Reactor(clock: .monotonic, hostBase: base)
    AdoptedBases.remember(reactor, for: base)
    self = reactor
  }
}

extension Reactor {
  /// The `event_base *`: the reactor's own, or the adopted one. Add events of your own to it on the reactor's thread. Give an own
  /// base no priorities: turns that do not block run the events of the first alone.
  public var base: OpaquePointer {
    require(!isClosed, "Reactor.base: the reactor is closed")
    return loop.base
  }

  /// A descriptor that polls readable when a turn has work other than timers, so that another loop (GLib's, libuv's,
  /// asyncio's) can host the reactor: when it is readable, or ``nextDeadline`` has passed, call ``runOnce(blocking:)``
  /// with `false`. It is the base's epoll instance. `nil` if the base has none.
  ///
  /// - Isolation: On the reactor's thread.
  public var fileDescriptor: Int32? {
    guard isHere("Reactor.fileDescriptor") else { return nil }
    let descriptor = loop.pollDescriptor()
    if descriptor >= 0 { isHosted = true }
    return descriptor >= 0 ? descriptor : nil
  }

  /// When the next timed wait or call is due, or `nil` if none is.
  ///
  /// - Isolation: On the reactor's thread.
  public var nextDeadline: ReactorClock.Instant? {
    guard isHere("Reactor.nextDeadline") else { return nil }
    return heap.nextDue == .max ? nil : ReactorClock.Instant(nanoseconds: heap.nextDue)
  }
}
