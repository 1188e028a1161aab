import Benchmark
import Workloads

/// Operations in one sample: enough for the start of a reactor not to count, few enough for many samples.
private let operations = 20_000

/// How much slower than the stored thresholds a sample may be. Machines differ, and so does what else they do: this is to
/// find what has become several times slower.
private let tolerance = BenchmarkThresholds(relative: [.p90: 400.0])

let benchmarks: @Sendable () -> Void = {
  let configuration = Benchmark.Configuration(
    metrics: [.wallClock], warmupIterations: 3, scalingFactor: .one, maxDuration: .milliseconds(700),
    maxIterations: 1_000, thresholds: [.wallClock: tolerance])

  // Those whose samples last as long as their deadlines, or need a hundred thousand operations, are measured by ToroBench, as
  // are those that say what an inspector costs.
  let left: Set = ["deadline_expired", "waiters_100k_memory", "priority_queue", "lock_noted", "http_inspected"]
  for workload in Workload.all where !left.contains(workload.name) {
    for form in [Form.task, .callback] where workload.isOffered(form) {
      Benchmark("\(workload.name).\(form.rawValue)", configuration: configuration) { benchmark in
        benchmark.startMeasurement()
        _ = try workload.run(form, operations: operations)
        benchmark.stopMeasurement()
      }
    }
  }
}
