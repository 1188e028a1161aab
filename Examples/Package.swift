// swift-tools-version: 6.2
// The examples in Swift, as a package of their own: as programs elsewhere, they depend on Toro and on what else they need.
import PackageDescription

let toro: [Target.Dependency] = [.product(name: "Toro", package: "Toro"), .product(name: "ToroNet", package: "Toro")]
let http: [Target.Dependency] = [
  .product(name: "ToroHTTP", package: "Toro"), .product(name: "HTTPTypes", package: "swift-http-types"),
]
let inspector: [Target.Dependency] = [.product(name: "ToroInspector", package: "Toro")]
let daemon = toro + [.product(name: "ArgumentParser", package: "swift-argument-parser")]
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "Examples",
  dependencies: [
    .package(name: "Toro", path: "..", traits: ["TLS", "HTTP"]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
  ],
  targets: [
    .executableTarget(name: "WaitNotify", dependencies: toro, path: "WaitNotify", swiftSettings: settings),
    .executableTarget(name: "ProducerConsumer", dependencies: toro, path: "ProducerConsumer", swiftSettings: settings),
    .executableTarget(name: "Echo", dependencies: daemon, path: "Echo", swiftSettings: settings),
    .executableTarget(name: "Chat", dependencies: daemon, path: "Chat", swiftSettings: settings),
    .executableTarget(name: "WorkQueue", dependencies: daemon, path: "WorkQueue", swiftSettings: settings),
    .executableTarget(
      name: "CachingProxy", dependencies: daemon + http + inspector, path: "CachingProxy", swiftSettings: settings),
    .executableTarget(
      name: "Philosophers", dependencies: daemon + inspector, path: "Philosophers", swiftSettings: settings),
    .executableTarget(name: "WebSpider", dependencies: daemon + http, path: "WebSpider", swiftSettings: settings),
    .executableTarget(
      name: "GracefulShutdown", dependencies: daemon + http, path: "GracefulShutdown", swiftSettings: settings),
    .executableTarget(name: "Demo", dependencies: toro + http, path: "Demo", swiftSettings: settings),
    .testTarget(
      name: "ExamplesTests",
      dependencies: ["Demo", "WorkQueue", "Chat", "Echo", "CachingProxy", "WebSpider", "GracefulShutdown"] + toro
        + http, path: "Tests/ExamplesTests",
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
