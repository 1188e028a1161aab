import Testing

@testable import ToroInspector

@Suite("Inspector: parts")
struct PartsTests {
  @Test("JSON has its texts escaped, and numbers without rounding to what is none")
  func json() {
    let value = JSON.object([
      "text": .string("a \"b\" \\ \n\u{1} é"), "none": .string(nil), "time": .seconds(nanoseconds: 1_500_000_000),
      "short": .seconds(nanoseconds: 12_345), "back": .decimal(millionths: -250_000), "large": .number(.infinity),
      "list": .array([.int(1), .bool(true)]),
    ])
    #expect(
      value.text
        == #"{"text":"a \"b\" \\ \n\u0001 é","none":null,"time":1.5,"short":0.000012,"back":-0.25,"large":null,"list":[1,true]}"#
    )
  }

  @Test("A histogram tells percentiles by the ends of its buckets, and never more than the longest")
  func histogram() {
    var histogram = LagHistogram()
    #expect(histogram.percentile(0.5) == 0 && histogram.max == 0)
    for _ in 0..<98 { histogram.record(15_000) }
    histogram.record(3_000_000)
    histogram.record(7_000_000_000)
    #expect(histogram.count == 100)
    #expect(histogram.percentile(0.5) == 20_000)
    #expect(histogram.percentile(0.99) == 5_000_000)
    #expect(histogram.percentile(1) == 7_000_000_000 && histogram.max == 7_000_000_000)
    #expect(histogram.counts.reduce(0, +) == 100 && histogram.counts.last == 1)
  }

  @Test("A table's columns stand below their headings")
  func table() {
    let table = TextTable([">COUNT", "NAME"], [["1", "one"], ["1000000", "many more"]])
    #expect(table.lines == ["  COUNT  NAME", "      1  one", "1000000  many more"])
  }
}
