import Glibc
import Testing

@testable import ToroNet

@Suite("Socket addresses")
struct SocketAddressTests {
  @Test(
    "An address prints as it is read",
    arguments: [
      "127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[2001:db8::ff]:443", "[::]:0",
      "[::ffff:192.0.2.1]:1", "[fe80::1%1]:80", "[ff02::fb%1]:5353",
      "unix:/run/it.sock", "unix:@name", "unix:relative", "unix:/run/a b\u{e9}.sock",
    ])
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
      "127.0.0.1\0:80", "[::1%nosuchif]:80", "[::1%]:80", "[::1%+1]:80", "[::1%-1]:80", "[::1%0]:80",
      "[::1%4294967296]:80",
      "[::1% 1]:80", "[::1%1%1]:80", "[::1]:80 ", " 127.0.0.1:80", "127.0.0.1 :80", "127.0.0.1:8 0",
      "127.0.0.1:\u{0663}",
      "127.0.0.1:80\n", "127.0.0.1:\u{301}80", "127.0.0.01:80", "127.1:80", "2130706433:80", "0x7f.0.0.1:80",
      "[::1]]:80",
      "[[::1]]:80", "[::1][::2]:80", "[:::1]:80", "[::1::2]:80", "[1:2:3:4:5:6:7:8:9]:80", "[12345::]:80", "unix:",
      "unix:a\0b",
      "UNIX:/run/it.sock", "tcp:127.0.0.1:80",
    ])
  func refusals(text: String) {
    #expect(throws: AddressError.self) { try SocketAddress(text) }
  }

  @Test("A host or a port that is none is named in the error")
  func messages() {
    let port = #expect(throws: AddressError.self) { try SocketAddress(host: "127.0.0.1", port: 70_000) }
    #expect(port?.description == "not a port from 0 to 65535: 70000")
    let host = #expect(throws: AddressError.self) { try SocketAddress(host: "nowhere", port: 1) }
    #expect(
      host?.description
        == "not an IPv4 or IPv6 address in numbers: \"nowhere\"; if it is a name, have it looked up by a Resolver, or connect to it by connect(toHost:port:)"
    )
    let bracketed = #expect(throws: AddressError.self) { try SocketAddress(host: "[::1]", port: 1) }
    #expect(bracketed?.description == "not an IPv4 or IPv6 address in numbers: \"[::1]\"")
  }

  @Test("The interface of an address that is local to a link may be named, and is told by its number")
  func scopes() throws {
    let number = if_nametoindex("lo")
    #expect(try SocketAddress("[fe80::1%lo]:80").description == "[fe80::1%\(number)]:80")
    #expect(try SocketAddress(host: "fe80::1%lo", port: 80) == SocketAddress(host: "fe80::1%\(number)", port: 80))
    #expect(try SocketAddress(host: "fe80::1%1", port: 80) != SocketAddress(host: "fe80::1%2", port: 80))
  }

  @Test("What an address is for is told")
  func kinds() throws {
    func address(_ host: String) throws -> SocketAddress { try SocketAddress(host: host, port: 1) }
    for host in ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"] {
      #expect(try address(host).isLoopback, "\(host)")
    }
    for host in ["128.0.0.1", "::2", "::", "0.0.0.0", "::ffff:10.0.0.1"] {
      #expect(try !address(host).isLoopback, "\(host)")
    }
    for host in ["224.0.0.1", "239.255.255.255", "ff02::1"] { #expect(try address(host).isMulticast, "\(host)") }
    for host in ["223.255.255.255", "240.0.0.1", "fe80::1"] { #expect(try !address(host).isMulticast, "\(host)") }
    for host in ["0.0.0.0", "::"] { #expect(try address(host).isUnspecified) }
    for host in ["0.0.0.1", "::1"] { #expect(try !address(host).isUnspecified) }
    #expect(try address("fe80::1%1").with(port: 7) == SocketAddress(host: "fe80::1%1", port: 7))
    let unix = try SocketAddress(unixPath: "/run/it.sock")
    #expect(unix.with(port: 7) == unix && !unix.isLoopback && !unix.isMulticast && !unix.isUnspecified)
  }

  @Test("Another's Unix address is kept as it is, whatever bytes it has")
  func foreignPaths() throws {
    func read(_ name: [UInt8]) throws -> SocketAddress {
      let bytes = withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } + name
      return try #require(bytes.withUnsafeBytes { SocketAddress($0) })
    }
    func written(_ address: SocketAddress) -> [UInt8] {
      address.withSystemAddress { Array(UnsafeRawBufferPointer(start: $0, count: Int($1)).dropFirst(2)) }
    }
    let names: [[UInt8]] = [[], [0, 0x61], [0, 0x61, 0, 0x62], [0, 0xFF, 0xFE], [0x61, 0], [0xFF, 0]]
    for name in names {
      #expect(written(try read(name)) == name)
    }
    // Not to be taken for an abstract name: the same file, written in another way.
    #expect(try read(Array("@it".utf8) + [0]).path == "./@it")
    // As long as the system allows, without a zero byte at the end.
    let longest = [UInt8](repeating: 0x61, count: 108)
    #expect(written(try read(longest)) == longest)
    let (one, other) = (try read([0, 0xFF]), try read([0, 0xFE]))
    #expect(one != other)
  }
}
