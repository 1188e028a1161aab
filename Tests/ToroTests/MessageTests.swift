import Testing
import Toro

import class Toro.Semaphore

/// What a person reads when something went wrong.
@Suite("Messages", .timeLimit(.minutes(1)))
struct MessageTests {
  private func inReactor(_ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    try reactor.run { try await body(reactor) }
  }

  @Test("Errors say whose they are")
  func subjects() throws {
    try inReactor { _ in
      let page = AsyncResult<Int>(name: "page")
      let notReady = #expect(throws: NotReadyError.self) { try page.value }
      #expect(notReady?.subject == #"AsyncResult "page""#)
      #expect(notReady?.description == #"not set yet: AsyncResult "page""#)
      try page.set(1)
      let alreadySet = #expect(throws: AlreadySetError.self) { try page.set(2) }
      #expect(alreadySet?.description == #"set before: AsyncResult "page""#)

      let clients = BoundedSemaphore(2, name: "clients")
      let overReleased = #expect(throws: OverReleaseError.self) { try clients.release() }
      #expect(overReleased?.subject == #"BoundedSemaphore "clients""#)
      #expect(
        overReleased?.description
          == #"BoundedSemaphore "clients".release(1): more permits would be free than there are (2)"#)

      let jobs = Queue<Int>(initial: [1, 2], name: "jobs")
      let capacity = #expect(throws: CapacityError.self) { try jobs.setCapacity(1) }
      #expect(capacity?.description == #"Queue "jobs".setCapacity(1): below the 2 items that are in it"#)
    }
  }

  @Test("A bounded semaphore calls itself one")
  func boundedSemaphore() throws {
    try inReactor { _ in
      #expect("\(BoundedSemaphore(1))" == "<BoundedSemaphore permits=1/1 waiters=0>")
      #expect("\(BoundedSemaphore(1, name: "clients"))" == #"<BoundedSemaphore "clients" permits=1/1 waiters=0>"#)
      #expect("\(Semaphore(1))" == "<Semaphore permits=1 waiters=0>")
    }
  }
}
