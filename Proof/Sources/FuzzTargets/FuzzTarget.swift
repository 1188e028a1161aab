import Glibc

/// What is given bytes that a fuzzer makes up, and has to make something of them whatever they are.
struct FuzzTarget: Sendable {
  let name: String
  /// What bytes are like that it makes much of: a fuzzer begins with them.
  let seeds: @Sendable () -> [[UInt8]]
  /// Takes the bytes, and says what is wrong with what came of them. It may also stop the process, as a fault does.
  let run: @Sendable (UnsafeRawBufferPointer) throws -> String?

  init(
    _ name: String, seeds: @escaping @Sendable () -> [[UInt8]],
    run: @escaping @Sendable (UnsafeRawBufferPointer) throws -> String?
  ) {
    self.name = name
    self.seeds = seeds
    self.run = run
  }

  static let all: [FuzzTarget] =
    [
      .httpRequests, .httpResponses, .httpChunks, .urls, .addresses, .workQueueLines, .cInterface,
    ] + primitives

  static func named(_ name: UnsafePointer<CChar>) -> FuzzTarget? {
    let name = String(cString: name)
    return all.first { $0.name == name }
  }
}

// MARK: As the entry calls it

/// The name of each target, `NULL` after the last.
@_cdecl("toro_fuzz_name")
func nameOfTarget(_ number: Int) -> UnsafePointer<CChar>? {
  number < FuzzTarget.all.count ? UnsafePointer(strdup(FuzzTarget.all[number].name)) : nil
}

/// Whether there is a target of that name; it is run from now on.
@_cdecl("toro_fuzz_choose")
func chooseTarget(_ name: UnsafePointer<CChar>) -> Bool {
  guard let target = FuzzTarget.named(name) else { return false }
  chosen = target
  return true
}

/// Stops the process if anything is wrong.
@_cdecl("toro_fuzz_run")
func runTarget(_ data: UnsafePointer<UInt8>?, _ size: Int) {
  do {
    let wrong = try chosen.unsafelyUnwrapped.run(UnsafeRawBufferPointer(start: data, count: size))
    if let wrong { fatalError(wrong) }
  } catch {
    fatalError("\(error)")
  }
}

/// Hands the seeds to `take`, one by one.
@_cdecl("toro_fuzz_seeds")
func handOutSeeds(_ take: @convention(c) (UnsafePointer<UInt8>?, Int) -> Void) {
  for seed in chosen.unsafelyUnwrapped.seeds() { seed.withUnsafeBufferPointer { take($0.baseAddress, $0.count) } }
}

/// One thread calls all of these.
private nonisolated(unsafe) var chosen: FuzzTarget?
