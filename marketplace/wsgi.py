"""The web application for a server of its own kind: `gunicorn -c python:marketplace.gunicorn_settings`.

Every process calls `application` after its fork: the embedding model must not be loaded before (no --preload). A web
process never writes the index; `jigai worker` runs beside it.
"""

from __future__ import annotations

import logging
import sys

from flask import Flask

from indexer.backends import EngineError
from indexer.embedder_error import EmbedderError
from marketplace.app import create_app, keep_up, open_site, warm
from marketplace.commands.runtime import Runtime, tell
from marketplace.commands.stop import Stop
from marketplace.domain.rankers import RankerMissingError
from marketplace.site import Site

# gunicorn ends as a whole when a process says that the application cannot be loaded, instead of starting it for ever.
_CANNOT_BOOT = 3


def application() -> Flask:
    """The application, with its index open for reading and its embedding model loaded."""
    runtime = Runtime()
    try:
        logging.basicConfig(stream=sys.stderr, level=runtime.settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        site = _opened(runtime)
    except Stop as stopped:
        tell(stopped.message)
        sys.exit(_CANNOT_BOOT)
    keep_up(site)
    # Loaded before the first visitor, in the process that uses it.
    try:
        warm(site)
    except RankerMissingError as error:
        tell(str(error))
        sys.exit(_CANNOT_BOOT)
    return create_app(site)


def _opened(runtime: Runtime) -> Site:
    from marketplace.commands.database_faults import wrong_revision

    with runtime.told_database_errors():
        try:
            site = open_site(runtime.settings, write=False, pilot=runtime.pilot)
        except EmbedderError as error:
            raise Stop(str(error)) from None
        except EngineError as error:
            raise Stop(f"索引不能用：{error}。请先启动 jigai worker。") from None
        if wrong := wrong_revision(site.database.revision()):
            raise Stop(wrong)
    return site
