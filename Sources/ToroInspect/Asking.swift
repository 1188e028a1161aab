import Toro
import ToroNet

/// Asks an inspector for a page.
func ask(_ address: SocketAddress, for path: String) async throws -> String {
  let deadline = Deadline.after(.seconds(10))
  let connection = try await Connection.connect(to: address, deadline: deadline)
  defer { connection.close() }
  // Of HTTP/1.0, so that the answer ends where the stream does, and needs no taking apart.
  try await connection.write("GET \(path) HTTP/1.0\r\nHost: localhost\r\n\r\n", deadline: deadline)
  var bytes: [UInt8] = []
  while true {
    let part = try await connection.read(deadline: deadline)
    if part.isEmpty { break }
    bytes += part
    if bytes.count > 64 << 20 { throw AnswerError(text: "the answer does not end") }
  }
  let answer = String(decoding: bytes, as: UTF8.self)
  guard answer.hasPrefix("HTTP/1."), let end = answer.firstRange(of: "\r\n\r\n") else {
    throw AnswerError(text: "what listens there is no inspector")
  }
  guard answer.dropFirst("HTTP/1.1 ".count).hasPrefix("200") else {
    throw AnswerError(text: "what listens there answers \(answer.prefix { $0 != "\r\n" }.dropFirst("HTTP/1.1 ".count))")
  }
  return String(answer[end.upperBound...])
}

/// What came is no snapshot.
struct AnswerError: Error, CustomStringConvertible {
  let text: String
  var description: String { text }
}
