// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "ToroBenchmarks",
  products: [
    .executable(name: "ToroBench", targets: ["ToroBench"]), .executable(name: "ToroCBench", targets: ["ToroCBench"]),
  ],
  dependencies: [.package(name: "Toro", path: "..", traits: ["HTTP"])],
  targets: [
    .executableTarget(
      name: "ToroBench",
      dependencies: [
        .product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro"),
        .product(name: "ToroHTTP", package: "Toro"),
      ],
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
    .executableTarget(name: "ToroCBench", dependencies: [.product(name: "ToroC", package: "Toro")]),
  ],
  swiftLanguageModes: [.v6]
)
