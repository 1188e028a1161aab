import Glibc
import ToroModels

let usage = """
  usage: ToroProof simulate FAMILY [--programs N] [--seed S] [--operations K] [--form callback|task|mixed]
                                   [--threaded ONE_IN] [--first I] [--processes P]
         ToroProof worlds FAMILY [--first I] [--programs N] [--every N] [--processes P]
         ToroProof sample FAMILY [--steps N] [--seed S] [--first I] [--programs N] [--processes P]
         ToroProof families

  Runs programs on a primitive in virtual time and on a plain model of it, and compares the two after each step.

  simulate  random programs: the seed and a program's number make the program
  worlds    every order of the operations of two waits and two notices, with and without a turn between any two
  sample    worlds of three waits and three notices, drawn by lot

  FAMILY is one of those that `families` lists, or `all`. A program that fails is printed with its number, how to run it
  again, and what is left of it when all is taken away that it fails without; then the exit status is 1.
  """

func misuse(_ message: String) -> Int32 {
  let text = "ToroProof: \(message)\n\(usage)\n"
  _ = text.withCString { write(STDERR_FILENO, $0, text.utf8.count) }
  return 64
}

func run(_ arguments: ArraySlice<String>) -> Int32 {
  var rest = arguments
  guard let command = rest.popFirst() else { return misuse("no command given") }
  if ["--help", "-h"].contains(command) {
    say(usage)
    return 0
  }
  if command == "families" {
    for family in Runs.families { say(family.name) }
    return 0
  }
  guard ["simulate", "worlds", "sample"].contains(command) else { return misuse("unknown command \(command)") }
  var options = Options()
  var name: String?
  while let argument = rest.popFirst() {
    if ["--help", "-h"].contains(argument) {
      say(usage)
      return 0
    }
    guard argument.hasPrefix("--") else {
      if name != nil { return misuse("one family at a time, or all") }
      name = argument
      continue
    }
    guard let value = rest.popFirst() else { return misuse("\(argument) takes a value") }
    if argument == "--form" {
      guard let form = Form(rawValue: value) else { return misuse("--form takes callback, task or mixed") }
      options.form = form
      continue
    }
    guard let number = Int(value), number >= 0 else { return misuse("\(argument) takes a number") }
    switch argument {
    case "--programs": options.plan.programs = number
    case "--first": options.plan.first = number
    case "--steps": options.plan.steps = number
    case "--every": options.plan.every = max(1, number)
    case "--processes": options.plan.processes = number
    case "--seed": options.seed = UInt64(number)
    case "--operations":
      guard (1...Program.limit).contains(number) else { return misuse("--operations takes 1 to \(Program.limit)") }
      options.operations = number
    case "--threaded": options.threaded = number
    default: return misuse("unknown option \(argument)")
    }
  }
  guard let name else { return misuse("no family given") }
  let chosen = Runs.families.filter { name == "all" || $0.name == name }
  if chosen.isEmpty { return misuse("no family is called \(name)") }
  var isGood = true
  for family in chosen {
    let isWell =
      switch command {
      case "simulate": family.simulate(options)
      case "worlds": family.worlds(options)
      default: family.sample(options)
      }
    isGood = isWell && isGood
  }
  return isGood ? 0 : 1
}

exit(run(CommandLine.arguments.dropFirst()))
