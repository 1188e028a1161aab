import Toro
import ToroHTTP

/// What the proxy says of itself: `/-/stats` for programs, `/-/` for people.
struct StatusPage: Sendable {
  let cache: Cache
  let reactor: Reactor

  func answer(_ request: HTTPServer.Request) -> HTTPServer.Response? {
    switch request.target {
    case "/-/stats": .json(stats)
    case "/-/": .html(page)
    default: nil
    }
  }

  private var stats: String {
    let numbers = [
      ("hits", cache.counts[.hit] ?? 0), ("coalesced", cache.counts[.coalesced] ?? 0),
      ("misses", cache.counts[.miss] ?? 0), ("waiting", cache.waiting), ("pages", cache.pageCount),
      ("bytes", cache.byteCount),
    ]
    return "{" + numbers.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}\n"
  }

  /// Who waits where is what any reactor can tell of itself: `Reactor.waits`.
  private var page: String {
    let rows = reactor.waits.prefix(100).map { wait in
      let place = wait.file.map { "\($0):\(wait.line ?? 0)" } ?? ""
      return
        "<tr><td>\(escaped(wait.subject))<td>\(escaped(wait.call))<td>\(escaped(wait.task ?? ""))<td>\(escaped(place))"
    }
    return """
      <!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Caching proxy</title>
      <style>body{font:15px system-ui;margin:2em}b{font-size:2em;margin-right:.3em}td{padding:.1em 1em .1em 0}</style>
      <h1>Caching proxy</h1>
      <p><b>\(cache.counts[.hit] ?? 0)</b>hits <b>\(cache.counts[.coalesced] ?? 0)</b>coalesced
      <b>\(cache.counts[.miss] ?? 0)</b>fetched <b>\(cache.waiting)</b>waiting now
      <b>\(cache.pageCount)</b>pages of \(cache.byteCount / 1024) KiB</p>
      <h2>Who waits where</h2><table>\(rows.joined(separator: "\n"))</table>

      """
  }

  private func escaped(_ text: String) -> String {
    text.reduce(into: "") { $0 += $1 == "<" ? "&lt;" : $1 == "&" ? "&amp;" : String($1) }
  }
}
