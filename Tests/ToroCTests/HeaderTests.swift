import Glibc
import Testing

private let root = String(#filePath.dropLast("/Tests/ToroCTests/HeaderTests.swift".count))

private func exists(_ program: String) -> Bool {
  (try? Command.run([program, "--version"]).status == 0) ?? false
}

@Suite("The header")
struct HeaderTests {
  static let compilers: [[String]] =
    ["c99", "c11", "c17"].map { ["gcc", "-x", "c", "-std=\($0)"] }
    + ["c++98", "c++11", "c++20"].map { ["g++", "-x", "c++", "-std=\($0)"] }

  @Test("It is clean C and C++, pedantically", arguments: compilers)
  func isClean(_ compiler: [String]) throws {
    guard exists(compiler[0]) else { return }
    // C++98 lacks long long and stdint.h's limits, which every compiler has as extensions.
    let extensions = compiler.contains("-std=c++98") ? ["-Wno-long-long"] : []
    let ran = try Command.run(
      compiler + ["-Wall", "-Wextra", "-pedantic", "-Werror"] + extensions
        + ["-fsyntax-only", "\(root)/Sources/CToro/include/toro.h"])
    #expect(ran.status == 0, "\(ran.output)")
  }

  @Test("A host that is linked with all of libevent runs every scenario of adopting")
  func monolithicLibevent() throws {
    let library = Command.directory + "/libtoro.so"
    // (A library that is built for a sanitizer wants a program that is.)
    guard exists("gcc"), access(library, R_OK) == 0, dlsym(nil, "__asan_init") == nil, dlsym(nil, "__tsan_init") == nil
    else { return }
    let program = Command.directory + "/ToroCheckMonolithic"
    let tests = "\(root)/Tests/C"
    let sources =
      ["check", "arguments", "order", "deadlines", "reactor", "threads", "closing", "primitives", "queues"]
      + ["adopting", "fork", "load"]
    let built = try Command.run(
      ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I\(root)/Sources/CToro/include"]
        + ["-I\(tests)/ToroScenarios/include", "-o", program, "\(tests)/ToroCheck/main.c"]
        + sources.map { "\(tests)/ToroScenarios/\($0).c" }
        + ["-levent", "-levent_pthreads", "-L\(Command.directory)", "-ltoro", "-lpthread"]
        + ["-Wl,-rpath,\(Command.directory)", "-Wl,-rpath,\(swiftRuntime)", "-Wl,-rpath-link,\(swiftRuntime)"])
    try #require(built.status == 0, "\(built.output)")
    for wanted in ["adopt", "host", "locks or without", "in a child"] {
      let ran = try Command.run([program, wanted])
      #expect(ran.status == 0, "\(ran.output)")
    }
  }

  /// Where the Swift runtime is that this process runs with.
  private var swiftRuntime: String {
    guard let maps = try? Command.run(["cat", "/proc/\(getpid())/maps"]).output,
      let line = maps.split(separator: "\n").first(where: { $0.hasSuffix("/libswiftCore.so") }),
      let start = line.firstIndex(of: "/")
    else { return "" }
    return String(line[start...].dropLast("/libswiftCore.so".count))
  }
}
