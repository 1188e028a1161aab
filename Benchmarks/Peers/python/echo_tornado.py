import asyncio, sys
from tornado.iostream import StreamClosedError
from tornado.tcpserver import TCPServer


class Echo(TCPServer):
    async def handle_stream(self, s, a):
        s.set_nodelay(True)
        try:
            while True:
                await s.write(await s.read_bytes(4096, partial=True))
        except StreamClosedError:
            pass


async def main():
    Echo().listen(int(sys.argv[1]), "127.0.0.1", backlog=2048)
    await asyncio.Event().wait()


asyncio.run(main())
