// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "Toro",
  products: [
    .library(name: "Toro", targets: ["Toro"]),
    .library(name: "ToroNet", targets: ["ToroNet"]),
    .library(name: "ToroHTTP", targets: ["ToroHTTP"]),
    // Looks into a running program.
    .library(name: "ToroInspector", targets: ["ToroInspector"]),
    .executable(name: "toro-inspect", targets: ["ToroInspect"]),
    // For programs that make the event_base which Toro adopts.
    .library(name: "CLibevent", targets: ["CLibevent"]),
    // The C interface, for programs of both languages: the header is CToro's, the functions are ToroC's.
    .library(name: "ToroC", targets: ["ToroC", "CToro"]),
  ],
  // Off unless asked for. What belongs to a trait is fetched only where the trait is on.
  traits: [
    .trait(name: "TLS", description: "TLS for the connections and listeners of ToroNet, by OpenSSL 3 (libssl-dev)."),
    .trait(name: "HTTP", description: "ToroHTTP: a server and a client, with the types of swift-http-types."),
    .trait(name: "Logging", description: "ToroNet says what it does to a Logger of swift-log."),
    .trait(name: "Metrics", description: "ToroNet reports connections, bytes, lag and waits to swift-metrics."),
    .trait(name: "ServiceLifecycle", description: "Reactors as a Service of swift-service-lifecycle."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CLibevent", path: "CLibevent", pkgConfig: "libevent_core",
      providers: [.apt(["libevent-dev"])]),
    .target(name: "CToroShims"),
    .target(name: "Toro", dependencies: ["CLibevent", "CToroShims"], swiftSettings: settings),
    .target(name: "CToro"),
    .target(name: "ToroC", dependencies: ["Toro", "ToroNet", "ToroInspector", "CToro"], swiftSettings: settings),
    .systemLibrary(name: "COpenSSL", path: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .target(
      name: "ToroNet",
      dependencies: [
        "Toro", "CLibevent", "CToroShims", .target(name: "COpenSSL", condition: .when(traits: ["TLS"])),
        .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Logging"])),
        .product(name: "CoreMetrics", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
        .product(
          name: "ServiceLifecycle", package: "swift-service-lifecycle", condition: .when(traits: ["ServiceLifecycle"])),
      ], swiftSettings: settings),
    .target(
      name: "ToroHTTP",
      dependencies: [
        "Toro", "ToroNet",
        .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["HTTP"])),
      ], swiftSettings: settings),
    // Of ToroHTTP the parser alone, which is there without the trait.
    .target(name: "ToroInspector", dependencies: ["Toro", "ToroNet", "ToroHTTP"], swiftSettings: settings),
    .executableTarget(name: "ToroInspect", dependencies: ["Toro", "ToroNet"], swiftSettings: settings),
    // A program in C whose requests are answered in Swift.
    .target(name: "MixedBoard", dependencies: ["Toro", "ToroC"], path: "Examples/C/Mixed", swiftSettings: settings),
    .executableTarget(
      name: "MixedServer", dependencies: ["MixedBoard", "CToro"], path: "Examples/C", exclude: ["Mixed"],
      sources: ["mixed-server.c", "http-service.c"], linkerSettings: [.linkedLibrary("event_extra")]),
    // What tests of several targets use.
    .target(
      name: "ToroTestSupport", dependencies: ["Toro", "ToroNet"], path: "Tests/Support", swiftSettings: settings),
    .testTarget(
      name: "ToroNetTests",
      dependencies: [
        "Toro", "ToroNet", "ToroTestSupport", "CLibevent", .target(name: "COpenSSL", condition: .when(traits: ["TLS"])),
        .product(name: "InMemoryLogging", package: "swift-log", condition: .when(traits: ["Logging"])),
        .product(name: "MetricsTestKit", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
        .product(
          name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle",
          condition: .when(traits: ["ServiceLifecycle"])),
      ], swiftSettings: settings),
    // The tests of toro.h, in C: scenarios, and a program that runs them without a test runner around it.
    .target(
      name: "ToroScenarios", dependencies: ["CToro"], path: "Tests/C/ToroScenarios",
      linkerSettings: [.linkedLibrary("event_core"), .linkedLibrary("event_pthreads")]),
    .executableTarget(name: "ToroCheck", dependencies: ["ToroC", "ToroScenarios"], path: "Tests/C/ToroCheck"),
    // What an HTTP parser has to make of which bytes, and a program that says what ours makes of others, for comparison.
    .target(
      name: "ToroHTTPVectors", dependencies: ["ToroHTTP"], path: "Tests/HTTP/ToroHTTPVectors", swiftSettings: settings),
    .executableTarget(
      name: "ToroHTTPVerdict", dependencies: ["ToroHTTP", "ToroHTTPVectors"], path: "Tests/HTTP/ToroHTTPVerdict",
      swiftSettings: settings),
    .testTarget(
      name: "ToroHTTPTests",
      dependencies: [
        "Toro", "ToroNet", "ToroHTTP", "ToroTestSupport", "ToroHTTPVectors",
        .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["HTTP"])),
      ], swiftSettings: settings),
    .testTarget(
      name: "ToroInspectorTests",
      dependencies: ["Toro", "ToroNet", "ToroHTTP", "ToroInspector", "ToroInspect", "ToroTestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "ToroCTests", dependencies: ["Toro", "ToroC", "ToroScenarios", "ToroCheck"], swiftSettings: settings),
    .testTarget(name: "ToroReactorTests", dependencies: ["Toro", "CLibevent"], swiftSettings: settings),
    .testTarget(name: "ToroTests", dependencies: ["Toro"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
