"""What is wrong with a database, in one sentence that never shows its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from marketplace.commands.stop import Stop

if TYPE_CHECKING:
    from sqlalchemy import URL

    from marketplace.records.database import Database

FORM = "postgresql+psycopg://用户:密码@主机:5432/库名"
# What the server says → what it means. It says so in its own language; in any other its words are passed on as they are.
_MEANING = (
    ("password authentication failed", "用户名或密码不对"),
    ("no password supplied", "没有写密码"),
    ("does not exist", "没有这个库或这个用户"),
    ("Connection refused", "那里没有数据库在监听"),
    ("could not translate host name", "没有这个主机名"),
    ("failed to resolve host", "没有这个主机名"),
    ("too many clients", "连接数已满"),
)


@contextmanager
def told_faults(url: str, where: str) -> Iterator[None]:
    """Whatever opening or using this database raises becomes a Stop. `where`: how the address was given."""
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    from marketplace.records.database import SchemaError

    try:
        yield
    except (ArgumentError, NoSuchModuleError):
        raise Stop(f"{where} 不是能用的数据库地址，应像 {FORM}。") from None
    except ModuleNotFoundError as error:
        if error.name not in ("psycopg", "psycopg2"):
            raise
        raise Stop("连接 PostgreSQL 要用 psycopg，还没有安装：pip install 'jigai[scale]'。") from None
    except SchemaError as error:
        raise Stop(f"{error}。") from None
    except DBAPIError as error:
        raise Stop(sentence_of(error, url)) from None
    except OSError as error:
        place = f"（{error.filename}）" if error.filename else ""
        raise Stop(f"文件打不开{place}：{error.strerror or error}。请检查路径、权限和磁盘空间。") from None


def parsed(url: str, where: str) -> URL:
    """The parts of an address. Raises Stop."""
    from sqlalchemy.engine import make_url

    with told_faults(url, where):
        try:
            found = make_url(url)
        except ValueError:  # a port that is no number
            raise Stop(f"{where} 不是能用的数据库地址，应像 {FORM}。") from None
    if found.host and "@" in found.host:
        # What stands before that sign may be half a password, so nothing of the address is shown.
        raise Stop(f"{where} 里有多余的 @：密码里的 @ 要写成 %40。")
    return found


def sentence_of(error: Exception, url: str) -> str:
    """One sentence with the reason as the driver gives it, in words where we know them."""
    from sqlalchemy.engine import make_url

    place = make_url(url)
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip("。.")
    if place.password:
        reason = reason.replace(str(place.password), "***")
    if place.get_backend_name() == "sqlite":
        return f"数据库打不开（{place.database}）：{reason}。请检查路径、权限和磁盘空间。"
    meaning = next((words for said, words in _MEANING if said in reason), reason)
    return f"数据库连不上（{place.render_as_string(hide_password=True)}）：{meaning}。请检查地址、账号和服务。"


def old_server(database: Database) -> str:
    """A sentence where the server is older than the site is tried on; "" elsewhere."""
    from marketplace.records import database as records

    with database.engine.connect() as connection:
        version = int((connection.dialect.server_version_info or (0,))[0])
        if connection.dialect.name != "postgresql" or version >= records.LEAST_POSTGRESQL:
            return ""
    return f"PostgreSQL {version} 太旧，要 {records.LEAST_POSTGRESQL} 或更新的版本。"


def wrong_revision(found: str | None) -> str:
    """A sentence where a database is not of this program's schema version; "" where it is."""
    from marketplace.records.database import known_revisions

    known = known_revisions()
    if found == known[0]:
        return ""
    if found is None:
        return "数据库还没有建表，运行 jigai serve 或 jigai worker 时会建立。"
    if found in known:
        return f"数据库的结构版本是 {found}，比本程序的 {known[0]} 旧，运行 jigai serve 或 jigai worker 时会升级。"
    return f"数据库的结构版本 {found} 比本程序的 {known[0]} 新，请升级程序。"
