import Glibc
import Testing
import Toro

@testable import ToroNet

/// What concerns the whole process is tried in one of its own.
@Suite("Descriptors")
struct DescriptorTests {
  @Test("Out of descriptors a listener waits, without spinning, and then goes on")
  func outOfDescriptors() async {
    await #expect(processExitsWith: .success) {
      try onReactor { reactor in
        let listener = try loopback()
        let serving = reactor.spawn {
          var served = 0
          for try await connection in listener {
            try await connection.write("hello\n")
            served += 1
          }
          return served
        }
        let client = Socket(try makeSocket(for: listener.localAddress), on: reactor)
        setDescriptorLimit(client.descriptor + 1)
        _ = listener.localAddress.withSystemAddress { Glibc.connect(client.descriptor, $0, $1) }
        let began = clock()
        try await reactor.sleep(until: soon(350))  // real time, and processor time
        #expect(clock() - began < 100_000)
        #expect(try await client.readable(until: reactor.resolve(.after(.zero)), WaitSite(#fileID, #line)) == false)
        setDescriptorLimit(1024)
        #expect(try await client.readable(until: reactor.resolve(soon(60_000)), WaitSite(#fileID, #line)))
        listener.close()
        #expect(try await serving.value == 1)
      }
    }
  }

  @Test("Out of descriptors, it serves again as soon as one is given back, and says so once a second at most")
  func descriptorsComeBack() async {
    await #expect(processExitsWith: .success) {
      try onReactor { reactor in
        let reports = Shared<[SocketError]>([])
        let began = reactor.now
        let listener = try Listener(
          host: "127.0.0.1", port: 0, options: .init { $0.onExhaustion = { reports.value.append($0) } })
        let accepted = Shared<[Connection]>([])
        let serving = reactor.spawn { for try await connection in listener { accepted.value.append(connection) } }
        // Other threads of this process may have a descriptor of their own for a moment: then it is tried again.
        var isServedAtOnce = false
        for _ in 0..<5 where !isServedAtOnce {
          accepted.value = []
          let first = try await Connection.connect(to: listener.localAddress)
          let second = Socket(try makeSocket(for: listener.localAddress), on: reactor)
          while accepted.value.isEmpty { try await reactor.sleep(for: .milliseconds(1)) }
          setDescriptorLimit(second.descriptor + 1)
          // What others give back meanwhile is not to be had.
          var taken: [Int32] = []
          for _ in 0..<5 {
            while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 { taken.append(descriptor) }
            try await reactor.sleep(for: .milliseconds(10))
          }
          _ = listener.localAddress.withSystemAddress { Glibc.connect(second.descriptor, $0, $1) }
          try await reactor.sleep(for: .milliseconds(250))
          let countBefore = accepted.value.count
          first.close()
          var turns = 0
          while accepted.value.count == 1 && turns < 10 {
            await reactor.yield()
            turns += 1
          }
          isServedAtOnce = countBefore == 1 && accepted.value.count == 2
          setDescriptorLimit(1024)
          for descriptor in taken { close(descriptor) }
          // It is served in any case.
          while accepted.value.count < 2 { try await reactor.sleep(for: .milliseconds(1)) }
        }
        #expect(isServedAtOnce)
        let seconds = Int(began.duration(to: reactor.now) / .seconds(1))
        #expect(Set(reports.value.map(\.errno)) == [EMFILE] && reports.value.count <= 1 + seconds)
        listener.close()
        try await serving.value
      }
    }
  }

  @Test("Nothing leaves a descriptor open: closing, dropping, failing, timing out, closing the reactor")
  func nothingLeaks() async {
    await #expect(processExitsWith: .success) {
      // The first loop may make what lasts, and other threads of the process have some open for a moment.
      var counts: [Int] = []
      for _ in 0..<20 {
        let left = try onReactor { reactor in
          let listener = try loopback()
          let idle = try await connectedPair()
          for number in 0..<20 {
            let (client, server) = try await connectedPair()
            try await client.write("x")
            _ = try await server.read()
            _ = try? await server.read(deadline: .after(.zero))
            if number % 2 == 0 { client.close() }
          }
          listener.close()
          _ = try? await Connection.connect(to: listener.localAddress)
          _ = try? Listener(at: idle.client.localAddress)
          let signals = try Signals([SIGUSR1])
          let iterating = reactor.spawn { for try await _ in signals {} }
          await reactor.yield()
          iterating.cancel()
          // Dropped on another thread, while the reactor runs.
          let far = try await connectedPair()
          await Task.detached { withExtendedLifetime(far) {} }.value
          return [idle.client, idle.server]
        }
        withExtendedLifetime(left) {}
        counts.append(openDescriptorCount())
      }
      #expect(counts.last! - counts.first! < 10)
    }
  }
}

/// How many descriptors the process may have, that is one more than the highest.
private func setDescriptorLimit(_ count: Int32) {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  limit.rlim_cur = rlim_t(count)
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
