import CToroShims

/// What a wait waits on that some other library's callback ends: nothing is ever free, ``give()`` lets go who waits now.
package final class Notice: WaitSource, @unchecked Sendable {
  private let keepsReactor: Reactor
  private let subjectText: String
  private let call: String

  /// - Parameters:
  ///   - subject: How `Reactor.waits` is to name it, as in `Connection "127.0.0.1:5"`.
  ///   - call: What a wait is for, as in `read`.
  package init(on reactor: Reactor, _ subject: String, _ call: String) {
    keepsReactor = reactor
    subjectText = subject
    self.call = call
    super.init(name: nil, on: reactor)
  }

  override var subject: String { subjectText }
  override func callName(of role: WaitRole) -> String { call }
  override var stateDescription: String { "" }

  /// Ends the waits. On the thread that runs the base: in a callback of libevent's, or in a turn.
  package func give() {
    withExtendedLifetime(self) {
      reactor.inDescriptorEvent {
        while let waiter = waiters.popFirst() { decide(waiter, .granted) }
        settle()
      }
    }
  }

  /// Ends the waits as closed, also later ones. On the reactor's thread.
  package func close() {
    withExtendedLifetime(self) {
      closeAll()
      settle()
    }
  }
}
