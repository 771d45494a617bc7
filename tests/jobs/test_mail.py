"""Notices by mail and by gateway: to those who want them, once, and never to an address inside."""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from marketplace.actions.jobs import enqueue_job
from marketplace.actions.notices import choose_ways, notify
from marketplace.domain.notices import Way
from marketplace.jobs import mail as mailing_jobs
from marketplace.jobs import outgoing
from marketplace.jobs.mailing import MailError, Server, mail
from marketplace.jobs.outgoing import OutgoingError, is_allowed, post_json
from marketplace.jobs.worker import JobWorker
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.jobs import Job, JobState
from marketplace.records.notices import Notice
from marketplace.settings import Settings
from marketplace.site import Site
from tests.jobs.conftest import site_with
from tests.jobs.people import account


def outbox(site: Site) -> list[EmailMessage]:
    folder = site.settings.data_dir / "outbox"
    files = sorted(folder.glob("*.eml")) if folder.is_dir() else []
    assert not folder.is_dir() or {path.suffix for path in folder.iterdir()} <= {".eml"}
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]  # type: ignore[misc]


def tell(site: Site, *people: int, kind: str = "application", message: str = "申报 {number} 已受理。", **values: Any) -> None:
    with site.database.writing() as session:
        notify(session, people, kind, message, at=datetime.now(UTC), values=values or {"number": "SQ-2026-0001"})


def states(site: Site) -> list[tuple[str, JobState, str]]:
    with site.database.reading() as session:
        return [(job.kind, job.state, job.error) for job in session.scalars(select(Job).order_by(Job.id))]


def unmailed(site: Site) -> int:
    with site.database.reading() as session:
        return len(session.scalars(select(Notice.id).where(Notice.mailed_at.is_(None))).all())


def choose(site: Site, person: int, **ways: Way) -> None:
    with site.database.writing() as session:
        choose_ways(session, person, ways)


def test_a_notice_goes_out_once_to_those_who_have_an_address(site: Site) -> None:
    with_mail, without = account(site, "a", email="a@example.cn"), account(site, "b")
    gone = account(site, "c", email="c@example.cn", disabled=True)
    tell(site, with_mail, without, gone)
    JobWorker(site).drain()
    [message] = outbox(site)
    assert message["To"] == "a@example.cn"
    assert message["Subject"] == "【天津市滨海新区技改平台】入库申报"
    body = message.get_content()
    assert "a先生，您好" in body
    assert "申报 SQ-2026-0001 已受理。" in body
    assert "/notices" in body
    tell(site, with_mail)
    JobWorker(site).drain()
    assert len(outbox(site)) == 2
    assert states(site) == [("mail_notices", JobState.DONE, "")] * 2


def test_each_kind_goes_the_way_that_was_chosen(site: Site) -> None:
    person = account(site, "a", email="a@example.cn")
    choose(site, person, review=Way.NONE, rating=Way.DIGEST, other=Way.DIGEST)
    for kind in ("application", "review", "rating", "of_another_area"):
        tell(site, person, kind=kind, message=f"这是 {kind}")
    JobWorker(site).drain()
    assert ["这是 application" in message.get_content() for message in outbox(site)] == [True]
    assert unmailed(site) == 2
    with site.database.writing() as session:
        enqueue_job(session, "mail_digests", {"day": "2026-11-26"}, at=datetime.now(UTC))
    JobWorker(site).drain()
    [digest] = [message for message in outbox(site) if "2 条通知" in message["Subject"]]
    assert "这是 rating" in digest.get_content()
    assert "这是 of_another_area" in digest.get_content()
    assert unmailed(site) == 0
    with site.database.writing() as session:
        enqueue_job(session, "mail_digests", {"day": "2026-11-27"}, at=datetime.now(UTC))
    JobWorker(site).drain()
    assert len(outbox(site)) == 2


def test_old_news_is_no_news(site: Site) -> None:
    person = account(site, "a", email="a@example.cn")
    tell(site, person)
    with site.database.writing() as session:
        session.execute(update(Notice).values(at=datetime.now(UTC) - timedelta(days=3)))
    JobWorker(site).drain()
    assert outbox(site) == []


def test_a_name_begins_no_header(site: Site) -> None:
    person = account(site, "a", email="a@example.cn")
    tell(site, person, message="{name} 提交了申报", name="恶意\r\nBcc: x@example.cn\r\n\r\n<script>")
    with site.database.writing() as session:
        values = {"to": "b@example.cn", "subject": "恢复\r\nBcc: evil@example.cn", "body": "正文"}
        enqueue_job(session, "send_mail", values, at=datetime.now(UTC))
    JobWorker(site).drain()
    for message in outbox(site):
        assert message["Bcc"] is None
        assert message["Subject"].count("\n") == 0
        assert message.get_content_type() == "text/plain"


