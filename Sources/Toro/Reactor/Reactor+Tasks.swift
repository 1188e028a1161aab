import CToroShims

extension Reactor {
  /// Starts a task on the reactor, from any thread.
  ///
  /// It prefers the reactor as its executor: it, its child tasks and what they call that is isolated to no other actor run
  /// on the reactor's thread. Closing the reactor cancels it.
  ///
  /// What the body throws is kept in the task, as by Swift's `Task`: nobody hears of it who does not ask for its `value` or
  /// `result`. Where nobody does, catch in the body.
  ///
  /// - Parameters:
  ///   - name: The task's name, for ``waits`` and debuggers.
  ///   - priority: As for `Task`; the reactor runs what is ready in order of arrival whatever its priority.
  ///   - body: What the task runs.
  /// - Returns: The task. It goes on if the value is dropped.
  @discardableResult
  public func spawn<Value: Sendable>(
    name: String? = nil, priority: TaskPriority? = nil, _ body: sending @escaping () async throws -> Value
  ) -> Task<Value, any Error> {
    let record = TaskRecord(name: name, on: self)
    let body = ThrowingTaskBody(call: body)
    return Task(name: name, executorPreference: taskExecutor, priority: priority) {
      try await self.run(record, body)
    }
  }

  /// As ``spawn(name:priority:_:)`` for a body that does not throw.
  @discardableResult
  public func spawn<Value: Sendable>(
    name: String? = nil, priority: TaskPriority? = nil, _ body: sending @escaping () async -> Value
  ) -> Task<Value, Never> {
    let record = TaskRecord(name: name, on: self)
    let body = TaskBody(call: body)
    return Task(name: name, executorPreference: taskExecutor, priority: priority) {
      await self.run(record, body)
    }
  }

  /// The whole life of a spawned task.
  ///
  /// Twice, rather than once and generic over the type of the error: Swift 6.3.1 miscompiles the call of a generic `() async
  /// throws(Failure) -> Value` whose `Failure` is `Never`, and the task returned garbage. In line: a frame less for each task.
  @inline(__always)
  private func run<Value>(_ record: TaskRecord, _ body: ThrowingTaskBody<Value>) async throws -> Value {
    guard isCurrent else { return try await body.call() }  // closed in the meantime
    begin(record)
    defer { end(record) }
    #if TORO_PUBLIC_RUNTIME_ONLY
    return try await withTaskCancellationHandler {
      try await body.call()
    } onCancel: {
      cancelledTask(record)
    }
    #else
    let handler = toro_add_task_cancellation_handler(Unmanaged.passUnretained(record).toOpaque())
    defer { toro_remove_cancellation_handler(handler) }
    return try await body.call()
    #endif
  }

  @inline(__always)
  private func run<Value>(_ record: TaskRecord, _ body: TaskBody<Value>) async -> Value {
    guard isCurrent else { return await body.call() }
    begin(record)
    defer { end(record) }
    #if TORO_PUBLIC_RUNTIME_ONLY
    return await withTaskCancellationHandler {
      await body.call()
    } onCancel: {
      cancelledTask(record)
    }
    #else
    let handler = toro_add_task_cancellation_handler(Unmanaged.passUnretained(record).toOpaque())
    defer { toro_remove_cancellation_handler(handler) }
    return await body.call()
    #endif
  }

  private func begin(_ record: TaskRecord) {
    record.task = toro_current_task()
    withUnsafeCurrentTask { task in
      record.handle = task
      if closePhase != .open { task?.cancel() }
    }
    liveTasks.insert(record)
    if isRunning { context = context.with(.passUnretained(record)) }
  }

  private func end(_ record: TaskRecord) {
    if isCurrent {
      liveTasks.remove(record)
      if isRunning { context = context.with(nil) }
    }
    record.task = nil
    record.handle = nil
  }

  /// Runs `body` on the reactor's thread and comes back with what it returns or throws: the way to calls that answer at
  /// once, such as `tryAcquire()` and `count`, from elsewhere.
  ///
  /// - Throws: What the body throws, or ``ReactorClosedError``.
  public func perform<Value: Sendable>(_ body: @Sendable () throws -> Value) async throws -> Value {
    if isCurrent { return try body() }
    if isClosed { throw ReactorClosedError() }
    return try await home.perform(on: self, body)
  }

  /// As ``perform(_:)`` for a body that waits: what calls that have several waits in them, such as those of a stream, do
  /// when they are not on the reactor's thread.
  ///
  /// The reactor is the task's preferred executor meanwhile: functions of the runtime that belong to no actor, such as
  /// `Task.value`, would take the body to a thread of the pool, and wait for one that is free.
  package func visit<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    if isClosed { throw ReactorClosedError() }
    return try await withTaskExecutorPreference(taskExecutor) {
      try await home.run {
        try expectArrival()
        return try await body()
      }
    }
  }
}

extension ReactorHome {
  func perform<Value: Sendable>(on reactor: Reactor, _ body: @Sendable () throws -> Value) throws -> Value {
    try reactor.expectArrival()
    return try body()
  }
}

/// A closure that was sent to the task that runs it. Not generic over the type of the closure, whose metadata would be looked
/// up for each task.
struct TaskBody<Value>: @unchecked Sendable {
  let call: () async -> Value
}

struct ThrowingTaskBody<Value>: @unchecked Sendable {
  let call: () async throws -> Value
}
