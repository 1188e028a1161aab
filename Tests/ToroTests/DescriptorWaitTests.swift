import Glibc
import Testing
import Toro

/// Waits of tasks for descriptors that are somebody else's, on a reactor in real time.
@Suite("Waits for descriptors")
struct DescriptorWaitTests {
  private func onReactor(_ body: @escaping @Sendable (Reactor) async throws -> Void) throws {
    let reactor = try Reactor()
    defer { reactor.close() }
    try reactor.run { try await withDeadline(.after(.seconds(60))) { try await body(reactor) } }
  }

  private func makePipe() -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  @Test("Once a wait was cancelled, its descriptor's number may be used again at once")
  func numberUsedAgain() throws {
    try onReactor { reactor in
      let first = makePipe()
      let cancelled = reactor.spawn { try await reactor.readable(first.reading) }
      await reactor.yield()
      cancelled.cancel()
      // The number stays taken between the two, by whatever other tests open.
      let second = makePipe()
      #expect(dup2(second.reading, first.reading) == first.reading)
      reactor.schedule(at: .after(.milliseconds(5))) { write(second.writing, "x", 1) }
      let isReadable = try await reactor.readable(first.reading, deadline: .after(.seconds(20)))
      #expect(isReadable)
      await #expect(throws: CancellationError.self) { try await cancelled.value }
      for descriptor in [first.reading, first.writing, second.reading, second.writing] { close(descriptor) }
    }
  }

  @Test("Who waits for one descriptor is served in the order in which they came; who left is passed over")
  func order() throws {
    try onReactor { reactor in
      let ends = makePipe()
      let log = Log<String>()
      let tasks = (0..<5).map { number in
        reactor.spawn {
          try await reactor.readable(ends.reading)
          log.note("\(number)")
        }
      }
      await reactor.yield()
      tasks[2].cancel()
      write(ends.writing, "x", 1)
      for task in tasks { _ = await task.result }
      #expect(log.take() == ["0", "1", "3", "4"])
      #expect(reactor.waits.isEmpty)
      close(ends.reading)
      close(ends.writing)
    }
  }

  @Test("What can be read by the time its deadline is looked at is not late")
  func readableAndDue() throws {
    try onReactor { reactor in
      let ends = makePipe()
      let waiting = reactor.spawn { try await reactor.readable(ends.reading, deadline: .after(.milliseconds(15))) }
      await reactor.yield()
      write(ends.writing, "x", 1)
      usleep(30_000)
      reactor.execute {}
      let isReadable = try await waiting.value
      #expect(isReadable)
      close(ends.reading)
      close(ends.writing)
    }
  }
}
