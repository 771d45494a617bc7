"""`jigai doctor`: is everything here that the site needs?"""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from marketplace.commands.runtime import Runtime, Stop, emit

# Write-ahead logging could damage a database in these versions of SQLite (the WAL-reset bug).
BUGGY_FROM, FIXED_IN = (3, 7, 0), (3, 51, 3)
LEAST_FREE_MB = 500


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and one sentence about it."""

    name: str
    good: bool
    sentence: str


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def doctor(runtime: Runtime, as_json: bool) -> None:
    """检查这台机器和这个站点，每项一句话；有问题时退出码为 2。 / One sentence each; exit 2 when something is wrong."""
    # Without these nothing else can be looked at: a wrong one stops with its own sentence.
    assert runtime.settings
    assert runtime.pilot
    found: list[Finding] = []
    for name, check in CHECKS:
        if name in OF_THE_DATABASE and any(one.name == "database" and not one.good for one in found):
            continue
        try:
            rows = list(check(runtime))
        except Stop as error:
            rows = [(False, error.message)]
        except Exception as error:  # a check that breaks is a finding, never an end
            rows = [(False, f"检查没有做完：{type(error).__name__}：{error}")]
        found += [Finding(name, good, sentence) for good, sentence in rows]
    if as_json:
        emit({"good": all(one.good for one in found), "checks": [vars(one) for one in found]})
    else:
        for one in found:
            click.echo(f"{'　　好' if one.good else '有问题'}　{one.sentence}")
    if not all(one.good for one in found):
        raise click.exceptions.Exit(2)


Found = Iterator[tuple[bool, str]]


def _settings(runtime: Runtime) -> Found:
    settings = runtime.settings
    yield True, f"设置有效，资料目录是 {settings.data_dir.resolve()}。"
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.is_secure:
        yield False, f"监听 {settings.host}，但 JIGAI_PUBLIC_URL 不是 https，密码会明文传输。请在前面放 https 代理并设置它。"
    yield True, f"试点配置有效：{runtime.pilot.city.name}，{len(runtime.pilot.sectors)} 个行业。"


def _sqlite(runtime: Runtime) -> Found:
    if not runtime.settings.database.startswith("sqlite"):
        yield True, "数据库是 PostgreSQL。"
        return
    from marketplace.records.database import sqlite_driver

    driver = sqlite_driver()
    version = tuple(int(part) for part in driver.sqlite_version.split("."))
    if BUGGY_FROM <= version < FIXED_IN:
        yield False, f"SQLite {driver.sqlite_version} 有 WAL 损坏缺陷（3.51.3 起修复），请安装 pysqlite3。"
    else:
        yield True, f"SQLite {driver.sqlite_version}（{driver.__name__.partition('.')[0]}），没有已知的 WAL 缺陷。"


def _folder(runtime: Runtime) -> Found:
    folder = runtime.settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        yield False, f"资料目录 {folder} 不能写：{error.strerror or error}。请检查权限和磁盘。"
        return
    free = shutil.disk_usage(folder).free // 2**20
    yield free >= LEAST_FREE_MB, f"资料目录可写，磁盘还剩 {free:,} MB{'' if free >= LEAST_FREE_MB else f'，少于 {LEAST_FREE_MB} MB'}。"
    key = folder / "secret.key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield False, f"密钥文件 {key} 别人也能读，请执行 chmod 600。"


def _database(runtime: Runtime) -> Found:
    from sqlalchemy import text

    from marketplace.commands.database_faults import old_server, parsed, wrong_revision
    from marketplace.records.database import Database, known_revisions

    # Opened by itself: looking must not bring it to another version.
    parsed(runtime.settings.database, "JIGAI_DATABASE_URL")
    with runtime.told_database_errors():
        database = Database(runtime.settings.database)
        try:
            wrong = old_server(database) or wrong_revision(database.revision())
            if wrong:
                yield False, wrong
                return
            with database.engine.connect() as connection:
                answer = connection.execute(text("PRAGMA quick_check")).scalar() if connection.dialect.name == "sqlite" else "ok"
        finally:
            database.close()
    if answer != "ok":
        yield False, f"数据库文件有损坏：{answer}。请从备份恢复。"
        return
    yield True, f"数据库完好，结构版本 {known_revisions()[0]}。"


def _accounts(runtime: Runtime) -> Found:
    from marketplace.actions.demonstration import find_demonstration_accounts

    with runtime.database.reading() as session:
        count = len(find_demonstration_accounts(session))
    if count and not runtime.settings.demo:
        yield False, f"有 {count} 个演示账号，密码是公开的，而这不是演示站点（JIGAI_DEMO 未设）。请停用它们，或换一个资料目录。"
    else:
        yield True, "没有不该有的演示账号。" if not count else f"演示站点，{count} 个演示账号。"


def _embedder(runtime: Runtime) -> Found:
    from indexer.embedder_error import EmbedderError
    from indexer.embedding import EmbeddingStore, open_embedder
    from indexer.sentence_transformers_model import SentenceTransformersEmbedder

    try:
        embedder = open_embedder(runtime.settings.embedder, runtime.settings.data_dir / "models")
        vectors = EmbeddingStore(embedder).queries(["压机停机"])
    except EmbedderError as error:
        yield False, str(error)
        return
    length = float((vectors[0] ** 2).sum())
    good = abs(length - 1) < 1e-3
    yield good, f"向量模型可用，{vectors.shape[1]} 维。" if good else f"向量模型的结果不对（长度 {length:.3f}，应为 1）。"
    if isinstance(embedder, SentenceTransformersEmbedder):
        query, passage = embedder.prompts
        yield (
            True,
            f"模型的提示词：问题前加“{query}”，内容前加“{passage}”。"
            if query or passage
            else "模型的配置里没有提示词，问题和内容都原样计算。",
        )


def _index(runtime: Runtime) -> Found:
    from indexer.backends import EngineError
    from marketplace.app import open_site

    # Opened as a reader, by itself: looking must not build or mend anything.
    try:
        open_site(runtime.settings, write=False, pilot=runtime.pilot, database=runtime.database).index.close()
    except EngineError as error:
        yield False, f"索引不能用：{error}。"
        return
    yield True, "索引完好，分词和向量版本与程序一致。"


def _queue(runtime: Runtime) -> Found:
    from sqlalchemy import func, select

    from marketplace.records.index_queue import QueuedThing, count_pending, is_parked

    with runtime.database.reading() as session:
        pending = count_pending(session)
        waiting = is_parked()
        parked = session.scalar(select(func.count()).select_from(QueuedThing).where(waiting)) or 0
        errors = session.scalars(select(QueuedThing.error).where(waiting).limit(1)).all()
    if parked:
        yield False, f"{parked} 条多次没有编入索引，已搁置：{errors[0]}。修好后运行 jigai index reconcile。"
    yield True, f"索引队列里有 {pending - parked} 条等待。" if pending > parked else "索引与数据库一致，没有等待。"


def _scanner(runtime: Runtime) -> Found:
    from marketplace.files.scanner import scanner_of
    from marketplace.records.files import Scan

    address = runtime.settings.clamd
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"jigai doctor")
        file.flush()
        found = scanner_of(address).scan(Path(file.name))
    if found is Scan.UNSCANNED:
        yield True, "没有设病毒扫描（JIGAI_CLAMD），上传的文件不扫描，页面会注明。"
    elif found is Scan.CLEAN:
        yield True, f"病毒扫描 {address} 能用。"
    else:
        yield False, f"病毒扫描 {address} 没有给出结果，上传的文件会停在“待扫描”，不能下载。请启动 clamd，或改 JIGAI_CLAMD。"


def _mail(runtime: Runtime) -> Found:
    from marketplace.jobs.mailing import MailError, Server, mailer_of

    mailer = mailer_of(runtime.settings)
    if not isinstance(mailer, Server):
        yield True, f"没有设邮件服务器（JIGAI_SMTP_URL），邮件写进 {runtime.settings.data_dir / 'outbox'}。"
        return
    try:
        mailer.check()
    except MailError as error:
        yield False, f"{error}。邮件会留在作业队列里重试。"
        return
    yield True, "邮件服务器能用。"


def _jobs(runtime: Runtime) -> Found:
    from sqlalchemy import func, select

    from marketplace.records.jobs import Job, JobState

    with runtime.database.reading() as session:
        dead = session.scalar(select(func.count()).select_from(Job).where(Job.state == JobState.DEAD)) or 0
    yield not dead, f"{dead} 个作业多次没有做成，已放弃。请看 jigai jobs 或页面“作业”，修好后重试。" if dead else "没有放弃的作业。"


# What cannot be looked at without a database; its own sentence says enough.
OF_THE_DATABASE = frozenset({"accounts", "index", "queue", "jobs"})
CHECKS: tuple[tuple[str, Callable[[Runtime], Found]], ...] = (
    ("settings", _settings),
    ("sqlite", _sqlite),
    ("folder", _folder),
    ("database", _database),
    ("accounts", _accounts),
    ("embedder", _embedder),
    ("index", _index),
    ("queue", _queue),
    ("jobs", _jobs),
    ("scanner", _scanner),
    ("mail", _mail),
)
