import Glibc
import Toro

/// The operating system refused an operation on a socket, or the network failed it.
public struct SocketError: Error, Hashable, CustomStringConvertible {
  /// What was tried: `connect`, `bind`, `accept`, `read`, `write`, `send`, `receive` and so on.
  public let operation: String
  /// What `errno` was.
  public let errno: Int32
  /// The address that the operation was about, if there is one.
  public let address: SocketAddress?

  init(_ operation: String, errno: Int32, address: SocketAddress? = nil) {
    self.operation = operation
    self.errno = errno
    self.address = address
  }

  /// Whether the connection was cut rather than ended: the peer, or something between, reset it, and bytes may be lost in
  /// either direction. The end of a stream is no error: a read returns no bytes.
  public var isReset: Bool { errno == ECONNRESET || errno == EPIPE }

  /// As in `connect 127.0.0.1:80: Connection refused`.
  public var description: String {
    "\(operation)\(address.map { " \($0)" } ?? ""): \(errorText(errno))"
  }
}

/// Turns what a wait for a descriptor throws into what it means to who uses the socket: it is `subject` that was closed, and
/// a system that cannot watch one descriptor more has failed the socket.
func socketError(_ error: any Error, of subject: @autoclosure () -> String, _ address: SocketAddress?) -> any Error {
  switch error {
  case is ClosedError: ClosedError(subject())
  case let error as SystemError: SocketError(error.call, errno: error.errno, address: address)
  default: error
  }
}

/// The stream ended in the middle of what was to be read. What came of it can still be read.
public struct EndOfStreamError: Error, Hashable, CustomStringConvertible {
  /// How many bytes were asked for.
  public let expected: Int
  /// How many of them came.
  public let received: Int

  public var description: String { "the stream ended after \(received) of \(expected) bytes" }
}

/// A line was longer than the reader allows. It was skipped to its end, without being kept: the next read begins with
/// the line after it.
public struct LineTooLongError: Error, Hashable, CustomStringConvertible {
  /// How many bytes a line may have, its end not counted.
  public let maxLength: Int

  init(maxLength: Int) { self.maxLength = maxLength }

  public var description: String { "a line is longer than \(maxLength) bytes" }
}
