# argv: streams|protocol PORT ; UVLOOP=1 for uvloop
import asyncio, os, sys


class Echo(asyncio.Protocol):
    def connection_made(self, t):
        self.t = t

    def data_received(self, d):
        self.t.write(d)


async def streams(r, w):
    try:
        while d := await r.read(4096):
            w.write(d)
            await w.drain()
    except ConnectionError:
        pass
    w.close()


async def main():
    p = int(sys.argv[2])
    if sys.argv[1] == "streams":
        s = await asyncio.start_server(streams, "127.0.0.1", p, backlog=2048)
    else:
        s = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", p, backlog=2048)
    await s.serve_forever()


if os.environ.get("UVLOOP"):
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
