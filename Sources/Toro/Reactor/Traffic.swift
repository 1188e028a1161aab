#if Metrics
import Synchronization

/// What moves on a reactor, counted since it was made, by whoever moves it and from any thread.
package final class Traffic: Sendable {
  package let connectionsOpened = Atomic<Int>(0)
  package let connectionsClosed = Atomic<Int>(0)
  package let bytesReceived = Atomic<Int>(0)
  package let bytesSent = Atomic<Int>(0)
}
#endif
