import sys
from gevent.server import StreamServer


def echo(s, a):
    try:
        while d := s.recv(4096):
            s.sendall(d)
    except OSError:
        pass


StreamServer(("127.0.0.1", int(sys.argv[1])), echo, backlog=2048).serve_forever()
