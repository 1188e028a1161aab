import Glibc
import ToroHTTP
import ToroHTTPVectors

// Says what the parser makes of streams, for comparison with other parsers.
//
//   ToroHTTPVerdict vectors         the conformance suite's streams, a line each: kind, whether it is taken, bytes in hexadecimal
//   ToroHTTPVerdict read < input    a line of JSON for each stream; the input has for each a byte, Q for requests or S for
//                                   responses, then the number of its bytes, in four bytes, lowest first, then the bytes

func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

func json(_ fields: [Transcript.Field]) -> String {
  "[\(fields.map { "[\"\(hex($0.name))\",\"\(hex($0.value))\"]" }.joined(separator: ","))]"
}

func json(_ message: Transcript.Message) -> String {
  let start =
    message.kind == .request
    ? "\"method\":\"\(hex(message.method))\",\"target\":\"\(hex(message.target))\""
    : "\"status\":\(message.status)"
  return "{\(start),\"minor\":\(message.minorVersion),\"fields\":\(json(message.fields)),"
    + "\"framing\":\"\(message.framing)\",\"keeps_alive\":\(message.keepsAlive),\"body\":\"\(hex(message.body))\","
    + "\"trailers\":\(json(message.trailers)),\"ended\":\(message.hasEnded)}"
}

func json(_ transcript: Transcript) -> String {
  let refusal = transcript.refusal.map { "\"\(hex(Array("\($0)".utf8)))\"" } ?? "null"
  return "{\"refusal\":\(refusal),\"messages\":[\(transcript.messages.map(json).joined(separator: ","))]}"
}

/// So many bytes of the standard input, `nil` if there are fewer.
func readExactly(_ count: Int) -> [UInt8]? {
  var bytes = [UInt8](repeating: 0, count: count)
  var filled = 0
  while filled < count {
    let received = bytes.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress! + filled, count - filled) }
    guard received > 0 else { return nil }
    filled += received
  }
  return bytes
}

switch CommandLine.arguments.dropFirst().first {
case "vectors":
  for vector in HTTPVector.requests + HTTPVector.responses {
    let outcome = Transcript(vector.kind, [vector.bytes[...]]).refusal == nil ? "taken" : "refused"
    print(vector.kind == .request ? "request" : "response", outcome, hex(vector.bytes), separator: "\t")
  }
case "read":
  while let header = readExactly(5) {
    let count = header[1...].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard let bytes = readExactly(count) else { exit(1) }
    print(json(Transcript(header[0] == UInt8(ascii: "Q") ? .request : .response, [bytes[...]], stopsAtClose: true)))
  }
default:
  print("usage: ToroHTTPVerdict vectors | read")
  exit(64)
}
