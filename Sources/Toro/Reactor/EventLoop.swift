import CLibevent
import CToroShims
import Glibc

/// A reactor's side of libevent: the base, a ``LoopTimer``, an eventfd by which other threads wake it, and on an adopted base a
/// drain that has the host's loop come back. The only file that drives libevent's loop.
///
/// An own base polls when told to. An adopted one is never dispatched, broken, freed or re-prioritised here: the host
/// drives it, and Toro's work rides on events of its own.
final class EventLoop {
  let base: OpaquePointer
  let isAdopted: Bool
  private(set) var wakeDescriptor: Int32
  private unowned(unsafe) let reactor: Reactor
  private let timer: LoopTimer
  /// The eventfd; ready work on an adopted base; a hold on an adopted base.
  private let wakeEvent: UnsafeMutablePointer<event>
  private let drainEvent: UnsafeMutablePointer<event>
  private let holdEvent: UnsafeMutablePointer<event>
  /// Has a poll of an own base return, though events of the program's come to be active again and again.
  private let returnEvent: UnsafeMutablePointer<event>
  private var isReturning = false
  private var drainIsArmed = false
  private var holdIsArmed = false
  private var epollDescriptor: Int32?
  /// The watches whose events are on the base, which a reactor that closes takes off it.
  private var firstWatch: DescriptorWatch?
  private var watchCount = 0
  var eventPool = EventPool()
  /// Whether the program had events of its own on an own base as that was polled last.
  private(set) var wasShared = false
  /// Of these, the oldest and the youngest for each descriptor that others have and wait for.
  private var forOneWait: [Int32: (first: Unmanaged<DescriptorWatch>, last: Unmanaged<DescriptorWatch>)] = [:]

  init(for reactor: Reactor, adopting hostBase: OpaquePointer?) throws(SystemError) {
    self.reactor = reactor
    isAdopted = hostBase != nil
    if let hostBase { base = hostBase } else { base = try EventLoop.makeBase() }
    wakeDescriptor = toro_make_eventfd()
    wakeEvent = .allocate(capacity: 1)
    drainEvent = .allocate(capacity: 1)
    holdEvent = .allocate(capacity: 1)
    returnEvent = .allocate(capacity: 1)
    let context = Unmanaged.passUnretained(reactor).toOpaque()
    timer = LoopTimer(on: base, isOwn: !isAdopted, fired: timerFired, context)
    guard wakeDescriptor >= 0 else {
      let error = SystemError("eventfd", errno: errno)
      if !isAdopted { event_base_free(base) }
      freeMemory()
      throw error
    }
    event_assign(drainEvent, base, -1, 0, drainFired, context)
    event_assign(holdEvent, base, -1, Int16(EV_PERSIST), { _, _, _ in }, context)
    event_assign(returnEvent, base, -1, 0, returnFired, context)
    do throws(SystemError) {
      guard addWakeEvent() else { throw SystemError("event_add", errno: errno) }
      try timer.open()
    } catch {
      event_del(wakeEvent)
      timer.close()
      if !isAdopted { event_base_free(base) }
      Glibc.close(wakeDescriptor)
      freeMemory()
      throw error
    }
  }

