/// What a wait waits on: the state of a primitive, with the waiters in line for it.
///
/// Each primitive is a public handle and a source. The source is policy over the wait list: it grants while it can, in
/// order, and keeps the invariant that **waiters exist only while nothing is free for the first of them**. It belongs
/// to its reactor's thread and never looks at threads, tasks or clocks; ``Reactor`` does that once for all.
///
/// A source outlives its waiters: task waits keep the handle alive, and a handle that goes calls ``abandon()``, which
/// ends callback waits as closed.
@usableFromInline
package class WaitSource: @unchecked Sendable {
  /// Whose source this is. Unowned: the handle keeps the reactor, and the reactor has sources of its own.
  @usableFromInline package final let owner: Unmanaged<Reactor>
  /// What descriptions call it. Set at the beginning, or on the reactor's thread.
  @exclusivity(unchecked) package final var name: String?
  /// Whether callbacks run on the next turn rather than before the notifying call returns.
  @usableFromInline final let defersCallbacks: Bool
  /// The waiters, oldest first. A source with several kinds of wait that are not in one line has more lists.
  @exclusivity(unchecked) @usableFromInline package final var waiters = WaitList()
  @exclusivity(unchecked) @usableFromInline package final var isClosed = false
  /// Tells a callback that is handed something: where there are such waits.
  @exclusivity(unchecked) @usableFromInline final var delivery: Delivery?
  /// Whether ``letGo()`` is to be called.
  @exclusivity(unchecked) final var isSingleUse = false
  /// Whether ``rebalance()`` is to be called before the current call returns.
  @exclusivity(unchecked) final var needsRebalance = false

  @usableFromInline
  package init(name: String?, on reactor: Reactor, deferred: Bool = false) {
    self.name = name
    owner = .passUnretained(reactor)
    defersCallbacks = deferred
  }

  @usableFromInline package final var reactor: Reactor { owner.takeUnretainedValue() }

  // What policy needs of the reactor, without a retain.

  @usableFromInline @inline(__always)
  final func decide(_ waiter: WaiterPointer, _ outcome: WaitOutcome) {
    owner._withUnsafeGuaranteedRef { $0.decide(waiter, outcome) }
  }

  @inlinable @inline(__always)
  final func settle() { owner._withUnsafeGuaranteedRef { $0.settle() } }

  /// The primitive's name as people know it.
  @usableFromInline class var typeName: String { "Wait" }

  /// What the primitive's description says between its name and the number of its waiters.
  @usableFromInline var stateDescription: String { isClosed ? "closed" : "" }

  /// Who holds what is waited for, as far as that is noted.
  var holders: [HolderNote] { [] }

  /// When a wait was last dealt with and went on: to those who look at it, it is one that began then.
  var renewedAt: Int64 { .min }

  /// How many wait, in all lists.
  @usableFromInline package var waiterCount: Int { waiters.count }

  // MARK: Policy

  /// Takes what a wait of this kind asks for, if that is free and nobody is in line for it.
  @usableFromInline func admit(_ role: WaitRole, _ amount: Int) -> Admission { isClosed ? .closed : .wait }

  /// Puts a waiter in line.
  @usableFromInline func link(_ waiter: WaiterPointer) { waiters.append(waiter) }

  /// Takes a waiter out of its list.
  @usableFromInline func unlink(_ waiter: WaiterPointer) { waiters.remove(waiter) }

  /// Grants what can be granted now: called after a waiter left without being granted, who may have been in the way.
  @usableFromInline func rebalance() {}

  /// Called before a function is told of the end of the only wait on a source that is kept by nothing else.
  ///
  /// - Returns: The source, to be dropped afterwards.
  func letGo() -> WaitSource? { nil }

  /// Lets go of what a waiter that was not granted had brought, such as the item of a put.
  @usableFromInline func discard(_ waiter: WaiterPointer) {}

  /// Ends what is left when the last handle has gone.
  @usableFromInline func closeAbandoned() { closeAll() }

  // MARK: Closing

  /// What a wait of a task that ended as closed throws.
  @usableFromInline var closedError: any Error { ClosedError(subject) }

  /// Ends every wait as closed. What closing means beyond that is the source's own.
  @usableFromInline final func closeAll() {
    isClosed = true
    while let waiter = waiters.popFirst() { decide(waiter, .closed) }
  }

  /// The last handle has gone, on whatever thread: the waits left, which are callbacks, end as closed.
  @usableFromInline package final func abandon() {
    if reactor.isCurrent {
      if waiterCount > 0 { closeAbandoned() }
      reactor.keepUntilTold(self)
      reactor.settle()
    } else if !reactor.isClosed {
      reactor.postRelease(.abandoned(self))
    }
  }

  @usableFromInline final func timeoutError() -> TimeoutError { TimeoutError(subject) }

  // MARK: Descriptions

  /// `Lock "cache"`
  @usableFromInline var subject: String {
    if let name { "\(Self.typeName) \"\(name)\"" } else { Self.typeName }
  }

  /// The call that waits, as descriptions name it.
  func callName(of role: WaitRole) -> String { role.verb }

  /// `<Lock "cache" locked waiters=3>`; off the reactor, where the state may not be read, without it.
  @usableFromInline final var summary: String {
    guard reactor.isCurrent else { return "<\(subject)>" }
    let state = stateDescription
    return "<\(subject)\(state.isEmpty ? "" : " ")\(state) waiters=\(waiterCount)>"
  }
}

