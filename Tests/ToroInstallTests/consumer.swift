// A program with a Swift runtime of its own beside the one in libtoro.a: neither sees the other's types.
import ToroLibrary

protocol Greeting { var text: String { get } }
struct Hello: Greeting { let text = "hello" }

let reactor = toro_reactor_new()
let event = toro_event_new(reactor, 0)
nonisolated(unsafe) var outcome: Int32 = -1
_ = toro_event_wait(event, toro_after_ms(5), { status, _ in outcome = status }, nil, nil)
let status = toro_reactor_run(reactor)
toro_event_free(event)
toro_reactor_free(reactor)

let value: Any = Hello()
let greeting = (value as? any Greeting)?.text
let words = await Task { ["tasks", "too"].joined(separator: " ") }.value
let works = status == 0 && outcome == 1 && greeting == "hello" && words == "tasks too"
print("toro \(String(cString: toro_version())) \(works ? "works" : "does not work")")
