"""Templates and addresses are compiled once a process: hundreds of tests open an application of their own, and each would compile them anew."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class _Compiled(BytecodeCache):
    """Compiled templates by their name and the checksum of their source."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


def _builders_once() -> None:
    """What makes an address of a rule is a function of the rule's text alone; making it takes a sixth of all the time of the tests."""
    make, kept = Rule._compile_builder, dict[object, Builder]()

    def builder(rule: Rule, append_unknown: bool = True) -> Builder:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in kept:
            kept[key] = make(rule, append_unknown)
        return kept[key]

    Rule._compile_builder = builder  # type: ignore[method-assign, assignment]


def compile_once() -> None:
    """For every application made from now on."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Compiled()}
    _builders_once()
