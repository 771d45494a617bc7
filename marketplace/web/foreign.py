"""Chinese words on an English page: names, titles and texts stay as people wrote them, and are marked as Chinese for those who listen."""

from __future__ import annotations

import re

from flask import Flask, Response

from marketplace.web.language import language

# An element with nothing but text in it, and Chinese in the text. What templates put into attributes holds no < and no >.
_LEAF = re.compile(r"<([a-z][a-z0-9]*)((?:\s[^<>]*)?)>([^<>]*[\u4e00-\u9fff][^<>]*)</\1>")
_HANZI = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]{2,}")


def marked(html: str) -> str:
    """The page with lang="zh-CN" on elements whose text is Chinese for the greater part."""
    return _LEAF.sub(_marked, html)


def _marked(found: re.Match[str]) -> str:
    tag, attributes, text = found.groups()
    chinese = len(_HANZI.findall(text)) > len(_WORD.findall(text))
    if tag in ("script", "style") or " lang=" in attributes or not chinese:
        return found[0]
    return f'<{tag} lang="zh-CN"{attributes}>{text}</{tag}>'


def register(app: Flask) -> None:
    @app.after_request
    def mark(response: Response) -> Response:
        if response.mimetype == "text/html" and not response.is_streamed and not response.direct_passthrough and language() == "en":
            response.set_data(marked(response.get_data(as_text=True)))
        return response
