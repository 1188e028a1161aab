import Testing

@testable import ToroNet

@Suite("Lines in received bytes")
struct InputBufferTests {
  /// What a reader with this limit makes of a text that comes in portions of `size` bytes.
  private func lines(of text: String, by size: Int, maxLength: Int = 8) -> [String] {
    var buffer = InputBuffer()
    var found: [String] = []
    func take() {
      while true {
        switch buffer.nextLine(maxLength: maxLength, { String(decoding: $0, as: UTF8.self) }) {
        case .line(let line): found.append(line)
        case .tooLong: found.append("TOO LONG")
        case .incomplete: return
        }
      }
    }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      rest.prefix(size).withUnsafeBytes { buffer.append($0) }
      rest = rest.dropFirst(size)
      take()
      #expect(buffer.count <= maxLength + 1)
    }
    switch buffer.lastLine(maxLength: maxLength, { String(decoding: $0, as: UTF8.self) }) {
    case .line(let line): found.append(line + "$")
    case .tooLong: found.append("TOO LONG$")
    default: break
    }
    return found
  }

  @Test("Lines are the same whatever the portions they come in", arguments: [1, 2, 3, 7, 64])
  func portions(size: Int) {
    let text = "a\n\nbc\r\n\r\n12345678\n12345678\r\n123456789\nafter\r\r\n12345678901234567890\r\nlast"
    #expect(
      lines(of: text, by: size) == [
        "a", "", "bc", "", "12345678", "12345678", "TOO LONG", "after\r", "TOO LONG", "last$",
      ])
    #expect(lines(of: "x\n1234567890", by: size) == ["x", "TOO LONG$"])
    #expect(lines(of: "x\n", by: size) == ["x"])
    #expect(lines(of: "ab\nc\n", by: size, maxLength: 0) == ["TOO LONG", "TOO LONG"])
  }

  @Test("Bytes and lines can be read by turns")
  func mixture() {
    var buffer = InputBuffer()
    Array("one\ntwo\nthree".utf8).withUnsafeBytes { buffer.append($0) }
    #expect(buffer.take(2) == Array("on".utf8))
    guard case .line("e") = buffer.nextLine(maxLength: 8, { String(decoding: $0, as: UTF8.self) }) else {
      Issue.record("no line after bytes")
      return
    }
    #expect(buffer.take(100) == Array("two\nthree".utf8))
    #expect(buffer.isEmpty)
  }
}