/// The callback of a wait that has an outcome and no value. A struct, so that the closure is stored as it is, without
/// a thunk.
@usableFromInline
struct OutcomeCallback {
  @usableFromInline let call: @Sendable (WaitOutcome) -> Void
  @inlinable init(_ call: @escaping @Sendable (WaitOutcome) -> Void) { self.call = call }
}

/// How waits of a source that are handed something are told: made once for a source, where the type of it is known, so that it
/// is specialised.
@usableFromInline
struct Delivery {
  @usableFromInline let tell: (WaiterPointer) -> Void
  @inlinable init(_ tell: @escaping (WaiterPointer) -> Void) { self.tell = tell }
}

/// The same, from C: a status and the caller's argument.
package typealias OutcomeFunction = @convention(c) (Int32, UnsafeMutableRawPointer?) -> Void

/// The same for a wait that is handed a pointer: it comes between the two.
package typealias ItemFunction = @convention(c) (Int32, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void

/// What a source says to a wait that begins.
@usableFromInline
package enum Admission {
  /// It has what it asked for.
  case granted
  /// It has to wait.
  case wait
  case closed
}

extension UnsafeMutablePointer<Waiter> {
  /// Stores a callback in the waiter's two words. `Callback` holds one closure.
  @inlinable @inline(__always)
  func storeCallback<Callback>(_ callback: Callback) {
    assert(MemoryLayout<Callback>.size == MemoryLayout<(UInt, UInt)>.size)
    pointee.receiver = .callback
    UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Waiter>.offset(of: \.told).unsafelyUnwrapped)
      .initializeMemory(as: Callback.self, to: callback)
  }

  @inlinable @inline(__always)
  func takeCallback<Callback>(as type: Callback.Type) -> Callback {
    assert(pointee.receiver == .callback || pointee.receiver == .delivery)
    return UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Waiter>.offset(of: \.told).unsafelyUnwrapped)
      .assumingMemoryBound(to: Callback.self).move()
  }

  @inlinable @inline(__always)
  var payloadPointer: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Waiter>.offset(of: \.payload).unsafelyUnwrapped)
  }

  /// Moves an item into the waiter: inline if it fits, else in a box.
  @inlinable @inline(__always)
  func storeItem<Item>(_ item: consuming Item) {
    if MemoryLayout<Item>.size <= 16 && MemoryLayout<Item>.alignment <= 8 {
      payloadPointer.initializeMemory(as: Item.self, to: item)
    } else {
      let box = UnsafeMutablePointer<Item>.allocate(capacity: 1)
      box.initialize(to: item)
      pointee.payload.0 = UInt(bitPattern: box)
    }
  }

  /// Moves the item out of the waiter. The type is said, never inferred: an optional of what was stored is laid out otherwise.
  @inlinable @inline(__always)
  func takeItem<Item>(as type: Item.Type) -> Item {
    if MemoryLayout<Item>.size <= 16 && MemoryLayout<Item>.alignment <= 8 {
      return payloadPointer.assumingMemoryBound(to: Item.self).move()
    }
    let box = UnsafeMutablePointer<Item>(bitPattern: pointee.payload.0).unsafelyUnwrapped
    let item = box.move()
    box.deallocate()
    return item
  }
}

/// Where in a program a wait stands: a file's name, which lives for ever, and a line, in one word.
@usableFromInline
package struct WaitSite: Sendable {
  /// The address of a zero-terminated string in the low 48 bits, the line above them; 0 if it is not known.
  @usableFromInline let bits: UInt64

  @inlinable @inline(__always)
  package init(_ file: StaticString, _ line: UInt) {
    // Addresses of a program's constants have 47 bits on every platform that Toro runs on.
    bits =
      file.hasPointerRepresentation
      ? UInt64(UInt(bitPattern: file.utf8Start)) & 0xFFFF_FFFF_FFFF | UInt64(line < 0xFFFF ? line : 0xFFFF) << 48 : 0
  }

  private init() { bits = 0 }

  /// Of a wait from C, which does not tell.
  package static var unknown: WaitSite { WaitSite() }

  /// Of a wait in a call of the standard library's, which does not tell.
  static var untold: WaitSite { WaitSite("", 0) }

  @inline(__always) var isKnown: Bool { bits != 0 }

  /// Whether it is a `for try await`, which stands where it does not tell.
  var isIteration: Bool { line == 0 && !file.isEmpty }

  /// 0 if only the kind of statement is known; 65,535 stands for all lines from there.
  var line: Int { Int(bits >> 48) }

  /// As in `Module/File.swift`.
  var file: String {
    UnsafePointer<CChar>(bitPattern: UInt(bits & 0xFFFF_FFFF_FFFF)).map { String(cString: $0) } ?? ""
  }
}
