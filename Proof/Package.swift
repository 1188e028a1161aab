// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "ToroProof",
  products: [
    .executable(name: "ToroProof", targets: ["ToroProof"]), .executable(name: "ToroFaults", targets: ["ToroFaults"]),
  ],
  dependencies: [.package(name: "Toro", path: "..")],
  targets: [
    .executableTarget(
      name: "ToroProof", dependencies: [.product(name: "Toro", package: "Toro")],
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
    .executableTarget(
      name: "ToroFaults",
      dependencies: [.product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro")],
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
  ],
  swiftLanguageModes: [.v6]
)
