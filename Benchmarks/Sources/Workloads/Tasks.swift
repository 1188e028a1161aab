import Toro

let taskWorkloads = [
  Workload("spawn", "one task is spawned, runs and is awaited", operations: (1_000_000, 0), task: spawnAndJoin)
]

private func spawnAndJoin(_ reactor: Reactor, operations: Int) async throws -> Measurement {
  let began = nowNanoseconds()
  for number in 0..<operations {
    let returned = await reactor.spawn { number }.value
    precondition(returned == number)
  }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}
