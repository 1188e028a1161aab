import Glibc
import Testing
import Toro

@Suite("Many reactors", .timeLimit(.minutes(10)))
struct ManyReactorsTests {
  // In a process of its own: other tests have threads and descriptors too.
  @Test("100,000 reactors made and freed leave descriptors, threads and memory as they were (scenario 35)")
  func manyReactors() async {
    await #expect(processExitsWith: .success) {
      try makeReactors(2_000)
      let before = Footprint()
      try makeReactors(98_000)
      let after = Footprint()
      guard after.descriptors == before.descriptors, after.threads <= before.threads,
        after.kilobytes < before.kilobytes + (isAddressSanitized ? 300_000 : 3_000)
      else { fatalError("\(before) before, \(after) after") }
    }
  }
}

/// What is freed is kept for a while by the address sanitizer: up to 256 MiB.
private let isAddressSanitized = dlsym(nil, "__asan_init") != nil

private struct Footprint {
  let descriptors: Int
  let threads: Int
  let kilobytes: Int

  init() {
    descriptors = entries(of: "/proc/self/fd")
    threads = entries(of: "/proc/self/task")
    kilobytes = residentPages() * 4
  }
}

private func entries(of path: String) -> Int {
  guard let directory = opendir(path) else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while readdir(directory) != nil { count += 1 }
  return count
}

private func residentPages() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return -1 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  guard fgets(&line, 256, file) != nil else { return -1 }
  let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  return Int(text.split(separator: " ")[1]) ?? -1
}

/// Reactors of both kinds, used or not, closed or dropped.
private func makeReactors(_ count: Int) throws {
  for number in 0..<count {
    let reactor = try Reactor(clock: number % 2 == 0 ? .monotonic : .virtual)
    let event = Event(on: reactor)
    event.wait { _ in }
    reactor.schedule(at: .after(.seconds(1))) {}
    if number % 3 == 0 {
      try reactor.run {
        async let isSet = event.wait(deadline: .after(.seconds(1)))
        await reactor.yield()
        event.set()
        guard try await isSet else { fatalError("not set") }
      }
    }
    if number % 5 != 0 { reactor.close() }
  }
}
