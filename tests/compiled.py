"""What is compiled is compiled once a process: hundreds of tests open an application or a database of their own, and each would
compile its templates, addresses and statements anew. Passwords are hashed by the cheapest parameters that the library takes, and SQLite does not
wait for the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

import argon2
import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from marketplace.actions import passwords
from marketplace.records import database

Builder = Callable[..., tuple[str, str]]
# The parameters that the product hashes passwords with.
IN_EARNEST = passwords._HASHER


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


def _rules_once() -> None:
    """How an address is cut into parts is a function of its text, too: an application has four hundred of them."""
    parse, kept = Rule._parse_rule, dict[str, tuple[list[Any], list[Any], dict[str, Any]]]()

    def parts(rule: Rule, text: str) -> Iterable[Any]:
        if text not in kept:
            known = len(rule._trace)
            found = list(parse(rule, text))
            kept[text] = found, rule._trace[known:], dict(rule._converters)
            return found
        found, trace, converters = kept[text]
        rule._trace.extend(trace)
        rule._converters.update(converters)
        rule.arguments.update(converters)
        return found

    Rule._parse_rule = parts  # type: ignore[method-assign, assignment]


class _Statements:
    """Engines of one kind share one dialect, and so the statements that were compiled for it: a third of the time of tests that act."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Engine] = {}

    def open(self, url: Any, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        kind = (engine.dialect.name, engine.dialect.driver)
        if first := self._first.get(kind):
            engine.dialect = engine.pool._dialect = first.dialect
            engine._compiled_cache = first._compiled_cache
            return engine
        engine._compiled_cache = LRUCache(20_000)

        # A dialect knows its server once it has been connected.
        @event.listens_for(engine, "engine_connect", once=True)
        def _connected(_connection: object) -> None:
            self._first.setdefault(kind, engine)

        return engine


def _hash_cheaply() -> None:
    """Hashing takes its time by design; tests of just that call `hash_in_earnest`."""
    passwords._HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._NOBODY = passwords.hash_password("nobody holds this password")


def hash_in_earnest(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test: the product's own parameters."""
    monkeypatch.setattr(passwords, "_HASHER", IN_EARNEST)
    monkeypatch.setattr(passwords, "_NOBODY", passwords.hash_password("nobody holds this password"))


def _write_without_waiting() -> None:
    """SQLite does not wait for the disk here: what a killed process wrote is there all the same, and no test takes the power away."""
    real = database.open_engine

    def open_engine(url: str) -> Engine:
        engine = real(url)
        if engine.dialect.name == "sqlite":

            @event.listens_for(engine, "connect")
            def _connect(connection: Any, _record: object) -> None:
                connection.execute("PRAGMA synchronous=OFF")

        return engine

    database.open_engine = open_engine


def compile_once() -> None:
    """For every application and database made from now on."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Compiled()}
    _builders_once()
    _rules_once()
    database.create_engine = _Statements().open  # type: ignore[attr-defined]
    _hash_cheaply()
    _write_without_waiting()
