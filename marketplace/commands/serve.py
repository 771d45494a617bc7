"""`jigai serve` and `jigai worker`: one process serves pages, API and (unless told otherwise) keeps the index and does the jobs."""

from __future__ import annotations

import ipaddress
import logging
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from marketplace.commands.runtime import Runtime, Stop, bar, tell

if TYPE_CHECKING:
    from marketplace.site import Site


@click.command("serve")
@click.pass_obj
def serve(runtime: Runtime) -> None:
    """启动网站：网页、接口、索引和后台任务的工作线程。 / Serve pages, API and the workers."""
    settings = runtime.settings
    _log_to_stderr(settings.log_level)
    _refuse_a_public_demonstration(runtime)
    if settings.demo:
        _load_the_demonstration(runtime)
    site = _site(runtime)
    _note_the_pilot(runtime, "jigai serve")
    _serve(site)


@click.command("worker")
@click.pass_obj
def worker(runtime: Runtime) -> None:
    """单独运行索引和后台任务的工作进程；serve 用 JIGAI_WORKER=0 启动。共享引擎可以同时运行多个。 / The workers by themselves."""
    from indexer.backends import EngineError, IndexBusy
    from marketplace.app import job_worker_of, worker_of

    _log_to_stderr(runtime.settings.log_level)
    stop = threading.Event()
    _end_in_good_order(signal.SIGTERM, signal.SIGINT)
    try:
        site = runtime.site(write=True)
        _note_the_pilot(runtime, "jigai worker")
    except IndexBusy as busy:
        raise Stop(f"{busy}；内置引擎只能有一个进程写索引，请先停止那一个。") from None
    except EngineError as error:
        raise Stop(f"检索引擎不能用：{error}。请检查 JIGAI_SEARCH_URL。") from None
    # In threads of their own: a signal that sets an event on which its own thread waits may wait for itself.
    threads = [
        threading.Thread(target=worker_of(site).run, args=(stop,), name="index-worker"),
        threading.Thread(target=job_worker_of(site).run, args=(stop,), name="job-worker"),
    ]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    for thread in threads:
        thread.start()
    # The one line that scripts wait for, on stdout.
    click.echo("索引工作进程已启动，Ctrl+C 结束。")
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
    tell("已停止。")


def _note_the_pilot(runtime: Runtime, actor: str) -> None:
    """Which sectors, words and rules are in force from now on, if they are not those of the start before."""
    from importlib.metadata import version

    from marketplace.actions.pilot_versions import note_pilot
    from marketplace.pilot_values import digest_of, values_of
    from marketplace.records.pilot_versions import find_last_version

    values = values_of(runtime.pilot)
    with runtime.database.reading() as session:
        is_first = find_last_version(session) is None
    changed = note_pilot(runtime.database, values, digest_of(values), program=version("jigai"), actor=actor, at=datetime.now(UTC))
    if changed and not is_first:
        tell("试点数据（行业、用词、规则）和上次启动时不同，已记入历史，见“试点数据”页。")


def _end_in_good_order(*numbers: signal.Signals) -> None:
    """A stop by the system is a stop like any other: threads end, the index is closed."""

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    for number in numbers:
        signal.signal(number, stop)


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)
    # What libraries say of their own start is of no use to whoever runs the site.
    for name in ("alembic", "waitress"):
        logging.getLogger(name).setLevel(logging.WARNING)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_a_public_demonstration(runtime: Runtime) -> None:
    """A demonstration site has passwords that everybody knows: this machine only, and no real data."""
    settings = runtime.settings
    if not settings.demo:
        return
    if not is_loopback(settings.host) or settings.is_secure:
        raise Stop(f"演示站点（JIGAI_DEMO=1）只许监听本机，现在是 {settings.host}。请去掉 JIGAI_HOST 和 JIGAI_PUBLIC_URL，或不用演示。")
    from sqlalchemy import func, select

    from marketplace.actions.demonstration import LATER, LOGINS
    from marketplace.records.accounts import Account

    with runtime.database.reading() as session:
        everybody = session.scalar(select(func.count()).select_from(Account)) or 0
        known = session.scalar(select(func.count()).select_from(Account).where(Account.login.in_(LOGINS))) or 0
    # Whoever tries the demonstration may register in it; a site without its people is somebody's own.
    if everybody and known < len(LOGINS) - len(LATER):
        raise Stop(f"这个资料目录里有 {everybody} 个真实账号，不能当演示站点用。请去掉 JIGAI_DEMO，或换一个 JIGAI_DATA_DIR。")


