import Glibc
import Toro
import ToroNet
import Workloads

let usage = """
  usage: ToroBench [--form task|callback] [--operations N] WORKLOAD
         ToroBench [--form task|callback] [--operations N] --repeat N [--json] WORKLOAD
         ToroBench [--form task|callback] --list [--json]
         ToroBench scale NAME SIZE
         ToroBench scale --list [--json]
         ToroBench tcp_echo|http_hello PORT

  Runs one workload and prints one line of JSON. Exits with 3 if the workload is not offered in that form. --list says what
  one operation of each is, after its name. --repeat runs it several times in one process and prints the median, the least
  and the most.
  scale measures an operation while SIZE of its kind are there.
  tcp_echo and http_hello serve on 127.0.0.1 until SIGTERM.
  """

func main(_ arguments: ArraySlice<String>) throws -> Int32 {
  let options = try Options(arguments)
  if options.isHelp {
    print(usage)
    return 0
  }
  switch options.words.first {
  case "tcp_echo":
    try serveEcho(port: port(options))
  case "http_hello":
    try serveHello(port: port(options))
  case "scale":
    return try scale(options)
  case nil where options.isList:
    list(options)
  case let name?:
    guard options.words.count == 1 else { throw Misuse("one workload at a time") }
    return try run(name, options)
  case nil:
    throw Misuse("no workload given")
  }
  return 0
}

func run(_ name: String, _ options: Options) throws -> Int32 {
  guard let workload = Workload.all.first(where: { $0.name == name }), workload.isOffered(options.form) else {
    return 3
  }
  let rounds = try (0..<options.rounds).map { _ in try workload.run(options.form, operations: options.operations) }
  let report = Report(workload: name, form: options.form, rounds: rounds)
  print(options.rounds == 1 || options.isJSON ? report.json : report.text)
  return 0
}

func list(_ options: Options) {
  for workload in Workload.all where workload.isOffered(options.form) {
    let pairs = [("workload", workload.name), ("operation", workload.summary)]
    print(options.isJSON ? object(pairs) : padded(workload.name, 22) + workload.summary)
  }
}

func scale(_ options: Options) throws -> Int32 {
  if options.isList {
    for workload in ScaleWorkload.all {
      let pairs = [("name", workload.name), ("law", workload.law), ("operation", workload.summary)]
      print(options.isJSON ? object(pairs) : padded(workload.name, 22) + padded(workload.law, 10) + workload.summary)
    }
    return 0
  }
  guard options.words.count == 3, let size = Int(options.words[2]), size > 0 else {
    throw Misuse("scale takes a name and a size")
  }
  guard let workload = ScaleWorkload.all.first(where: { $0.name == options.words[1] }) else { return 3 }
  let name = "scale \(workload.name) \(size)"
  print(Report(workload: name, form: .task, rounds: [try workload.run(size: size)]).json)
  return 0
}

func port(_ options: Options) throws(Misuse) -> Int {
  guard options.words.count == 2, let port = Int(options.words[1]) else {
    throw Misuse("\(options.words[0]) takes a port")
  }
  return port
}

func complain(_ message: String) -> Int32 {
  let text = "ToroBench: \(message)\n\(usage)\n"
  _ = text.withCString { write(STDERR_FILENO, $0, text.utf8.count) }
  return 64
}

do {
  exit(try main(CommandLine.arguments.dropFirst()))
} catch let misuse as Misuse {
  exit(complain(misuse.message))
} catch let error as AddressError {
  exit(complain("\(error)"))
}
