import Glibc
import Testing
import Toro

@Suite("Descriptors", .timeLimit(.minutes(10)))
struct DescriptorTests {
  @Test("A pipe is readable when something was written, and not before")
  func readable() async throws {
    try await inReactor(.monotonic) { reactor in
      let pipe = Pipe()
      let log = Log()
      let task = reactor.spawn {
        try await reactor.readable(pipe.readEnd)
        log("readable: \(pipe.receive())")
      }
      for _ in 0..<3 { await reactor.yield() }
      log("writing")
      pipe.send("hello")
      try await task.value
      #expect(log.all == ["writing", "readable: hello"])
      // What is there already does not wait.
      pipe.send()
      try await reactor.readable(pipe.readEnd)
      #expect(try await reactor.readable(pipe.readEnd, deadline: .after(.zero)))
    }
  }

  @Test("A pipe is writable until it is full, and again when it has been read")
  func writable() async throws {
    try await inReactor(.monotonic) { reactor in
      let pipe = Pipe()
      try await reactor.writable(pipe.writeEnd)
      pipe.fill()
      #expect(try await reactor.writable(pipe.writeEnd, deadline: .after(.milliseconds(1))) == false)
      let task = reactor.spawn { try await reactor.writable(pipe.writeEnd) }
      await reactor.yield()
      while pipe.receive() != "" {}
      try await task.value
    }
  }

  @Test("The end of a pipe, and its failure, count as readable and writable")
  func ends() async throws {
    try await inReactor(.monotonic) { reactor in
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      let readEnd = ends[0]
      let task = reactor.spawn { try await reactor.readable(readEnd) }
      await reactor.yield()
      close(ends[1])
      try await task.value
      close(ends[0])
      #expect(pipe(&ends) == 0)
      close(ends[0])
      try await reactor.writable(ends[1])
      close(ends[1])
    }
  }

  @Test("Both directions of a socket are waited for at once, by several tasks")
  func sockets() async throws {
    try await inReactor(.monotonic) { reactor in
      var ends: [Int32] = [0, 0]
      #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
      for end in ends { #expect(fcntl(end, F_SETFL, O_NONBLOCK) == 0) }
      let (near, far) = (ends[0], ends[1])
      let block = [UInt8](repeating: 1, count: 65_536)
      while write(near, block, block.count) > 0 {}
      let readers = (0..<2).map { _ in reactor.spawn { try await reactor.readable(near) } }
      let writers = (0..<2).map { _ in reactor.spawn { try await reactor.writable(near) } }
      for _ in 0..<3 { await reactor.yield() }
      #expect(reactor.waits.count == 4)
      #expect(write(far, "x", 1) == 1)
      for reader in readers { try await reader.value }
      #expect(reactor.waits.count == 2)
      var buffer = block
      while read(far, &buffer, buffer.count) > 0 {}
      for writer in writers { try await writer.value }
      for end in ends { close(end) }
    }
  }

  @Test("A deadline ends the wait and leaves nothing on the base")
  func deadlines() async throws {
    try await withReactor(.monotonic) { reactor in
      let pipe = Pipe()
      try reactor.run {
        for _ in 0..<3 {
          let isReadable = try await reactor.readable(pipe.readEnd, deadline: .after(.milliseconds(1)))
          #expect(!isReadable)
        }
      }
      try reactor.run()
    }
  }

  @Test("In virtual time, time does not wait for descriptors")
  func virtualDeadlines() async throws {
    try await inReactor { (reactor) async throws in
      let pipe = Pipe()
      let start = reactor.now
      #expect(try await reactor.readable(pipe.readEnd, deadline: .after(.seconds(3600))) == false)
      #expect(start.duration(to: reactor.now) == .seconds(3600))
      pipe.send()
      #expect(try await reactor.readable(pipe.readEnd, deadline: .after(.seconds(3600))))
      #expect(start.duration(to: reactor.now) == .seconds(3600))
    }
  }

  @Test("A cancellation ends the wait, from here and from elsewhere, and leaves nothing on the base")
  func cancellation() async throws {
    try await withReactor(.monotonic) { reactor in
      let pipe = Pipe()
      try reactor.run {
        for fromElsewhere in [false, true] {
          let task = reactor.spawn { try await reactor.readable(pipe.readEnd) }
          await reactor.yield()
          #expect(reactor.waits.count == 1)
          if fromElsewhere { Thread { task.cancel() }.join() } else { task.cancel() }
          await #expect(throws: CancellationError.self) { try await task.value }
        }
        let cancelled = reactor.spawn { try await reactor.readable(pipe.readEnd) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
      }
      try reactor.run()
    }
  }

  @Test("A descriptor that is not open is an error: EBADF", arguments: [-1, -7, 99_999])
  func badDescriptors(descriptor: Int32) async throws {
    try await inReactor(.monotonic) { reactor in
      let first = await #expect(throws: SystemError.self) { try await reactor.readable(descriptor) }
      #expect(first?.errno == EBADF)
      let second = await #expect(throws: SystemError.self) {
        try await reactor.writable(descriptor, deadline: .after(.seconds(60)))
      }
      #expect(second?.errno == EBADF)
    }
  }

  @Test("A descriptor that was closed is an error")
  func closedDescriptor() async throws {
    try await inReactor(.monotonic) { reactor in
      // A number so high that no other test gets it meanwhile, with however many thousand connections.
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let duplicate = fcntl(0, F_DUPFD, Int32(min(limit.rlim_cur, 1 << 16)) - 1)
      #expect(duplicate >= 0)
      close(duplicate)
      let error = await #expect(throws: SystemError.self) { try await reactor.readable(duplicate) }
      #expect(error?.errno == EBADF)
    }
  }

  @Test("A regular file is always ready")
  func regularFiles() async throws {
    try await inReactor(.monotonic) { reactor in
      let file = open("/proc/self/exe", O_RDONLY)
      #expect(file >= 0)
      try await reactor.readable(file)
      #expect(try await reactor.readable(file, deadline: .after(.seconds(60))))
      close(file)
    }
  }

  @Test("Tasks elsewhere wait for descriptors, and come back")
  func fromElsewhere() async throws {
    try await inReactor(.monotonic) { reactor in
      let pipe = Pipe()
      let task = Task.detached {
        try await reactor.readable(pipe.readEnd)
        #expect(!reactor.isCurrent)
        #expect(try await reactor.writable(pipe.writeEnd, deadline: .after(.seconds(3600))))
        return pipe.receive()
      }
      try await reactor.sleep(until: .after(.milliseconds(1)))
      pipe.send("far")
      #expect(try await task.value == "far")
    }
  }

  @Test("Closing the reactor ends waits for descriptors, which stay open")
  func closing() async throws {
    try await withReactor(.monotonic) { reactor in
      let pipe = Pipe()
      let log = Log()
      reactor.spawn {
        do { try await reactor.readable(pipe.readEnd) } catch { log("\(type(of: error))") }
      }
      let outside = Task(executorPreference: reactor.taskExecutor) {
        do { try await reactor.readable(pipe.readEnd) } catch { log("\(type(of: error))") }
      }
      try reactor.runOnce(blocking: false)
      #expect(reactor.waits.count == 2)
      reactor.close()
      #expect(log.all == ["ReactorClosedError", "ReactorClosedError"])
      pipe.send("still open")
      #expect(pipe.receive() == "still open")
      _ = outside
    }
  }
}
