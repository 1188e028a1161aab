/// What a head's fields say about the message, and which of them contradict each other (RFC 9110, 7.2 and 8.6; RFC 9112,
/// 3.2, 3.3, 6 and 9.3).
struct FramingRules: Sendable {
  /// Whether the version is HTTP/1.0.
  var isOld = false
  private var isConnect = false
  private var length: Int?
  /// With how many digits the length was written.
  private var lengthDigits = 0
  private var hasCoding = false
  private var saysClose = false
  private var saysKeepAlive = false
  private var expectation = Expectation.none
  private var host: HTTPHead.Part?

  private enum Expectation { case none, goOn, unknown }

  /// Takes notice of a field, if it is one of those.
  @inline(__always)
  mutating func note(
    _ field: HTTPHead.Field, of kind: HeadParser.Kind, _ base: UnsafePointer<UInt8>
  ) throws(HTTPSyntaxError) {
    // Most names are of another length or begin with another letter.
    switch (field.name.count, base[Int(field.name.start)] | 0x20) {
    case (4, UInt8(ascii: "h")), (6, UInt8(ascii: "e")), (10, UInt8(ascii: "c")), (14, UInt8(ascii: "c")),
      (17, UInt8(ascii: "t")):
      try noteKnown(field, of: kind, base)
    default: break
    }
  }

  private mutating func noteKnown(
    _ field: HTTPHead.Field, of kind: HeadParser.Kind, _ base: UnsafePointer<UInt8>
  ) throws(HTTPSyntaxError) {
    let name = field.name.bytes(base)
    let value = field.value.bytes(base)
    if Octets.equals(name, "host") {
      if kind == .trailers { throw .malformedTrailer }
      // In a response it says nothing.
      if kind == .response { return }
      if host != nil { throw .repeatedHost }
      guard Octets.isAuthority(value, mayBeEmpty: true) else { throw .malformedHost }
      host = field.value
    } else if Octets.equals(name, "content-length") {
      if kind == .trailers { throw .malformedTrailer }
      try noteLength(value)
    } else if Octets.equals(name, "transfer-encoding") {
      if kind == .trailers { throw .malformedTrailer }
      try noteCoding(value)
    } else if Octets.equals(name, "connection") {
      forEachItem(value) { item in
        if Octets.equals(item, "close") { saysClose = true }
        if Octets.equals(item, "keep-alive") { saysKeepAlive = true }
      }
    } else if Octets.equals(name, "expect") {
      expectation = Octets.equals(value, "100-continue") && expectation != .unknown ? .goOn : .unknown
    }
  }

  /// Several equal ones are as good as one (RFC 9110, 8.6): equal digit for digit, since who reads "010" as eight would not
  /// agree that it is "10".
  private mutating func noteLength(_ value: UnsafeBufferPointer<UInt8>) throws(HTTPSyntaxError) {
    var failure: HTTPSyntaxError?
    forEachItem(value) { item in
      var number = 0
      for byte in item {
        guard Octets.isDigit(byte), number <= (Int.max - 9) / 10 else {
          failure = failure ?? .malformedContentLength
          return
        }
        number = number * 10 + Int(byte &- 48)
      }
      if item.isEmpty { failure = failure ?? .malformedContentLength }
      if let length, length != number || lengthDigits != item.count { failure = failure ?? .differingContentLengths }
      length = number
      lengthDigits = item.count
    }
    if let failure { throw failure }
  }

  /// Only "chunked", and that once.
  private mutating func noteCoding(_ value: UnsafeBufferPointer<UInt8>) throws(HTTPSyntaxError) {
    var failure: HTTPSyntaxError?
    forEachItem(value) { item in
      if Octets.equals(item, "chunked") {
        if hasCoding { failure = failure ?? .repeatedTransferCoding }
        hasCoding = true
      } else {
        failure = failure ?? .unknownTransferCoding
      }
    }
    if let failure { throw failure }
  }

  /// The items of a list with commas between them, without the white space around them; an empty value has one empty item.
  private func forEachItem(_ value: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    var start = 0
    for index in 0...value.count where index == value.count || value[index] == UInt8(ascii: ",") {
      var (first, last) = (start, index)
      while first < last, Octets.isBlank(value[first]) { first += 1 }
      while last > first, Octets.isBlank(value[last - 1]) { last -= 1 }
      body(UnsafeBufferPointer(rebasing: value[first..<last]))
      start = index + 1
    }
  }

  /// Says what it all comes to, at the end of the head.
  @inline(__always)
  func finish(_ head: inout HTTPHead, isRequest: Bool) throws(HTTPSyntaxError) {
    if isRequest, host == nil, !isOld { throw .missingHost }
    if hasCoding {
      if isOld { throw .codingInOldVersion }
      if length != nil { throw .lengthAndCoding }
      head.framing = .chunked
    } else if let length {
      head.framing = .length(length)
    } else {
      head.framing = isRequest ? .none : .untilEnd
    }
    if isConnect {
      // It has none (RFC 9110, 9.3.6): some servers look for one all the same, others take it for what is in the tunnel.
      guard head.framing == .none || head.framing == .length(0) else { throw .bodyOfConnect }
    }
    head.host = host
    head.keepsAlive = isOld ? saysKeepAlive && !saysClose : !saysClose
    // An expectation in HTTP/1.0 is to be ignored (RFC 9110, 10.1.1).
    head.expectsContinue = expectation == .goOn && !isOld && head.framing != .none && head.framing != .length(0)
    head.hasUnknownExpectation = expectation == .unknown && !isOld
  }

  /// Whether the target is of a form that the method may have (RFC 9112, 3.2).
  mutating func checkTarget(_ head: HTTPHead, _ base: UnsafePointer<UInt8>) throws(HTTPSyntaxError) {
    let method = head.method.bytes(base)
    let target = head.target.bytes(base)
    // Methods are told apart by case.
    if method.elementsEqual("CONNECT".utf8) {
      guard Octets.isAuthority(target, mayBeEmpty: false, needsPort: true) else { throw .malformedTarget }
      isConnect = true
    } else if target[0] == UInt8(ascii: "*") {
      guard target.count == 1, method.elementsEqual("OPTIONS".utf8) else { throw .malformedTarget }
    } else if target[0] != UInt8(ascii: "/") {
      guard let start = Octets.count(of: "http://", in: target) ?? Octets.count(of: "https://", in: target) else {
        throw .malformedTarget
      }
      let end = target[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? target.count
      guard Octets.isAuthority(UnsafeBufferPointer(rebasing: target[start..<end]), mayBeEmpty: false) else {
        throw .malformedTarget
      }
    }
  }
}

extension HTTPHead.Part {
  func bytes(_ base: UnsafePointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: base + Int(start), count: Int(count))
  }
}
