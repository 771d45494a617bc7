"""One mail, to a server or into the folder `outbox`. Sent twice, it is the same mail: its id comes from what it tells."""

from __future__ import annotations

import re
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from marketplace.settings import Settings

SECONDS = 20.0
_ADDRESS = re.compile(r"""[^\s@,;:<>"()\[\]\\]{1,64}@[^\s@,;:<>"()\[\]\\]{1,188}""")
_HERE = ("127.0.0.1", "::1", "localhost")


class MailError(Exception):
    """It was not sent, and why. `refused`: this mail will never be; the server said so."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Mailer(Protocol):
    def send(self, message: EmailMessage) -> None:
        """Raises MailError."""
        ...


def mail(settings: Settings, *, to: str, subject: str, body: str, key: str, at: datetime) -> EmailMessage:
    """A plain text mail. Whatever a name or a title holds, it begins no new header. Raises MailError for an address that is none."""
    address = to.strip()
    if not _ADDRESS.fullmatch(address):
        raise MailError(f"“{address[:60]}”不是邮箱地址", refused=True)
    message = EmailMessage()
    message["From"], message["To"] = settings.mail_from, address
    message["Subject"] = " ".join(subject.split())[:200]
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{key}@{urlsplit(settings.public_url).hostname or 'jigai'}>"
    # Nobody's absence note need come back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body, charset="utf-8")
    return message


class Outbox:
    """For sites without a mail server: one file a mail, named by its id, so that there is never a second one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: EmailMessage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = "".join(letter for letter in str(message["Message-ID"]) if letter.isalnum() or letter in "-.")
        part = self.folder / f".{name}.part"
        part.write_bytes(message.as_bytes())
        part.chmod(0o600)
        part.replace(self.folder / f"{name}.eml")

    def forget(self, address: str) -> int:
        """Take away every mail to this address; how many."""
        count = 0
        for path in self.folder.glob("*.eml"):
            with path.open("rb") as file:
                to = str(BytesHeaderParser(policy=default).parse(file)["To"] or "")
            if to.strip().lower() == address.lower():
                path.unlink(missing_ok=True)
                count += 1
        return count


class Server:
    """An SMTP server. A password travels only where nobody can read along."""

    def __init__(self, url: str, password: str) -> None:
        parts = urlsplit(url)
        self._tls, self._host, self._port = parts.scheme == "smtps", parts.hostname or "", parts.port
        self._user, self._password = unquote(parts.username or ""), password

    def send(self, message: EmailMessage) -> None:
        try:
            with self._connected() as server:
                server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            codes = (
                [code for code, _said in error.recipients.values()]
                if isinstance(error, smtplib.SMTPRecipientsRefused)
                else [error.smtp_code]
            )
            raise MailError(f"邮件服务器不收：{error}", refused=all(500 <= code < 600 for code in codes)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(f"邮件服务器没有收下：{error}") from error

    def check(self) -> None:
        """Connect, encrypt and log in as for a mail, and send none. Raises MailError."""
        try:
            with self._connected() as server:
                server.noop()
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(f"邮件服务器没有回答：{error}") from error

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port or 465, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port or 25, timeout=SECONDS)
        try:
            server.ehlo()
            secure = self._tls
            if not secure and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                secure = True
            if self._user:
                if not secure and self._host not in _HERE:
                    raise MailError("邮件服务器不加密，没有发送密码。请用 smtps:// 或让服务器支持 STARTTLS。")
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server


def mailer_of(settings: Settings) -> Mailer:
    if not settings.smtp_url:
        return Outbox(settings.data_dir / "outbox")
    return Server(settings.smtp_url, settings.smtp_password.get_secret_value().strip())
