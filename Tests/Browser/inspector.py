#!/usr/bin/env python3
"""Looks at the inspector's page in headless Chromium, as people do: against the caching proxy under load, and a deadlock.

    inspector.py <folder with the built examples> <the built toro-inspect> [<folder for screenshots>]

Starts a slow site, the proxy in front of it, clients of it, and the philosophers; fails if numbers do not move, a plot is not drawn, the
wait list does not name the right lines, the cycle does not show, or the console has an error.
"""
import http.client
import http.server
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from chromium import Browser


class Site(http.server.BaseHTTPRequestHandler):
    """Pages that take their time, so that there is somebody who waits."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(0.2 if self.path.startswith("/slow") else 0)
        body = b"this is " + self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=1" if self.path.startswith("/slow") else "max-age=60")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start(program, *arguments):
    process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True)
    return process


def load(proxy, origin, number, stopping):
    """Asks for the same pages as the others do, one after the other."""
    connection = http.client.HTTPConnection(*proxy)
    count = 0
    while not stopping.is_set():
        count += 1
        path = f"/slow/{count % 7}" if count % 20 == 0 else f"/quick/{count % 50}"
        connection.request("GET", f"http://{origin}{path}")
        answer = connection.getresponse()
        assert answer.status == 200, (answer.status, answer.read())
        answer.read()
    connection.close()


def look(browser, url, name, folder):
    for width, dark in [(1280, False), (1280, True), (390, False), (390, True)]:
        browser.size(width, 900, dark)
        time.sleep(1.2)
        overflow = browser.ask("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{name} at {width}: {overflow} pixels too wide"
        if folder:
            browser.picture(f"{folder}/{name}-{width}-{'dark' if dark else 'light'}.png")


def proxy_under_load(browser, folder, examples, command):
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    origin = f"127.0.0.1:{site.server_address[1]}"
    process = start(f"{examples}/CachingProxy", "--port", "0", "--inspect", "127.0.0.1:0")
    stopping = threading.Event()
    clients = []
    try:
        proxy = process.stdout.readline().strip().removeprefix("listening on ")
        address = process.stdout.readline().strip().removeprefix("inspector at ")
        host, port = proxy.split(":")
        clients = [
            threading.Thread(target=load, args=((host, int(port)), origin, number, stopping)) for number in range(8)
        ]
        for client in clients:
            client.start()
        browser.size(1280, 900)
        browser.open(f"http://{address}/")
        browser.until("document.querySelector('#state').textContent == 'live'")
        assert browser.ask("document.querySelector('h1').textContent") == "CachingProxy"
        value = "[...document.querySelectorAll('dl.numbers dd')].map(each => each.textContent).join()"
        browser.until("parseFloat(document.querySelectorAll('dl.numbers dd')[1].textContent) > 0")
        seen = set()
        for _ in range(6):
            seen.add(browser.ask(value))
            time.sleep(1)
        assert len(seen) >= 4, f"the numbers stand still: {seen}"
        path = browser.until("document.querySelector('svg.lag .series')?.getAttribute('d')")
        assert len(path.split("L")) >= 3, path
        browser.until("[...document.querySelectorAll('svg.histogram rect')].some(bar => +bar.getAttribute('height') > 20)")
        # Those who ask for a page that another has had fetched wait in Cache.swift.
        source = pathlib.Path(__file__).parents[2] / "Examples/CachingProxy/Cache.swift"
        lines = source.read_text().splitlines()
        line = 1 + next(index for index, text in enumerate(lines) if "arrived.wait()" in text)
        row = browser.until(
            f"[...document.querySelectorAll('#waits tr')].map(row => row.innerText)"
            f".find(text => text.includes('CachingProxy/Cache.swift:{line}'))", 60)
        print("a row of the wait list:", " | ".join(row.split("\t")))
        look(browser, address, "proxy", folder)
        text = subprocess.run([command, address], capture_output=True, text=True, check=True).stdout
        assert text.startswith("CachingProxy, process ") and "\033" not in text, text
        print(text)
    finally:
        stopping.set()
        for client in clients:
            client.join()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        site.shutdown()
    browser.until("document.querySelector('#state').textContent == 'gone'")


def deadlock(browser, folder, examples):
    process = start(f"{examples}/Philosophers", "--inspect", "127.0.0.1:0")
    try:
        address = process.stdout.readline().strip().removeprefix("inspector at ")
        browser.size(1280, 900)
        browser.open(f"http://{address}/")
        browser.until("document.querySelector('#state').textContent == 'a cycle'")
        caption = browser.ask("document.querySelector('figure.cycle figcaption').textContent")
        print("the cycle:", caption)
        for name in ["Kant", "Hume", "Locke", "Plato", "Hegel"]:
            assert f'"{name}" holds' in caption, caption
        assert browser.ask("document.querySelectorAll('svg.ring .who').length") == 5
        assert browser.ask("document.querySelectorAll('#waits tr.round').length") == 5
        look(browser, address, "deadlock", folder)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def main():
    examples, command, folder = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
    if folder:
        os.makedirs(folder, exist_ok=True)
    browser = Browser()
    try:
        proxy_under_load(browser, folder, examples, command)
        # That the inspector has gone is an error on the console, and the last of it.
        complaints = [text for text in browser.complaints if "ERR_CONNECTION_REFUSED" not in text and
                      "ERR_EMPTY_RESPONSE" not in text and "ERR_CONNECTION_RESET" not in text]
        deadlock(browser, folder, examples)
        assert not complaints, complaints
        assert len([text for text in browser.complaints if "ERR_" not in text]) == 0, browser.complaints
    finally:
        browser.close()
    print("the page shows what it should")


if __name__ == "__main__":
    main()
