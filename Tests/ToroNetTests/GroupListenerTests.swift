import Glibc
import Testing
import Toro

@testable import ToroNet

/// Lines back, and from which reactor.
private func answer(_ connection: Connection, as index: Int) async {
  do {
    while let line = try await connection.readLine(deadline: .after(.seconds(20))) {
      try await connection.write("\(index) \(line)\n")
    }
  } catch {}
}

private let distributions: [GroupListener.Distribution] = [.system, .roundRobin, .leastConnections]

@Suite("Listeners of groups", .timeLimit(.minutes(10)))
struct GroupListenerThreadsTests {
  /// Serves on three reactors while `client` runs on a reactor of its own, then stops in order.
  private func serving<Value: Sendable>(
    _ distribution: GroupListener.Distribution, at address: SocketAddress? = nil,
    options: Listener.Options = .init(), client: @escaping @Sendable (GroupListener) async throws -> Value
  ) async throws -> Value {
    let group = try ReactorGroup(count: 3)
    let listener = try GroupListener(
      at: address ?? SocketAddress(host: "127.0.0.1", port: 0), options: options, distribution: distribution, on: group)
    let clients = try ReactorGroup(count: 1)
    async let running: [Int] = group.run { reactor in
      let index = group.index(of: reactor, "")
      let served = Shared(0)
      try await listener.serve { connection in
        #expect(connection.reactor === reactor && Reactor.current === reactor)
        served.value += 1
        await answer(connection, as: index)
      }
      #expect(reactor.waits.allSatisfy { !$0.subject.contains("Connection") })
      return served.value
    }
    defer { group.stop() }
    let result: Value
    do {
      result = try await clients.run { _ in try await withDeadline(.after(.seconds(300))) { try await client(listener) }
      }[0]
    } catch {
      group.stop(deadline: .after(.zero))
      _ = try? await running
      throw error
    }
    group.stop(deadline: .after(.seconds(30)))
    _ = try await running
    return result
  }

  @Test("Every connection is served, on its own reactor", arguments: distributions)
  func everyConnection(_ distribution: GroupListener.Distribution) async throws {
    let answers = try await serving(distribution) { listener in
      try await withThrowingTaskGroup(of: String?.self) { clients in
        for number in 0..<90 {
          clients.addTask {
            let connection = try await Connection.connect(to: listener.localAddress)
            try await connection.write("\(number)\n")
            return try await connection.readLine()
          }
        }
        return try await clients.reduce(into: [String]()) { if let line = $1 { $0.append(line) } }
      }
    }
    #expect(Set(answers.map { $0.split(separator: " ").last.map(String.init) }) == Set((0..<90).map { "\($0)" }))
    #expect(Set(answers.map { $0.first }) == ["0", "1", "2"])
  }

  @Test("In turn: each reactor gets every third connection, over a Unix socket too", arguments: [false, true])
  func roundRobin(isUnix: Bool) async throws {
    let path = "/tmp/toro-group-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
    let answers = try await serving(.roundRobin, at: isUnix ? SocketAddress(unixPath: path) : nil) { listener in
      var answers: [String?] = []
      for _ in 0..<9 {
        let connection = try await Connection.connect(to: listener.localAddress)
        try await connection.write("x\n")
        answers.append(try await connection.readLine())
      }
      return answers
    }
    #expect(answers == (0..<9).map { "\($0 % 3) x" })
    #expect(access(path, F_OK) != 0)
  }

  @Test("By the system over a Unix socket is in turn")
  func systemOverUnix() async throws {
    let path = "/tmp/toro-group-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
    let answer = try await serving(.system, at: SocketAddress(unixPath: path)) { listener in
      let connection = try await Connection.connect(to: listener.localAddress)
      try await connection.write("x\n")
      return try await connection.readLine()
    }
    #expect(answer == "0 x")
  }

  @Test("By count: a reactor whose connections have gone gets the next ones")
  func leastConnections() async throws {
    try await serving(.leastConnections) { listener in
      var open: [(connection: Connection, home: Character?)] = []
      for _ in 0..<9 {
        let connection = try await Connection.connect(to: listener.localAddress)
        try await connection.write("x\n")
        open.append((connection, try await connection.readLine()?.first))
      }
      #expect(["0", "1", "2"].map { home in open.count { $0.home == home } } == [3, 3, 3])
      for (connection, home) in open where home == "1" {
        connection.closeWrite()
        #expect(try await connection.readLine() == nil)  // closed over there, and counted so, before this end of stream
        connection.close()
      }
      for _ in 0..<3 {
        let connection = try await Connection.connect(to: listener.localAddress)
        try await connection.write("x\n")
        #expect(try await connection.readLine() == "1 x")
        open.append((connection, nil))
      }
    }
  }

  @Test("Not more connections are open than the limit of all reactors together", arguments: distributions)
  func limit(_ distribution: GroupListener.Distribution) async throws {
    try await serving(distribution, options: .init { $0.maxConnections = 4 }) { listener in
      var waiting: [Connection] = []
      for _ in 0..<12 {
        let connection = try await Connection.connect(to: listener.localAddress)
        try await connection.write("x\n")
        waiting.append(connection)
      }
      let served = Shared(0)
      let reactor = Reactor.current
      let all = waiting.map { connection in
        reactor.spawn {
          let line = try await connection.readLine()
          served.value += 1
          #expect(line?.hasSuffix(" x") == true)
        }
      }
      // Closing those that were served lets the others in, and none is forgotten.
      while served.value < 12 {
        try await reactor.sleep(for: .milliseconds(2))
        #expect(served.value <= 12)
        for (index, task) in all.enumerated() where index < served.value { _ = task }
        for connection in waiting { if connection.input.isEmpty && !connection.isReading { connection.close() } }
      }
      for task in all { try await task.value }
    }
  }

