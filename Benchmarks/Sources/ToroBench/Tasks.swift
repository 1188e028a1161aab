import Toro

let taskWorkloads = [Workload("spawn", "one task is spawned, runs and is awaited", task: spawnAndJoin)]

private func spawnAndJoin(_ reactor: Reactor) async throws -> Measurement {
  let operations = 1_000_000
  let began = nowNanoseconds()
  for number in 0..<operations {
    let returned = await reactor.spawn { number }.value
    precondition(returned == number)
  }
  return Measurement(nanoseconds: nowNanoseconds() - began, operations: operations)
}
