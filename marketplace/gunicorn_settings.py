"""gunicorn's settings from ours: `gunicorn -c python:marketplace.gunicorn_settings --workers 4`.

Address, threads and upload limits are those of `jigai serve`. What cannot work is told in one sentence before anything
starts, with exit status 2.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Any

from marketplace.commands.runtime import Runtime, tell
from marketplace.commands.stop import Stop

_runtime = Runtime()
try:
    _settings = _runtime.settings
except Stop as stopped:
    tell(stopped.message)
    sys.exit(stopped.exit_code)

wsgi_app = "marketplace.wsgi:application()"
bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
threads = _settings.threads
preload_app = False
# A first start writes the embedding model's graph, which may take a minute on a small machine.
timeout = 120
graceful_timeout = 30
_METRICS = "PROMETHEUS_MULTIPROC_DIR"


def nworkers_changed(server: Any, _new: int, old: int | None) -> None:
    """The first thing that gunicorn does with its settings, before it would preload anything: refuse what cannot work."""
    if old is not None:
        return
    try:
        _check(server.cfg)
    except Stop as stopped:
        tell(stopped.message)
        sys.exit(stopped.exit_code)


def on_starting(server: Any) -> None:
    """In the parent, before the first fork: bring the database up to date; no model is loaded here."""
    try:
        _runtime.database.close()
    except Stop as stopped:
        tell(stopped.message)
        sys.exit(stopped.exit_code)
    if _METRICS not in os.environ:
        # Each process counts for itself, in files that any of them can add up for whoever reads /metrics.
        os.environ[_METRICS] = tempfile.mkdtemp(prefix="jigai-metrics-")
        server.jigai_metrics = os.environ[_METRICS]


def _check(given: Any) -> None:
    if given.preload_app:
        raise Stop("向量模型在派生进程之前载入会永远等待，请去掉 --preload。")
    if given.workers > 1 and not _settings.shares_its_engine:
        raise Stop(
            f"内置引擎的整个索引在进程内存里，gunicorn 只能用 1 个进程（现在是 {given.workers} 个）："
            "请用 JIGAI_THREADS 增加线程，或把 JIGAI_SEARCH_URL 设为共享引擎。"
        )


def child_exit(_server: Any, worker: Any) -> None:
    """A process that ended holds no gauges any more; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """The counts go with the site."""
    if folder := getattr(server, "jigai_metrics", ""):
        shutil.rmtree(folder, ignore_errors=True)
