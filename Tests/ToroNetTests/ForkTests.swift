import Glibc
import Testing
import Toro
import ToroTestSupport

@testable import ToroNet

/// What a process has open when it forks.
private final class Belongings: @unchecked Sendable {
  let reactor: Reactor
  let path = "/tmp/toro-\(getpid())-fork"
  var listener: Listener?
  var client: Connection?
  var server: Connection?
  var datagrams: DatagramSocket?
  var lock: Lock?
  var queue: Queue<Int>?
  let told = Locked<[String]>([])

  init() throws {
    reactor = try Reactor()
    try reactor.run { [self] in
      let listener = try Listener(unixPath: path)
      client = try await Connection.connect(to: listener.localAddress)
      server = try await listener.accept()
      self.listener = listener
      datagrams = try DatagramSocket(unixPath: path + "-datagrams")
      let lock = Lock(name: "left")
      _ = lock.tryAcquire()
      lock.acquire { [told] outcome in told.withLock { $0.append("lock \(outcome)") } }
      let queue = Queue<Int>()
      queue.get { [told] _ in told.withLock { $0.append("queue") } }
      (self.lock, self.queue) = (lock, queue)
    }
  }

  /// Lets go of all of it.
  func drop() {
    (listener, client, server, datagrams) = (nil, nil, nil, nil)
    (lock, queue) = (nil, nil)
  }

  /// Whether the connection, the listener and the files are as they were.
  func areWhole() throws -> Bool {
    try reactor.run { [self] in
      guard let listener, let client, let server, let datagrams else { return false }
      try await client.write("a")
      guard try await server.read(exactly: 1) == Array("a".utf8) else { return false }
      let other = try await Connection.connect(to: listener.localAddress)
      guard let accepted = try await listener.accept() else { return false }
      other.close()
      accepted.close()
      return access(path, F_OK) == 0 && access(path + "-datagrams", F_OK) == 0 && !datagrams.isClosed
    }
  }

  func remove() {
    drop()
    reactor.close()
  }
}

/// Runs `body` in a child, which has to end with 0.
private func expectSuccess(line: UInt = #line, _ body: () throws -> Bool) {
  let child = forkProcess()
  if child == 0 {
    alarm(20)
    do { _exit(try body() ? 0 : 1) } catch { _exit(2) }
  }
  var status: Int32 = 1
  waitpid(child, &status, 0)
  #expect(status == 0, "the child of line \(line): \(status)")
}

@Suite("Forking, with sockets")
struct NetworkForkTests {
  @Test("What a child lets go of, or closes, does not stop it, and stays the parent's, files and all")
  func dropping() async {
    await #expect(processExitsWith: .success) {
      let all = try Belongings()
      expectSuccess {
        all.drop()
        return true
      }
      #expect(try all.areWhole())
      expectSuccess {
        all.client?.close()
        all.listener?.close(draining: true)
        all.listener?.close()
        all.datagrams?.close()
        all.drop()
        return true
      }
      #expect(try all.areWhole())
      #expect(all.told.withLock { $0 } == [])
      all.remove()
      #expect(access(all.path, F_OK) != 0)
    }
  }

  @Test("A child that goes on with the reactor has its copies closed then, and its waits told")
  func droppingAndGoingOn() async {
    await #expect(processExitsWith: .success) {
      let all = try Belongings()
      for isDroppedFirst in [true, false] {
        expectSuccess {
          if isDroppedFirst { all.drop() }
          try all.reactor.reinitializeAfterFork()
          let before = openSocketCount()
          all.drop()
          try all.reactor.run { await all.reactor.yield() }
          guard before - openSocketCount() == 4, all.reactor.waits.isEmpty else { return false }
          return all.told.withLock { $0.sorted() } == ["lock closed", "queue"]
        }
        #expect(try all.areWhole())
      }
      all.remove()
    }
  }
}
