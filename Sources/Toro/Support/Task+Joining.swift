extension Task {
  /// Waits for the end of the task as for a part of the caller's: it is cancelled where the caller is, as `value` and `result` do
  /// not. So a deadline bounds it:
  ///
  ///     try await withDeadline(.after(.seconds(5))) { try await worker.join().get() }
  ///
  /// - Returns: What came of it. A task that ignores its cancellation is waited for.
  /// - Isolation: May be awaited from any thread.
  public func join() async -> Result<Success, Failure> {
    await withTaskCancellationHandler {
      await result
    } onCancel: {
      cancel()
    }
  }
}
