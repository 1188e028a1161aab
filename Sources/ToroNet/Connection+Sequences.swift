import Toro

extension Connection {
  /// What comes, in portions as it comes, to the end of the stream.
  ///
  ///     for try await chunk in connection.chunks() { … }
  ///
  /// - Parameter maxCount: How many bytes a portion has at most, at least 1.
  public func chunks(upTo maxCount: Int = 65_536) -> ConnectionChunks {
    require(maxCount >= 1, "\(subject).chunks(upTo: \(maxCount)): at least 1")
    return ConnectionChunks(connection: self, maxCount: maxCount)
  }

  /// The lines of text that come, without their ends, to the end of the stream.
  ///
  /// - Parameter maxLength: As for ``readLine(maxLength:deadline:file:line:)``; a longer line ends the iteration with
  ///   ``LineTooLongError``.
  public func lines(maxLength: Int = 65_536) -> ConnectionLines {
    require(maxLength >= 0, "\(subject).lines(maxLength: \(maxLength)): at least 0")
    return ConnectionLines(connection: self, maxLength: maxLength)
  }
}

/// The portions that a connection receives: ``Connection/chunks(upTo:)``.
public struct ConnectionChunks: AsyncSequence, Sendable {
  let connection: Connection
  let maxCount: Int

  public func makeAsyncIterator() -> Iterator { Iterator(chunks: self) }

  /// What `for try await` takes the portions from.
  public struct Iterator: AsyncIteratorProtocol {
    let chunks: ConnectionChunks

    /// The next portion, or `nil` at the end of the stream.
    ///
    /// - Throws: As ``Connection/read(upTo:deadline:file:line:)``.
    public func next() async throws -> [UInt8]? {
      let bytes = try await chunks.connection.read(upTo: chunks.maxCount, until: .max, .iteration)
      return bytes.isEmpty ? nil : bytes
    }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> [UInt8]? {
      let bytes = try await chunks.connection.read(upTo: chunks.maxCount, until: .max, .iteration)
      return bytes.isEmpty ? nil : bytes
    }
  }
}

/// The lines of text that a connection receives: ``Connection/lines(maxLength:)``.
public struct ConnectionLines: AsyncSequence, Sendable {
  let connection: Connection
  let maxLength: Int

  public func makeAsyncIterator() -> Iterator { Iterator(lines: self) }

  /// What `for try await` takes the lines from.
  public struct Iterator: AsyncIteratorProtocol {
    let lines: ConnectionLines

    /// The next line, or `nil` at the end of the stream.
    ///
    /// - Throws: As ``Connection/readLine(maxLength:deadline:file:line:)``.
    public func next() async throws -> String? {
      try await lines.connection.readText(lines.maxLength, until: .max, .iteration)
    }

    /// What `for try await` calls: on the caller's actor, by being nonsending.
    public func next(isolation actor: (any Actor)?) async throws -> String? {
      try await lines.connection.readText(lines.maxLength, until: .max, .iteration)
    }
  }
}

extension WaitSite {
  /// Of a wait in a `for try await`, which does not tell its place.
  static var iteration: WaitSite { WaitSite("for try await", 0) }
}
