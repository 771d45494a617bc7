"""What was typed into an address or a form, without the one character that no database takes."""

from __future__ import annotations

from typing import Any

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict, iter_multi_items


class Typed(ImmutableMultiDict[str, Any]):
    """Names and values; NUL is left out of texts, as PostgreSQL holds none and nobody types one."""

    def __init__(self, found: Any = None) -> None:
        pairs = iter_multi_items(found) if isinstance(found, MultiDict | dict) else found or ()
        super().__init__([(name, value.replace("\0", "") if isinstance(value, str) else value) for name, value in pairs])


class TypedRequest(Request):
    parameter_storage_class = Typed
