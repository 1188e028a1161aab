import ToroHTTP

/// Bytes, the rule that they are about, and what a parser has to make of them.
public struct HTTPVector: Sendable, CustomStringConvertible {
  /// What is tested: a sentence.
  public let name: String
  /// Where it is written.
  public let rule: String
  public let kind: HTTPParser.Kind
  /// What comes: one byte for each of the text's scalars, all of which are below 256.
  public let bytes: [UInt8]
  /// Of responses: what was asked for, one after the other; GET after the last.
  public let methods: [String]
  public let limits: HTTPLimits
  /// The lines of its ``Transcript``.
  public let expected: [String]

  public var description: String { "\(name) (\(rule))" }

  /// - Parameters:
  ///   - sees: The messages, in the notation of ``Transcript``.
  ///   - refuses: Why the rest is refused, if it is.
  static func request(
    _ name: String, _ rule: String, _ text: String, limits: HTTPLimits = HTTPLimits(), sees: [String] = [],
    refuses: HTTPSyntaxError? = nil
  ) -> HTTPVector {
    HTTPVector(
      name: name, rule: rule, kind: .request, bytes: text.latin1, methods: [], limits: limits,
      expected: sees + (refuses.map { ["refused: \($0)"] } ?? []))
  }

  /// - Parameters:
  ///   - methods: What was asked for.
  ///   - sees: The messages, in the notation of ``Transcript``.
  ///   - refuses: Why the rest is refused, if it is.
  static func response(
    _ name: String, _ rule: String, to methods: [String] = [], _ text: String, limits: HTTPLimits = HTTPLimits(),
    sees: [String] = [], refuses: HTTPSyntaxError? = nil
  ) -> HTTPVector {
    HTTPVector(
      name: name, rule: rule, kind: .response, bytes: text.latin1, methods: methods, limits: limits,
      expected: sees + (refuses.map { ["refused: \($0)"] } ?? []))
  }
}

extension String {
  /// A byte for each scalar.
  var latin1: [UInt8] { unicodeScalars.map { UInt8($0.value) } }
}
