#if TLS
import Glibc
import Toro
import ToroNet

/// Certificates and keys for the tests, made by the openssl command in a folder that goes with the process.
package struct Certificates: Sendable {
  /// Made when first used.
  package static let shared = Certificates()

  private static let variable = "TORO_TEST_CERTIFICATES"

  package let folder: String

  package func path(_ file: String) -> String { "\(folder)/\(file)" }

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

  package func server(_ name: String = "good", _ change: (inout TLSConfiguration) -> Void = { _ in }) throws
    -> TLSContext
  {
    var configuration = TLSConfiguration.server(
      certificateChain: .file(path("\(name).pem")),
      privateKey: .file(path(name == "chain" ? "leaf.key" : "\(name).key")))
    change(&configuration)
    return try TLSContext(configuration)
  }

  /// One that trusts the tests' authority.
  package func client(_ change: (inout TLSConfiguration) -> Void = { _ in }) throws -> TLSContext {
    var configuration = TLSConfiguration.client()
    configuration.trustRoots = .certificates(.file(path("ca.pem")))
    change(&configuration)
    return try TLSContext(configuration)
  }

  package func identity(_ name: String) -> TLSConfiguration.Identity {
    TLSConfiguration.Identity(certificateChain: .file(path("\(name).pem")), privateKey: .file(path("\(name).key")))
  }
}

/// A listener on a free loopback port that speaks TLS.
package func loopback(tls context: TLSContext) throws -> Listener {
  try Listener(host: "127.0.0.1", port: 0, options: Listener.Options { $0.tls = context })
}
#endif
