/// Runs `body`, and cancels it if the deadline passes first.
///
/// The body runs as a task of its own, on the reactor, which has the caller's name. If it ends by itself, what it returns or
/// throws comes back, also when the deadline passed meanwhile; if it throws after it was cancelled for the deadline,
/// ``TimeoutError`` does. A body that ignores cancellation is waited for.
///
/// - Parameters:
///   - deadline: Until when the body may run. One that has passed cancels it before it starts.
///   - reactor: Whose clock it is, and where the body runs.
///   - body: What is bounded.
/// - Throws: What the body throws; ``TimeoutError``, which names the place of this call; `CancellationError` if the caller is
///   cancelled and the body throws it.
/// - Isolation: May be awaited from any thread.
public func withDeadline<Value: Sendable>(
  _ deadline: Deadline, on reactor: Reactor = .current, file: StaticString = #fileID, line: UInt = #line,
  _ body: sending @escaping () async throws -> Value
) async throws -> Value {
  if reactor.isClosed { throw ReactorClosedError() }
  let due = reactor.resolve(deadline)
  let expiry = Marker()
  let body = ThrowingTaskBody(call: body)
  let task = reactor.spawn(name: Task.name) { () async throws -> Value in
    if due == .min {  // before it starts, wherever this was called
      expiry.isSet = true
      withUnsafeCurrentTask { $0?.cancel() }
    }
    return try await body.call()
  }
  let timer: Wait? =
    due == .max || due == .min ? nil : try await reactor.perform { reactor.cancel(task, at: due, noting: expiry) }
  let result = await task.join()
  timer?.cancel()
  switch result {
  case .success(let value): return value
  case .failure(let error):
    if let isExpired = try? await reactor.perform({ expiry.isSet }), isExpired, !Task.isCancelled {
      let place = "\(file)".split(separator: "/").last ?? ""
      throw TimeoutError("withDeadline at \(place):\(line)")
    }
    throw error
  }
}

extension Reactor {
  fileprivate func cancel<Value>(_ task: Task<Value, any Error>, at due: Int64, noting expiry: Marker) -> Wait {
    let waiter = pool.take(for: timers)
    waiter.storeCallback(
      CallCallback {
        expiry.isSet = true
        task.cancel()
      })
    return Wait(id: addScheduled(waiter, due), of: self)
  }
}
