"""Files on their way in, kept between the look and the import: one folder a file, known by a token, for its owner only."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from marketplace.domain.lifecycle import Refused, _
from marketplace.files.names import harmless_name

FORMS = (".xlsx", ".csv", ".jsonl")
KEPT_SECONDS = 24 * 3600
MOST_PER_OWNER = 20
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_COPY_BYTES = 256 * 1024


@dataclass(frozen=True)
class Upload:
    """One uploaded file. `notes`: what was chosen and found, as JSON beside it."""

    token: str
    folder: Path

    @property
    def notes(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "notes.json").read_text(encoding="utf-8"))
        return found

    @property
    def file(self) -> Path:
        return self.folder / "file" / str(self.notes["name"])

    @property
    def bad_rows_folder(self) -> Path:
        """Where the files of bad rows go, apart from the file itself."""
        return self.folder / "bad"

    def note(self, **values: Any) -> None:
        """Add to the notes; they are replaced whole, so that a reader never sees half of them."""
        old = self.notes if (self.folder / "notes.json").exists() else {}
        part = self.folder / "notes.part"
        part.write_text(json.dumps({**old, **values}, ensure_ascii=False), encoding="utf-8")
        part.replace(self.folder / "notes.json")

    def drop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Uploads:
    """The folder of all uploads, in the data folder and out of reach of every address."""

    folder: Path

    def keep(self, stream: IO[bytes], name: str, *, owner: int) -> Upload | Refused:
        """Store a file. Its name is only shown; nothing is ever opened by it."""
        self._clean(owner)
        name = harmless_name(name)
        if not name:
            return Refused("no_file", _("还没有选文件。请选一个 .xlsx、.csv 或 .jsonl 文件。"))
        if not name.lower().endswith(FORMS):
            return Refused("unknown_form", _("只能导入 .xlsx、.csv、.jsonl 文件，这个文件是“{name}”。"), {"name": name})
        upload = Upload(secrets.token_urlsafe(16), self.folder)
        upload = Upload(upload.token, self.folder / upload.token)
        (upload.folder / "file").mkdir(parents=True, mode=0o700)
        upload.bad_rows_folder.mkdir()
        upload.note(owner=owner, name=name)
        with upload.file.open("wb") as out:
            shutil.copyfileobj(stream, out, _COPY_BYTES)
        if not upload.file.stat().st_size:
            upload.drop()
            return Refused("empty_file", _("文件是空的，没有内容可导入。"))
        return upload

    def find(self, token: str, *, owner: int) -> Upload | None:
        """The upload of this token if it is the owner's; another's is as absent as one that never was."""
        upload = Upload(token, self.folder / token)
        if not _TOKEN.fullmatch(token) or not (upload.folder / "notes.json").exists():
            return None
        return upload if upload.notes.get("owner") == owner else None

    def _clean(self, owner: int) -> None:
        """Drop what is older than a day, and the oldest of an owner who keeps too many."""
        if not self.folder.is_dir():
            return
        own: list[tuple[float, Upload]] = []
        for folder in self.folder.iterdir():
            if not _TOKEN.fullmatch(folder.name):
                continue
            upload = Upload(folder.name, folder)
            try:
                age = time.time() - folder.stat().st_mtime
                if age > KEPT_SECONDS:
                    upload.drop()
                elif upload.notes.get("owner") == owner:
                    own.append((age, upload))
            except OSError:  # another request dropped it meanwhile, or is just making it
                continue
        for _age, upload in sorted(own, key=lambda pair: pair[0])[MOST_PER_OWNER - 1 :]:
            upload.drop()