  @Test("Asked to stop, connections in hand are served to their ends, and new ones refused", arguments: distributions)
  func gracefulStop(_ distribution: GroupListener.Distribution) async throws {
    let group = try ReactorGroup(count: 3)
    let listener = try GroupListener(host: "127.0.0.1", port: 0, distribution: distribution, on: group)
    let clients = try ReactorGroup(count: 1)
    async let running: Void = {
      _ = try await group.run { reactor in
        let index = group.index(of: reactor, "")
        try await listener.serve { await answer($0, as: index) }
      }
    }()
    try await clients.run { reactor in
      var open: [Connection] = []
      for _ in 0..<6 {
        let connection = try await Connection.connect(to: listener.localAddress)
        try await connection.write("before\n")
        #expect(try await connection.readLine()?.hasSuffix("before") == true)
        open.append(connection)
      }
      group.stop(deadline: .after(.seconds(30)))
      while true {  // the listeners close on their own threads
        guard let late = try? await Connection.connect(to: listener.localAddress) else { break }
        late.close()
        await reactor.yield()
      }
      for connection in open {
        try await connection.write("after\n")
        #expect(try await connection.readLine()?.hasSuffix("after") == true)
        connection.closeWrite()
        #expect(try await connection.readLine() == nil)
      }
    }
    try await running
  }

  @Test("At the deadline connections in hand are cut", arguments: distributions)
  func cut(_ distribution: GroupListener.Distribution) async throws {
    let group = try ReactorGroup(count: 2)
    let listener = try GroupListener(host: "127.0.0.1", port: 0, distribution: distribution, on: group)
    let clients = try ReactorGroup(count: 1)
    let running = Task { _ = try await group.run { _ in try await listener.serve { await answer($0, as: 0) } } }
    try await clients.run { _ in
      let connection = try await Connection.connect(to: listener.localAddress)
      try await connection.write("x\n")
      _ = try await connection.readLine()
      group.stop(deadline: .after(.milliseconds(10)))
      _ = try? await connection.read()  // ends, one way or another
    }
    await #expect(throws: StoppedError.self) { try await running.value }
  }

  @Test("A reactor that is busy is passed over by the hand-out, and those handed to it are bounded")
  func busyReactor() async throws {
    let group = try ReactorGroup(count: 2)
    let listener = try GroupListener(host: "127.0.0.1", port: 0, distribution: .roundRobin, on: group)
    let clients = try ReactorGroup(count: 1)
    let release = Event(on: group[1])
    async let running: Void = {
      _ = try await group.run { reactor in
        if reactor === group[1] { try await release.wait() }  // takes none of what it is handed
        try await listener.serve { await answer($0, as: group.index(of: reactor, "")) }
      }
    }()
    let counts = try await clients.run { reactor in
      var connections: [Connection] = []
      for _ in 0..<300 {
        let connection = try await Connection.connect(to: listener.localAddress)
        try await connection.write("x\n")
        connections.append(connection)
      }
      let homes = Shared<[Character: Int]>([:])
      let reading = connections.map { connection in
        reactor.spawn {
          if let home = try await connection.readLine()?.first { homes.value[home, default: 0] += 1 }
        }
      }
      while homes.value["0", default: 0] < 300 - 64 { try await reactor.sleep(for: .milliseconds(1)) }
      release.set()
      for task in reading { try await task.value }
      return homes.value
    }
    #expect(counts == [["0": 236, "1": 64]])
    group.stop()
    try await running
  }

  @Test("A group listener that is dropped, or closed, frees its port; descriptors are back")
  func closing() async {
    await #expect(processExitsWith: .success) {
      for round in 0..<30 {
        if round == 5 { descriptorsBefore = openDescriptorCount() }
        let group = try ReactorGroup(count: 2)
        var listener: GroupListener? = try GroupListener(
          host: "127.0.0.1", port: 0, distribution: distributions[round % 3], on: group)
        let address = listener!.localAddress
        #expect(listener!.description == "<GroupListener \(address)>")
        if round % 2 == 0 { listener!.close() }
        listener = nil
        try await group.run { _ in }
        _ = try ReactorGroup(count: 1).reactors.map { try Listener(at: address, on: $0) }
      }
      #expect(openDescriptorCount() == descriptorsBefore)
    }
  }

  @Test("Closed while iterations wait, it ends them; an address in use is told", arguments: distributions)
  func closingWhileWaiting(_ distribution: GroupListener.Distribution) async throws {
    let group = try ReactorGroup(count: 2)
    let listener = try GroupListener(host: "127.0.0.1", port: 0, distribution: distribution, on: group)
    let error = #expect(throws: SocketError.self) {
      try GroupListener(at: listener.localAddress, distribution: .roundRobin, on: group)
    }
    #expect(error?.errno == EADDRINUSE)
    let counts = try await group.run { reactor in
      var count = 0
      if reactor === group[0] { reactor.spawn { listener.close() } }
      for try await _ in listener { count += 1 }
      #expect(try await listener.accept() == nil)
      return count
    }
    #expect(counts == [0, 0])
  }
}

private nonisolated(unsafe) var descriptorsBefore = 0
