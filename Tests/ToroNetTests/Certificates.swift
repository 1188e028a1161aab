#if TLS
import COpenSSL
import Glibc
import Testing
import Toro

@testable import ToroNet

/// Certificates and keys for the tests, made by the openssl command in a folder that goes with the process.
struct Certificates {
  /// Made when first used.
  static let shared = Certificates()

  private static let variable = "TORO_TEST_CERTIFICATES"

  let folder: String

  func path(_ file: String) -> String { "\(folder)/\(file)" }

  private init() {
    // An exit test's process uses those of the one that began it.
    if let inherited = getenv(Certificates.variable) {
      folder = String(cString: inherited)
      return
    }
    var template = Array("/tmp/toro-tls-XXXXXX".utf8CString)
    folder = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } ?? "" }
    let script = """
      set -e
      cd \(folder)
      exec 2>log
      key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }
      # name, subject, alternative name, days, issuer, further extensions
      issue() {
        key $1
        openssl req -new -key $1.key -out $1.csr -subj "$2"
        printf '%s\\n' "subjectAltName=$3" $6 >$1.ext
        openssl x509 -req -in $1.csr -CA $5.pem -CAkey $5.key -CAcreateserial -days $4 -extfile $1.ext -out $1.pem
      }
      authority() {
        key $1
        openssl req -x509 -key $1.key -out $1.pem -subj "/CN=$2" -days 30
      }
      authority ca "Toro tests"
      authority other-ca "Others"
      issue good "/CN=toro.test" "DNS:toro.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1" 30 ca
      issue second "/CN=second.test" "DNS:second.test" 30 ca
      issue nameonly "/CN=toro.test" "DNS:toro.test" 30 ca
      issue expired "/CN=toro.test" "DNS:toro.test,IP:127.0.0.1" -1 ca
      issue client "/O=Toro/CN=a client" "email:client@toro.test" 30 ca
      issue stranger "/CN=a stranger" "email:stranger@toro.test" 30 other-ca
      issue middle "/CN=between" "DNS:between" 30 ca basicConstraints=critical,CA:TRUE
      issue leaf "/CN=toro.test" "DNS:toro.test,IP:127.0.0.1" 30 middle
      cat leaf.pem middle.pem >chain.pem
      key self
      openssl req -x509 -key self.key -out self.pem -subj "/CN=toro.test" -addext "subjectAltName=DNS:toro.test,IP:127.0.0.1" -days 30
      openssl pkey -in good.key -aes256 -passout pass:secret -out locked.key
      printf 'no PEM here\\n' >text.pem
      sed 's/^M/!/' good.pem >damaged.pem
      """
    let status = script.withCString { Glibc.system($0) }
    precondition(status == 0, "openssl could not make the certificates: see \(folder)/log")
    setenv(Certificates.variable, folder, 1)
    atexit { _ = Glibc.system("rm -rf '\(Certificates.shared.folder)'") }
  }

  // MARK: Configurations

  func server(_ name: String = "good", _ change: (inout TLSConfiguration) -> Void = { _ in }) throws -> TLSContext {
    var configuration = TLSConfiguration.server(
      certificateChain: .file(path("\(name).pem")),
      privateKey: .file(path(name == "chain" ? "leaf.key" : "\(name).key")))
    change(&configuration)
    return try TLSContext(configuration)
  }

  /// One that trusts the tests' authority.
  func client(_ change: (inout TLSConfiguration) -> Void = { _ in }) throws -> TLSContext {
    var configuration = TLSConfiguration.client()
    configuration.trustRoots = .certificates(.file(path("ca.pem")))
    change(&configuration)
    return try TLSContext(configuration)
  }

  func identity(_ name: String) -> TLSConfiguration.Identity {
    TLSConfiguration.Identity(certificateChain: .file(path("\(name).pem")), privateKey: .file(path("\(name).key")))
  }
}

extension TLSContext {
  /// Makes a peer of an earlier time.
  func refuseVersionsAbove(_ version: TLSVersion) {
    _ = SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, version.rawValue, nil)
  }
}

extension TLSLayer {
  /// What a hostile peer would do: renew the keys, and ask the other end to.
  func askForKeyUpdate() -> Bool {
    SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && establishAgain()
  }

