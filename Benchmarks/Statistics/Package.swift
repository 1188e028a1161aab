// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that ToroBench is built without these dependencies. `traits: []` leaves out the counters of
// allocations, which read 0 with a static Swift runtime; `make bench-counts` counts them.
let package = Package(
  name: "ToroStatistics",
  dependencies: [
    .package(name: "ToroBenchmarks", path: ".."),
    .package(url: "https://github.com/ordo-one/benchmark.git", exact: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "Primitives",
      dependencies: [
        .product(name: "Workloads", package: "ToroBenchmarks"), .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/Primitives",
      // The configuration of a benchmark is not Sendable.
      swiftSettings: [.swiftLanguageMode(.v5)], plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ]
)
