import Toro

/// A primitive as programs use it, beside the model that says what it has to do.
protocol Family: SendableMetatype {
  associatedtype Subject: AnyObject & Sendable
  associatedtype Model: Policy

  static var name: String { get }
  /// What its waits, tries and notices are called.
  static var waits: [String] { get }
  static var attempts: [String] { get }
  static var notices: [String] { get }
  /// The amounts of random notices.
  static var amounts: Range<Int> { get }
  /// Settings that random programs begin with, and small worlds.
  static var settings: [Setting] { get }
  /// Waits and notices of small worlds.
  static var smallWaits: [Act] { get }
  static var smallNotices: [Act] { get }

  static func describe(_ setting: Setting) -> String
  static func make(_ setting: Setting, on reactor: Reactor, deferred: Bool) -> Subject

  /// Begins a wait in the callback form, which tells `world`.
  static func begin(
    _ subject: Subject, _ act: Act, item: Int, deadline: Deadline, _ world: World<Self>, _ id: Int
  ) -> Wait

  /// Waits in the task form.
  ///
  /// - Returns: What it was handed, 0 if that is nothing; `nil` after a time-out.
  static func wait(_ subject: Subject, _ act: Act, item: Int, deadline: Deadline) async throws -> Int?

  static func attempt(_ subject: Subject, _ act: Act, item: Int) -> Int

  /// Does nothing where the call would be misuse.
  ///
  /// - Returns: What the call answers, or `nil` if it answers nothing.
  static func notify(_ subject: Subject, _ act: Act, item: Int) -> Int?

  /// Whether programs let go of the last reference before their end.
  static var isDroppable: Bool { get }
  /// Whether notices may be made on another thread whatever the state, and answer nothing.
  static var notifiesElsewhere: Bool { get }

  static func close(_ subject: Subject)
  static func look(_ subject: Subject) -> Look

  // MARK: Conservation

  /// What there is of what is conserved: permits, holds, items. It is what it was at first, and what the program added and
  /// took.
  static func stock(_ look: Look) -> Int
  /// What a granted wait adds to the stock.
  static func weight(granted act: Act) -> Int
  /// What a call adds that answered `answer`.
  static func weight(_ act: Act, answer: Int?) -> Int
  /// Takes what is left at the end, item by item. `nil` if there is nothing of the kind.
  static func drain(_ subject: Subject) -> [Int]?
  /// Whether waits and tries of kind 0 bring items, and those of kind 1 take them.
  static var drainsItems: Bool { get }
  static func initialItems(_ setting: Setting) -> [Int]
}

extension Family {
  static var attempts: [String] { [] }
  static var amounts: Range<Int> { 0..<4 }
  static func attempt(_ subject: Subject, _ act: Act, item: Int) -> Int { 0 }
  static var isDroppable: Bool { true }
  static var notifiesElsewhere: Bool { false }
  static func stock(_ look: Look) -> Int { 0 }
  static func weight(granted act: Act) -> Int { 0 }
  static func weight(_ act: Act, answer: Int?) -> Int { 0 }
  static func drain(_ subject: Subject) -> [Int]? { nil }
  static var drainsItems: Bool { false }
  static func initialItems(_ setting: Setting) -> [Int] { [] }
}

extension Act {
  static func begin(_ kind: UInt8 = 0, _ amount: Int8 = 1) -> Act { Act(verb: .begin, kind: kind, amount: amount) }
  static func attempt(_ kind: UInt8 = 0, _ amount: Int8 = 1) -> Act { Act(verb: .attempt, kind: kind, amount: amount) }
  static func notify(_ kind: UInt8 = 0, _ amount: Int8 = 1) -> Act { Act(verb: .notify, kind: kind, amount: amount) }
  static let close = Act(verb: .close)
  static let drop = Act(verb: .drop)
}