  private static func makeBase() throws(SystemError) -> OpaquePointer {
    guard let config = event_config_new() else { throw SystemError("event_config_new", errno: errno) }
    defer { event_config_free(config) }
    // Without libevent's own locks: other threads reach the reactor through its inbox alone. Without its precise timers: see
    // ``LoopTimer``.
    event_config_set_flag(config, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
    for method in ["select", "poll"] { event_config_avoid_method(config, method) }
    try expectDescriptors()
    errno = 0
    guard let base = event_base_new_with_config(config) else {
      // It says nothing where EVENT_NOEPOLL forbids the one method that is left.
      throw SystemError("event_base_new_with_config", errno: errno == 0 ? ENOTSUP : errno)
    }
    return base
  }

  /// A base takes four descriptors, and libevent ends the program where it gets the first and not the last: better to know
  /// before that there are as many.
  private static func expectDescriptors() throws(SystemError) {
    var probes: (Int32, Int32, Int32, Int32) = (-1, -1, -1, -1)
    probes.0 = toro_make_eventfd()
    probes.1 = toro_make_eventfd()
    probes.2 = toro_make_eventfd()
    probes.3 = toro_make_eventfd()
    let failure = errno
    for probe in [probes.0, probes.1, probes.2, probes.3] where probe >= 0 { Glibc.close(probe) }
    if probes.3 < 0 { throw SystemError("event_base_new_with_config", errno: failure) }
  }

  private func addWakeEvent() -> Bool {
    let context = Unmanaged.passUnretained(reactor).toOpaque()
    event_assign(wakeEvent, base, wakeDescriptor, Int16(EV_READ | EV_PERSIST), wakeFired, context)
    // A bare wait must not keep a host's loop alive, so neither must the descriptor that may wake it.
    if isAdopted { wakeEvent.pointee.ev_evcallback.evcb_flags |= Int16(EVLIST_INTERNAL) }
    return event_add(wakeEvent, nil) == 0
  }

  /// Takes every event of Toro's off the base; frees the base if it is the reactor's own.
  func close() {
    if reactor.isForked { separateFromParent() }
    while let watch = firstWatch { watch.remove() }
    event_del(wakeEvent)
    timer.close()
    event_del(drainEvent)
    event_del(holdEvent)
    event_del(returnEvent)
    if !isAdopted { event_base_free(base) }
    Glibc.close(wakeDescriptor)
    freeMemory()
  }

  /// In a forked child the epoll instance is the parent's too until this gives the child its own: what was deleted here
  /// would be lost there. A host may have done it, or do it again.
  func separateFromParent() { event_reinit(base) }

  private func freeMemory() {
    wakeEvent.deallocate()
    drainEvent.deallocate()
    holdEvent.deallocate()
    returnEvent.deallocate()
    eventPool.deallocate()
  }

  // MARK: Waking

  /// Wakes the loop, from any thread.
  func wake() {
    var one: UInt64 = 1
    while write(wakeDescriptor, &one, 8) < 0 && errno == EINTR {}
  }

  /// Blocks until woken, without a turn of the loop: a reactor that closes waits for its tasks, and a host's base is not
  /// for it to drive.
  func waitForWake() {
    var request = pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0)
    while Glibc.poll(&request, 1, -1) < 0 && errno == EINTR {}
    clearWake()
  }

  func clearWake() {
    var value: UInt64 = 0
    _ = read(wakeDescriptor, &value, 8)
  }

  // MARK: Own bases

  /// Polls once, dispatching what is ready; blocks until then, until `due` or until woken if `block` is set.
  ///
  /// libevent goes round until no event is active. There may be no end to that if the program has events of its own on the
  /// base, as with a bufferevent whose callbacks are deferred and whose input is left at its high-water mark. Then it is
  /// had to return after the events that were active with the one that fires when there is something to do.
  func poll(block: Bool, until due: Int64) {
    let isShared = hasOthersEvents
    wasShared = isShared
    if block {
      timer.set(due, now: reactor.readMonotonicClock())
      reactor.isPolledFor = isShared
      event_base_loop(base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY)
      reactor.isPolledFor = false
    } else {
      pollOnce(returning: isShared)
    }
    guard isShared else { return }
    forgetReturn()
    // What events have made active belongs to this turn, but not without end.
    var rounds = 0
    while activeCount > 0 {
      if rounds == 16 {
        if reactor.isHosted { wake() }  // the descriptor tells nothing of it
        return
      }
      rounds += 1
      pollOnce(returning: true)
      forgetReturn()
    }
  }

