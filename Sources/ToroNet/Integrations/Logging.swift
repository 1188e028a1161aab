#if Logging
import Logging
import Toro

extension Listener.Options {
  /// Has the logger told when nothing can be accepted for want of descriptors or memory: a warning once a second at most, of
  /// all the listeners that have these options.
  ///
  /// What ``onExhaustion`` was set to is called all the same.
  public mutating func log(to logger: Logger) {
    let earlier = onExhaustion
    let last = Locked<ContinuousClock.Instant?>(nil)
    onExhaustion = { error in
      earlier?(error)
      let now = ContinuousClock.now
      let isTime = last.withLock { last in
        if let before = last, before.duration(to: now) < .seconds(1) { return false }
        last = now
        return true
      }
      guard isTime else { return }
      logger.warning(
        "cannot accept connections",
        metadata: ["error": "\(error)", "address": "\(error.address?.description ?? "")"])
    }
  }
}

extension ReactorGroup {
  /// Has the logger told what becomes of the group: that it runs and ends, and is asked to stop (`info`); that work was cancelled
  /// when the time to end was over (`warning`); that a body has failed, with the error (`error`).
  ///
  /// - Isolation: From any thread, before the group runs. The lines come on whatever thread.
  public func log(to logger: Logger) {
    let (name, count) = (name, count)
    observe { change in
      let group = Logger.MetadataValue.string(name)
      switch change {
      case .runs: logger.info("reactors run", metadata: ["group": group, "count": "\(count)"])
      case .stops: logger.info("reactors stop", metadata: ["group": group])
      case .cut(let index):
        logger.warning("work was cancelled", metadata: ["group": group, "reactor": "\(name)-\(index)"])
      case .failed(let error):
        logger.error("a reactor's body failed", metadata: ["group": group, "error": "\(error)"])
      case .ended: logger.info("reactors ended", metadata: ["group": group])
      }
    }
  }
}
#endif
