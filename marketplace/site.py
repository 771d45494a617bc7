"""The opened site: what pages, API and command line work with. Made by `marketplace.app.open_site`."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from indexer.embedding import EmbeddingStore
from indexer.search import Index
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.settings import Settings
from recommender.recommend import Recommender
from recommender.suggesting import Suggester


@dataclass(frozen=True)
class Site:
    settings: Settings
    pilot: Pilot
    database: Database
    embeddings: EmbeddingStore
    index: Index
    recommender: Recommender
    files: BlobStore
    suggester: Suggester


def current_site() -> Site:
    """The site of the running Flask application."""
    site = current_app.extensions["jigai"]
    assert isinstance(site, Site)
    return site
