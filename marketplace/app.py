"""The one place of wiring: from settings to an opened site, and from a site to the web application."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Flask, Response
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from indexer.adapter_file import read_adapter
from indexer.backends.following import follow
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.guarded import GuardedBackend
from indexer.opening import open_for_reading, open_for_writing
from indexer.search import Index
from indexer.standby import Standby
from indexer.worker import Worker
from marketplace import guard, metrics, typed_request
from marketplace.api import routes
from marketplace.api.errors import answer_of
from marketplace.faults import fault_of
from marketplace.files.scanner import scanner_of
from marketplace.files.store import BlobStore
from marketplace.jobs.worker import JobWorker
from marketplace.packaged import templates_folder
from marketplace.pilot import Pilot, load_pilot
from marketplace.records.database import Database
from marketplace.settings import Settings, secret_key
from marketplace.site import Site
from marketplace.web import accounts, errors, imports, pages, security
from recommender.recommend import Labels, Recommender
from recommender.suggesting import Suggester, Traits

# A form without files: the longest is a problem of 10,000 characters, every byte of its UTF-8 percent-encoded.
_FORM_BYTES = 512 * 1024
_ENVELOPE_BYTES = 64 * 1024


def labels_of(pilot: Pilot) -> Labels:
    """(kind, key) → the Chinese word; a stranger stays as it is."""

    def label(kind: str, key: str) -> str:
        found = pilot.find(kind, key)
        return (found.short or found.name) if found else key

    return label


def suggester_of(embeddings: EmbeddingStore, pilot: Pilot, folder: Path | None = None) -> Suggester:
    """What suggests scenario, stage and orientation for a problem, with the pilot's catalogue. `folder`: where its model is kept."""
    return Suggester(embeddings, {one.code: Traits(one.sector, one.stage, one.orientations) for one in pilot.scenarios}, folder)


def today_of(pilot: Pilot) -> Callable[[], date]:
    """The day in the pilot's zone: terms and breaks end there at 24:00."""
    zone = ZoneInfo(pilot.city.zone)
    return lambda: datetime.now(zone).date()


def upload_limit(settings: Settings) -> int:
    """The largest request in bytes: one file and its form."""
    return settings.max_upload_mb * 1024 * 1024 + _ENVELOPE_BYTES


def open_site(
    settings: Settings,
    *,
    write: bool,
    pilot: Pilot | None = None,
    database: Database | None = None,
    told: Callable[[str], None] = lambda sentence: None,
    progress: Callable[[int, int], None] | None = None,
) -> Site:
    """Open everything. `write`: this process owns the index (IndexBusy if another does); otherwise it only reads it.

    The owner brings the database to the newest version, and rebuilds an index that is damaged or of another version
    (`told` hears why, `progress` how far it is); for a reader such an index is IndexBroken.
    """
    pilot = pilot or load_pilot(settings.pilot)
    database = database or Database(settings.database)
    labels = labels_of(pilot)
    embedder = metrics.CountedEmbedder(open_embedder(settings.embedder, settings.data_dir / "models"))
    adapter = read_adapter(settings.adapter, embedder.space) if settings.adapter else None
    embeddings = EmbeddingStore(embedder, database, adapter=adapter)
    if write:
        database.migrate()
        url, folder = settings.search_address, settings.data_dir
        backend = open_for_writing(url, folder, embeddings, database, labels, told=told, progress=progress)
    else:
        backend = open_for_reading(settings.search_address, settings.data_dir, embeddings)
    # An engine of its own can be away while the site is not; the one inside this process cannot.
    index = Index(GuardedBackend(backend, Standby(database, embeddings, labels)) if settings.shares_its_engine else backend, embeddings)
    recommender = Recommender(
        database=database,
        index=index,
        embeddings=embeddings,
        labels=labels,
        today=today_of(pilot),
        exploration=pilot.rating.exploration,
        rankers=settings.data_dir / "models" / "rankers",
    )
    return Site(
        settings=settings,
        pilot=pilot,
        database=database,
        embeddings=embeddings,
        index=index,
        recommender=recommender,
        files=BlobStore(settings.data_dir / "files", scanner_of(settings.clamd)),
        suggester=suggester_of(embeddings, pilot, settings.data_dir / "models"),
    )


def worker_of(site: Site) -> Worker:
    """The index worker of a site that owns its index."""
    return Worker(site.database, site.index.backend, site.embeddings, labels_of(site.pilot))


def job_worker_of(site: Site) -> JobWorker:
    """The worker of the job queue; any number of processes may have one."""
    return JobWorker(site)


def keep_up(site: Site) -> None:
    """For a process that only reads: see what the owner of the embedded index writes. A shared engine shows it by itself."""
    if site.settings.shares_its_engine:
        return
    folder = site.settings.data_dir / "index"
    following = (site.index.backend, folder, threading.Event())
    threading.Thread(target=follow, args=following, name="index-follower", daemon=True).start()


def warm(site: Site) -> None:
    """Load what the first visitor would wait for. What is loaded stays for good, so that no collection of garbage looks through it again:
    with 50,000 solutions each full one stopped a whole plan for 0.3 s."""
    site.recommender.warm()
    gc.collect()
    gc.freeze()


def create_app(site: Site) -> Flask:
    """The web application of a site: pages and API."""
    settings = site.settings
    app = Flask("marketplace", template_folder=str(templates_folder()))
    app.config.update(
        SECRET_KEY=secret_key(settings),
        MAX_CONTENT_LENGTH=upload_limit(settings),
        MAX_FORM_MEMORY_SIZE=_FORM_BYTES,
        # The longest form: thirty cases of an application, each with its fields and its proof.
        MAX_FORM_PARTS=600,
        PREFERRED_URL_SCHEME="https" if settings.is_secure else "http",
    )
    app.request_class = typed_request.TypedRequest
    app.jinja_env.undefined = StrictUndefined
    app.extensions["jigai"] = site
    guard.install(app, by_session=security.viewer_of_session, has_session=security.has_session, protect=security.csrf.protect)
    security.install(app, secure=settings.is_secure)
    metrics.install(app)
    _answer_errors(app)
    pages.register(app)
    accounts.register(app)
    imports.register(app)
    routes.register(app)
    return app


def _answer_errors(app: Flask) -> None:
    """One way for every error: a fault, then its page or its JSON; when even that fails, plain words."""

    @app.errorhandler(HTTPException)
    @app.errorhandler(Exception)
    def answer(error: Exception) -> AnyResponse | Response:
        fault = fault_of(error)
        try:
            return answer_of(fault) if guard.is_api() else errors.page_of(fault)
        except Exception:
            app.logger.exception("the error page itself failed")
            return errors.last_resort(fault)
