// Plain Swift concurrency: a simple actor semaphore, AsyncChannel and task groups, on the default global
// executor; with TASK_EXECUTOR=nio the same code prefers an executor made of one NIO event loop.
import AsyncAlgorithms
import Common
import DequeModule
import Glibc
import NIOCore
import NIOPosix

struct Expired: Error {}
actor Sem {
  private var permits: Int, nextID = 0
  private var waiters = Deque<(id: Int, c: UnsafeContinuation<Bool, Never>)>()
  private var cancelled: Set<Int> = []
  init(_ n: Int) { permits = n }
  func acquire() async {
    if permits > 0 { permits -= 1; return }
    nextID += 1; let id = nextID
    _ = await withUnsafeContinuation { waiters.append((id, $0)) }
  }
  func acquireCancellable() async throws {
    if permits > 0 { permits -= 1; return }
    nextID += 1; let id = nextID
    let ok = await withTaskCancellationHandler {
      await withUnsafeContinuation { (c: UnsafeContinuation<Bool, Never>) in
        if Task.isCancelled { c.resume(returning: false) } else { waiters.append((id, c)) }
      }
    } onCancel: {
      Task { await self.cancel(id) }
    }
    if !ok { throw CancellationError() }
  }
  private func cancel(_ id: Int) {  // ids ascend: binary search
    var lo = 0, hi = waiters.count
    while lo < hi { let m = (lo + hi) / 2; if waiters[m].id < id { lo = m + 1 } else { hi = m } }
    if lo < waiters.count, waiters[lo].id == id { waiters.remove(at: lo).c.resume(returning: false) }
  }
  func release() { if let w = waiters.popFirst() { w.c.resume(returning: true) } else { permits += 1 } }
}
// The usual withTimeout: the work and a sleep race in a group; the loser is cancelled.
func within(_ d: Duration, _ s: Sem) async throws {
  try await withThrowingTaskGroup(of: Void.self) { g in
    g.addTask { try await s.acquireCancellable() }
    g.addTask {
      try await Task.sleep(for: d, tolerance: .zero); throw Expired()
    }
    defer { g.cancelAll() }
    try await g.next()
  }
}
actor Event {
  private var on = false, waiters: [UnsafeContinuation<Void, Never>] = []
  var count: Int { waiters.count }
  func wait() async { if !on { await withUnsafeContinuation { waiters.append($0) } } }
  func set() { on = true; let w = waiters; waiters = []; for c in w { c.resume() } }
}
actor Cond {
  private var waiters = Deque<UnsafeContinuation<Void, Never>>()
  func wait() async { await withUnsafeContinuation { waiters.append($0) } }
  func notify() { waiters.popFirst()?.resume() }
}
actor Tally {  // counts down; remembers when it reached zero
  private var left: Int; private(set) var end = 0; var late: [Int] = []
  init(_ n: Int) { left = n }
  func hit() { left -= 1; if left == 0 { end = nowNs() } }
  func add(_ v: Int) { late.append(v) }
}
typealias R = (ns: Int, ops: Int, extra: [(String, Double)])
func both(_ a: @escaping @Sendable () async throws -> Void, _ b: @escaping @Sendable () async throws -> Void)
  async throws
{
  try await withThrowingTaskGroup(of: Void.self) { g in
    g.addTask { try await a() }; g.addTask { try await b() }; try await g.waitForAll()
  }
}
nonisolated(unsafe) var pref: (any TaskExecutor)?  // Task {} does not inherit a preference; groups do
func run(_ w: String) async throws -> R? {
  var t = nowNs()
  switch w {
  case "lock_uncontended":
    let n = 3_000_000, s = Sem(1)
    for _ in 0..<n { await s.acquire(); await s.release() }
    return (nowNs() - t, n, [])
  case "lock_contended":
    let n = 200_000, s = Sem(1)
    await withTaskGroup(of: Void.self) { g in
      for _ in 0..<100 {
        g.addTask { for _ in 0..<n / 100 { await s.acquire(); await Task.yield(); await s.release() } }
      }
    }
    return (nowNs() - t, n, [])
  case "semaphore_pingpong", "deadline_satisfied":
    let dl = w == "deadline_satisfied", n = dl ? 100_000 : 400_000, a = Sem(1), b = Sem(0)
    @Sendable func side(_ i: Sem, _ o: Sem) async throws {
      for _ in 0..<n / 2 { if dl { try await within(.seconds(1), i) } else { await i.acquire() }; await o.release() }
    }
    try await both({ try await side(a, b) }, { try await side(b, a) })
    return (nowNs() - t, n, [])
  case "condition_notify":
    let n = 200_000, c = Cond()
    let k = Task(executorPreference: pref) { while !Task.isCancelled { await c.notify(); await Task.yield() } }
    for _ in 0..<n { await c.wait() }
    let d = nowNs() - t; k.cancel(); return (d, n, [])
  case "queue_spsc", "queue_mpmc":  // AsyncChannel has no buffer: every send waits for its receiver
    let n = 400_000, k = w == "queue_spsc" ? 1 : 10, ch = AsyncChannel<Int>()
    await withTaskGroup(of: Void.self) { g in
      g.addTask {
        await withTaskGroup(of: Void.self) { p in
          for _ in 0..<k { p.addTask { for i in 0..<n / k { await ch.send(i) } } }
        }; ch.finish()
      }
      for _ in 0..<k { g.addTask { for await _ in ch {} } }
    }
    return (nowNs() - t, n, [])
  case "queue_rendezvous":
    let n = 200_000, a = AsyncChannel<Int>(), b = AsyncChannel<Int>()
    try await both(
      {
        var i = b.makeAsyncIterator(); for k in 0..<n / 2 { await a.send(k); _ = await i.next() }
      },
      {
        var i = a.makeAsyncIterator(); for _ in 0..<n / 2 { await b.send(await i.next()!) }
      })
    return (nowNs() - t, n, [])
  case "event_broadcast":
    let k = 10_000, rounds = 10; var total = 0
    for _ in 0..<rounds {
      let e = Event(), tally = Tally(k)
      try await withThrowingTaskGroup(of: Void.self) { g in
        for _ in 0..<k {
          g.addTask {
            await e.wait(); await tally.hit()
          }
        }
        while await e.count < k { await Task.yield() }
        t = nowNs(); await e.set(); try await g.waitForAll()
      }
      total += await tally.end - t
    }
    return (total, k * rounds, [])
  case "deadline_expired":
    let k = 10_000, s = Sem(0), tally = Tally(k)
    await withTaskGroup(of: Void.self) { g in
      for _ in 0..<k {
        g.addTask {
          let due = nowNs() + 10_000_000
          do { try await within(.milliseconds(10), s); fatalError() } catch {
            await tally.add(nowNs() - due); await tally.hit()
          }
        }
      }
    }
    return (await tally.end - t - 10_000_000, k, lateness(await tally.late))
  case "waiters_100k_memory":
    let k = 100_000, s = Sem(0), tally = Tally(k), r0 = statusKB("VmRSS:"); var r: R = (0, k, []); let ready = Tally(k)
    try await withThrowingTaskGroup(of: Void.self) { g in
      for _ in 0..<k {
        g.addTask {
          await ready.hit(); try await within(.seconds(3600), s); await tally.hit()
        }
      }
      while await ready.end == 0 { await Task.yield() }
      let arm = nowNs() - t
      try await Task.sleep(for: .seconds(2))  // the acquiring children trail their parents
      let r1 = statusKB("VmRSS:")
      r.extra = [("bytes_per_waiter", Double(r1 - r0) * 1024 / Double(k)), ("arm_ns", Double(arm) / Double(k))]
      t = nowNs(); for _ in 0..<k { await s.release() }
      try await g.waitForAll()
    }
    r.ns = await tally.end - t; return r
  case "spawn":
    let n = 500_000
    for i in 0..<n { if await Task(executorPreference: pref, operation: { i }).value != i { fatalError() } }
    return (nowNs() - t, n, [])
  case "cross_thread":
    let n = 1_000_000; let (st, c) = AsyncStream.makeStream(of: Int.self)
    final class Box { let c: AsyncStream<Int>.Continuation; init(_ c: AsyncStream<Int>.Continuation) { self.c = c } }
    var th = pthread_t()
    pthread_create(
      &th, nil,
      { p in
        let b = Unmanaged<Box>.fromOpaque(p!).takeRetainedValue(); for i in 0..<1_000_000 { b.c.yield(i) };
        b.c.finish(); return nil
      }, Unmanaged.passRetained(Box(c)).toOpaque())
    var got = 0; for await _ in st { got += 1 }
    if got != n { fatalError() }
    return (nowNs() - t, n, [])
  default: return nil
  }
}
final class LoopExecutor: TaskExecutor {
  let loop: any EventLoop; init(_ l: any EventLoop) { loop = l }
  func enqueue(_ job: consuming ExecutorJob) {
    let j = UnownedJob(job); loop.execute { j.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
let w = CommandLine.arguments.dropFirst().first ?? ""
let onNIO = getenv("TASK_EXECUTOR") != nil
let peer = onNIO ? "swift-async-on-nio" : "swift-concurrency"
let r: R?
if onNIO {
  let ex = LoopExecutor(MultiThreadedEventLoopGroup(numberOfThreads: 1).next())
  pref = ex; r = try await Task(executorPreference: ex) { try await run(w) }.value
} else {
  r = try await Task.detached { try await run(w) }.value
}
guard let r else { exit(3) }
emit(peer, w, ns: r.ns, ops: r.ops, r.extra)
