import CLibevent
import Glibc
import Testing
import Toro

import class Toro.Semaphore

/// Misuse stops the program with a message that names the call.
@Suite("Misuse", .timeLimit(.minutes(10)))
struct MisuseTests {
  private func expect(_ result: ExitTest.Result?, says text: String, _ location: SourceLocation = #_sourceLocation) {
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains(text), "\(message)", sourceLocation: location)
  }

  @Test("run inside run")
  func runInRun() async throws {
    let run = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await withReactor { reactor in
        reactor.execute { try? reactor.run() }
        try reactor.run()
      }
    }
    expect(run, says: "Reactor.run(): the reactor runs already")
    let body = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in try reactor.run {} }
    }
    expect(body, says: "the reactor runs already")
    let turn = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in _ = try reactor.runOnce(blocking: false) }
    }
    expect(turn, says: "the reactor runs already")
  }

  @Test("run on another thread while it runs")
  func runTwice() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in Thread { try? reactor.run() }.join() }
    }
    expect(result, says: "the reactor runs already")
  }

  @Test("run in a wait callback")
  func runInCallback() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await withReactor { reactor in
        let event = Event(on: reactor)
        event.wait { _ in try? reactor.run() }
        event.set()
      }
    }
    expect(result, says: "called in a wait callback")
  }

  @Test("run on an adopted base")
  func runAdopted() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await withHost { _, reactor in try reactor.run() }
    }
    expect(result, says: "the host drives an adopted base")
    let turn = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await withHost { _, reactor in _ = try reactor.runOnce(blocking: false) }
    }
    expect(turn, says: "the host drives an adopted base")
  }

  @Test("unhold without a hold")
  func unhold() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await withReactor { reactor in reactor.unhold() }
    }
    expect(result, says: "there is no hold to end")
  }

  @Test("Calls that answer at once, off the thread (scenario 32)")
  func offThread() async throws {
    let tryAcquire = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { _ in
        let lock = Lock(name: "cache")
        Thread { _ = lock.tryAcquire() }.join()
      }
    }
    expect(tryAcquire, says: #"Lock "cache".tryAcquire(): not on its reactor's thread"#)
    expect(tryAcquire, says: "reactor.execute")
    let count = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { _ in
        let semaphore = Semaphore(1)
        await Task.detached { _ = semaphore.count }.value
      }
    }
    expect(count, says: "Semaphore.count: not on its reactor's thread")
    let callback = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { _ in
        let event = Event()
        Thread { event.wait { _ in } }.join()
      }
    }
    expect(callback, says: "Event.wait(deadline:callback:): not on its reactor's thread")
    let otherReactor = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { _ in
        let lock = Lock()
        try await inReactor { _ in _ = lock.isLocked }
      }
    }
    expect(otherReactor, says: "Lock.isLocked: not on its reactor's thread")
  }

  @Test("Calls of the reactor's, off its thread")
  func reactorOffThread() async throws {
    let schedule = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in Thread { reactor.schedule(at: .never) {} }.join() }
    }
    expect(schedule, says: "Reactor.schedule(at:_:): not on its reactor's thread")
    let waits = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in Thread { _ = reactor.waits }.join() }
    }
    expect(waits, says: "Reactor.waits: not on its reactor's thread")
    let advance = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in Thread { reactor.advance(by: .seconds(1)) }.join() }
    }
    expect(advance, says: "Reactor.advance(by:): not on its reactor's thread")
    let descriptor = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in Thread { _ = reactor.fileDescriptor }.join() }
    }
    expect(descriptor, says: "Reactor.fileDescriptor: not on its reactor's thread")
  }

  @Test("bind and close on another thread while it runs")
  func whileRunning() async throws {
    let bind = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in Thread { reactor.bind() }.join() }
    }
    expect(bind, says: "the reactor runs on another thread")
    let close = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await inReactor { reactor in Thread { reactor.close() }.join() }
    }
    expect(close, says: "Reactor.close()")
  }

  @Test("advance on a real clock, and backwards")
  func advance() async throws {
    let real = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await withReactor(.monotonic) { reactor in reactor.advance(by: .seconds(1)) }
    }
    expect(real, says: "this reactor's time is real")
    let back = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try await withReactor { reactor in reactor.advance(by: .seconds(-1)) }
    }
    expect(back, says: "time does not go back")
  }

  @Test("Reactor.current where none is")
  func noCurrent() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { _ = Lock() }
    expect(result, says: "Reactor.current: no reactor runs on this thread")
  }

  @Test("A deadline that is no number")
  func notANumber() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Deadline.unixTime(.nan)
    }
    expect(result, says: "Deadline.unixTime(NaN)")
  }

  @Test("assumeIsolated off the reactor's thread")
  func assumeIsolated() async throws {
    await #expect(processExitsWith: .failure) {
      try await inReactor { reactor in
        let resident = Resident(on: reactor)
        Thread { resident.assumeIsolated { _ = $0.visit() } }.join()
      }
    }
  }
}
