extension Task {
  /// Waits for the end of the task as for a part of the caller's: cancelled where the caller is.
  package func join() async -> Result<Success, Failure> {
    await withTaskCancellationHandler {
      await result
    } onCancel: {
      cancel()
    }
  }
}
