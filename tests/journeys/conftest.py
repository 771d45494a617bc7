"""A real Chromium on a real server: the demonstration site on a free port of this machine, its worker running."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright
from waitress.server import create_server

from marketplace.actions.demonstration import PASSWORD
from marketplace.app import create_app, worker_of
from marketplace.site import Site
from tests.demo_site import own_copy
from tests.opened import site_of

# The headless build draws no window of its own, which costs half of a journey in the full browser.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# What the page itself breaks of its content policy, as the browser tells it.
VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
SERIOUS = {"serious", "critical"}


@dataclass
class Served:
    """A running site, and its own records for checking what the pages say."""

    address: str
    site: Site


@dataclass
class Person:
    """Somebody in front of the browser. Whatever went wrong under way is kept and looked at in the end."""

    page: Page
    served: Served
    screenshots: Path | None
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        answer = self.page.goto(self.served.address + path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"

    def log_in(self, login: str) -> None:
        self.go("/login")
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.locator("form:has(#password)").get_by_role("button").click()

    def look(self, name: str) -> None:
        """The page's accessibility: no serious finding. And a screenshot, where somebody wants to look."""
        self.picture(name)
        found = Axe().run(self.page).response["violations"]
        serious = [f"{row['id']}: {[node['target'] for node in row['nodes']][:5]}" for row in found if row["impact"] in SERIOUS]
        assert serious == [], name
        assert self.overflow() == 0, f"{name} scrolls sideways"

    def picture(self, name: str) -> None:
        if self.screenshots is not None:
            self.page.screenshot(path=self.screenshots / f"{name}.png", full_page=True)

    def overflow(self) -> int:
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wide


@pytest.fixture(scope="session")
def served(demo_folder: Path, demo_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Journeys may write, so the site has a folder of its own; they share it."""
    with serving(site_of(own_copy(demo_folder, tmp_path_factory.mktemp("journeys") / "data"))) as running:
        yield running


@contextmanager
def serving(site: Site) -> Iterator[Served]:
    """The site on a free port, with the worker of its index."""
    server = create_server(create_app(site), host="127.0.0.1", port=0, threads=6)
    stop = threading.Event()

    def serve() -> None:
        try:
            server.run()
        except OSError:
            # Its sockets were closed below while it waited at them.
            if not stop.is_set():
                raise

    threads = [threading.Thread(target=serve, daemon=True), threading.Thread(target=worker_of(site).run, args=(stop,), daemon=True)]
    for thread in threads:
        thread.start()
    yield Served(f"http://127.0.0.1:{server.effective_port}", site)
    stop.set()
    server.close()
    threads[1].join(30)
    site.index.close()
    site.database.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("Chromium is needed: sudo apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """Where screenshots go: JIGAI_SCREENSHOTS. Without it none are taken: nothing is checked by them."""
    named = os.environ.get("JIGAI_SCREENSHOTS")
    if not named:
        return None
    Path(named).mkdir(parents=True, exist_ok=True)
    return Path(named)


@pytest.fixture
def somebody(chromium: Browser, served: Served, screenshots: Path | None) -> Iterator[Callable[..., Person]]:
    """Opens a browser window of a width; in the end nothing may have broken the policy or asked another machine."""
    people: list[Person] = []

    def open_window(width: int = 1280, height: int = 900, *, script: bool = True) -> Person:
        context = chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=script)
        context.add_init_script(VIOLATIONS)
        person = Person(context.new_page(), served, screenshots)
        own = urlsplit(served.address).netloc

        def asked(request: Request) -> None:
            if urlsplit(request.url).netloc != own:
                person.faults.append(f"asked {request.url}")

        person.page.on("request", asked)
        person.page.on("console", lambda message: person.faults.append(message.text) if message.type == "error" else None)
        person.page.on("pageerror", lambda error: person.faults.append(str(error)))
        people.append(person)
        return person

    yield open_window
    for person in people:
        person.page.context.close()
    assert [fault for person in people for fault in person.faults] == []
