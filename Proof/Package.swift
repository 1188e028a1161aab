// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "ToroProof",
  products: [.executable(name: "ToroProof", targets: ["ToroProof"])],
  dependencies: [.package(name: "Toro", path: "..")],
  targets: [
    .executableTarget(
      name: "ToroProof", dependencies: [.product(name: "Toro", package: "Toro")],
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")])
  ],
  swiftLanguageModes: [.v6]
)
