import CToro
import Synchronization
import Testing
import Toro
import ToroC
import ToroScenarios

private let finishedJobs = Atomic<Int>(0)
private let sharedReactor = Atomic<Bool>(false)

/// What a C program calls to have Swift work on its loop.
@c
func startJob(_ handle: OpaquePointer?) {
  guard let handle else { return }
  let reactor = Reactor.behind(handle)
  let base = toro_reactor_base(handle)
  let again = base.flatMap { try? Reactor(adopting: $0) }
  sharedReactor.store(again === reactor && reactor.handle == handle, ordering: .relaxed)
  again?.close()
  let queue = Queue<Int>(capacity: 1, on: reactor)
  reactor.spawn {
    for number in 1...3 {
      try await reactor.sleep(for: .milliseconds(1))
      try await queue.put(number)
    }
    queue.close()
  }
  reactor.spawn {
    for try await number in queue { finishedJobs.add(number, ordering: .relaxed) }
  }
}

@Suite("C and Swift together")
struct MixedTests {
  @Test("Swift tasks run on the loop of a C host, on the reactor that C adopted")
  func tasksOnHost() {
    let calls = run_host(startJob)
    let finished = finishedJobs.load(ordering: .relaxed)
    let isShared = sharedReactor.load(ordering: .relaxed)
    #expect(calls == 5)
    #expect(finished == 6)
    #expect(isShared)
  }

  @Test("A reactor made in Swift is used by C functions")
  func swiftReactor() throws {
    let reactor = try Reactor(clock: .virtual)
    defer { reactor.close() }
    let lock = toro_lock_new(reactor.handle, 0)
    defer { toro_lock_free(lock) }
    #expect(toro_lock_try_acquire(lock) == Int32(TORO_OK.rawValue))
    #expect(reactor.isCurrent == toro_reactor_is_current(reactor.handle))
    toro_reactor_execute(reactor.handle, { _ = toro_lock_release(OpaquePointer($0)) }, UnsafeMutableRawPointer(lock))
    try reactor.run()
    #expect(!toro_lock_locked(lock))
  }
}
