"""Idempotency keys: a request that is sent again with the same key gets the first answer, and is done once.

A key belongs to an account. Its answer is kept as a small file for a day; while the first request is at work, the others
wait for it. The lock is a file as well, so that several processes share it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from marketplace.domain.lifecycle import Refused, _

KEPT_SECONDS = 24 * 3600
_WAIT_SECONDS = 60.0
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


def once(folder: Path, key: str, *, owner: int, body: str, work: Callable[[], Any]) -> Any | Refused:
    """The answer of `work` for this key: its first answer, whoever asks how often. `body`: a digest of the request."""
    if not _KEY.fullmatch(key):
        return Refused("bad_key", _("Idempotency-Key 应为 1 至 128 个可见的 ASCII 字符。"))
    folder.mkdir(parents=True, exist_ok=True)
    _clean(folder)
    name = hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()
    kept = folder / f"{name}.json"
    with _alone(folder / f"{name}.lock") as alone:
        if not alone:
            return Refused("still_running", _("同一个请求还在处理，请稍后再查结果。"))
        if kept.exists():
            first = json.loads(kept.read_text(encoding="utf-8"))
            if first["body"] != body:
                return Refused("other_body", _("这个 Idempotency-Key 已用于另一个请求，内容不同。请换一个。"))
            return first["answer"]
        answer = work()
        part = kept.with_suffix(".part")
        part.write_text(json.dumps({"body": body, "answer": answer}, ensure_ascii=False), encoding="utf-8")
        part.replace(kept)
        return answer


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[bool]:
    """Hold the lock file, waiting for its holder; one left by a process that died is taken over after a while."""
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > 10 * _WAIT_SECONDS:
                    lock.unlink()
            if time.monotonic() > until:
                yield False
                return
            time.sleep(0.05)
    try:
        yield True
    finally:
        lock.unlink(missing_ok=True)


def _clean(folder: Path) -> None:
    for path in folder.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()
