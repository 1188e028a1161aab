/// One wait: a node in the list of the primitive that it waits for, in a slot of its reactor's pool.
///
/// A waiter is `idle` in the pool, `waiting` in a list, then `decided` once, by ``Reactor/decide(_:_:)``; nothing
/// changes its outcome after that. All of it belongs to the reactor's thread, except that the task which a decided
/// waiter resumes may read its outcome and take its payload wherever it runs.
@usableFromInline
package struct Waiter {
  /// In the wait list, in the queue of callbacks to run, or in the pool's list of free slots.
  @usableFromInline var next: WaiterPointer?
  @usableFromInline var previous: WaiterPointer?
  /// Whose list this is in. Unretained: a source outlives its waiters (``WaitSource/abandon()``).
  @usableFromInline var owner: Unmanaged<WaitSource>
  /// Who is told: a parked job and its context, or the two words of a callback, as `receiver` says.
  @usableFromInline var told: (UInt, UInt) = (0, 0)
  /// What the wait asks for or is handed: a number of permits, an item.
  @usableFromInline var payload: (UInt, UInt) = (0, 0)
  @usableFromInline var heapIndex: UInt32 = Waiter.notTimed
  /// Where in the pool this is, and how often the slot was used: together an identity that never comes back.
  @usableFromInline var slot: UInt32
  @usableFromInline var generation: UInt32 = 1
  @usableFromInline var state: WaiterState = .idle
  @usableFromInline var outcome: WaitOutcome = .granted
  @usableFromInline var role: WaitRole = .wait
  @usableFromInline var receiver: Receiver = .task

  @usableFromInline static var notTimed: UInt32 { .max }

  init(source: WaitSource, slot: UInt32) {
    owner = .passUnretained(source)
    self.slot = slot
  }

  var source: WaitSource { owner.takeUnretainedValue() }

  /// Names this wait among all of its reactor, ever; never 0.
  @usableFromInline var id: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

@usableFromInline
package typealias WaiterPointer = UnsafeMutablePointer<Waiter>

/// How a wait ended.
@frozen
public enum WaitOutcome: UInt8, Sendable, CustomStringConvertible {
  /// It got what it waited for, and owns it.
  case granted
  /// Its deadline passed first. It owns nothing.
  case timedOut
  /// It was cancelled first. It owns nothing.
  case cancelled
  /// What it waited on was closed, or let go, first. It owns nothing.
  case closed

  /// The case's name.
  public var description: String {
    switch self {
    case .granted: "granted"
    case .timedOut: "timedOut"
    case .cancelled: "cancelled"
    case .closed: "closed"
    }
  }
}

/// How a wait for a value ended: ``WaitOutcome`` with the value that a granted one received.
@frozen
public enum WaitResult<Value> {
  /// It got what it waited for, which is this.
  case granted(Value)
  /// The deadline passed first. It owns nothing.
  case timedOut
  /// It was cancelled first. It owns nothing.
  case cancelled
  /// What it waited for, or the reactor, was closed first.
  case closed

  /// The value, or `nil` unless granted.
  @inlinable public var value: Value? {
    if case .granted(let value) = self { value } else { nil }
  }

  /// The outcome without the value.
  @inlinable public var outcome: WaitOutcome {
    switch self {
    case .granted: .granted
    case .timedOut: .timedOut
    case .cancelled: .cancelled
    case .closed: .closed
    }
  }

  /// The result of a wait that was not granted.
  @inlinable init(failure outcome: WaitOutcome) {
    switch outcome {
    case .granted: preconditionFailure("a granted wait has a value")
    case .timedOut: self = .timedOut
    case .cancelled: self = .cancelled
    case .closed: self = .closed
    }
  }
}

extension WaitResult: Sendable where Value: Sendable {}
extension WaitResult: Equatable where Value: Equatable {}

@usableFromInline
package enum WaiterState: UInt8, Sendable {
  /// In the pool.
  case idle
  /// In a list, to be decided.
  case waiting
  /// Its outcome stands; who waits has not been told yet.
  case decided
  /// A scheduled call that is due and stands in the ready queue, where it can still be cancelled.
  case due
}

/// What a waiter wants of its source, where that has several kinds of wait.
@usableFromInline
package enum WaitRole: UInt8, Sendable {
  case wait, acquire, read, write, get, put, join, arrive, sleep, readable, writable, scheduled, any
  /// A scheduled call that keeps nothing going.
  case background
  /// What a stream waits to be readable for.
  case readLine, readLineBytes, awaitRequest

  /// Whether it is a call that is due at some time, rather than a wait.
  var isCall: Bool { self == .scheduled || self == .background }

  /// The call that waits, as people know it.
  package var verb: String {
    switch self {
    case .wait: "wait"
    case .acquire: "acquire"
    case .read: "acquireRead"
    case .write: "acquireWrite"
    case .get: "get"
    case .put: "put"
    case .join: "join"
    case .arrive: "wait"
    case .sleep: "sleep"
    case .readable: "readable"
    case .writable: "writable"
    case .scheduled, .background: "schedule"
    case .any: "firstOf"
    case .readLine: "readLine"
    case .readLineBytes: "readLineBytes"
    case .awaitRequest: "awaitRequest"
    }
  }
}

/// Who is told when a wait has ended.
@usableFromInline
package enum Receiver: UInt8, Sendable {
  /// A task, whose job is not stored yet: it is on its way to being parked.
  case task
  /// A task that is parked: `told` holds its job and context.
  case parkedTask
  /// A task that waits on the stack while others run above it (``Reactor/linger(_:)``).
  case lingeringTask
  /// A Swift callback whose type the source knows: `told` holds its two words.
  case callback
  /// A Swift callback that takes what it wants out of the waiter, and gives it back.
  case delivery
  /// A C function and its argument.
  case function
  /// The same, and the function wants the pointer that the waiter was handed.
  case itemFunction
  /// A ``ChoiceGroup`` of which this is a member.
  case member
}
