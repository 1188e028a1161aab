import asyncio, sys
from tornado.web import Application, RequestHandler


class H(RequestHandler):
    def get(self):
        self.set_header("Content-Type", "text/plain")
        self.write(b"Hello, World!")


async def main():
    Application([("/", H)]).listen(int(sys.argv[1]), "127.0.0.1", backlog=2048)
    await asyncio.Event().wait()


import logging

logging.getLogger("tornado.access").disabled = True
asyncio.run(main())
