#if HTTP
import Testing

@testable import ToroHTTP

@Suite("HTTP client: URLs")
struct ClientURLTests {
  @Test(
    "A URL is read into what is asked and whom",
    arguments: [
      ("http://example.org", "http://example.org/", "example.org", 80, "/"),
      ("HTTP://Example.ORG:80/a", "http://example.org/a", "example.org", 80, "/a"),
      ("https://example.org:443", "https://example.org/", "example.org", 443, "/"),
      ("https://example.org:80/?q", "https://example.org:80/?q", "example.org", 80, "/?q"),
      ("http://h?q=/x#y", "http://h/?q=/x", "h", 80, "/?q=/x"),
      ("http://h:/a#b#c", "http://h/a", "h", 80, "/a"),
      ("http://[::1]:8080/a%20b;c=d,e@f:g", "http://[::1]:8080/a%20b;c=d,e@f:g", "::1", 8080, "/a%20b;c=d,e@f:g"),
      ("http://[2001:DB8:0::7]", "http://[2001:db8::7]/", "2001:db8::7", 80, "/"),
      ("http://127.0.0.1:65535//x", "http://127.0.0.1:65535//x", "127.0.0.1", 65535, "//x"),
      ("http://a_b.c-d.example./?a[]=|", "http://a_b.c-d.example./?a[]=|", "a_b.c-d.example.", 80, "/?a[]=|"),
    ])
  func reading(_ text: String, _ description: String, _ host: String, _ port: Int, _ target: String) throws {
    let url = try HTTPURL(text)
    #expect(url.description == description && url.host == host && url.port == port && url.target == target)
    #expect(try HTTPURL(description) == url)
  }

  @Test("The path and the query are what they are")
  func parts() throws {
    let url = try HTTPURL("http://h/a/b?c=?d")
    #expect(url.path == "/a/b" && url.query == "c=?d" && url.authority == "h")
    #expect(try HTTPURL("http://h/a?").query == "")
    #expect(try HTTPURL("http://h/a").query == nil)
    #expect(try url.hasSameOrigin(as: HTTPURL("http://H:80")))
    #expect(try !url.hasSameOrigin(as: HTTPURL("https://h:80")))
  }

  @Test(
    "What is no URL of these is refused",
    arguments: [
      "", "/", "a", "http", "http:", "http:/a", "http://", "http:///a", "http://?a", "ftp://h/", "://h", " http://h",
      "http://h ", "http://h/a b", "http://h/\r\nX: y", "http://h/\u{7F}", "http://h/ä", "http://ä.example/",
      "http://user@h/", "http://user:word@h/", "http://h:0/", "http://h:65536/", "http://h:+1/", "http://h:1a/",
      "http://h:99999999999999999999/", "http://[::1", "http://[::1]x/", "http://[]/", "http://[1.2.3.4]/",
      "http://[::1%25lo]/", "http://::1/", "http://h%41/", "http://h\\@g/", "http://h/%", "http://h/%4", "http://h/%4g",
      "http://h/<", "http://h/\"", "http://h/^", "http://h/\\", "http://h/`", "http://h/{}", "http://127.1/",
      "http://2130706433/", "http://0x7f000001/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://a.0x1/",
      "http://h,g/", "http://h;/", "http://" + String(repeating: "a", count: 255) + "/",
    ])
  func refused(_ text: String) {
    #expect(throws: HTTPURLError.self) { try HTTPURL(text) }
  }

  @Test("An error says what is wrong with which text")
  func error() {
    #expect(throws: HTTPURLError("the scheme is neither http nor https", "ftp://h")) { try HTTPURL("ftp://h") }
    #expect(
      HTTPURLError("there is no host", "http:///").description == "there is no host: \"http:///\"")
  }

  /// RFC 3986, 5.4, but for what is of other schemes or has a fragment.
  @Test(
    "A reference means what RFC 3986 says",
    arguments: [
      ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
      ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"),
      ("g#s", "http://a/b/c/g"), ("g?y#s", "http://a/b/c/g?y"), (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"),
      ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"),
      ("../", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../", "http://a/"),
      ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"), ("/./g", "http://a/g"),
      ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"), ("g..", "http://a/b/c/g.."),
      ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"), ("./g/.", "http://a/b/c/g/"),
      ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"), ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
      ("g;x=1/../y", "http://a/b/c/y"), ("g?y/./x", "http://a/b/c/g?y/./x"), ("g?y/../x", "http://a/b/c/g?y/../x"),
      ("http://x/../y", "http://x/y"), ("HTTPS://x", "https://x/"), ("//x:8/z", "http://x:8/z"),
      (" /a b\u{9}\r\n", "http://a/a%20b"), ("/ä?\"<>%zz%41", "http://a/%C3%A4?%22%3C%3E%25zz%41"),
    ])
  func references(_ reference: String, _ expected: String) throws {
    let base = try HTTPURL("http://a/b/c/d;p?q")
    #expect(try base.resolving(reference).description == expected)
  }

  @Test(
    "A reference to what is no URL of these is refused",
    arguments: ["mailto:a@b", "javascript:alert(1)", "ftp://h/", "http://", "http://u@h/", "//h:0/", "http:g"])
  func refusedReferences(_ reference: String) throws {
    let base = try HTTPURL("http://a/b")
    #expect(throws: HTTPURLError.self) { try base.resolving(reference) }
  }
}
#endif
