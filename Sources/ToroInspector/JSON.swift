/// A value of JSON, put together to be sent.
indirect enum JSON {
  case null
  case bool(Bool)
  case int(Int)
  /// A number with six decimals, which is `millionths` of one: a time in seconds, or a rate.
  case decimal(millionths: Int)
  case string(String)
  case array([JSON])
  case object(KeyValuePairs<String, JSON>)
  /// As ``object(_:)``, of keys that are data.
  case map([(key: String, value: JSON)])

  static func string(_ text: String?) -> JSON { text.map(JSON.string) ?? .null }
  static func int(_ number: Int?) -> JSON { number.map(JSON.int) ?? .null }

  /// A time in seconds.
  static func seconds(nanoseconds: Int64?) -> JSON {
    nanoseconds.map { .decimal(millionths: Int($0 / 1_000)) } ?? .null
  }

  /// The number, as long as it is one; its fraction to the millionth.
  static func number(_ value: Double) -> JSON {
    abs(value) < 1e12 ? .decimal(millionths: Int((value * 1e6).rounded())) : .null
  }

  /// As text, in one line.
  var text: String {
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .int(let value): text += "\(value)"
    case .decimal(let millionths): JSON.write(millionths, to: &text)
    case .string(let value): JSON.write(value, to: &text)
    case .array(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += "," }
        value.write(to: &text)
      }
      text += "]"
    case .object(let members): JSON.write(members.map { ($0.key, $0.value) }, to: &text)
    case .map(let members): JSON.write(members.map { ($0.key, $0.value) }, to: &text)
    }
  }

  private static func write(_ members: [(String, JSON)], to text: inout String) {
    text += "{"
    for (index, member) in members.enumerated() {
      if index > 0 { text += "," }
      write(member.0, to: &text)
      text += ":"
      member.1.write(to: &text)
    }
    text += "}"
  }

  private static func write(_ millionths: Int, to text: inout String) {
    let size = millionths.magnitude
    if millionths < 0 { text += "-" }
    text += "\(size / 1_000_000)"
    if size % 1_000_000 == 0 { return }
    var fraction = "\(size % 1_000_000 + 1_000_000)".dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    text += ".\(fraction)"
  }

  private static func write(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
