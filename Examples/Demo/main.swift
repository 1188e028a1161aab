// Shows the examples at work: `Demo [proxy|work-queue]`.
import Glibc
import Toro
import ToroNet

let usage = """
  usage: Demo [proxy|work-queue]

  proxy        three spiders crawl a small site through the caching proxy (this is what is shown if nothing is said)
  work-queue   clients of all kinds talk to the work queue daemon
  """

/// Starts a daemon, which says where it listens.
func start(_ name: String, _ arguments: [String]) async throws -> (ChildProcess, SocketAddress) {
  let daemon = try ChildProcess(ChildProcess.neighbour(name), arguments)
  let prefix = "listening on "
  guard let line = try await daemon.readLine(), line.hasPrefix(prefix) else {
    throw Failure("\(name) does not say where it listens")
  }
  return (daemon, try SocketAddress(String(line.dropFirst(prefix.count))))
}

func showProxy() async throws {
  print(
    """
    A small site, a caching proxy (Examples/CachingProxy) and spiders (Examples/WebSpider) that crawl the site through it.
    However many ask for a page at the same time, the proxy asks the site once.

    """)
  let site = try Site()
  let (proxy, address) = try await start("CachingProxy", ["--port", "0"])
  try await ProxyScenes(site: site, proxy: proxy, address: address, spider: ChildProcess.neighbour("WebSpider")).play()
  try await site.stop()
}

func showWorkQueue() async throws {
  print(
    """
    A work queue daemon (Examples/WorkQueue) and its clients, who talk to it over TCP in lines of text. What follows
    is what they see. "item 2 job 3.7" has priority 2 (the lowest leave first) and is the 7th that putter 3 put.

    """)
  let (daemon, address) = try await start("WorkQueue", ["--port", "0", "--grace", "10"])
  try await WorkQueueScenes(daemon: daemon, address: address, reactor: .current).play()
}

func run(_ demo: @escaping @Sendable () async throws -> Void, _ ending: String) -> Int32 {
  do {
    let reactor = try Reactor()
    defer { reactor.close() }
    try reactor.run { try await withDeadline(.after(.seconds(50))) { try await demo() } }
    print("\nall went well\n\n\(ending)")
    return 0
  } catch {
    print("FAILED: \(error)")
    return 1
  }
}

switch CommandLine.arguments.dropFirst() {
case [], ["proxy"]:
  exit(
    run(
      showProxy,
      """
      Try it by hand: `swift run --package-path Examples CachingProxy`, and elsewhere `curl -x 127.0.0.1:3128 http://…`; what it does
      is shown at http://127.0.0.1:3128/-/. `Demo work-queue` shows the work queue daemon.
      """))
case ["work-queue"]:
  exit(
    run(
      showWorkQueue,
      """
      Try it by hand: `swift run --package-path Examples WorkQueue`, and elsewhere `nc 127.0.0.1 7311`;
      then put 1 hello, take 1000, done, stats, quit.
      """))
case ["--help"], ["-h"]:
  print(usage)
default:
  _ = "Demo: one of these at a time\n\(usage)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(64)
}
