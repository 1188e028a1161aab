import Testing
import ToroHTTP
import ToroHTTPVectors

/// What is taken and what is refused is in the tables of `ToroHTTPVectors`: `RequestVectors`, `RequestBodyVectors`,
/// `ResponseVectors`.
@Suite("HTTP: conformance")
struct ConformanceTests {
  @Test("A request is taken or refused as its rule says", arguments: HTTPVector.requests)
  func request(_ vector: HTTPVector) { check(vector) }

  @Test("A response is taken or refused as its rule says", arguments: HTTPVector.responses)
  func response(_ vector: HTTPVector) { check(vector) }

  /// All at once, in two portions with each byte as the second's first, and byte by byte.
  private func check(_ vector: HTTPVector) {
    let bytes = vector.bytes
    let whole = read(vector, [bytes[...]])
    #expect(whole.lines == vector.expected)
    for place in bytes.indices where read(vector, [bytes[..<place], bytes[place...]]) != whole {
      Issue.record("in two portions, the first of \(place) bytes")
    }
    #expect(read(vector, bytes.indices.map { bytes[$0...$0] }) == whole, "byte by byte")
  }

  @Test("What has refused a message goes on to refuse", arguments: HTTPVector.requests + HTTPVector.responses)
  func refusalLasts(_ vector: HTTPVector) throws {
    guard let refusal = read(vector, [vector.bytes[...]]).refusal else { return }
    var parser = HTTPParser(vector.kind, limits: vector.limits)
    parser.reset(to: vector.methods.first ?? "GET")
    var taken = 0
    #expect(throws: refusal) {
      // No vector has as many steps.
      for _ in 0..<100 {
        switch try vector.bytes.withUnsafeBytes({ try parser.parse(UnsafeRawBufferPointer(rebasing: $0[taken...])) }) {
        case .needsMore: return
        case .head(let count): taken += count
        case .body(let range): taken += range.upperBound
        case .end(let count):
          taken += count
          parser.reset()
        }
      }
    }
    for more in ["", "\r\n\r\n", "Host: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
      let bytes = vector.bytes[taken...] + Array(more.utf8)
      #expect(throws: refusal) { try bytes.withUnsafeBytes { try parser.parse($0) } }
    }
    #expect(throws: refusal) { try parser.finish(leftover: 0) }
    parser.reset()
    #expect(throws: refusal) { try Array("GET / HTTP/1.1\r\n".utf8).withUnsafeBytes { try parser.parse($0) } }
  }

  @Test("The tables are of 150 requests and 60 responses at least, each with a name of its own")
  func count() {
    #expect(HTTPVector.requests.count >= 150 && HTTPVector.responses.count >= 60)
    for vectors in [HTTPVector.requests, HTTPVector.responses] {
      #expect(Set(vectors.map(\.name)).count == vectors.count)
    }
  }

  @Test("Whatever is changed in a message, it does not matter how it is cut", arguments: [1, 2, 3, 4] as [UInt64])
  func mutations(_ seed: UInt64) {
    var mutator = Mutator(seed: seed)
    let vectors = HTTPVector.requests + HTTPVector.responses
    for _ in 0..<1_500 {
      let vector = vectors[mutator.number(below: vectors.count)]
      let bytes = mutator.mutate(vector.bytes)
      let whole = read(vector, [bytes[...]])
      let portions = mutator.portions(bytes)
      #expect(read(vector, portions) == whole, "\(bytes) in portions of \(portions.map(\.count))")
      #expect(read(vector, bytes.indices.map { bytes[$0...$0] }) == whole, "\(bytes) byte by byte")
    }
  }

  private func read(_ vector: HTTPVector, _ portions: [ArraySlice<UInt8>]) -> Transcript {
    Transcript(vector.kind, portions, methods: vector.methods, limits: vector.limits)
  }
}
