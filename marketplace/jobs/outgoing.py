"""Calling out to an address that a setting names: to that host and to no other, however its name resolves and wherever it points.

The name is looked up once, what it resolves to is judged, and the connection goes to exactly that: a second look-up could
answer otherwise. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

SECONDS = 10.0
_HERE = ("127.0.0.1", "::1", "localhost")


class OutgoingError(Exception):
    """It was not sent, and why."""


def post_json(url: str, value: dict[str, Any], *, token: str = "", private: bool = False) -> None:
    """Send JSON; anything but a 2xx is an error. `private`: the host may have an address of the inner network."""
    try:
        parts = urlsplit(url)
        host, here = parts.hostname or "", parts.hostname in _HERE
        if not host or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not here):
            raise OutgoingError("只能发往 https 地址")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        place = _resolved(host, port, private=private or here, here=here)
        status = _posted(parts.scheme, host, port, place, parts.path or "/", parts.query, value, token)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OutgoingError(f"没有送达：{error}") from error
    if not 200 <= status < 300:
        raise OutgoingError(f"对方答复 {status}")


def _resolved(host: str, port: int, *, private: bool, here: bool) -> str:
    """The one address to connect to. Of a name that has several, one that is not allowed spoils all."""
    found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for one in found:
        if not is_allowed(one, private=private, here=here):
            raise OutgoingError(f"{host} 是内部地址（{one}），不能发往那里")
    return sorted(found, key=lambda one: ":" in one)[0]


def is_allowed(address: str, *, private: bool, here: bool) -> bool:
    """Public addresses; those of the inner network where the site allows them; this machine only where it is named itself."""
    number = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(number, "ipv4_mapped", None) or getattr(number, "sixtofour", None)
    number = inner or number
    if number.is_loopback:
        return here
    # Where machines of a cloud ask for their own keys; nobody's gateway.
    if number.is_link_local or number.is_multicast or number.is_unspecified or number.is_reserved:
        return False
    return number.is_global or private


class _Pinned(http.client.HTTPConnection):
    """Speaks to a host at an address that was looked up before."""

    def __init__(self, host: str, port: int, place: str, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._place, self._context = place, context

    def connect(self) -> None:
        connection = socket.create_connection((self._place, self.port), SECONDS)
        self.sock = self._context.wrap_socket(connection, server_hostname=self.host) if self._context else connection


def _posted(scheme: str, host: str, port: int, place: str, path: str, query: str, value: dict[str, Any], token: str) -> int:
    connection = _Pinned(host, port, place, ssl.create_default_context() if scheme == "https" else None)
    headers = {"Content-Type": "application/json; charset=utf-8"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request("POST", f"{path}?{query}" if query else path, json.dumps(value, ensure_ascii=False).encode(), headers)
        answer = connection.getresponse()
        answer.read(64 * 1024)
        return answer.status
    finally:
        connection.close()
