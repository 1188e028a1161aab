// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

let package = Package(
  name: "ToroBenchmarks",
  products: [
    .executable(name: "ToroBench", targets: ["ToroBench"]), .executable(name: "ToroCBench", targets: ["ToroCBench"]),
    // For the package in Statistics.
    .library(name: "Workloads", targets: ["Workloads"]),
  ],
  dependencies: [
    .package(name: "Toro", path: "..", traits: ["HTTP"]),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
  ],
  targets: [
    .target(
      name: "Workloads",
      dependencies: [
        .product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro"),
        .product(name: "ToroHTTP", package: "Toro"), .product(name: "ToroInspector", package: "Toro"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ], swiftSettings: settings),
    .executableTarget(
      name: "ToroBench",
      dependencies: [
        "Workloads", .product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro"),
        .product(name: "ToroHTTP", package: "Toro"),
      ], swiftSettings: settings),
    .executableTarget(name: "ToroCBench", dependencies: [.product(name: "ToroC", package: "Toro")]),
  ],
  swiftLanguageModes: [.v6]
)
