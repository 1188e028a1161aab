import Glibc
import Toro
import ToroNet

/// Runs `body` on a reactor of its own, on this thread, and fails after some seconds rather than hang.
@discardableResult
package func onReactor<Value: Sendable>(
  _ body: @escaping @Sendable (Reactor) async throws -> Value
) throws -> Value {
  let reactor = try Reactor()
  defer { reactor.close() }
  return try reactor.run {
    try await withDeadline(.after(.seconds(120))) { try await body(reactor) }
  }
}

/// The same on a thread of its own: for bodies that wait for tasks elsewhere. On the test's thread, which is one of the few
/// that those tasks run on, several such tests at a time would have none left.
package func onReactorThread<Value: Sendable>(
  _ body: @escaping @Sendable (Reactor) async throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    let work = Unmanaged.passRetained(Work { continuation.resume(with: Result { try onReactor(body) }) })
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      {
        Unmanaged<Work>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    pthread_detach(thread)
  }
}

private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// A listener on a free loopback port.
package func loopback(_ reactor: Reactor = .current) throws -> Listener {
  try Listener(host: "127.0.0.1", port: 0, on: reactor)
}

extension Connection {
  /// Reads until the stream ends.
  package func readAll() async throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let part = try await read(deadline: .after(.seconds(60)))
      if part.isEmpty { return all }
      all += part
    }
  }
}

/// How many descriptors this process has open.
package func openDescriptorCount() -> Int {
  guard let directory = opendir("/proc/self/fd") else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while readdir(directory) != nil { count += 1 }
  return count
}

/// How many sockets this process has open: the runtime's own timers and events come and go.
package func openSocketCount() -> Int {
  guard let directory = opendir("/proc/self/fd") else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    var information = stat()
    if let descriptor = Int32(name), fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK {
      count += 1
    }
  }
  return count
}

package func soon(_ milliseconds: Int) -> Deadline { .after(.milliseconds(milliseconds)) }

/// A value that the tasks of one reactor share.
package final class Shared<Value>: @unchecked Sendable {
  package var value: Value
  package init(_ value: Value) { self.value = value }
}

/// The system's `fork`, which Swift's module hides.
package let forkProcess = unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> Int32).self)
