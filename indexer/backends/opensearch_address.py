"""Where an OpenSearch is and what our indices are called there: opensearch://user:password@host:9200/prefix?ca=file&timeout=2."""

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

    host: str
    port: int = PORT
    prefix: str = PREFIX
    is_secure: bool = False
    user: str = ""
    password: str = ""
    ca: str = ""
    timeout: float = TIMEOUT

    @property
    def shown(self) -> str:
        """Without the password."""
        return f"{'https' if self.is_secure else 'http'}://{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """The parts of an address. Raises EngineError with a sentence."""
    parts = urlsplit(url)
    try:
        port = parts.port or PORT
    except ValueError:
        port = -1
    if parts.scheme not in (PLAIN, SECURE) or not parts.hostname or port < 0:
        raise EngineError("检索引擎地址应为 opensearch://主机:9200/前缀，加密连接用 opensearchs://")
    prefix = parts.path.strip("/") or PREFIX
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", prefix):
        raise EngineError(f"索引前缀 {prefix} 不能用：只能是小写字母、数字、- 和 _")
    asked = parse_qs(parts.query)
    return Address(
        host=parts.hostname,
        port=port,
        prefix=prefix,
        is_secure=parts.scheme == SECURE,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        ca=asked.get("ca", [""])[0],
        timeout=float(asked.get("timeout", [str(TIMEOUT)])[0]),
    )
