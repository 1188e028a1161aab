import Glibc
import Testing

@testable import ToroNet

@Suite("Endpoints")
struct EndpointTests {
  @Test(
    "An endpoint prints as it is read",
    arguments: [
      "example.org:80", "localhost:0", "a_b.example.:65535", "127.0.0.1:80", "[::1]:80", "[2001:db8::ff]:443",
      "unix:/run/it.sock", "unix:@name", "xn--bcher-kva.example:1",
    ])
  func roundTrip(text: String) throws { #expect(try Endpoint(text).description == text) }

  @Test("A text without a port takes the one that is given, and then an IPv6 address needs no brackets")
  func defaultPorts() throws {
    #expect(try Endpoint("example.org", defaultPort: 80) == .host("example.org", port: 80))
    #expect(try Endpoint("example.org:81", defaultPort: 80) == .host("example.org", port: 81))
    #expect(try Endpoint("127.0.0.1", defaultPort: 80).description == "127.0.0.1:80")
    #expect(try Endpoint("[::1]", defaultPort: 80).description == "[::1]:80")
    #expect(try Endpoint("::1", defaultPort: 80).description == "[::1]:80")
    #expect(try Endpoint("[::1]:81", defaultPort: 80).description == "[::1]:81")
    #expect(try Endpoint("unix:/run/it.sock", defaultPort: 80).description == "unix:/run/it.sock")
    #expect(throws: AddressError.self) { try Endpoint("unix", defaultPort: 80) }  // which would print as a path
    #expect(throws: AddressError.self) { try Endpoint("example.org", defaultPort: 70_000) }
  }

  @Test(
    "What is none is refused, with what is wrong",
    arguments: [
      ("", "no port is given"), ("example.org", "no port is given"), ("example.org:", "not a port"),
      (":80", "no host is given"),
      ("example.org:70000", "not a port from 0 to 65535"),
      ("example.org:99999999999999999999", "not a port from 0 to 65535"),
      ("example.org:-1", "not a port"), ("example.org:٣", "not a port"), ("::1:80", "stands in brackets"),
      ("[::1", "without its end"), ("[::1]80", "after a bracket"), ("[]:80", "stands in brackets"),
      ("[example.org]:80", "stands in brackets"),
      ("[127.0.0.1]:80", "stands in brackets"), ("http://example.org:80", "not the name of a host"),
      ("a b:80", "not the name"),
      ("a\0b:80", "not the name"), ("unix:", "not a path"), ("[::1%nosuchif]:80", "no such network interface"),
      ("[[::1]]:80", "after a bracket"), ("example.org:80:80", "without brackets and port"),
      ("\r\n:80", "not the name of a host"),
    ])
  func refusals(text: String, reason: String) {
    let error = #expect(throws: AddressError.self) { try Endpoint(text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  @Test("No text of any bytes does more than be refused, and what is read is read again from what it prints")
  func anyBytes() throws {
    var random = SplitMix(state: 7)
    let pieces = [
      "[", "]", ":", "::", "%", "1", "80", "65536", "unix:", "@", ".", "ff", "127.0.0.1", "a", "\0", "é", "lo", "/",
      " ",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int(random.next() % 8)).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
      if let address = try? SocketAddress(text) {
        #expect(try SocketAddress(address.description) == address, "\(text)")
      }
      if let endpoint = try? Endpoint(text) { #expect(try Endpoint(endpoint.description) == endpoint, "\(text)") }
      _ = try? Endpoint(text, defaultPort: 1)
      if let address = try? SocketAddress(host: text, port: 1) {
        #expect(try SocketAddress(host: address.host, port: 1) == address, "\(text)")
      }
    }
  }
}

/// Numbers that are the same in each run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
