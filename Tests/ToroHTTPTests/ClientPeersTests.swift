#if HTTP
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

/// Against servers of others, where they are installed.
@Suite("HTTP client: other servers", .timeLimit(.minutes(10)))
struct ClientPeersTests {
  private static func freePort() throws -> Int {
    let listener = try loopback()
    defer { listener.close() }
    return listener.localAddress.port
  }

  /// Runs a server while `body` runs.
  private func running(
    _ files: [String: String], _ command: (_ port: Int) -> (files: [String: String], command: String),
    _ body: (_ base: String) async throws -> Void
  ) async throws {
    let port = try Self.freePort()
    let (more, line) = command(port)
    let process = try #require(SpawnedProcess(files.merging(more) { $1 }, line))
    var failure: (any Error)?
    do {
      try await process.awaitListener(port: port)
      try await body("http://127.0.0.1:\(port)")
    } catch {
      failure = error
      Issue.record("\(error); the server said: \(process.log)")
    }
    try await process.stop()
    if let failure { throw failure }
  }

  private static let page = String(repeating: "All work and no play makes Jack a dull boy.\n", count: 10_000)

  @Test(
    "Python's server is understood", .enabled(if: isInstalled("python3"), "python3 is not installed"),
    arguments: ["1.0", "1.1"])
  func python(_ version: String) throws {
    try withClient { client in
      try await running(["page.txt": Self.page, "empty": ""]) { port in
        ([:], "python3 -m http.server \(port) --bind 127.0.0.1 --protocol HTTP/\(version)")
      } _: { base in
        for _ in 0..<3 {
          let response = try await client.get("\(base)/page.txt")
          #expect(response.status == .ok && response[.contentType] == "text/plain")
          let text = try await response.body.text()
          #expect(text == Self.page)
        }
        #expect(client.pool.idleCount == (version == "1.1" ? 1 : 0))
        let empty = try await client.get("\(base)/empty").body.text()
        #expect(empty.isEmpty)
        let missing = try await client.get("\(base)/missing")
        #expect(missing.status == .notFound)
        let head = try await client.execute(HTTPClient.Request(method: .head, "\(base)/page.txt"))
        #expect(head[.contentLength] == "\(Self.page.utf8.count)")
        let list = try await client.get("\(base)/").body.text()
        #expect(list.contains("page.txt"))
        let post = try await client.execute(HTTPClient.Request(method: .post, base, body: .text("a=b")))
        #expect(post.status.code == 501)
      }
    }
  }

  @Test("nginx is understood", .enabled(if: isInstalled("nginx"), "nginx is not installed"))
  func nginx() throws {
    try withClient {
      $0.redirects = .follow()
      $0.maxConnectionsPerOrigin = 4
    } _: { client in
      try await running(["page.txt": Self.page]) { port in
        let configuration = """
          daemon off; master_process off; pid nginx.pid; error_log stderr;
          events { worker_connections 64; }
          http {
            access_log off; types { text/plain txt; } client_body_temp_path body; proxy_temp_path proxy;
            fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            keepalive_requests 5; keepalive_timeout 1s;
            server {
              listen 127.0.0.1:\(port); root .; client_max_body_size 64k;
              location /old { return 301 /page.txt; }
              location /chunks { gzip on; gzip_min_length 1; gzip_types *; alias page.txt; }
              location /put/ { dav_methods PUT DELETE; alias put/; create_full_put_path on; }
            }
          }
          """
        return (["nginx.conf": configuration], "env PATH=\"$PATH:/usr/sbin\" nginx -p \"$PWD\" -c \"$PWD/nginx.conf\"")
      } _: { base in
        // More than one connection is good for: the server says when it closes.
        for _ in 0..<12 {
          let text = try await client.get("\(base)/page.txt").body.text()
          #expect(text == Self.page)
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for _ in 0..<40 { group.addTask { try await client.get("\(base)/page.txt").body.text() == Self.page } }
          for try await isWhole in group { #expect(isWhole) }
        }
        let moved = try await client.get("\(base)/old")
        #expect(moved.redirectCount == 1 && moved.url.path == "/page.txt")
        moved.close()
        var request = try HTTPClient.Request("\(base)/chunks", headerFields: [.acceptEncoding: "gzip"])
        let chunks = try await client.execute(request)
        #expect(
          chunks[.transferEncoding] == "chunked" && chunks[.contentEncoding] == "gzip" && chunks.body.length == nil)
        let packed = try await chunks.body.collect(upTo: 1 << 20)
        #expect(packed.starts(with: [0x1F, 0x8B]))
        // Uploads, by length and in chunks, asked for or not.
        for (body, expectsContinue) in [
          (HTTPClient.Request.Body.text("hello"), false), (.text("hello"), true),
          (.stream(length: nil) { for part in ["he", "llo"] { try await $0.write(part) } }, true),
        ] {
          request = try HTTPClient.Request(method: .put, "\(base)/put/file.txt", body: body)
          request.expectsContinue = expectsContinue
          let put = try await client.execute(request)
          #expect(put.status.code / 100 == 2)
          let text = try await client.get("\(base)/put/file.txt").body.text()
          #expect(text == "hello")
          let deleted = try await client.execute(HTTPClient.Request(method: .delete, "\(base)/put/file.txt"))
          #expect(deleted.status == .noContent)
        }
        // It refuses at once, by the length or when it is too much.
        for body in [
          HTTPClient.Request.Body.bytes([UInt8](repeating: 65, count: 20 << 20)),
          .stream(length: nil) { for _ in 0..<2000 { try await $0.write([UInt8](repeating: 65, count: 10_000)) } },
        ] {
          let refused = try await client.execute(HTTPClient.Request(method: .put, "\(base)/put/big", body: body))
          #expect(refused.status.code == 413)
        }
        // It closes what was kept; the next request does not meet that.
        _ = try await client.get("\(base)/page.txt").body.text()
        try await Reactor.current.sleep(for: .milliseconds(1300))
        #expect(client.pool.idleCount == 0)
        let last = try await client.execute(HTTPClient.Request(method: .post, "\(base)/page.txt"))
        #expect(last.status == .methodNotAllowed)
      }
    }
  }
}
#endif
