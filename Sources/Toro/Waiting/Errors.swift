/// A deadline passed first.
///
/// The `deadline:` of `withLock`, `withPermit` and their kin bounds only the waiting: the body did not run. That of
/// ``withDeadline(_:on:file:line:_:)`` bounds the body, which was cancelled and has ended.
public struct TimeoutError: Error, Hashable, CustomStringConvertible {
  /// What was waited for, as in `Lock "cache"`.
  public let subject: String

  /// - Parameter subject: What was waited for.
  public init(_ subject: String) { self.subject = subject }

  /// What happened, in words for a log.
  public var description: String { "timed out: \(subject)" }
}

/// What was waited on is closed.
public struct ClosedError: Error, Hashable, CustomStringConvertible {
  /// What was closed, as in `Queue "jobs"`.
  public let subject: String

  /// - Parameter subject: What was closed.
  public init(_ subject: String) { self.subject = subject }

  /// What happened, in words for a log.
  public var description: String { "closed: \(subject)" }
}

/// The reactor is closed: every wait ended with it, whatever was waited on, and none begins any more.
public struct ReactorClosedError: Error, Hashable, CustomStringConvertible {
  package init() {}

  /// What happened, in words for a log.
  public var description: String { "the reactor is closed" }
}

/// The reactor was stopped before the body of `run { }` ended, or before it began.
public struct StoppedError: Error, Hashable, CustomStringConvertible {
  package init() {}

  /// What happened, in words for a log.
  public var description: String { "the reactor was stopped" }
}

/// Waits are left and nothing can end them: nothing is ready, timed, watched or held.
public struct DeadlockError: Error, CustomStringConvertible {
  /// Who waits where, as it stood when the deadlock was found.
  public let waits: [WaitDescription]

  /// What happened, in words for a log.
  public var description: String {
    "deadlock: \(waits.count) wait\(waits.count == 1 ? "" : "s"), and nothing that could end one"
      + waits.map { "\n  \($0)" }.joined() + WaitGraph(waits).circles.map { "\n  \($0)" }.joined()
  }
}

/// An async result has its value, or its failure, already.
public struct AlreadySetError: Error, Hashable, CustomStringConvertible {
  /// What was set before, as in `AsyncResult "page"`.
  public let subject: String

  init(_ subject: String) { self.subject = subject }

  /// What happened, in words for a log.
  public var description: String { "set before: \(subject)" }
}

/// An async result has no value yet.
public struct NotReadyError: Error, Hashable, CustomStringConvertible {
  /// What is not set yet, as in `AsyncResult "page"`.
  public let subject: String

  init(_ subject: String) { self.subject = subject }

  /// What happened, in words for a log.
  public var description: String { "not set yet: \(subject)" }
}

/// More permits were released than the bound allows, or less than none. Nothing was released.
public struct OverReleaseError: Error, Hashable, CustomStringConvertible {
  /// What was released too often, as in `BoundedSemaphore "clients"`.
  public let subject: String
  /// How many permits were to be released.
  public let released: Int
  /// How many permits there can be.
  public let bound: Int

  init(_ subject: String, released: Int, bound: Int) {
    self.subject = subject
    self.released = released
    self.bound = bound
  }

  /// What happened, in words for a log.
  public var description: String {
    released < 0
      ? "\(subject).release(\(released)): a negative number of permits"
      : "\(subject).release(\(released)): more permits would be free than there are (\(bound))"
  }
}

/// A queue's capacity was to be set below the number of its items. Nothing was changed.
public struct CapacityError: Error, Hashable, CustomStringConvertible {
  /// Whose capacity, as in `Queue "jobs"`.
  public let subject: String
  /// What it was to be set to.
  public let capacity: Int
  /// How many items there are.
  public let count: Int

  init(_ subject: String, capacity: Int, count: Int) {
    self.subject = subject
    self.capacity = capacity
    self.count = count
  }

  /// What happened, in words for a log.
  public var description: String { "\(subject).setCapacity(\(capacity)): below the \(count) items that are in it" }
}

/// The operating system, or libevent, refused a call.
public struct SystemError: Error, Hashable, CustomStringConvertible {
  /// The call that failed, as in `eventfd`.
  public let call: String
  /// What `errno` was; 0 if the call does not say.
  public let errno: Int32
  /// What is known better than `errno` says it.
  private let reason: String?

  package init(_ call: String, errno: Int32, reason: String? = nil) {
    self.call = call
    self.errno = errno
    self.reason = reason
  }

  /// What happened, in words for a log.
  public var description: String {
    if let reason { return "\(call): \(reason)" }
    return errno == 0 ? "\(call) failed" : "\(call): \(errorText(errno))"
  }
}
