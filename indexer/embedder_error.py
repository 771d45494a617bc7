"""A vector model that cannot be used."""

from __future__ import annotations


class EmbedderError(ValueError):
    """One sentence that says why a model cannot be used, and what to do."""
