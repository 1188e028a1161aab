import Workloads

/// What the command line asks for.
struct Options {
  var form = Form.task
  var operations: Int?
  var rounds = 1
  /// Whether rounds and lists are told as JSON.
  var isJSON = false
  var isList = false
  var isHelp = false
  /// What stands beside the options.
  var words: [String] = []

  init(_ arguments: ArraySlice<String>) throws(Misuse) {
    var rest = arguments
    while let argument = rest.popFirst() {
      switch argument {
      case "--help", "-h":
        isHelp = true
      case "--list":
        isList = true
      case "--json":
        isJSON = true
      case "--form":
        guard let value = Form(rawValue: rest.popFirst() ?? "") else { throw Misuse("--form takes task or callback") }
        form = value
      case "--operations":
        // The workloads share them among up to 100 users.
        guard let value = Int(rest.popFirst() ?? ""), value >= 100, value % 100 == 0 else {
          throw Misuse("--operations takes a multiple of 100")
        }
        operations = value
      case "--repeat":
        guard let value = Int(rest.popFirst() ?? ""), value > 0 else {
          throw Misuse("--repeat takes a positive number")
        }
        rounds = value
      case _ where argument.hasPrefix("-"):
        throw Misuse("unknown option \(argument)")
      default:
        words.append(argument)
      }
    }
  }
}

/// A command line that means nothing.
struct Misuse: Error {
  let message: String

  init(_ message: String) { self.message = message }
}
