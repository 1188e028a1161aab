// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "ToroBenchmarks",
  products: [
    .executable(name: "ToroBench", targets: ["ToroBench"]), .executable(name: "ToroCBench", targets: ["ToroCBench"]),
  ],
  dependencies: [
    .package(name: "Toro", path: "..", traits: ["HTTP"]),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
  ],
  targets: [
    .executableTarget(
      name: "ToroBench",
      dependencies: [
        .product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro"),
        .product(name: "ToroHTTP", package: "Toro"), .product(name: "ToroInspector", package: "Toro"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
    .executableTarget(name: "ToroCBench", dependencies: [.product(name: "ToroC", package: "Toro")]),
  ],
  swiftLanguageModes: [.v6]
)
