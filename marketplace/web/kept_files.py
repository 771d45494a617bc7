"""Files for anybody that take long to write, kept in the data folder while nothing that they say has changed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Hashable
from importlib.metadata import version as release
from pathlib import Path
from typing import IO

from flask import Response, current_app, send_file

from marketplace.attachments import SANDBOX
from marketplace.pilot_values import digest_of, values_of
from marketplace.site import current_site
from marketplace.web.language import language
from marketplace.web.outside import outside

FOLDER = "given-out"
_KEPT_SECONDS = 7 * 86_400
# One is written at a time: whoever asks meanwhile gets what the first one wrote, instead of writing it as well.
_writing = threading.Lock()


def given_out(name: str, version: Hashable, write: Callable[[IO[bytes]], None], *, kind: str, as_name: str) -> Response:
    """The file `name` in its newest version as a download. `version` must change with every word of it; language, words of the pilot
    and the site's own address are counted in here. `write` is asked only where there is none of this version."""
    digest = hashlib.sha256(repr((version, language(), outside(""), _pilot(), release("jigai"))).encode()).hexdigest()[:32]
    stem = f"{name}.{language()}."
    path = current_site().settings.data_dir / FOLDER / f"{stem}{digest}"
    try:
        answer = _sent(path, kind, as_name, digest)
    except FileNotFoundError:
        with _writing:
            if not path.exists():
                _write(path, stem, write)
            answer = _sent(path, kind, as_name, digest)
    answer.headers["Content-Security-Policy"] = SANDBOX
    # Asked again each time: whoever takes a consent back is not to be read from somebody's cache.
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _sent(path: Path, kind: str, as_name: str, digest: str) -> Response:
    return send_file(path, kind, as_attachment=True, download_name=as_name, etag=digest, conditional=True)


def _write(path: Path, stem: str, write: Callable[[IO[bytes]], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as out:
        try:
            write(out)
        except BaseException:
            os.unlink(out.name)
            raise
    os.replace(out.name, path)
    for other in path.parent.iterdir():
        # Whoever is being sent an older one has it open. What nobody asked for since is written again when somebody does.
        if other != path and (other.name.startswith(stem) or other.stat().st_mtime < time.time() - _KEPT_SECONDS):
            other.unlink(missing_ok=True)


def _pilot() -> str:
    found: str | None = current_app.extensions.get("jigai_pilot_digest")
    if found is None:
        found = current_app.extensions["jigai_pilot_digest"] = digest_of(values_of(current_site().pilot))
    return found
