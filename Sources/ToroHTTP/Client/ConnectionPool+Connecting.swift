#if HTTP
import Toro
import ToroNet

extension ConnectionPool {
  /// Connects, passes the proxy and does the TLS handshake.
  ///
  /// - Throws: What those throw. No descriptor is left open then.
  func connect(_ origin: Origin, until due: Int64) async throws -> Connection {
    #if !TLS
    if origin.scheme == .https {
      throw HTTPClientError(.unsupportedRequest, "https takes the trait TLS of the package Toro, which is off")
    }
    #endif
    let deadline = Deadline(due: due)
    let connection = try await Connection.connect(
      to: origin.firstEndpoint, options: configuration.connectOptions, deadline: deadline, on: reactor)
    #if TLS
    guard origin.scheme == .https else { return connection }
    do {
      if let proxy = origin.proxy { try await tunnel(connection, origin, proxy, until: due) }
      let session = try await connection.startTLS(try tls(), serverName: origin.host, deadline: deadline)
      if let agreed = session.applicationProtocol, agreed != "http/1.1" {
        throw HTTPClientError(.unsupportedRequest, "\(agreed) was agreed on; offer http/1.1 only")
      }
    } catch {
      connection.close()
      throw error
    }
    #endif
    return connection
  }

  #if TLS
  /// Has a proxy connect to the server (RFC 9110, 9.3.6).
  private func tunnel(
    _ connection: Connection, _ origin: Origin, _ proxy: HTTPClient.Proxy, until due: Int64
  ) async throws {
    let host = origin.host.utf8.contains(Octets.colon) ? "[\(origin.host)]" : origin.host
    var writer = HeadWriter()
    writer.append("CONNECT \(host):\(origin.port) HTTP/1.1\r\nHost: \(host):\(origin.port)\r\n")
    if let credentials = proxy.credentials {
      try writer.append(name: "Proxy-Authorization", value: credentials.field)
    }
    if let userAgent = configuration.userAgent { try writer.append(name: "User-Agent", value: userAgent) }
    writer.append("\r\n")
    try await connection.write(writer.array, from: 0, until: due, .http)
    let reader = MessageReader(connection, .response, configuration.limits)
    var informationalCount = 0
    while true {
      reader.parser.reset(to: "CONNECT")
      var hasHead = false
      func take(_ step: HTTPParser.Step, _ bytes: UnsafeRawBufferPointer) {
        if case .head = step { hasHead = true }
      }
      _ = try reader.step(take)
      while !hasHead {
        _ = try await connection.awaitInput(betweenMessages: false, until: due, .http)
        if case .end = try reader.receive(take) { throw HTTPSyntaxError.unexpectedEnd }
      }
      let status = reader.parser.head.status
      if status / 100 == 2 { break }
      if status >= 200 {
        throw HTTPClientError(
          .refusedByProxy(status: status), "the proxy \(proxy.endpoint) does not connect to \(host): status \(status)")
      }
      informationalCount += 1
      if informationalCount > configuration.maxInformationalResponses {
        throw HTTPClientError(.tooManyInformationalResponses, "the proxy \(proxy.endpoint) sends 1xx without end")
      }
    }
    reader.putBack()
  }

  private func tls() throws -> TLSContext {
    if let context = configuration.tls ?? standardTLS { return context }
    var standard = TLSConfiguration.client()
    standard.applicationProtocols = ["http/1.1"]
    let context = try TLSContext(standard)
    standardTLS = context
    return context
  }
  #endif
}
#endif
