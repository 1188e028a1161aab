import Hummingbird
import Logging
import NIOPosix

let router = Router()
router.get("/") { _, _ in "Hello, World!" }
var logger = Logger(label: "hb"); logger.logLevel = .error
let app = Application(
  router: router, configuration: .init(address: .hostname("127.0.0.1", port: Int(CommandLine.arguments[1])!)),
  eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)), logger: logger)
try await app.runService()
