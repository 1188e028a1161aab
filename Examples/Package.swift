// swift-tools-version: 6.2
// The examples in Swift, as a package of their own: as programs elsewhere, they depend on Toro and on what else they need.
import PackageDescription

let toro: [Target.Dependency] = [.product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro")]
let daemon = toro + [.product(name: "ArgumentParser", package: "swift-argument-parser")]
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "Examples",
  dependencies: [
    .package(name: "Toro", path: "..", traits: ["TLS"]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    .executableTarget(name: "WaitNotify", dependencies: toro, path: "WaitNotify", swiftSettings: settings),
    .executableTarget(name: "ProducerConsumer", dependencies: toro, path: "ProducerConsumer", swiftSettings: settings),
    .executableTarget(name: "Echo", dependencies: daemon, path: "Echo", swiftSettings: settings),
    .executableTarget(name: "Chat", dependencies: daemon, path: "Chat", swiftSettings: settings),
    .executableTarget(name: "WorkQueue", dependencies: daemon, path: "WorkQueue", swiftSettings: settings),
    .executableTarget(name: "Demo", dependencies: toro, path: "Demo", swiftSettings: settings),
    .testTarget(
      name: "ExamplesTests", dependencies: ["Demo", "WorkQueue", "Chat", "Echo"] + toro, path: "Tests/ExamplesTests",
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
