"""Reading the tables of a TOML file into frozen dataclasses, with a sentence for whatever cannot be read."""

import tomllib
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


class PilotError(ValueError):
    """The pilot file says something that cannot be used: where, and what to do about it."""

    def __init__(self, file: Path, key: str, sentence: str) -> None:
        super().__init__(f"{file}: {key}: {sentence}")
        self.file, self.key, self.sentence = file, key, sentence


@dataclass(frozen=True)
class Reader:
    """Turns the tables of one file into values, and says where a table cannot be read."""

    file: Path

    def fail(self, key: str, sentence: str) -> PilotError:
        return PilotError(self.file, key, sentence)

    def document(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.file.read_text(encoding="utf-8"))
        except OSError as error:
            raise self.fail("file", f"cannot be read ({error.strerror})") from error
        except ValueError as error:  # not TOML, or not UTF-8
            raise self.fail("file", f"is not valid TOML in UTF-8 ({error})") from error

    def table(self, raw: Any, key: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise self.fail(key, "is missing" if raw is None else "must be a table")
        return raw

    def value(self, shape: Any, raw: Any, key: str) -> Any:
        if get_origin(shape) is tuple:
            if not isinstance(raw, list):
                raise self.fail(key, "must be a list")
            return tuple(self.value(get_args(shape)[0], item, f"{key}[{n}]") for n, item in enumerate(raw, 1))
        if get_origin(shape) is UnionType:
            return self.value(get_args(shape)[0], raw, key)
        if is_dataclass(shape):
            return self.build(shape, raw, key)
        if shape is float and type(raw) is int:
            return float(raw)
        if type(raw) is not shape:
            raise self.fail(key, f"must be of type {shape.__name__}, not {type(raw).__name__}")
        return raw

    def build(self, shape: Any, raw: Any, key: str) -> Any:
        """A dataclass from a table; a missing, a foreign and an ill-typed entry are each refused."""
        raw = self.table(raw, key)
        hints, wanted = get_type_hints(shape), {field.name: field for field in fields(shape)}
        for name in raw.keys() - wanted.keys():
            raise self.fail(f"{key}.{name}", f"is not known here; known are {', '.join(wanted)}")
        for name, field in wanted.items():
            if name not in raw and field.default is MISSING:
                raise self.fail(f"{key}.{name}", "is missing")
        return shape(**{name: self.value(hints[name], raw[name], f"{key}.{name}") for name in wanted if name in raw})
