"""One connection to OpenSearch; whatever goes wrong on it becomes one sentence. Only this module knows the client library."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import orjson
from opensearchpy import JSONSerializer, OpenSearch
from opensearchpy.exceptions import (
    AuthenticationException,
    AuthorizationException,
    ConnectionError,
    ConnectionTimeout,
    NotFoundError,
    OpenSearchException,
    SerializationError,
    SSLError,
    TransportError,
)

from indexer.backends import EngineError
from indexer.backends.opensearch_address import Address

LEAST_VERSION = (2, 17)
CONNECTIONS = 20
KNN_PLUGIN = "opensearch-knn"
NO_KNN = "这个 OpenSearch 没有 k-NN 插件，请安装 opensearch-knn 插件后重启它"


class _Json(JSONSerializer):  # type: ignore[misc,unused-ignore]
    """Answers of a thousand hits are read three times as fast as by the standard library."""

    def loads(self, s: str) -> Any:
        try:
            return orjson.loads(s)
        except ValueError as error:
            raise SerializationError(s[:200], error) from error

    def dumps(self, data: Any) -> Any:
        return data if isinstance(data, str | bytes) else orjson.dumps(data)


class Connection:
    """Called with one request (see opensearch_indices.Ask). A node is asked once: whoever asks has no time for more."""

    def __init__(self, address: Address) -> None:
        self.address = address
        # It writes whole requests into the log when one fails; the error says what is needed.
        logging.getLogger("opensearch").setLevel(logging.CRITICAL)
        secure: dict[str, Any] = {"use_ssl": True, "verify_certs": True} if address.is_secure else {}
        if address.ca:
            if not Path(address.ca).is_file():
                raise EngineError(f"没有证书文件 {address.ca}。请检查 JIGAI_SEARCH_CA")
            secure["ca_certs"] = address.ca
        # The client would write the password in Latin-1; OpenSearch reads UTF-8.
        who = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
        self._client = OpenSearch(
            hosts=[{"host": host, "port": port} for host, port in address.nodes],
            headers={"authorization": f"Basic {who}"} if address.user else None,
            timeout=address.timeout,
            # A node that is gone is no reason to fail while another one answers; one that hangs has had its time.
            max_retries=len(address.nodes) - 1,
            pool_maxsize=CONNECTIONS,
            serializer=_Json(),
            **secure,
        )

    def __call__(self, method: str, path: str, body: object = None, *, timeout: float = 0.0, absent: Any = None, **asked: str) -> Any:
        params: dict[str, Any] = {**asked, "request_timeout": timeout or self.address.timeout}
        try:
            return self._client.transport.perform_request(method, path, params=params, body=body)
        except NotFoundError as error:
            if absent is not None:
                return absent
            raise EngineError(f"检索引擎里没有 {path.split('/')[1]}，请运行 jigai index rebuild") from error
        except OpenSearchException as error:
            raise EngineError(self._sentence(error)) from error

    def check_version(self) -> None:
        """Raises EngineError unless an OpenSearch that is new enough answers, and can compare vectors."""
        wrong = version_fault(self("GET", "/"))
        if wrong:
            raise EngineError(f"{self.address.shown} {wrong}")
        wrong = plugin_fault(self("GET", "/_cat/plugins", format="json"))
        if wrong:
            raise EngineError(wrong)

    def close(self) -> None:
        self._client.close()

    def _sentence(self, error: OpenSearchException) -> str:
        shown = self.address.shown
        if isinstance(error, AuthenticationException):
            return "检索引擎不接受这个用户名或密码。请检查 JIGAI_SEARCH_USER 和 JIGAI_SEARCH_PASSWORD"
        if isinstance(error, AuthorizationException):
            return f"检索引擎的用户 {self.address.user or '（匿名）'} 权限不够，需要管理 {self.address.prefix}-* 索引和别名"
        if isinstance(error, SSLError):
            return f"检索引擎 {shown} 的证书不被信任。请检查 JIGAI_SEARCH_CA"
        if isinstance(error, ConnectionTimeout):
            return f"检索引擎 {shown} 没有在规定时间内回答。请看它是否太忙，或调大 JIGAI_SEARCH_TIMEOUT"
        if isinstance(error, ConnectionError):
            return f"连不上检索引擎 {shown}。请检查它是否在运行、JIGAI_SEARCH_URL 是否正确"
        if isinstance(error, SerializationError):
            return f"{shown} 的回答看不懂，它可能不是 OpenSearch。请检查 JIGAI_SEARCH_URL"
        if not isinstance(error, TransportError):
            return f"检索引擎出错：{error}"
        return refusal(error)


def version_fault(answer: Any) -> str:
    """What is wrong with a server, by what it says of itself; "" when it will do."""
    version = answer.get("version") if isinstance(answer, dict) else None
    if not isinstance(version, dict) or version.get("distribution") != "opensearch":
        return "不是 OpenSearch。请检查 JIGAI_SEARCH_URL"
    number = str(version["number"])
    if tuple(int(part) for part in number.split(".")[:2]) < LEAST_VERSION:
        return f"的 OpenSearch {number} 太旧，需要 {'.'.join(map(str, LEAST_VERSION))} 或更新，请升级"
    return ""


def plugin_fault(answer: Any) -> str:
    """What a list of plugins lacks; "" when it is complete."""
    names = {row.get("component") for row in answer} if isinstance(answer, list) else set()
    return "" if KNN_PLUGIN in names else NO_KNN


def refusal(error: TransportError) -> str:
    """The sentence for a request that the engine did not like."""
    info = error.info if isinstance(error.info, dict) else {}
    told = info.get("error", error.error)
    reason = str(told.get("reason", told)) if isinstance(told, dict) else str(told)
    if "knn" in reason and ("unknown setting" in reason or "No handler for type" in reason):
        return NO_KNN
    return f"检索引擎拒绝了请求（{error.status_code}）：{reason[:300]}"
