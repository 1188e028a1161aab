#!/usr/bin/env python3
"""Looks at the documentation's site in headless Chromium.

    documentation.py <folder of the site> [<folder for screenshots>]

Fails if a link within the site leads nowhere, if a page has an error on the console, is empty or is too wide for a phone.
"""
import functools
import http.server
import json
import os
import pathlib
import sys
import threading
import time

from chromium import Browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def urls(value):
    """Every address that a page's data leads to."""
    if isinstance(value, dict):
        if isinstance(value.get("url"), str):
            yield value["url"]
        for part in value.values():
            yield from urls(part)
    elif isinstance(value, list):
        for part in value:
            yield from urls(part)


def check_links(site):
    count, broken = 0, []
    for page in (site / "data").rglob("*.json"):
        for url in urls(json.loads(page.read_text())):
            path = url.split("#")[0]
            if not path.startswith("/documentation"):
                continue
            count += 1
            if not (site / "data" / (path.strip("/") + ".json")).exists():
                broken.append(f"{page.relative_to(site)} leads to {url}")
    assert not broken, "\n".join(broken)
    print(f"{count} links lead somewhere")


def main():
    site, folder = pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    check_links(site)
    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    catalog = pathlib.Path(__file__).parents[2] / "docs/Toro.docc"
    names = [page.stem.lower() for page in catalog.glob("*.md") if page.stem != "Toro"] \
        + ["guide", "networking", "http", "c", "internals", "performance", "reliability"]
    pages = ["/documentation/", "/documentation/toro/"] + ["/documentation/toro/" + name for name in sorted(names)]
    if folder:
        os.makedirs(folder, exist_ok=True)
    browser = Browser()
    try:
        for width in (1280, 390):
            browser.size(width, 900)
            for page in pages:
                browser.open(origin + page)
                browser.until("!!document.querySelector('h1') && document.querySelector('h1').innerText.length > 0")
                time.sleep(0.3)
                too_wide = browser.ask("document.documentElement.scrollWidth - window.innerWidth")
                assert too_wide <= 0, f"{page}: {too_wide} pixels too wide at {width}"
                if folder:
                    browser.picture(f"{folder}/{page.strip('/').replace('/', '-')}-{width}.png")
        assert not browser.complaints, browser.complaints
    finally:
        browser.close()
    print(f"{len(pages)} pages open without complaint")


if __name__ == "__main__":
    main()
