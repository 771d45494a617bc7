"""How secrets that travel by cookie, link or token are kept: never themselves, only their hash."""

from __future__ import annotations

import hashlib


def hashed(secret: str) -> str:
    """Secrets are random and long, so a plain SHA-256 keeps them."""
    return hashlib.sha256(secret.encode()).hexdigest()
