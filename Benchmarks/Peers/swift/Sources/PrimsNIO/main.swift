// SwiftNIO futures and promises on one event loop thread. NIO has no primitives of this kind, so each is
// the small on-loop class a NIO user writes: a list of promises; a wake-up goes through loop.execute
// (completing a promise runs its callbacks in place, so ping-pong would recurse otherwise).
import Common
import Glibc
import HeapModule
import NIOCore
import NIOPosix

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let loop = group.next()
struct Expired: Error {}

final class Sem: @unchecked Sendable {
  var permits: Int
  var waiters = CircularBuffer<EventLoopPromise<Void>>()
  var timed: [Int: EventLoopPromise<Void>] = [:], order = CircularBuffer<Int>(), nextID = 0
  init(_ n: Int) { permits = n }
  @inline(never) func acquire() -> EventLoopFuture<Void>? {  // nil: acquired at once
    if permits > 0 { permits -= 1; return nil }
    let p = loop.makePromise(of: Void.self); waiters.append(p); return p.futureResult
  }
  @inline(never) func acquire(within d: TimeAmount) -> EventLoopFuture<Void>? {
    if permits > 0 { permits -= 1; return nil }
    let p = loop.makePromise(of: Void.self), id = nextID; nextID += 1
    let s = loop.scheduleTask(in: d) { if let p = self.timed.removeValue(forKey: id) { p.fail(Expired()) } }
    p.futureResult.whenSuccess { s.cancel() }
    timed[id] = p; order.append(id); return p.futureResult
  }
  @inline(never) func release() {
    if let p = waiters.popFirst() { loop.execute { p.succeed(()) }; return }
    while let id = order.popFirst() {
      if let p = timed.removeValue(forKey: id) { loop.execute { p.succeed(()) }; return }
    }
    permits += 1
  }
}
final class Queue: @unchecked Sendable {
  let cap: Int
  var buf = CircularBuffer<Int>(), getters = CircularBuffer<EventLoopPromise<Int>>(),
    putters = CircularBuffer<(Int, EventLoopPromise<Void>)>()
  init(_ n: Int) { cap = n }
  @inline(never) func put(_ v: Int) -> EventLoopFuture<Void>? {
    if let g = getters.popFirst() { loop.execute { g.succeed(v) }; return nil }
    if buf.count < cap { buf.append(v); return nil }
    let p = loop.makePromise(of: Void.self); putters.append((v, p)); return p.futureResult
  }
  enum Got { case now(Int), later(EventLoopFuture<Int>) }
  @inline(never) func get() -> Got {
    if let v = buf.popFirst() {
      if let (w, p) = putters.popFirst() { buf.append(w); loop.execute { p.succeed(()) } }
      return .now(v)
    }
    let p = loop.makePromise(of: Int.self); getters.append(p); return .later(p.futureResult)
  }
}
struct Result { var ns: Int, ops: Int, extra: [(String, Double)] = [] }
let done = loop.makePromise(of: Result.self)
let w = CommandLine.arguments.dropFirst().first ?? ""
var t0 = 0, left = 0, got = 0
func finish(_ ops: Int) { done.succeed(Result(ns: nowNs() - t0, ops: ops)) }

