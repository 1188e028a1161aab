import asyncio, os, sys
from aiohttp import web


async def h(r):
    return web.Response(body=b"Hello, World!", content_type="text/plain")


app = web.Application()
app.router.add_get("/", h)
if os.environ.get("UVLOOP"):
    import uvloop

    loop = uvloop.new_event_loop()
else:
    loop = asyncio.new_event_loop()
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=loop, backlog=2048)
