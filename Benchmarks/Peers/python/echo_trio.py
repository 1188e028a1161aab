import sys, trio


async def echo(s):
    try:
        while d := await s.receive_some(4096):
            await s.send_all(d)
    except trio.BrokenResourceError:
        pass


async def main():
    await trio.serve_tcp(echo, int(sys.argv[1]), host="127.0.0.1", backlog=2048)


trio.run(main)
