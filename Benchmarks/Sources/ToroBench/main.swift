import Glibc
import Toro
import ToroNet

let usage = """
  usage: ToroBench [--form task|callback] WORKLOAD
         ToroBench [--form task|callback] --list
         ToroBench tcp_echo|http_hello PORT

  Runs one workload and prints one line of JSON. Exits with 3 if the workload is not offered in that form. --list says what
  one operation of each is, after its name.
  tcp_echo and http_hello serve on 127.0.0.1 until SIGTERM.
  """

func main(_ arguments: ArraySlice<String>) throws -> Int32 {
  let workloads =
    lockWorkloads + queueWorkloads + deadlineWorkloads + taskWorkloads + parserWorkloads
    + inspectionWorkloads
  if let name = arguments.first, let serve = ["tcp_echo": serveEcho, "http_hello": serveHello][name] {
    guard arguments.count == 2, let port = Int(arguments.last ?? "") else { return misuse("\(name) takes a port") }
    do { try serve(port) } catch let error as AddressError { return misuse("\(error)") }
    return 0
  }
  var form = "task"
  var list = false
  var name: String?
  var rest = arguments
  while let argument = rest.popFirst() {
    switch argument {
    case "--help", "-h":
      print(usage)
      return 0
    case "--list":
      list = true
    case "--form":
      guard let value = rest.popFirst(), ["task", "callback"].contains(value) else {
        return misuse("--form takes task or callback")
      }
      form = value
    case _ where argument.hasPrefix("-"):
      return misuse("unknown option \(argument)")
    case _ where name == nil:
      name = argument
    default:
      return misuse("one workload at a time")
    }
  }
  if list {
    for workload in workloads where form == "task" || workload.callback != nil {
      let name = workload.name
      print("\(name)\(String(repeating: " ", count: max(1, 22 - name.utf8.count)))\(workload.summary)")
    }
    return 0
  }
  guard let name else { return misuse("no workload given") }
  guard let workload = workloads.first(where: { $0.name == name }) else { return 3 }

  let reactor = try Reactor()
  defer { reactor.close() }
  let result: Measurement
  if form == "task" {
    result = try reactor.run { try await workload.task(reactor) }
  } else if let callback = workload.callback {
    result = try callback(reactor)
  } else {
    return 3
  }
  print(jsonLine(name, form, result))
  return 0
}

func misuse(_ message: String) -> Int32 {
  let text = "ToroBench: \(message)\n\(usage)\n"
  _ = text.withCString { write(STDERR_FILENO, $0, text.utf8.count) }
  return 64
}

exit(try main(CommandLine.arguments.dropFirst()))
