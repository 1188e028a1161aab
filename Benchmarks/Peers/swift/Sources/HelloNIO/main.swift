import NIOCore
import NIOHTTP1
import NIOPosix

final class Hello: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart
  static let body = ByteBuffer(string: "Hello, World!")
  static let headers: HTTPHeaders = ["content-type": "text/plain", "content-length": "13"]
  var keepAlive = true
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let h): keepAlive = h.isKeepAlive
    case .body: break
    case .end:
      context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: Self.headers))), promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(Self.body))), promise: nil)
      let f = context.writeAndFlush(wrapOutboundOut(.end(nil)))
      if !keepAlive { f.whenComplete { [c = context.channel] _ in c.close(promise: nil) } }
    }
  }
  func errorCaught(context: ChannelHandlerContext, error: Error) { context.close(promise: nil) }
}
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let ch = try ServerBootstrap(group: group)
  .serverChannelOption(.backlog, value: 2048).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
  .childChannelInitializer { c in
    c.eventLoop.makeCompletedFuture {
      try c.pipeline.syncOperations.configureHTTPServerPipeline()
      try c.pipeline.syncOperations.addHandler(Hello())
    }
  }
  .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
  .bind(host: "127.0.0.1", port: Int(CommandLine.arguments[1])!).wait()
try ch.closeFuture.wait()
