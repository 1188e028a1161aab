import Glibc
import Toro

import class Toro.Semaphore

func nowNs() -> Int {
  var t = timespec(); clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1_000_000_000 + t.tv_nsec
}
func side(_ a: Semaphore, _ b: Semaphore, _ n: Int, _ d: Bool) async throws {
  if d {
    for _ in 0..<n { guard try await a.acquire(deadline: .after(.seconds(1))) else { fatalError() }; b.release() }
  } else {
    for _ in 0..<n { try await a.acquire(); b.release() }
  }
}
func lock(_ l: Lock, _ n: Int) async throws { for _ in 0..<n { try await l.acquire(); l.release() } }
let r = try Reactor()
try r.run {
  for _ in 0..<5 {
    let l = Lock()
    var t = nowNs()
    try await lock(l, 20_000_000)
    print("lock", Double(nowNs() - t) / 20e6)
    for d in [false, true] {
      let a = Semaphore(1), b = Semaphore(0), n = 500_000
      t = nowNs()
      let x = r.spawn { try await side(a, b, n, d) }, y = r.spawn { try await side(b, a, n, d) }
      try await x.value; try await y.value
      print("pingpong", d, Double(nowNs() - t) / Double(2 * n))
    }
  }
}
