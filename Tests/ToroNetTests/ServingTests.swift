import Testing
import Toro

@testable import ToroNet

@Suite("Serving connections")
struct ServingTests {
  @Test("Each connection is served in a task of its own, and closed when its handler ends")
  func serves() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let serving = reactor.spawn {
        try await listener.serve { connection in
          let line = try #require(try await connection.readLine())
          try await connection.write("you said \(line)\n")
        }
      }
      var clients: [Connection] = []
      for _ in 0..<20 { clients.append(try await Connection.connect(to: listener.localAddress)) }
      for (number, client) in clients.enumerated().reversed() {
        try await client.write("\(number)\n")
        #expect(try await client.readLine(deadline: soon(5_000)) == "you said \(number)")
        #expect(try await client.readLine(deadline: soon(5_000)) == nil)
      }
      listener.close()
      try await serving.value
      #expect(listener.servedCount == 0)
    }
  }

  @Test("What a handler throws ends its connection alone, and is told; a cancellation is not")
  func errors() throws {
    struct Oops: Error {}
    try onReactor { reactor in
      let listener = try loopback()
      let told = Shared<[any Error]>([])
      let serving = reactor.spawn {
        try await listener.serve { _, error in
          told.value.append(error)
        } _: { connection in
          switch try await connection.readLine() {
          case "throw": throw Oops()
          case "cancel": throw CancellationError()
          case let line: try await connection.write("\(line ?? "none")\n")
          }
        }
      }
      for (line, answer) in [("throw", nil), ("cancel", nil), ("hello", "hello")] {
        let client = try await Connection.connect(to: listener.localAddress)
        try await client.write("\(line)\n")
        #expect(try await client.readLine(deadline: soon(5_000)) == answer)
      }
      #expect(told.value.count == 1 && told.value.first is Oops)
      #expect(try await listener.stop(grace: .seconds(5)) == 0)
      try await serving.value
    }
  }

  @Test("When a stop has returned, nothing is served any more, whatever was accepted in that moment")
  func served() throws {
    for turns in 0..<12 {
      try onReactor { reactor in
        let listener = try loopback()
        let (handled, hasReturned) = (Shared(0), Shared(false))
        reactor.spawn {
          try await listener.serve { connection in
            _ = try await connection.read()
            handled.value += 1
          }
          hasReturned.value = true
        }
        let clients = [
          try await Connection.connect(to: listener.localAddress),
          try await Connection.connect(to: listener.localAddress),
        ]
        for client in clients { client.closeWrite() }
        for _ in 0..<turns { await reactor.yield() }
        #expect(try await listener.stop(grace: .seconds(20)) == 0)
        let handledThen = handled.value
        #expect(hasReturned.value && listener.servedCount == 0, "after \(turns) turns")
        for _ in 0..<20 { await reactor.yield() }
        #expect(handled.value == handledThen)
      }
    }
  }

  @Test("A stop lets go of who is between two requests, and waits for the others")
  func graceful() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let (isWorking, go) = (Event(), Event())
      let serving = reactor.spawn {
        try await listener.serve { connection in
          while try await connection.awaitRequest() {
            guard let line = try await connection.readLine() else { break }
            if line == "work" {
              isWorking.set()
              try await go.wait()
            }
            try await connection.write("done \(line)\n")
          }
        }
      }
      let idle = try await Connection.connect(to: listener.localAddress)
      let worker = try await Connection.connect(to: listener.localAddress)
      try await idle.write("a\n")
      #expect(try await idle.readLine(deadline: soon(5_000)) == "done a")
      try await worker.write("work\nafter\n")
      try await isWorking.wait()
      #expect(listener.servedCount == 2)
      let stopping = reactor.spawn { try await listener.stop(grace: .seconds(20)) }
      #expect(try await idle.readLine(deadline: soon(5_000)) == nil)
      await #expect(throws: SocketError.self) { try await Connection.connect(to: listener.localAddress) }
      go.set()
      // What had come before is answered; then there is no further request.
      for line in ["done work", "done after"] {
        #expect(try await worker.readLine(deadline: soon(5_000)) == line)
      }
      #expect(try await worker.readLine(deadline: soon(5_000)) == nil)
      #expect(try await stopping.value == 0)
      try await serving.value
    }
  }

  @Test("Handlers that outlast the grace are cancelled, counted, and their connections closed")
  func graceEnds() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let wasCancelled = Shared(0)
      let serving = reactor.spawn {
        try await listener.serve { _ in
          do {
            try await reactor.sleep(for: .seconds(3_600))
          } catch {
            wasCancelled.value += 1
            throw error
          }
        }
      }
      let clients = [
        try await Connection.connect(to: listener.localAddress),
        try await Connection.connect(to: listener.localAddress),
      ]
      while listener.servedCount < 2 { await reactor.yield() }
      #expect(try await listener.stop(grace: .milliseconds(10)) == 2)
      try await serving.value
      #expect(wasCancelled.value == 2)
      for client in clients { #expect(try await client.read(deadline: soon(5_000)).isEmpty) }
    }
  }

  @Test("A cancelled serve cancels its handlers, and has them ended before it throws")
  func cancelled() throws {
    try onReactor { reactor in
      let listener = try loopback()
      let ended = Shared(false)
      let serving = reactor.spawn {
        try await listener.serve { connection in
          defer { ended.value = true }
          _ = try await connection.awaitRequest()
        }
      }
      let client = try await Connection.connect(to: listener.localAddress)
      while listener.servedCount < 1 { await reactor.yield() }
      serving.cancel()
      await #expect(throws: CancellationError.self) { try await serving.value }
      #expect(ended.value && listener.isClosed && listener.servedCount == 0)
      #expect(try await client.read(deadline: soon(5_000)).isEmpty)
    }
  }

  @Test("A request that is awaited in vain times out, and loses nothing")
  func requestDeadline() throws {
    try onReactor { _ in
      let (client, server) = try await connectedPair()
      await #expect(throws: TimeoutError.self) { try await server.awaitRequest(deadline: soon(20)) }
      try await client.write("abc")
      #expect(try await server.awaitRequest())
      #expect(try await server.awaitRequest(deadline: .after(.zero)))
      #expect(try await server.read(exactly: 3) == [97, 98, 99])
      client.close()
      #expect(try await !server.awaitRequest())
    }
  }

  @Test("After a server was served and stopped, no socket and no wait is left")
  func leavesNothing() async {
    // In a process of its own: other tests have descriptors too.
    await #expect(processExitsWith: .success) {
      try onReactor { reactor in
        let before = openSocketCount()
        for _ in 0..<20 {
          let listener = try loopback()
          let serving = reactor.spawn {
            try await listener.serve { connection in
              while try await connection.awaitRequest() { _ = try await connection.read() }
            }
          }
          for _ in 0..<10 {
            let client = try await Connection.connect(to: listener.localAddress)
            try await client.write("x")
            if Bool.random() { client.reset() } else { client.close() }
          }
          try await listener.stop(grace: .seconds(5))
          try await serving.value
        }
        guard openSocketCount() == before, reactor.waits.isEmpty else {
          fatalError("\(openSocketCount()) sockets, \(before) before; waits: \(reactor.waits)")
        }
      }
    }
  }
}