def _load_the_demonstration(runtime: Runtime) -> None:
    """On the first start, into an empty database; the same as `jigai demo`."""
    from sqlalchemy import func, select

    from marketplace.actions.demonstration import find_demonstration_accounts
    from marketplace.commands.demonstration import load_whole_demonstration
    from marketplace.jobs.ratings import ask_for_first_count
    from marketplace.records.solutions import Solution

    with runtime.database.reading() as session:
        accounts = find_demonstration_accounts(session)
        solutions = session.scalar(select(func.count()).select_from(Solution)) or 0
    if accounts:
        return
    if solutions:
        raise Stop(f"这个资料目录里已有 {solutions} 个方案，却不是演示站点。请去掉 JIGAI_DEMO，或换一个 JIGAI_DATA_DIR。")
    tell("第一次启动：载入示例数据。")
    at = datetime.now(UTC)
    loaded = load_whole_demonstration(runtime.database, runtime.pilot, runtime.store, at=at)
    if not loaded.report.is_good:
        raise Stop(f"示例数据没有载入：{loaded.report.bad[0].sentence()}")
    ask_for_first_count(runtime.database, at.astimezone(ZoneInfo(runtime.pilot.city.zone)).date(), at)


def _site(runtime: Runtime) -> Site:
    """The opened site; with its own worker it owns the index, and fills an empty one before anybody searches in it."""
    from indexer.backends import IndexBroken, IndexBusy
    from marketplace.app import keep_up, worker_of

    if not runtime.settings.worker:
        try:
            site = runtime.site()
            keep_up(site)
            return site
        except IndexBroken as broken:
            raise Stop(f"{broken}。请先启动 jigai worker。") from None
    try:
        site = runtime.site(write=True)
    except IndexBusy as busy:
        raise Stop(f"{busy}。同一个资料目录只能启动一个；用 JIGAI_WORKER=0 可只启动网页。") from None
    if not _is_filled(site):
        tell("建立索引，第一次要算全部向量，需要一两分钟。")
        with bar("建立索引") as progress:
            worker_of(site).drain(progress)
    return site


def _is_filled(site: Site) -> bool:
    from indexer.query import Kind

    return any(site.index.backend.versions(kind) for kind in Kind)


def _serve(site: Site) -> None:
    from waitress.server import create_server

    from marketplace.app import create_app, job_worker_of, upload_limit, warm, worker_of

    settings = site.settings
    app = create_app(site)
    # Loaded before the first visitor: the first question would wait for the model otherwise.
    warm(site)
    try:
        server = create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            # Refused by the server itself, before the application is asked: it would buffer the whole request first.
            max_request_body_size=upload_limit(settings),
            ident="",
            clear_untrusted_proxy_headers=True,
            channel_timeout=60,
        )
    except OSError as error:
        raise Stop(f"不能监听 {settings.host}:{settings.port}：{error.strerror or error}。请换一个 JIGAI_PORT。") from None
    stop = threading.Event()
    threads = []
    if settings.worker:
        for name, run in (("index-worker", worker_of(site).run), ("job-worker", job_worker_of(site).run)):
            threads.append(threading.Thread(target=run, args=(stop,), name=name, daemon=True))
    for thread in threads:
        thread.start()
    _end_in_good_order(signal.SIGTERM)
    _announce(site, _port(server, settings.port))
    try:
        # Returns when told to stop, by Ctrl+C or by the system.
        server.run()
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        server.close()
        site.index.close()
        site.database.close()
        tell("已停止。")


def _port(server: Any, wanted: int) -> int:
    """The port in use; with JIGAI_PORT=0 the system chose one."""
    return int(getattr(server, "effective_port", wanted) or wanted)


def _announce(site: Site, port: int) -> None:
    """Where the site is; on a demonstration site, a log-in for every role."""
    from marketplace.actions.demonstration import find_demonstration_accounts

    settings = site.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.demo:
        with site.database.reading() as session:
            people = find_demonstration_accounts(session)
        roles = {one.role: term.name if (term := site.pilot.roles.find(one.role.value)) else one.role.value for one in people}
        tell("演示账号（只许本机访问）：")
        for one in people:
            tell(f"  {one.login:<12} {one.password}  {roles[one.role]}　{one.organisation}")
    # The one line that scripts wait for, on stdout.
    click.echo(f"技改供需对接平台：{settings.public_url or f'http://{host}:{port}/'}")
