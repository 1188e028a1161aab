import CLibevent
import Glibc
import Toro

extension Connection {
  /// Makes a connection of a `bufferevent` that the program has: a socket's, a filter's, one of a pair, or one that another
  /// library made.
  ///
  /// The connection takes the bufferevent over. It sets its callbacks, watermarks and time-outs, and frees it when it is closed
  /// or dropped and what was written has been sent, or after ten seconds; whether that closes the descriptor is for
  /// `BEV_OPT_CLOSE_ON_FREE` to say. The program does nothing with the bufferevent any more. What it has received is read
  /// first; what it has yet to send counts as written.
  ///
  /// Reads, writes, deadlines and ``closeWrite()`` are as those of any connection. It reads only while a read waits, and holds
  /// as much as the ``waterMarks`` allow, at least 16 KiB. TLS is what the bufferevent brings along:
  /// it cannot be started. Drop the connection before the `event_base` is freed.
  ///
  /// - Parameters:
  ///   - bufferevent: A `struct bufferevent *`, on the `event_base` of the reactor. It may still be connecting.
  ///   - reactor: Whose the connection is to be.
  /// - Throws: `SystemError` if the bufferevent is on another base: then it is left as it was.
  /// - Precondition: On the reactor's thread.
  public convenience init(adopting bufferevent: OpaquePointer, on reactor: Reactor = .current) throws(SystemError) {
    require(reactor.isCurrent, "Connection(adopting:): on the reactor's thread only; see Reactor.execute")
    guard bufferevent_get_base(bufferevent) == reactor.base else {
      throw SystemError("bufferevent", errno: EINVAL, reason: "it is on another event_base than the reactor")
    }
    let descriptor = bufferevent_getfd(bufferevent)
    // Those of a pair, or of no socket, have no address.
    let none = SocketAddress(unixSocketWithoutPath: ())
    self.init(
      Socket(descriptor, on: reactor), peer: SocketAddress.from { getpeername(descriptor, $0, $1) }.2 ?? none,
      local: SocketAddress.from { getsockname(descriptor, $0, $1) }.2 ?? none)
    socket.layer = BuffereventLayer(bufferevent, on: reactor, sender, subject: "Connection \"\(peerAddress)\"")
  }
}