  private func pollOnce(returning: Bool) {
    if returning {
      isReturning = true
      fireNext(returnEvent)
    }
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY)
  }

  /// The program may have broken the loop itself.
  private func forgetReturn() {
    if isReturning { event_del(returnEvent) }
    isReturning = false
  }

  private var activeCount: Int32 { event_base_get_num_events(base, UInt32(EVENT_BASE_COUNT_ACTIVE)) }

  /// Has a poll that blocks, with events of the program's own, return when the events have run that are active now.
  func returnFromPoll() {
    guard !isReturning else { return }
    isReturning = true
    event_active(returnEvent, Int32(EV_TIMEOUT), 0)
  }

  fileprivate func returnHasFired() {
    isReturning = false
    event_base_loopbreak(base)
  }

  /// How many events are on an own base beside the reactor's own.
  var addedCount: Int {
    let own: Int32 = 1 + timer.eventCount + (isReturning ? 1 : 0)
    return Int(event_base_get_num_events(base, UInt32(EVENT_BASE_COUNT_ADDED)) - own)
  }

  /// Whether the program has events of its own on an own base.
  var hasOthersEvents: Bool { addedCount > watchCount }

  /// Whether somebody waits for an event of an own base: for a descriptor, or for what the program added itself.
  ///
  /// - Complexity: Where a reader waited for the descriptor that was found last, O(1); else O(n) in the number of watches.
  var isWatching: Bool {
    if firstWatch?.isWaitedFor ?? false { return true }
    if hasOthersEvents { return true }
    var next = firstWatch
    while let watch = next {
      if watch.isWaitedFor {
        // First, so that it is found at once when this is asked before the next poll.
        remove(watch)
        insert(watch)
        return true
      }
      next = watch.next
    }
    return false
  }

  // MARK: Watches

  /// Holds on to a watch while its event is on the base.
  func insert(_ watch: DescriptorWatch) {
    watch.next = firstWatch
    firstWatch?.previous = watch
    firstWatch = watch
    watchCount += 1
  }

  func remove(_ watch: DescriptorWatch) {
    watch.next?.previous = watch.previous
    if let previous = watch.previous { previous.next = watch.next } else { firstWatch = watch.next }
    watch.next = nil
    watch.previous = nil
    watchCount -= 1
  }

  /// The oldest of the watches for this descriptor that are for one wait.
  func firstForOneWait(_ descriptor: Int32) -> DescriptorWatch? { forOneWait[descriptor]?.first.takeUnretainedValue() }

  func insertForOneWait(_ watch: DescriptorWatch) {
    let own = Unmanaged.passUnretained(watch)
    guard let line = forOneWait[watch.descriptor] else { return forOneWait[watch.descriptor] = (own, own) }
    let last = line.last.takeUnretainedValue()
    (last.younger, watch.elder) = (watch, last)
    forOneWait[watch.descriptor] = (line.first, own)
  }

  func removeForOneWait(_ watch: DescriptorWatch) {
    let (elder, younger) = (watch.elder, watch.younger)
    (watch.elder, watch.younger) = (nil, nil)
    elder?.younger = younger
    younger?.elder = elder
    switch (elder, younger) {
    case (nil, nil): forOneWait[watch.descriptor] = nil
    case (nil, let younger?): forOneWait[watch.descriptor]?.first = .passUnretained(younger)
    case (let elder?, nil): forOneWait[watch.descriptor]?.last = .passUnretained(elder)
    default: break
    }
  }

  fileprivate func timerHasFired() { timer.hasFired() }

  // MARK: Adopted bases

  /// Has the host's loop come back for ready work and for the next deadline, and no longer than that.
  func arm() {
    guard isAdopted else {
      // Hosted through its descriptor: ready work makes it readable.
      if epollDescriptor != nil && reactor.hasReadyWork { wake() }
      return
    }
    if reactor.hasReadyWork && !drainIsArmed {
      fireNext(drainEvent)
      drainIsArmed = true
    }
    let due = reactor.nextDue
    if due < timer.due || due == .max { timer.set(due, now: reactor.readMonotonicClock()) }
    if reactor.isHeld != holdIsArmed {
      if !holdIsArmed {
        var day = timeval(tv_sec: 86_400, tv_usec: 0)
        holdIsArmed = event_add(holdEvent, &day) == 0  // else at the next call
      } else {
        holdIsArmed = false
        // What was posted before the hold ended is to be run, though nothing else may keep the loop going.
        if reactor.hasPosted { armDrain() }
        event_del(holdEvent)
      }
    }
  }

  /// Has the host's loop come back even if nothing is ready yet: another thread posted something.
  fileprivate func armDrain() {
    guard !drainIsArmed else { return }
    fireNext(drainEvent)
    drainIsArmed = true
  }

  /// Has an event fire after the next poll. Not by `event_active`, but where there is no memory for the other way: it would fire in
  /// the same pass, without a poll, and starve the host's descriptors.
  private func fireNext(_ event: UnsafeMutablePointer<event>) {
    var now = timeval()
    if event_add(event, &now) != 0 { event_active(event, Int32(EV_TIMEOUT), 0) }
  }

  fileprivate func drainHasFired() { drainIsArmed = false }

  // MARK: Hosting and forking

  /// The base's epoll instance, found by the eventfd that only it watches; -1 if the base does not use epoll.
  func pollDescriptor() -> Int32 {
    if let epollDescriptor { return epollDescriptor }
    // Not found for good: a base with a changelist knows the eventfd only after a turn.
    guard let found = EventLoop.findEpoll(watching: wakeDescriptor) else { return -1 }
    epollDescriptor = found
    arm()
    return found
  }

  private static func findEpoll(watching descriptor: Int32) -> Int32? {
    guard let directory = opendir("/proc/self/fdinfo") else { return nil }
    defer { closedir(directory) }
    var text: [UInt8] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let candidate = Int32(name) else { continue }
      let file = open("/proc/self/fdinfo/\(name)", O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { continue }
      // A line for each descriptor that an epoll instance watches, all of which are looked at.
      text.removeAll(keepingCapacity: true)
      while true {
        let count = withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { part in
          let count = read(file, part.baseAddress, part.count)
          if count > 0 { text += part[..<count] }
          return count
        }
        if count <= 0 { break }
      }
      Glibc.close(file)
      for line in String(decoding: text, as: UTF8.self).split(separator: "\n") where line.hasPrefix("tfd:") {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        if fields.count > 1 && Int32(fields[1]) == descriptor { return candidate }
      }
    }
    return nil
  }

  /// In a forked child: a new epoll instance on an own base (a host re-initialises its own), and a new eventfd, since the
  /// old one is the parent's.
  func reinitialize() throws(SystemError) {
    if !isAdopted && event_reinit(base) != 0 { throw SystemError("event_reinit", errno: errno) }
    event_del(wakeEvent)
    Glibc.close(wakeDescriptor)
    epollDescriptor = nil
    wakeDescriptor = toro_make_eventfd()
    guard wakeDescriptor >= 0 else { throw SystemError("eventfd", errno: errno) }
    guard addWakeEvent() else { throw SystemError("event_add", errno: errno) }
    try timer.renew()
  }
}

private func reactor(_ context: UnsafeMutableRawPointer?) -> Reactor {
  Unmanaged<Reactor>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
}

private func wakeFired(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
  let reactor = reactor(context)
  reactor.loop.clearWake()
  if reactor.loop.isAdopted { reactor.loop.armDrain() } else if reactor.isPolledFor { reactor.loop.returnFromPoll() }
}

private func timerFired(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
  let reactor = reactor(context)
  reactor.loop.timerHasFired()
  if reactor.loop.isAdopted { reactor.hostTurn() } else if reactor.isPolledFor { reactor.loop.returnFromPoll() }
}

private func returnFired(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
  reactor(context).loop.returnHasFired()
}

private func drainFired(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
  let reactor = reactor(context)
  reactor.loop.drainHasFired()
  reactor.hostTurn()
}
