import ToroHTTP

extension HTTPVector {
  /// What a server is sent.
  public static let requests: [HTTPVector] =
    requestLines + targets + hosts + fieldLines + lengths + codings + chunks + trailers + connections + pipelines
    + requestLimits

  // MARK: RFC 9112, 3: the request line

  private static let requestLines: [HTTPVector] = [
    .request(
      "A request has a line, fields and an empty line", "RFC 9112, 2.1",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a}"]),
    .request(
      "A method that nobody knows is a method", "RFC 9110, 9.1",
      "FROB / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["FROB / HTTP/1.1 {Host: a}"]),
    .request(
      "A method's case matters", "RFC 9110, 9.1",
      "get / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["get / HTTP/1.1 {Host: a}"]),
    .request(
      "A method may have all characters of a token", "RFC 9110, 5.6.2",
      "!#$%&'*+-.^_`|~09AZaz / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["!#$%&'*+-.^_`|~09AZaz / HTTP/1.1 {Host: a}"]),
    .request(
      "A method has no other character", "RFC 9110, 5.6.2",
      "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A method is ASCII", "RFC 9110, 5.6.2",
      "G\u{C9}T / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "The method is not left out", "RFC 9112, 3",
      " / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "The target is not left out", "RFC 9112, 3",
      "GET HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "The target is not empty", "RFC 9112, 3",
      "GET  HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "There is one space before the target", "RFC 9112, 3",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "There is one space before the version", "RFC 9112, 3",
      "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A tab before the target is no space", "RFC 9112, 3",
      "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A tab before the version is no space", "RFC 9112, 3",
      "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A vertical tab is no space", "RFC 9112, 3",
      "GET /\u{0B}HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "The line does not begin with a space", "RFC 9112, 3",
      " GET / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "The line does not end in a space", "RFC 9112, 3",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A space in the target ends it", "RFC 9112, 3",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "HTTP is written in capitals", "RFC 9112, 2.3",
      "GET / http/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "HTTPS is no protocol's name here", "RFC 9112, 2.3",
      "GET / HTTPS/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "HTTP/1.0 is spoken", "RFC 9110, 2.5",
      "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
      sees: ["GET / HTTP/1.0 {Host: a} close"]),
    .request(
      "HTTP/1.2 is not spoken", "RFC 9110, 2.5",
      "GET / HTTP/1.2\r\nHost: a\r\n\r\n", refuses: .unsupportedVersion),
    .request(
      "HTTP/2.0 is not spoken", "RFC 9110, 2.5",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n", refuses: .unsupportedVersion),
    .request(
      "HTTP/0.9 is not spoken", "RFC 9110, 2.5",
      "GET / HTTP/0.9\r\nHost: a\r\n\r\n", refuses: .unsupportedVersion),
    .request(
      "The preface of HTTP/2 is refused by its version", "RFC 9113, 3.4",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refuses: .unsupportedVersion),
    .request(
      "A version has one digit after the point", "RFC 9112, 2.3",
      "GET / HTTP/1.10\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A version has a digit after the point", "RFC 9112, 2.3",
      "GET / HTTP/1.\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A version has a minor number", "RFC 9112, 2.3",
      "GET / HTTP/1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A version has a point", "RFC 9112, 2.3",
      "GET / HTTP/1,1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A version has one digit before the point", "RFC 9112, 2.3",
      "GET / HTTP/01.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "There is no space in the version", "RFC 9112, 2.3",
      "GET / HTTP /1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A request of HTTP/0.9 has no version", "RFC 9112, 3",
      "GET /\r\n", refuses: .malformedRequestLine),
    .request(
      "A line feed alone does not end the request line", "RFC 9112, 2.2",
      "GET / HTTP/1.1\nHost: a\r\n\r\n", refuses: .bareLineFeed),
    .request(
      "A carriage return alone does not end the request line", "RFC 9112, 2.2",
      "GET / HTTP/1.1\rHost: a\r\n\r\n", refuses: .bareCarriageReturn),
    .request(
      "One carriage return is enough", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", refuses: .bareCarriageReturn),
    .request(
      "A carriage return in the target is refused", "RFC 9112, 2.2",
      "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "An empty line may come before a request", "RFC 9112, 2.2",
      "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a}"]),
    .request(
      "Two empty lines may not", "RFC 9112, 2.2",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A line feed before a request is no empty line", "RFC 9112, 2.2",
      "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A carriage return before a request is no empty line", "RFC 9112, 2.2",
      "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .bareCarriageReturn),
    .request(
      "What speaks TLS is refused", "RFC 9112, 3",
      "\u{16}\u{03}\u{01}\u{00}\u{05}\u{01}\r\n", refuses: .malformedRequestLine),
    .request(
      "An empty stream has no request", "RFC 9112, 8", "", sees: []),
    .request(
      "A stream that ends in the request line has a part of one", "RFC 9112, 8",
      "GET / HT", sees: ["..."]),
    .request(
      "A stream that ends in the fields has a part of a request", "RFC 9112, 8",
      "GET / HTTP/1.1\r\nHost: a\r\n", sees: ["..."]),
    .request(
      "A stream that ends in the end of the head has a part of a request", "RFC 9112, 8",
      "GET / HTTP/1.1\r\nHost: a\r\n\r", sees: ["..."]),
  ]

  // MARK: RFC 9112, 3.2: the target

  private static let targets: [HTTPVector] = [
    .request(
      "A target is a path and a query", "RFC 9112, 3.2.1",
      "GET /a/b?c=d&e HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET /a/b?c=d&e HTTP/1.1 {Host: a}"]),
    .request(
      "A path is taken as it is sent", "RFC 9112, 3.2.1",
      "GET /../a//b/./%2e%zz HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET /../a//b/./%2e%zz HTTP/1.1 {Host: a}"]),
    .request(
      "A path that begins with two slashes has no authority", "RFC 9112, 3.2.1",
      "GET //b/c HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET //b/c HTTP/1.1 {Host: a}"]),
    .request(
      "What browsers leave as it is in a query is taken", "RFC 9112, 3.2.1",
      "GET /?a={b}|[c]^\"d\"<e>\\`f` HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET /?a={b}|[c]^\"d\"<e>\\`f` HTTP/1.1 {Host: a}"]),
    .request(
      "A fragment is not sent", "RFC 9112, 3.2",
      "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A target has no NUL", "RFC 9112, 3.2",
      "GET /\u{00} HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A target has no control character", "RFC 9112, 3.2",
      "GET /\u{01} HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A target has no DEL", "RFC 9112, 3.2",
      "GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A target is ASCII", "RFC 9112, 3.2",
      "GET /\u{C3}\u{A9} HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedRequestLine),
    .request(
      "A path begins with a slash", "RFC 9112, 3.2.1",
      "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "A query comes after a path", "RFC 9112, 3.2.1",
      "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "A target may be a whole URL", "RFC 9112, 3.2.2",
      "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET http://a/b?c HTTP/1.1 {Host: a}"]),
    .request(
      "The case of a URL's scheme does not matter", "RFC 9112, 3.2.2",
      "GET HTTPS://A:8443/b HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET HTTPS://A:8443/b HTTP/1.1 {Host: a}"]),
    .request(
      "A URL may have no path", "RFC 9112, 3.2.2",
      "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET http://a HTTP/1.1 {Host: a}"]),
    .request(
      "A URL may have a query and no path", "RFC 9112, 3.2.2",
      "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET http://a?b HTTP/1.1 {Host: a}"]),
    .request(
      "A URL's host may be an IPv6 address", "RFC 9112, 3.2.2",
      "GET http://[::1]:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["GET http://[::1]:80/ HTTP/1.1 {Host: a}"]),
    .request(
      "A URL's host may be another than the Host field's, which does not count then", "RFC 9112, 3.2.2",
      "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
      sees: ["GET http://a/ HTTP/1.1 {Host: b}"]),
    .request(
      "A URL does not stand for the Host field", "RFC 9112, 3.2",
      "GET http://a/ HTTP/1.1\r\n\r\n", refuses: .missingHost),
    .request(
      "A URL has a host", "RFC 9110, 4.2.1",
      "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "A URL that ends after its scheme has no host", "RFC 9110, 4.2.1",
      "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "A URL has no user", "RFC 9110, 4.2.4",
      "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "A URL has a port that there is", "RFC 9110, 4.2.1",
      "GET http://a:65536/ HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "A URL is one of HTTP", "RFC 9112, 3.2.2",
      "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "A URL has two slashes", "RFC 9112, 3.2.2",
      "GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "OPTIONS may be about the server", "RFC 9112, 3.2.4",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["OPTIONS * HTTP/1.1 {Host: a}"]),
    .request(
      "OPTIONS may be about a path", "RFC 9112, 3.2.1",
      "OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["OPTIONS /a HTTP/1.1 {Host: a}"]),
    .request(
      "Other methods are not about the server", "RFC 9112, 3.2.4",
      "GET * HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "An asterisk stands alone", "RFC 9112, 3.2.4",
      "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "CONNECT has a host and a port", "RFC 9112, 3.2.3",
      "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["CONNECT b:443 HTTP/1.1 {Host: a}"]),
    .request(
      "CONNECT may have an IPv6 address", "RFC 9112, 3.2.3",
      "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["CONNECT [2001:db8::1]:443 HTTP/1.1 {Host: a}"]),
    .request(
      "CONNECT has a port", "RFC 9110, 9.3.6",
      "CONNECT b HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "CONNECT has a port that is not empty", "RFC 9110, 9.3.6",
      "CONNECT b: HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "CONNECT has a port that there is", "RFC 9110, 9.3.6",
      "CONNECT b:65536 HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "CONNECT has no user", "RFC 9112, 3.2.3",
      "CONNECT user@b:443 HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "CONNECT has no path", "RFC 9112, 3.2.3",
      "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "CONNECT has no path behind the port", "RFC 9112, 3.2.3",
      "CONNECT b:443/ HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "CONNECT has no URL", "RFC 9112, 3.2.3",
      "CONNECT http://b:443/ HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "Other methods have no host and port alone", "RFC 9112, 3.2.3",
      "GET b:443 HTTP/1.1\r\nHost: a\r\n\r\n", refuses: .malformedTarget),
    .request(
      "Another method of seven letters may have a path", "RFC 9112, 3.2.1",
      "connect /a HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["connect /a HTTP/1.1 {Host: a}"]),
  ]

  // MARK: RFC 9112, 3.2: the Host field

  private static let hosts: [HTTPVector] = [
    .request(
      "HTTP/1.1 has a Host field", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\n\r\n", refuses: .missingHost),
    .request(
      "HTTP/1.0 may have none", "RFC 9112, 3.2",
      "GET / HTTP/1.0\r\n\r\n",
      sees: ["GET / HTTP/1.0 close"]),
    .request(
      "The Host field may be empty", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: }"]),
    .request(
      "There are not two Host fields that differ", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", refuses: .repeatedHost),
    .request(
      "There are not two Host fields that are equal", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: a\r\n\r\n", refuses: .repeatedHost),
    .request(
      "There are not two Host fields in HTTP/1.0", "RFC 9112, 3.2",
      "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", refuses: .repeatedHost),
    .request(
      "A host may have a port", "RFC 9110, 7.2",
      "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a.example:8080}"]),
    .request(
      "The port may be empty", "RFC 3986, 3.2.3",
      "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a:}"]),
    .request(
      "The port is one that there is", "RFC 9110, 7.2",
      "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", refuses: .malformedHost),
    .request(
      "The port is not taken for its remainder", "RFC 9110, 7.2",
      "GET / HTTP/1.1\r\nHost: a:18446744073709551696\r\n\r\n", refuses: .malformedHost),
    .request(
      "The port is a number", "RFC 3986, 3.2.3",
      "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", refuses: .malformedHost),
    .request(
      "There is one port", "RFC 3986, 3.2.3",
      "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", refuses: .malformedHost),
    .request(
      "A port comes after a host", "RFC 9110, 4.2.1",
      "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", refuses: .malformedHost),
    .request(
      "A host may be an IPv4 address", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: 127.0.0.1:80}"]),
    .request(
      "A host may be an IPv6 address", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: [2001:DB8::1]:80}"]),
    .request(
      "An IPv6 address may end in one of IPv4", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [::ffff:192.0.2.1]\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: [::ffff:192.0.2.1]}"]),
    .request(
      "An IPv6 address stands between brackets", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", refuses: .malformedHost),
    .request(
      "The brackets are closed", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", refuses: .malformedHost),
    .request(
      "The brackets are not empty", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: []\r\n\r\n", refuses: .malformedHost),
    .request(
      "Nothing but a port comes after the brackets", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", refuses: .malformedHost),
    .request(
      "An IPv6 address has eight groups", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [1:2]\r\n\r\n", refuses: .malformedHost),
    .request(
      "An IPv6 address has one gap", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [1::2::3]\r\n\r\n", refuses: .malformedHost),
    .request(
      "An IPv6 address is not endless", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [0:0:0:0:0:0:0:0000000000000000000000000000000000000001]\r\n\r\n",
      refuses: .malformedHost),
    .request(
      "An IPv6 address of a request has no zone", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", refuses: .malformedHost),
    .request(
      "A name's bytes may be encoded", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: %c3%A9.example\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: %c3%A9.example}"]),
    .request(
      "An encoded byte has two digits", "RFC 3986, 2.1",
      "GET / HTTP/1.1\r\nHost: a%c\r\n\r\n", refuses: .malformedHost),
    .request(
      "An encoded byte has hexadecimal digits", "RFC 3986, 2.1",
      "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", refuses: .malformedHost),
    .request(
      "A name may have other characters than DNS has", "RFC 3986, 3.2.2",
      "GET / HTTP/1.1\r\nHost: a_b,c;d=(e)!$&'*+~\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a_b,c;d=(e)!$&'*+~}"]),
    .request(
      "A name has no space", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", refuses: .malformedHost),
    .request(
      "Two names are no name", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", refuses: .malformedHost),
    .request(
      "A host is ASCII", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: \u{E9}.example\r\n\r\n", refuses: .malformedHost),
    .request(
      "A host has no user", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", refuses: .malformedHost),
    .request(
      "A host has no path", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", refuses: .malformedHost),
    .request(
      "A host is no URL", "RFC 9112, 3.2",
      "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", refuses: .malformedHost),
    .request(
      "A malformed host is refused in HTTP/1.0", "RFC 9112, 3.2",
      "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", refuses: .malformedHost),
  ]

  // MARK: RFC 9112, 5: field lines

  private static let fieldLines: [HTTPVector] = [
    .request(
      "A field's name is taken as it is sent", "RFC 9110, 5.1",
      "GET / HTTP/1.1\r\nhOST: a\r\nX-!#$%&'*+.^_`|~9: b\r\n\r\n",
      sees: ["GET / HTTP/1.1 {hOST: a; X-!#$%&'*+.^_`|~9: b}"]),
    .request(
      "A value may be empty", "RFC 9110, 5.5",
      "GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB: \t \r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; A: ; B: }"]),
    .request(
      "White space around a value is not of it", "RFC 9112, 5.1",
      "GET / HTTP/1.1\r\nHost: \t a \t\r\nA:b\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; A: b}"]),
    .request(
      "White space in a value is of it", "RFC 9110, 5.5",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b  c\td\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; A: b  c<09>d}"]),
    .request(
      "A value may have colons", "RFC 9110, 5.5",
      "GET / HTTP/1.1\r\nHost: a\r\nA: :b:\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; A: :b:}"]),
    .request(
      "A value may have bytes above ASCII", "RFC 9110, 5.5",
      "GET / HTTP/1.1\r\nHost: a\r\nA: caf\u{E9} \u{80}\u{FF}\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; A: caf<E9> <80><FF>}"]),
    .request(
      "Fields of one name stay apart", "RFC 9110, 5.3",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nA: e\r\n\r\n",
      sees: ["GET / HTTP/1.1 {Host: a; A: b; C: d; A: e}"]),
    .request(
      "There is no space before the colon", "RFC 9112, 5.1",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "There is no tab before the colon", "RFC 9112, 5.1",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "There is a colon", "RFC 9112, 5",
      "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "There is a name", "RFC 9112, 5",
      "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "There is no space in a name", "RFC 9110, 5.1",
      "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "A name has no parentheses", "RFC 9110, 5.1",
      "GET / HTTP/1.1\r\nHost: a\r\nX(): b\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "A name has no quotes", "RFC 9110, 5.1",
      "GET / HTTP/1.1\r\nHost: a\r\n\"X\": b\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "A name is ASCII", "RFC 9110, 5.1",
      "GET / HTTP/1.1\r\nHost: a\r\nX\u{E9}: b\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "A name has no NUL", "RFC 9110, 5.1",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length\u{00}: 5\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "A name has no carriage return", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\nHost: a\r\nX\rY: b\r\n\r\n", refuses: .malformedFieldName),
    .request(
      "A line folded with a space is refused", "RFC 9112, 5.2",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", refuses: .foldedLine),
    .request(
      "A line folded with a tab is refused", "RFC 9112, 5.2",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", refuses: .foldedLine),
    .request(
      "A folded line of white space alone is refused", "RFC 9112, 5.2",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n \r\n\r\n", refuses: .foldedLine),
    .request(
      "A folded line that looks like a field is refused", "RFC 9112, 5.2",
      "GET / HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\nhello", refuses: .foldedLine),
    .request(
      "White space before the first field is refused", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\n Host: a\r\n\r\n", refuses: .foldedLine),
    .request(
      "A value has no NUL", "RFC 9110, 5.5",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{00}c\r\n\r\n", refuses: .malformedFieldValue),
    .request(
      "A value has no escape character", "RFC 9110, 5.5",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{1B}[2Jc\r\n\r\n", refuses: .malformedFieldValue),
    .request(
      "A value has no DEL", "RFC 9110, 5.5",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{7F}\r\n\r\n", refuses: .malformedFieldValue),
    .request(
      "A vertical tab is not white space around a value", "RFC 9110, 5.6.3",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{0B}chunked\r\n\r\n0\r\n\r\n", refuses: .malformedFieldValue),
    .request(
      "A form feed is not white space around a value", "RFC 9110, 5.6.3",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\u{0C}\r\n\r\n0\r\n\r\n", refuses: .malformedFieldValue),
    .request(
      "A carriage return in a value is refused", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\rContent-Length: 5\r\n\r\n", refuses: .bareCarriageReturn),
    .request(
      "A value does not end in a second carriage return", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", refuses: .bareCarriageReturn),
    .request(
      "A line feed alone does not end a field line", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", refuses: .bareLineFeed),
    .request(
      "A line feed alone does not end a head", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\nHost: a\r\n\n", refuses: .bareLineFeed),
    .request(
      "Line feeds alone are no line ends at all", "RFC 9112, 2.2",
      "GET / HTTP/1.1\nHost: a\n\n", refuses: .bareLineFeed),
    .request(
      "A carriage return alone does not end a head", "RFC 9112, 2.2",
      "GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", refuses: .bareCarriageReturn),
  ]

  // MARK: RFC 9110, 8.6, and RFC 9112, 6.2: Content-Length

  private static let lengths: [HTTPVector] = [
    .request(
      "A length says where the body ends", "RFC 9112, 6.2",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 5} \"hello\""]),
    .request(
      "A body may be empty", "RFC 9112, 6.2",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 0} \"\""]),
    .request(
      "A request without a length has no body", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      sees: ["POST / HTTP/1.1 {Host: a}", "GET / HTTP/1.1 {Host: a}"]),
    .request(
      "A GET may have a body", "RFC 9110, 9.3.1",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["GET / HTTP/1.1 {Host: a; Content-Length: 2} \"hi\""]),
    .request(
      "A body may have any bytes", "RFC 9112, 6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n\r\n\u{00}\u{FF}\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 6} \"<0D><0A><00><FF><0D><0A>\""]),
    .request(
      "A length may begin with zeros, and is decimal all the same", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0010\r\n\r\nabcdefghij",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 0010} \"abcdefghij\""]),
    .request(
      "A length may be said twice", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 2; Content-Length: 2} \"hi\""]),
    .request(
      "A length may be said twice in one field", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nhi",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 2, 2} \"hi\""]),
    .request(
      "Two lengths that differ are refused", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
      refuses: .differingContentLengths),
    .request(
      "Two lengths that differ in one field are refused", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 3\r\n\r\nhi", refuses: .differingContentLengths),
    .request(
      "Two lengths that differ, one of them zero, are refused", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\ncontent-length: 2\r\n\r\nhi",
      refuses: .differingContentLengths),
    .request(
      "Two lengths that differ in their zeros are refused", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10, 010\r\n\r\nabcdefghij", refuses: .differingContentLengths),
    .request(
      "A length has no empty one beside it", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2,\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length is not empty", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", refuses: .malformedContentLength),
    .request(
      "A length has no plus", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length has no minus", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length has no minus even if it is zero", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n", refuses: .malformedContentLength),
    .request(
      "A length is not hexadecimal", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length has no hexadecimal digits", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: a\r\n\r\nabcdefghij", refuses: .malformedContentLength),
    .request(
      "A length has no fraction", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2.0\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length has no exponent", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2e0\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length has no underscores", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nabcdefghij", refuses: .malformedContentLength),
    .request(
      "A length has no space in it", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2 0\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length has no quotes", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"2\"\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length has no parameter", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2;a=b\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length is written in ASCII's digits", "RFC 9110, 8.6",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \u{B2}\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length beyond 64 bits is not taken for its remainder", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551618\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length that is negative in 64 bits is refused", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\nhi", refuses: .malformedContentLength),
    .request(
      "A length whose last digit comes close to the end of 63 bits is a number still", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775779\r\n\r\nhi", refuses: .bodyTooLarge),
    .request(
      "A length beyond what is taken is refused before the body comes", "RFC 9110, 15.5.14",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 922337203685477579\r\n\r\n", refuses: .bodyTooLarge),
    .request(
      "CONNECT has no length", "RFC 9110, 9.3.6",
      "CONNECT b:443 HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nhi", refuses: .bodyOfConnect),
    .request(
      "CONNECT has no length but zero", "RFC 9110, 9.3.6",
      "CONNECT b:443 HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
      sees: ["CONNECT b:443 HTTP/1.1 {Host: b; Content-Length: 0} \"\""]),
    .request(
      "A field by another name is no length", "RFC 9110, 5.1",
      "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 2\r\nX-Content-Length: 3\r\n\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; Content_Length: 2; X-Content-Length: 3}"]),
    .request(
      "A stream that ends in a body has a part of one", "RFC 9112, 8",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Length: 5} \"hell\" ..."]),
  ]

  // MARK: RFC 9112, 6.1: Transfer-Encoding

  private static let codings: [HTTPVector] = [
    .request(
      "A body may come in chunks", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; Transfer-Encoding: chunked} chunked \"hello\""]),
    .request(
      "A coding's case does not matter", "RFC 9112, 7",
      "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: \tChUnKeD \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      sees: ["POST / HTTP/1.1 {Host: a; transfer-encoding: ChUnKeD} chunked \"hello\""]),
    .request(
      "A length before a coding is refused", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      refuses: .lengthAndCoding),
    .request(
      "A length after a coding is refused", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      refuses: .lengthAndCoding),
    .request(
      "HTTP/1.0 has no codings", "RFC 9112, 6.1",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refuses: .codingInOldVersion),
    .request(
      "HTTP/1.0 has no codings beside a length", "RFC 9112, 6.1",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", refuses: .codingInOldVersion),
    .request(
      "A body is not chunked twice", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
      refuses: .repeatedTransferCoding),
    .request(
      "A body is not said to be chunked twice", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      refuses: .repeatedTransferCoding),
    .request(
      "A coding before the chunks is not known", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding
    ),
    .request(
      "A coding in a field before is not known", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      refuses: .unknownTransferCoding),
    .request(
      "Chunks come last", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding
    ),
    .request(
      "A field after chunks has no other coding", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
      refuses: .unknownTransferCoding),
    .request(
      "Identity is no coding", "RFC 9112, 7",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "Identity beside chunks is no coding", "RFC 9112, 7",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      refuses: .unknownTransferCoding),
    .request(
      "A name that ends in chunked is another", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "A name that begins with chunked is another", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "A name with a word before it is another", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x chunked\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "The name has no quotes", "RFC 9112, 7",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "Chunked has no parameters", "RFC 9112, 7.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "A coding has no empty one beside it", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "A coding is not empty", "RFC 9112, 6.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "A coding is not empty beside a length", "RFC 9112, 6.3",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello",
      refuses: .unknownTransferCoding),
    .request(
      "A coding is not folded", "RFC 9112, 5.2",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", refuses: .unknownTransferCoding),
    .request(
      "There is no space between the field's name and its colon", "RFC 9112, 5.1",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      refuses: .malformedFieldName),
    .request(
      "CONNECT has no chunks", "RFC 9110, 9.3.6",
      "CONNECT b:443 HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refuses: .bodyOfConnect),
    .request(
      "A field by another name says nothing of codings", "RFC 9110, 5.1",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
      sees: ["POST / HTTP/1.1 {Host: a; Transfer_Encoding: chunked; Content-Length: 5} \"hello\""]),
    .request(
      "Content-Encoding is the body's own affair", "RFC 9110, 8.4",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
      sees: ["POST / HTTP/1.1 {Host: a; Content-Encoding: chunked; Content-Length: 5} \"hello\""]),
  ]
}