  private func establishAgain() -> Bool {
    let result = SSL_do_handshake(ssl)
    _ = send(UnsafeRawBufferPointer(start: nil, count: 0))
    return result == 1
  }
}

/// A listener on a free loopback port that speaks TLS.
func loopback(tls context: TLSContext) throws -> Listener {
  try Listener(host: "127.0.0.1", port: 0, options: Listener.Options { $0.tls = context })
}

/// Both ends of a connection over TLS, after the handshake.
func securePair(
  server: TLSContext? = nil, client: TLSContext? = nil, serverName: String? = "toro.test"
) async throws -> (client: Connection, server: Connection) {
  let listener = try loopback(tls: server ?? Certificates.shared.server())
  let context = try client ?? Certificates.shared.client()
  async let accepting = listener.accept()
  async let connecting = Connection.connect(
    to: listener.localAddress, tls: context, serverName: serverName, deadline: .after(.seconds(20)))
  let far = try #require(try await accepting)
  do {
    try await far.handshake()
  } catch {
    // The client knows better why.
    _ = try await connecting
    throw error
  }
  return (try await connecting, far)
}

/// What a handshake comes to, at both ends.
func handshakeErrors(
  server: TLSContext, client: TLSContext, serverName: String? = "toro.test"
) async throws -> (client: (any Error)?, server: (any Error)?) {
  let listener = try loopback(tls: server)
  let address = listener.localAddress
  let connecting = Reactor.current.spawn { () -> (any Error)? in
    do {
      let connection = try await Connection.connect(
        to: address, tls: client, serverName: serverName, deadline: .after(.seconds(20)))
      // TLS 1.3: a client hears of its certificate's refusal when it reads.
      _ = try await connection.read(deadline: .after(.seconds(20)))
      return nil
    } catch { return error }
  }
  let far = try #require(try await listener.accept())
  var serverError: (any Error)?
  do { try await far.handshake() } catch { serverError = error }
  far.close()
  return (await connecting.value, serverError)
}

/// A program that runs beside the test, its input and output as a connection: what it says can be waited for.
struct Tool {
  let connection: Connection
  private let pid: pid_t
  private let output = Shared("")
  /// What came after what was waited for.
  private let rest = Shared<Substring>("")

  init(_ command: String) throws {
    let ends = try makeSocketPair()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 { posix_spawn_file_actions_adddup2(&actions, ends.1, descriptor) }
    var pid: pid_t = 0
    let words: [String] = ["/bin/sh", "-c", "exec \(command)"]
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    let code = posix_spawn(&pid, "/bin/sh", &actions, nil, arguments, environ)
    close(ends.1)
    try #require(code == 0)
    self.pid = pid
    let none = SocketAddress(unixSocketWithoutPath: ())
    connection = Connection(Socket(ends.0, on: .current), peer: none, local: none)
    connection.deadline = .after(.seconds(25))
  }

  var said: String { output.value }

  func write(_ text: String) async throws { try await connection.write(text) }

  func stop() { kill(pid, SIGKILL) }

  /// Waits until it has said this, after what was waited for before.
  func expect(_ text: String) async throws {
    while true {
      if let range = rest.value.firstRange(of: text) {
        rest.value = rest.value[range.upperBound...]
        return
      }
      let bytes = try await connection.read()
      guard !bytes.isEmpty else {
        Issue.record("it ended without \(text.debugDescription): \(output.value)")
        return
      }
      let more = String(decoding: bytes, as: UTF8.self)
      output.value += more
      rest.value += more
    }
  }

  /// Ends its input, waits until it has ended, and returns all that it said.
  func end() async throws -> String {
    connection.closeWrite()
    do {
      output.value += String(decoding: try await connection.readAll(), as: UTF8.self)
    } catch let error as SocketError where error.isReset {}  // it had not read all of its input
    let pid = pid
    try await Reactor.current.runBlocking { _ = waitpid(pid, nil, 0) }
    return output.value
  }
}

/// Runs a shell command to its end, on another thread, and returns what it prints.
func shell(_ command: String) async throws -> String {
  try await Reactor.current.runBlocking {
    guard let pipe = popen("exec 2>&1; \(command)", "r") else { return "popen failed" }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, pipe)
      if count == 0 { break }
      output += buffer[..<count]
    }
    pclose(pipe)
    return String(decoding: output, as: UTF8.self)
  }
}
#endif
