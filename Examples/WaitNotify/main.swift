// Wait and notify, in both forms: one waits to be notified by another.
import Toro

/// The callback form: the waiter is told before `notify()` returns.
func callbackForm() throws {
  let reactor = try Reactor()
  reactor.execute {
    let condition = Condition()
    print("I'll wait right here")
    condition.wait { _ in print("I'm done waiting") }
    print("About to notify")
    condition.notify()
    print("Done notifying")
  }
  try reactor.run()
}

/// The task form: tasks are resumed on the reactor's next turn, which `yield()` lets them have.
func taskForm() throws {
  let reactor = try Reactor()
  try reactor.run {
    let condition = Condition()
    let waiter = reactor.spawn {
      print("I'll wait right here")
      try await condition.wait()
      print("I'm done waiting")
    }
    await reactor.yield()
    print("About to notify")
    condition.notify()
    await reactor.yield()
    print("Done notifying")
    try await waiter.value
  }
}

print("callbacks:")
try callbackForm()
print("tasks:")
try taskForm()
