import Glibc
import Testing
import ToroC
import ToroScenarios

/// A scenario of `Tests/C`, by its number.
struct Scenario: Sendable, CustomTestStringConvertible {
  let number: Int
  let sentence: String

  var testDescription: String { sentence }

  /// All, in the order of the files.
  static let all: [Scenario] = {
    var found: [Scenario] = []
    while let scenario = scenario_at(found.count) {
      found.append(Scenario(number: found.count, sentence: String(cString: scenario.pointee.sentence)))
    }
    return found
  }()
}

@Suite("The C interface", .timeLimit(.minutes(10)))
struct ScenarioTests {
  @Test("Scenarios in C, each in a process of its own", arguments: Scenario.all)
  func passes(_ scenario: Scenario) throws {
    let ran = try Command.run([Command.sibling("ToroCheck"), "\(scenario.number)"])
    #expect(ran.status == 0, "\(ran.output)")
  }
}
