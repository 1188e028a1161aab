#if HTTP && TLS
import HTTPTypes
import Testing
import Toro

@testable import ToroHTTP
@testable import ToroNet

@Suite("HTTP client: TLS", .timeLimit(.minutes(10)))
struct ClientTLSTests {
  private func secure(_ base: String, _ path: String = "/") -> String { "https\(base.dropFirst(4))\(path)" }

  @Test("Requests and bodies go over TLS, by connections that are kept")
  func plain() throws {
    try withClient {
      $0.tls = try? Certificates.shared.client()
    } _: { client in
      let listener = try loopback(tls: Certificates.shared.server())
      try await serving(on: listener) { request in
        let count = try await request.body.collect(upTo: 1 << 24).count
        return .text("\(request.scheme) \(count) \(String(repeating: "x", count: 100_000))")
      } _: { base in
        for count in [0, 100, 1 << 20] {
          let request = try HTTPClient.Request(
            method: .post, secure(base), body: .bytes([UInt8](repeating: 1, count: count)))
          let text = try await client.execute(request).body.text()
          #expect(text.hasPrefix("https \(count) x") && text.utf8.count > 100_000)
          // What TLS itself has to say meanwhile is no reason to close.
          try await Reactor.current.sleep(for: .milliseconds(20))
          #expect(client.pool.idleCount == 1)
        }
      }
    }
  }

  @Test("A certificate for somebody else is refused, and no connection is left")
  func certificates() throws {
    try withClient {
      $0.tls = try? Certificates.shared.client()
    } _: { client in
      for name in ["nameonly", "expired", "self"] {
        let listener = try loopback(tls: Certificates.shared.server(name))
        try await serving(on: listener) { _ in
          .text("")
        } _: { base in
          let error = await thrown { try await client.get(secure(base)) }
          guard case .certificate = (error as? TLSError)?.kind else {
            Issue.record("\(String(describing: error))")
            return
          }
        }
      }
      #expect(client.pool.lineCount == 0)
    }
  }

  @Test("The name in the URL is the one that the certificate has to be for, wherever the connection goes")
  func names() throws {
    try withClient {
      $0.tls = try? Certificates.shared.client()
    } _: { client in
      let listener = try loopback(tls: Certificates.shared.server("nameonly"))
      try await serving(on: listener) {
        .text($0.authority ?? "-")
      } _: { base in
        var request = try HTTPClient.Request("https://toro.test/")
        request.endpoint = .address(listener.localAddress)
        let text = try await client.execute(request).body.text()
        #expect(text == "toro.test")
      }
    }
  }

  @Test("A stream that is cut is no whole body, though the body has no length")
  func truncation() throws {
    try withClient {
      $0.tls = try? Certificates.shared.client()
    } _: { client in
      let listener = try loopback(tls: Certificates.shared.server())
      try await playing(on: listener) { connection, number in
        _ = try await connection.readHead()
        try await connection.write("HTTP/1.0 200 OK\r\n\r\nabc")
        try await Reactor.current.sleep(for: .milliseconds(20))
        // Ends TCP, not TLS.
        if number == 0 { connection.reset() } else { connection.close() }
      } _: { base in
        let error = await thrown { try await client.get(secure(base)).body.text() }
        #expect(error is SocketError || error is TLSError)
        let text = try await client.get(secure(base)).body.text()
        #expect(text == "abc")
      }
    }
  }

  @Test("A kept connection that was closed meanwhile is replaced")
  func stale() throws {
    try withClient {
      $0.tls = try? Certificates.shared.client()
    } _: { client in
      let listener = try loopback(tls: Certificates.shared.server())
      try await playing(on: listener) { connection, number in
        _ = try await connection.readHead()
        try await connection.answer("\(number)")
        if number == 0 { _ = try await connection.readHead() } else { _ = try await connection.read() }
      } _: { base in
        for expected in ["0", "1"] {
          let text = try await client.get(secure(base)).body.text()
          #expect(text == expected)
        }
      }
    }
  }

  @Test("Plain HTTP where TLS is expected is an error, as is the reverse")
  func mismatch() throws {
    try withClient {
      $0.tls = try? Certificates.shared.client()
      $0.headTimeout = .seconds(2)
    } _: { client in
      try await serving { _ in
        .text("")
      } _: { base in
        let error = await thrown { try await client.get(secure(base)) }
        #expect(error is TLSError, "\(String(describing: error))")
      }
      let listener = try loopback(tls: Certificates.shared.server())
      try await serving(on: listener) { _ in
        .text("")
      } _: { base in
        let error = await thrown { try await client.get(base) }
        #expect(error != nil, "\(String(describing: error))")
      }
    }
  }
}
#endif
