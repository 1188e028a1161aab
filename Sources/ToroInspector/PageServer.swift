import Glibc
import Toro
import ToroHTTP
import ToroNet

/// Answers requests for pages: one on each connection, of whatever comes after it nothing. That is as much of HTTP as an inspector
/// needs, over the parser alone, so that neither a package's trait nor anything fetched is needed for it.
struct PageServer: Sendable {
  struct Request: Sendable {
    var method: String
    var path: String
    /// What follows the first `?` of the target.
    var query: String
    /// The Host field, or that of a target which names one.
    var authority: String
  }

  struct Answer: Sendable {
    var status = 200
    var contentType = "text/plain; charset=utf-8"
    var fields: [(name: String, value: String)] = []
    var text: String

    static func refusal(_ status: Int, _ text: String) -> Answer { Answer(status: status, text: "\(text)\n") }
  }

  /// Makes the answer; what it throws is a 500.
  let answer: @Sendable (Request) async throws -> Answer

  private static let headTimeout = Duration.seconds(10)
  private static let answerTimeout = Duration.seconds(30)

  func serve(_ connection: Connection) async throws {
    guard let (request, framing) = try await receive(connection) else { return }
    var answer: Answer
    switch request {
    case .success(let request):
      do {
        answer = try await self.answer(request)
      } catch let error where !(error is CancellationError) {
        answer = .refusal(500, "\(error)")
      }
      try await send(answer, withText: request.method != "HEAD", to: connection)
    case .failure(let error):
      try await send(.refusal(error.status, error.description), withText: true, to: connection)
    }
    connection.closeWrite()
    // What is not read would have the system cut the answer off.
    var left = framing == HTTPHead.Framing.none ? 0 : 65_536
    let deadline = Deadline.at(connection.reactor.now.advanced(by: .seconds(1)))
    while left > 0, case let count = try await connection.read(deadline: deadline).count, count > 0 { left -= count }
  }

  /// - Returns: `nil` if nobody asks anything.
  private func receive(
    _ connection: Connection
  ) async throws -> (Result<Request, HTTPSyntaxError>, HTTPHead.Framing?)? {
    let deadline = Deadline.at(connection.reactor.now.advanced(by: Self.headTimeout))
    var parser = HTTPParser(.request)
    var bytes: [UInt8] = []
    while true {
      do {
        if case .head = try bytes.withUnsafeBytes({ try parser.parse($0) }) {
          return (.success(Self.request(parser.head, bytes)), parser.head.framing)
        }
      } catch let error as HTTPSyntaxError {
        return (.failure(error), nil)
      }
      let more: [UInt8]
      do {
        more = try await connection.read(upTo: 16_384, deadline: deadline)
      } catch is TimeoutError {
        return nil
      }
      if more.isEmpty { return nil }
      bytes += more
    }
  }

  private static func request(_ head: HTTPHead, _ bytes: [UInt8]) -> Request {
    func text(_ part: HTTPHead.Part) -> Substring { Substring(decoding: bytes[part.range], as: UTF8.self) }
    var target = text(head.target)
    var authority = head.host.map(text) ?? ""
    // Only of a target that is a whole URL: what begins with a slash may have anything behind it.
    if target.utf8.first != UInt8(ascii: "/"), let mark = target.firstRange(of: "://") {
      let rest = target[mark.upperBound...]
      let slash = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
      (authority, target) = (rest[..<slash], rest[slash...])
    }
    let question = target.firstIndex(of: "?") ?? target.endIndex
    let path = target[..<question]
    return Request(
      method: String(text(head.method)), path: path.isEmpty ? "/" : String(path),
      query: String(target[question...].dropFirst()), authority: String(authority))
  }

  private func send(_ answer: Answer, withText: Bool, to connection: Connection) async throws {
    var head = "HTTP/1.1 \(answer.status) \(Self.reason(answer.status))\r\n"
    head += "Date: \(DateField.text(Int64(time(nil))))\r\n"
    head += "Content-Type: \(answer.contentType)\r\nContent-Length: \(answer.text.utf8.count)\r\n"
    head += "Cache-Control: no-store\r\nConnection: close\r\n"
    for (name, value) in answer.fields { head += "\(name): \(value)\r\n" }
    try await connection.write(
      head + "\r\n" + (withText ? answer.text : ""),
      deadline: .at(connection.reactor.now.advanced(by: Self.answerTimeout)))
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 421: "Misdirected Request"
    case 500: "Internal Server Error"
    default: "Refused"
    }
  }
}
