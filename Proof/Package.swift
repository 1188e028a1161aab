// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

let package = Package(
  name: "ToroProof",
  products: [
    .executable(name: "ToroProof", targets: ["ToroProof"]), .executable(name: "ToroFaults", targets: ["ToroFaults"]),
    .executable(name: "ToroFuzz", targets: ["ToroFuzz"]),
  ],
  dependencies: [.package(name: "Toro", path: "..", traits: ["HTTP"])],
  targets: [
    // Programs of waits and notices, and models that say what has to come of them.
    .target(name: "ToroModels", dependencies: [.product(name: "Toro", package: "Toro")], swiftSettings: settings),
    .executableTarget(name: "ToroProof", dependencies: ["ToroModels"], swiftSettings: settings),
    // Scenarios whose calls of the system's fail, one by one.
    .executableTarget(
      name: "ToroFaults",
      dependencies: [.product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro")],
      swiftSettings: settings),
    // What takes bytes that a fuzzer makes up. Two of the sources are links: what the HTTP tests and an example use.
    .target(
      name: "ToroHTTPVectors", dependencies: [.product(name: "ToroHTTP", package: "Toro")], swiftSettings: settings),
    .target(name: "FuzzC", dependencies: [.product(name: "ToroC", package: "Toro")]),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "ToroModels", "ToroHTTPVectors", "FuzzC", .product(name: "ToroNet", package: "Toro"),
        .product(name: "ToroHTTP", package: "Toro"),
      ], swiftSettings: settings),
    .executableTarget(name: "ToroFuzz", dependencies: ["FuzzTargets"]),
  ],
  swiftLanguageModes: [.v6]
)
