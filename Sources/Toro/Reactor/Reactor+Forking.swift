import CToroShims
import Glibc

extension Reactor {
  /// Makes the reactor usable in a forked child: until then calls stop with a message.
  ///
  /// The child gets an epoll instance (on an own base; a host calls `event_reinit` on its own first) and an eventfd of its
  /// own. Waits and ready work, what other threads had queued included, are the child's copies of the parent's. The calling thread becomes the reactor's.
  /// What was dropped in the child before, or closed of sockets, is let go now: the parent keeps its own.
  ///
  /// - Throws: ``SystemError`` if the system refuses the descriptors, or another thread forked while the reactor ran: its
  ///   loop is then in the middle of a turn that nobody is in.
  public func reinitializeAfterFork() throws(SystemError) {
    if runningFlag.load(ordering: .relaxed) && owner.load(ordering: .relaxed) != toro_forking_thread_number() {
      throw SystemError(
        "fork", errno: EBUSY,
        reason: "another thread forked while the reactor ran, which this process cannot go on with")
    }
    try loop.reinitialize()
    let queuedElsewhere = inbox.entriesInChild
    forgetOtherThreads()
    forkCount.store(toro_fork_count(), ordering: .relaxed)
    owner.store(toro_number_this_thread(), ordering: .releasing)
    if isInTurn && toro_current_reactor() == nil {
      toro_set_current_reactor(Unmanaged.passUnretained(self).toOpaque())
    }
    for entry in queuedElsewhere { enqueueReady(entry) }
    for entry in takeReleasesInChild() { enqueueReady(entry) }
    if isHosted && !isAdopted { _ = loop.pollDescriptor() }  // which may have the number that it had
    if isAdopted { AdoptedBases.rememberInChild(self, for: loop.base) }
  }

  /// In a forked child: the threads of the parent are not in this process, nor the turn that one of them was in.
  func forgetOtherThreads() {
    inbox = Inbox()  // its lock may be held by one of them
    guard owner.load(ordering: .relaxed) != toro_forking_thread_number() else { return }
    runningFlag.store(false, ordering: .relaxed)
    isInTurn = false
    isTelling = false
    isSpinning = false
    isPolledFor = false
    batchLeft = 0
  }

  /// As ``post(_:)``, for what is let go, which no process may be stopped for: in a forked child it is done when the reactor has been
  /// re-initialised there, or is closed, since nothing of it may be touched before. From any thread.
  func postRelease(_ entry: Ready) {
    guard isForked else { return post(entry) }
    nonisolated(unsafe) let entry = entry
    releasesInChild.withLock { $0.append(entry) }
  }

  /// As ``execute(_:)``, for what is let go: see ``postRelease(_:)``.
  package func executeRelease(_ body: @escaping @Sendable () -> Void) {
    if isCurrent { execute(body) } else { postRelease(.call(body)) }
  }

  func takeReleasesInChild() -> [Ready] {
    releasesInChild.withLock { entries in
      defer { entries = [] }
      return entries
    }
  }

  /// Stops the program in a forked child that did not call ``reinitializeAfterFork()``.
  func expectNoFork(_ call: @autoclosure () -> String) {
    if isForked {
      fatalError("\(call()): this process was forked. Call `reactor.reinitializeAfterFork()` in the child first")
    }
  }

  /// Whether this is a forked child in which ``reinitializeAfterFork()`` has not been called.
  package var isForked: Bool { toro_fork_count() != forkCount.load(ordering: .relaxed) }
}
