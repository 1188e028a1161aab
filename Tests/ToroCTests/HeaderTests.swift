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
}
