"""The contract of every engine, and the one place that opens one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from indexer.documents import Document
from indexer.query import Kind, Page, SearchQuery
