/// Stops the program with a message unless `condition` holds: for what a caller must not do.
///
/// The standard library's `precondition` drops its message in an optimised build, and who misuses a lock in production is
/// the one who needs to read which.
@inlinable @inline(__always)
package func require(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition() { stop(message(), file, line) }
}

@usableFromInline @inline(never)
package func stop(_ message: String, _ file: StaticString, _ line: UInt) -> Never {
  fatalError(message, file: file, line: line)
}