@pytest.mark.parametrize("to", ["nobody", "a@b\r\nBcc: x@y.cn", "", "a b@c.cn", "a@b@c.cn", "a@" + "b" * 300])
def test_what_is_no_address_is_given_up_at_once(site: Site, to: str) -> None:
    with site.database.writing() as session:
        enqueue_job(session, "send_mail", {"to": to, "subject": "x", "body": "x"}, at=datetime.now(UTC))
    JobWorker(site).drain()
    [(_kind, state, error)] = states(site)
    assert state is JobState.DEAD
    assert "不是邮箱地址" in error
    assert outbox(site) == []


class _Smtp(socketserver.StreamRequestHandler):
    """Enough of a mail server to take a mail, or to refuse one."""

    def handle(self) -> None:
        server: Any = self.server
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                data = b""
                while (row := self.rfile.readline()) != b".\r\n":
                    data += row
                server.mails.append(data)
                self.wfile.write(b"250 ok\r\n")
            elif word == b"RCPT" and server.refuses:
                self.wfile.write(server.refuses + b" no\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                server.words.append(line)
                self.wfile.write(b"250 ok\r\n")


@contextmanager
def smtp(refuses: bytes = b"") -> Iterator[tuple[int, list[bytes], list[bytes]]]:
    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp)
    server.daemon_threads, server.mails, server.words, server.refuses = True, [], [], refuses
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], server.mails, server.words
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_mail_server_takes_it(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    with smtp() as (port, mails, _words):
        site = site_with(sqlite_database, pilot, tmp_path, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="pt@example.cn")
        tell(site, account(site, "a", email="a@example.cn"))
        JobWorker(site).drain()
    assert len(mails) == 1
    message = email.message_from_bytes(mails[0], policy=email.policy.default)
    assert message["From"] == "pt@example.cn"
    assert "已受理" in message.get_content()  # type: ignore[attr-defined]
    assert outbox(site) == []


def test_a_link_that_was_sent_is_kept_nowhere(site: Site) -> None:
    link = "http://127.0.0.1/reset/one-time-secret"
    with site.database.writing() as session:
        asked = {"to": "a@example.cn", "subject": "重设密码", "body": f"点开：{link}"}
        enqueue_job(session, "send_mail", asked, at=datetime.now(UTC))
    JobWorker(site).drain()
    assert [link in message.get_content() for message in outbox(site)] == [True]  # type: ignore[attr-defined]
    with site.database.reading() as session:
        [(state, payload)] = session.execute(select(Job.state, Job.payload)).all()
    assert (state, payload) == (JobState.DONE, {"to": "a@example.cn"})


def test_a_mail_server_that_is_away_is_tried_again(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    with smtp() as (port, _mails, _words):
        pass
    site = site_with(sqlite_database, pilot, tmp_path, smtp_url=f"smtp://127.0.0.1:{port}")
    tell(site, account(site, "a", email="a@example.cn"))
    JobWorker(site).drain()
    [(_kind, state, error)] = states(site)
    assert state is JobState.WAITING
    assert "邮件服务器" in error
    assert unmailed(site) == 1


def test_one_address_that_is_refused_keeps_no_other_from_its_mail(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    with smtp(refuses=b"550") as (port, mails, _words):
        site = site_with(sqlite_database, pilot, tmp_path, smtp_url=f"smtp://127.0.0.1:{port}")
        tell(site, account(site, "a", email="a@example.cn"), account(site, "b", email="b@example.cn"))
        JobWorker(site).drain()
    assert mails == []
    assert states(site) == [("mail_notices", JobState.DONE, "")]
    assert unmailed(site) == 0


def test_no_password_travels_in_the_open() -> None:
    with smtp() as (port, mails, words):
        # Not this machine, by name; the connection itself goes here.
        server = Server(f"smtp://user@mail.example.cn:{port}", "secret")
        message = mail(Settings(), to="a@example.cn", subject="x", body="x", key="k", at=datetime.now(UTC))
        real = socket.create_connection

        def here(address: tuple[str, int], *rest: Any, **more: Any) -> socket.socket:
            return real(("127.0.0.1", address[1]), *rest, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "create_connection", here)
            with pytest.raises(MailError, match="没有发送密码"):
                server.send(message)
    assert mails == []
    assert not any(b"AUTH" in word for word in words)


class _Gateway(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.seen.append((self.path, self.headers.get("Authorization"), json.loads(body)))
        self.send_response(server.status)
        if server.status == 302:
            self.send_header("Location", f"http://127.0.0.1:{server.server_address[1]}/inner")
        self.end_headers()

    def log_message(self, *_values: object) -> None:
        """Nothing of it in the output of tests."""


@contextmanager
def gateway(status: int = 200) -> Iterator[tuple[int, list[Any]]]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    server.seen, server.status = [], status
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], server.seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_gateway_gets_what_was_chosen_for_it(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    with gateway() as (port, seen):
        site = site_with(sqlite_database, pilot, tmp_path, gateway_url=f"http://127.0.0.1:{port}/send", gateway_token="t0ken")
        person = account(site, "a", email="a@example.cn")
        choose(site, person, application=Way.GATEWAY)
        tell(site, person)
        JobWorker(site).drain()
    [(path, token, message)] = seen
    assert (path, token, message["login"], message["text"]) == ("/send", "Bearer t0ken", "a", "申报 SQ-2026-0001 已受理。")
    assert outbox(site) == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_gateway_that_says_no_is_an_error_and_no_redirect_is_followed(status: int) -> None:
    with gateway(status) as (port, seen):
        with pytest.raises(OutgoingError, match=str(status)):
            post_json(f"http://127.0.0.1:{port}/send", {})
        assert [path for path, _token, _message in seen] == ["/send"]


EVIL = [
    "http://example.cn/", "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://127.0.0.1/",
    "ftp://127.0.0.1/", "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/", "https://100.64.0.1/",
    "https://127.0.0.2/", "https://127.1/", "https://2130706434/", "https://0x7f000002/", "https://017700000002/", "https://0.0.0.0/", "https://0/",
    "https://[::]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:127.0.0.2]/",
    "https://[2002:0a00:0001::]/", "https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/", "http://localhost.example.cn/",
    "http://127.0.0.1@10.0.0.1/", "javascript:alert(1)", "", "https:///x", "http://[::1", "https://rebound.example.cn/",
]  # fmt: skip


@pytest.mark.parametrize("url", EVIL)
def test_an_evil_address_reaches_nobody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[Any] = []
    real = socket.getaddrinfo

    def looked_up(host: str, port: int, **more: Any) -> Any:
        # A name that resolves to a public address and to one inside.
        if host == "rebound.example.cn":
            return real("1.1.1.1", port, **more) + real("10.0.0.5", port, **more)
        return real(host, port, flags=socket.AI_NUMERICHOST, **more)

    def connect(*values: Any, **_more: Any) -> Any:
        connected.append(values)
        raise OSError("not allowed here")

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(outgoing.socket, "create_connection", connect)
    with pytest.raises(OutgoingError):
        post_json(url, {})
    assert connected == []


def test_a_second_look_up_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up once; the connection goes to what that said."""
    answers, connected = ["93.184.216.34", "127.0.0.1"], []
    real = socket.getaddrinfo

    def looked_up(host: str, port: int, **more: Any) -> Any:
        return real(answers.pop(0), port, **more)

    def connect(address: tuple[str, int], *_rest: Any) -> Any:
        connected.append(address)
        raise OSError("stop here")

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(outgoing.socket, "create_connection", connect)
    with pytest.raises(OutgoingError):
        post_json("https://gateway.example.cn/send", {})
    assert connected == [("93.184.216.34", 443)]
    assert answers == ["127.0.0.1"]


def test_a_private_address_is_a_matter_of_the_setting() -> None:
    assert is_allowed("8.8.8.8", private=False, here=False)
    assert not is_allowed("10.1.2.3", private=False, here=False)
    assert is_allowed("10.1.2.3", private=True, here=False)
    # Where the machines of a cloud ask for their keys nobody's gateway is.
    assert not is_allowed("169.254.169.254", private=True, here=False)
    assert not is_allowed("127.0.0.1", private=True, here=False)


@pytest.mark.parametrize(
    "settings",
    [
        {"gateway_url": "http://example.cn/"},
        {"gateway_url": "https://user:secret@example.cn/"},
        {"gateway_url": "ftp://example.cn/"},
        {"smtp_url": "http://example.cn"},
        {"smtp_url": "smtp://user:secret@example.cn"},
        {"clamd": "somewhere"},
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"应为|请写在"):
        Settings(**settings)  # type: ignore[arg-type]


def test_the_number_told_at_once_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing_jobs, "MOST", 3)
    person = account(site, "a", email="a@example.cn")
    for _number in range(5):
        tell(site, person)
    JobWorker(site).drain()
    assert len(outbox(site)) == 5
