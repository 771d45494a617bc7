"""Where an OpenSearch is and what our indices are called there: opensearch://user:password@host:9200/prefix?ca=file&timeout=2.

A cluster may be named by several of its nodes, parted by commas: opensearch://one:9200,two:9200/prefix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from indexer.backends import EngineError

PLAIN, SECURE = "opensearch", "opensearchs"
PORT = 9200
PREFIX = "jigai"
TIMEOUT = 2.0


@dataclass(frozen=True)
class Address:
    """`ca`: a file with the authorities to trust; "" trusts those of the system. `timeout`: seconds that a search may take."""

    nodes: tuple[tuple[str, int], ...]
    prefix: str = PREFIX
    is_secure: bool = False
    user: str = ""
    password: str = ""
    ca: str = ""
    timeout: float = TIMEOUT

    @property
    def shown(self) -> str:
        """Without the password."""
        return f"{'https' if self.is_secure else 'http'}://{','.join(f'{host}:{port}' for host, port in self.nodes)}"


def address_of(url: str) -> Address:
    """The parts of an address. Raises EngineError with a sentence."""
    parts = urlsplit(url)
    who, _, names = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    nodes = tuple(_node(name) for name in names.split(",") if name)
    if parts.scheme not in (PLAIN, SECURE) or not nodes or None in nodes:
        raise EngineError("检索引擎地址应为 opensearch://主机:9200/前缀，加密连接用 opensearchs://，多个节点用逗号隔开")
    prefix = parts.path.strip("/") or PREFIX
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", prefix):
        raise EngineError(f"索引前缀 {prefix} 不能用：只能是小写字母、数字、- 和 _")
    asked = parse_qs(parts.query)
    return Address(
        nodes=tuple(node for node in nodes if node),
        prefix=prefix,
        is_secure=parts.scheme == SECURE,
        user=unquote(user),
        password=unquote(password),
        ca=asked.get("ca", [""])[0],
        timeout=float(asked.get("timeout", [str(TIMEOUT)])[0]),
    )


def _node(name: str) -> tuple[str, int] | None:
    """Host and port of one node; None for what is no address."""
    try:
        found = urlsplit(f"//{name}")
        return (found.hostname, found.port or PORT) if found.hostname and not found.username else None
    except ValueError:
        return None
