// A producer and a consumer: a queue with room for three, and a join that waits until all was dealt with.
import Toro

func produceAndConsume() throws {
  let reactor = try Reactor()
  try reactor.run {
    let queue = JoinableQueue<Int>(capacity: 3)

    let consumer = reactor.spawn {
      for try await item in queue {
        print("Doing work on \(item)")
        try await reactor.sleep(until: .after(.milliseconds(5)))
        queue.taskDone()
      }
    }
    let producer = reactor.spawn {
      for item in 0..<10 {
        try await queue.put(item)
        print("Put \(item)")
      }
    }

    try await producer.value
    try await queue.join()
    print("All done")
    queue.close()
    try await consumer.value
  }
}

try produceAndConsume()
