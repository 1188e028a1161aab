import NIOCore
import NIOPosix

final class Echo: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
  func errorCaught(context: ChannelHandlerContext, error: Error) { context.close(promise: nil) }
}
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let ch = try ServerBootstrap(group: group)
  .serverChannelOption(.backlog, value: 2048).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
  .childChannelInitializer { c in c.eventLoop.makeCompletedFuture { try c.pipeline.syncOperations.addHandler(Echo()) } }
  .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
  .bind(host: "127.0.0.1", port: Int(CommandLine.arguments[1])!).wait()
try ch.closeFuture.wait()
