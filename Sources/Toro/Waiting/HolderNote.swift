import CToroShims

/// Who acquired, where: noted while ``Reactor/notesHolders`` is on.
package struct HolderNote: Sendable, CustomStringConvertible {
  let task: String?
  /// Which task it is, among all that the process ever has; 0 if it is none.
  package let taskNumber: UInt64
  let site: WaitSite

  /// As in `"worker" at App/Cache.swift:12`, as much of it as is known.
  package var description: String {
    let place = site.line > 0 ? "\(site.file):\(site.line)" : nil
    guard let task else { return place ?? "a task" }
    return "\"\(task)\"" + (place.map { " at \($0)" } ?? "")
  }
}

extension Reactor {
  /// That the task, or the callback, which runs acquired something there; `nil` if nothing is known of either.
  func holderNote(at site: WaitSite) -> HolderNote? {
    let number = toro_current_task_number()
    guard number != 0 || site.isKnown else { return nil }
    // The runtime takes its time to find a name; it is the record's if there is one.
    let record = isRunning ? context.record : nil
    return HolderNote(task: record.map { $0.name } ?? Task.name, taskNumber: number, site: site)
  }

  /// That a wait was granted; `nil` if it did not tell where it stands.
  func holderNote(of waiter: WaiterPointer) -> HolderNote? {
    pool.note(of: waiter).map {
      HolderNote(task: pool.taskName(of: waiter), taskNumber: pool.taskNumber(of: waiter), site: $0.site)
    }
  }
}
