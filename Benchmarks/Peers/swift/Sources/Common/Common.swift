import Glibc

@inline(__always) public func nowNs() -> Int {
  var t = timespec(); clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1_000_000_000 + t.tv_nsec
}
public func statusKB(_ key: String) -> Int {
  guard let f = fopen("/proc/self/status", "r") else { return 0 }
  defer { fclose(f) }
  var buf = [CChar](repeating: 0, count: 256)
  while fgets(&buf, 256, f) != nil {
    let l = String(cString: buf)
    if l.hasPrefix(key) { return Int(l.split(whereSeparator: { $0 == "\t" || $0 == " " })[1])! }
  }
  return 0
}
func f1(_ x: Double) -> String {
  let v = Int((x * 100).rounded()); return "\(v / 100).\(v % 100 < 10 ? "0" : "")\(v % 100)"
}
public func emit(_ peer: String, _ w: String, ns: Int, ops: Int, _ extra: [(String, Double)] = []) {
  let e = extra.map { ",\"\($0.0)\":\(f1($0.1))" }.joined()
  print(
    "{\"peer\":\"\(peer)\",\"workload\":\"\(w)\",\"ns_per_op\":\(f1(Double(max(ns, 0)) / Double(ops))),\"ops\":\(ops),\"peak_rss_kb\":\(statusKB("VmHWM:"))\(e)}"
  )
}
public func lateness(_ l: [Int]) -> [(String, Double)] {
  let s = l.sorted(); return [("late_p50_us", Double(s[s.count / 2]) / 1e3), ("late_max_us", Double(s.last!) / 1e3)]
}
