"""Pages reached by following links, as a person would: a few of every kind."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException

from tests.opened import Browser

_LINK = re.compile(r'<a\s[^>]*?href="([^"#]+)')


def crawl(app: Flask, browser: Browser, *, each: int = 2, start: str = "/") -> Iterator[tuple[str, str]]:
    """(address, page) of what can be reached; at most `each` pages of one route, so that a large site ends soon."""
    adapter = app.url_map.bind("localhost")
    seen, counts, waiting = {start}, Counter[str](), deque([start])
    while waiting:
        address = waiting.popleft()
        answer = browser.get(address)
        if answer.status_code != 200 or not (answer.content_type or "").startswith("text/html"):
            answer.close()
            continue
        yield address, answer.text
        for found in _LINK.findall(answer.text):
            parts = urlsplit(unescape(found))
            link = parts.path + (f"?{parts.query}" if parts.query else "")
            # The language switch would stay switched.
            if parts.netloc or not link.startswith("/") or link in seen or "lang=" in parts.query:
                continue
            seen.add(link)
            try:
                endpoint, _values = adapter.match(parts.path, method="GET")
            except HTTPException:
                continue
            if counts[endpoint] < each:
                counts[endpoint] += 1
                waiting.append(link)
