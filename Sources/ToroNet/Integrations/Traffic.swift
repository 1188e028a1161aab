import Toro

/// What a socket tells the trait `Metrics`: nothing is left of it where the trait is off.
extension Socket {
  /// A connection was made of it.
  @inline(__always)
  func noteConnection() {
    #if Metrics
    let traffic = reactor.traffic
    traffic.connectionsOpened.add(1, ordering: .relaxed)
    whenClosed { traffic.connectionsClosed.add(1, ordering: .relaxed) }
    #endif
  }

  /// A system call has received this many bytes, or failed. Does not touch `errno`.
  @inline(__always)
  func noteReceived(_ count: Int) {
    #if Metrics
    if count > 0 { reactor.traffic.bytesReceived.add(count, ordering: .relaxed) }
    #endif
  }

  /// A system call has sent this many bytes, or failed. Does not touch `errno`.
  @inline(__always)
  func noteSent(_ count: Int) {
    #if Metrics
    if count > 0 { reactor.traffic.bytesSent.add(count, ordering: .relaxed) }
    #endif
  }
}
