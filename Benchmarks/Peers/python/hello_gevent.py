import socket, sys
from gevent.pywsgi import WSGIServer


def app(env, start):
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"Hello, World!"]


class Server(WSGIServer):  # head and body go out in two sends: without this, Nagle holds each answer for 40 ms
    def do_handle(self, s, a):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().do_handle(s, a)


Server(("127.0.0.1", int(sys.argv[1])), app, log=None, backlog=2048).serve_forever()
