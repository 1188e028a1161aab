// swift-tools-version:6.0
import PackageDescription

let nio: [Target.Dependency] = [
  "Common", .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
  name: "peers",
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.80.0"),
    .package(url: "https://github.com/apple/swift-async-algorithms.git", from: "1.0.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.1.0"),
  ],
  targets: [
    .target(name: "Common"),
    .executableTarget(
      name: "PrimsNIO", dependencies: nio + [.product(name: "HeapModule", package: "swift-collections")]),
    .executableTarget(
      name: "PrimsSwift",
      dependencies: nio + [
        .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    .executableTarget(name: "EchoNIO", dependencies: nio),
    .executableTarget(name: "HelloNIO", dependencies: nio + [.product(name: "NIOHTTP1", package: "swift-nio")]),
  ],
  swiftLanguageModes: [.v5]
)