func side(_ i: Sem, _ o: Sem, _ n: Int, _ dl: Bool) {
  var n = n
  while n > 0 {
    n -= 1
    if let f = dl ? i.acquire(within: .seconds(1)) : i.acquire() {
      let rest = n
      f.whenComplete { r in
        if case .failure = r { fatalError() }; o.release(); side(i, o, rest, dl)
      }
      return
    }
    o.release()
  }
  left -= 1; if left == 0 { finish(got) }
}
func contend(_ s: Sem, _ n: Int) {
  if n == 0 { left -= 1; if left == 0 { finish(got) }; return }
  func held() {
    loop.execute {
      s.release(); contend(s, n - 1)
    }
  }
  if let f = s.acquire() { f.whenSuccess { held() } } else { held() }
}
func produce(_ q: Queue, _ n: Int) {
  var n = n
  while n > 0 { n -= 1; if let f = q.put(n) { let rest = n; f.whenSuccess { produce(q, rest) }; return } }
}
func consume(_ q: Queue, _ ops: Int) {
  while true {
    switch q.get() {
    case .now: got += 1; if got == ops { finish(ops); return }
    case .later(let f):
      f.whenSuccess { _ in
        got += 1; if got == ops { finish(ops) } else { consume(q, ops) }
      }; return
    }
  }
}
func ping(_ out: Queue, _ inn: Queue, _ first: Bool, _ ops: Int) {
  func recv() {
    switch inn.get() {
    case .now: loop.execute { landed() }
    case .later(let f): f.whenSuccess { _ in landed() }
    }
  }
  func landed() { got += 1; if got >= ops { if got == ops { finish(ops) } } else { ping(out, inn, true, ops) } }
  if first, let f = out.put(1) { f.whenSuccess { recv() } } else { recv() }
}
func start() {
  t0 = nowNs()
  switch w {
  case "lock_uncontended":
    let n = 10_000_000, s = Sem(1)
    for _ in 0..<n { if s.acquire() != nil { fatalError() }; s.release() }
    finish(n)
  case "lock_contended":
    got = 1_000_000; left = 100; let s = Sem(1)
    for _ in 0..<100 { loop.execute { contend(s, got / 100) } }
  case "semaphore_pingpong", "deadline_satisfied":
    got = 1_000_000; left = 2; let a = Sem(1), b = Sem(0), dl = w == "deadline_satisfied"
    loop.execute { side(a, b, got / 2, dl) }; loop.execute { side(b, a, got / 2, dl) }
  case "condition_notify":
    let n = 1_000_000; var waiter: EventLoopPromise<Void>?
    func wait() {
      let p = loop.makePromise(of: Void.self); waiter = p;
      p.futureResult.whenSuccess {
        got += 1; if got == n { finish(n) } else { wait() }
      }
    }
    func notify() {
      if let p = waiter { waiter = nil; loop.execute { p.succeed(()) } }; if got < n { loop.execute { notify() } }
    }
    loop.execute { wait() }; loop.execute { notify() }
  case "queue_spsc", "queue_mpmc":
    let n = 4_000_000, k = w == "queue_spsc" ? 1 : 10, q = Queue(128)
    for _ in 0..<k { loop.execute { produce(q, n / k) }; loop.execute { consume(q, n) } }
  case "queue_rendezvous":
    let a = Queue(1), b = Queue(1)
    loop.execute { ping(a, b, true, 1_000_000) }; loop.execute { ping(b, a, false, 1_000_000) }
  case "priority_queue":
    let m = 100_000; var h = Heap<UInt64>(), x: UInt64 = 88_172_645_463_325_252
    for _ in 0..<10 {
      for i in 0..<m { x ^= x << 13; x ^= x >> 7; x ^= x << 17; h.insert(x << 32 | UInt64(i)) }
      while h.popMin() != nil {}
    }
    finish(m * 10)
  case "event_broadcast":
    let k = 10_000, rounds = 20; var total = 0
    func round(_ r: Int) {
      if r == rounds { done.succeed(Result(ns: total, ops: k * rounds)); return }
      var ps: [EventLoopPromise<Void>] = [], t = 0; left = k
      for _ in 0..<k {
        let p = loop.makePromise(of: Void.self); ps.append(p)
        p.futureResult.whenSuccess {
          left -= 1; if left == 0 { total += nowNs() - t; loop.execute { round(r + 1) } }
        }
      }
      loop.execute {
        t = nowNs(); let all = ps; ps = []; for p in all { loop.execute { p.succeed(()) } }
      }
    }
    round(0)
  case "deadline_expired":
    let k = 10_000, s = Sem(0); var late: [Int] = []; late.reserveCapacity(k)
    for _ in 0..<k {
      loop.execute {
        let due = nowNs() + 10_000_000
        s.acquire(within: .milliseconds(10))!.whenFailure { _ in
          let n = nowNs(); late.append(n - due)
          if late.count == k { done.succeed(Result(ns: n - t0 - 10_000_000, ops: k, extra: lateness(late))) }
        }
      }
    }
  case "waiters_100k_memory":
    let k = 100_000, s = Sem(0); left = k; var t = 0
    let r0 = statusKB("VmRSS:"), ta = nowNs(); var extra: [(String, Double)] = []
    for _ in 0..<k {
      loop.execute {
        s.acquire(within: .hours(1))!.whenSuccess {
          left -= 1; if left == 0 { done.succeed(Result(ns: nowNs() - t, ops: k, extra: extra)) }
        }
        got += 1
        if got == k {
          loop.execute {
            let arm = nowNs() - ta, r1 = statusKB("VmRSS:")
            extra = [("bytes_per_waiter", Double(r1 - r0) * 1024 / Double(k)), ("arm_ns", Double(arm) / Double(k))]
            t = nowNs(); for _ in 0..<k { s.release() }
          }
        }
      }
    }
  case "spawn":
    let n = 1_000_000
    func next(_ i: Int) { if i == n { finish(n); return }; loop.submit { i }.whenSuccess { next($0 + 1) } }
    next(0)
  case "cross_thread":
    let n = 1_000_000
    var th = pthread_t()
    pthread_create(
      &th, nil,
      { _ in
        for _ in 0..<1_000_000 {
          loop.execute {
            got += 1; if got == 1_000_000 { finish(got) }
          }
        }; return nil
      }, nil)
    _ = n
  default: exit(3)
  }
}
loop.execute { start() }
let r = try done.futureResult.wait()
emit("swift-nio", w, ns: r.ns, ops: r.ops, r.extra)
