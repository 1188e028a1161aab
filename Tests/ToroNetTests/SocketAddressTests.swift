import Testing

@testable import ToroNet

@Suite("Socket addresses")
struct SocketAddressTests {
  @Test(
    "An address prints as it is read",
    arguments: ["127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[2001:db8::ff]:443", "[::]:0"])
  func roundTrip(text: String) throws {
    let address = try SocketAddress(text)
    #expect(address.description == text)
    let again = address.withSystemAddress { pointer, length in
      SocketAddress.from { target, size in
        UnsafeMutableRawPointer(target).copyMemory(from: pointer, byteCount: Int(length))
        size.pointee = length
        return 0
      }.address
    }
    #expect(again == address)
  }

  @Test(
    "What is no address is refused",
    arguments: [
      "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:70000",
      "127.0.0.1:99999999999999999999", "localhost:80", "256.0.0.1:80", "::1:80", "[127.0.0.1]:80", "[::1:80", "[]:80",
      "127.0.0.1\0:80", "[::1%nosuchif]:80",
    ])
  func refusals(text: String) {
    #expect(throws: AddressError.self) { try SocketAddress(text) }
  }

  @Test("A host or a port that is none is named in the error")
  func messages() {
    let port = #expect(throws: AddressError.self) { try SocketAddress(host: "127.0.0.1", port: 70_000) }
    #expect(port?.description == "not a port from 0 to 65535: 70000")
    let host = #expect(throws: AddressError.self) { try SocketAddress(host: "nowhere", port: 1) }
    #expect(host?.description == "not an IPv4 or IPv6 address in numbers: \"nowhere\"")
  }
}
