import HTTPTypes
import Toro
import ToroHTTP

let parserWorkloads = [
  Workload(
    "http_parse_head", "a request's head of 800 bytes is parsed and checked", operations: (1_000_000, 0),
    task: { _, operations in try parseHeads(operations) { _, _ in 12 } }),
  Workload(
    "http_parse_head_fields", "such a head is parsed, and its fields are made into HTTPFields",
    operations: (1_000_000, 0),
    task: { _, operations in try parseHeads(operations) { HTTPFields($0.fields, in: $1).count } }),
]

/// As a browser sends it.
private let browserHead =
  [
    "GET /library/2024/authors/index.html?page=3&order=title&filter=available HTTP/1.1",
    "Host: www.example.com",
    "Connection: keep-alive",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 "
      + "Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.7",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Referer: https://www.example.com/library/2024/authors/index.html?page=2",
    "Upgrade-Insecure-Requests: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: same-origin",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1; "
      + "visited=01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456",
  ].map { "\($0)\r\n" }.joined() + "\r\n"

/// Parses the same head again and again, with a parser that is used again as on a connection.
private func parseHeads(
  _ operations: Int, _ fieldCount: (HTTPHead, UnsafeRawBufferPointer) -> Int
) throws -> Measurement {
  let bytes = Array(browserHead.utf8)
  precondition(bytes.count == 800)
  return try bytes.withUnsafeBytes { bytes in
    var parser = HTTPParser(.request)
    var fields = 0
    let began = nowNanoseconds()
    for _ in 0..<operations {
      guard case .head(800) = try parser.parse(bytes) else { preconditionFailure("it is a head") }
      fields += fieldCount(parser.head, bytes)
      parser.reset()
    }
    let nanoseconds = nowNanoseconds() - began
    precondition(fields == 12 * operations)
    return Measurement(nanoseconds: nanoseconds, operations: operations)
  }
}
