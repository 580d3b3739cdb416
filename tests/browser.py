"""A real browser for the tests of pages: Debian's Chromium, driven through pipes, without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Visit:
    """A page in the browser, and what it did that it must not do."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """What axe-core finds, one line a rule with the first element."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['help']} ({one['nodes'][0]['html'][:160]})" for one in found]

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()

    def text(self, selector: str) -> str:
        return " ".join((self.page.locator(selector).first.text_content() or "").split())


def chromium() -> Iterator[Browser]:
    """A session's browser; where there is none its tests are skipped, or fail where one is required."""
    if CHROMIUM is None:
        reason = "no Chromium found; install it (apt-get install chromium) to test the pages"
        if "required" in (os.environ.get("CI_BROWSER"), os.environ.get("CHAINBERT_BROWSER")):
            pytest.fail(reason)
        pytest.skip(reason)
    # Pages are files and the driver talks through pipes: nothing here needs a socket.
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def visiting(browser: Browser, path: Path, *, ready: bool = True, **settings: Any) -> Iterator[Visit]:
    """Open a page from the disk and look after it: any request, dialog, error or word on the console is a fault."""
    context = browser.new_context(**({"viewport": DESKTOP} | settings))
    page = context.new_page()
    page.set_default_timeout(10_000)
    visit = Visit(page, path.resolve().as_uri())
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("console", lambda message: visit.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (visit.complaints.append(dialog.message), dialog.dismiss()))
    page.goto(visit.address)
    if ready:
        page.wait_for_selector("html[data-ready]", state="attached")
    try:
        yield visit
        assert not visit.complaints, visit.complaints
        assert [one for one in visit.requests if not one.startswith((visit.address, "blob:", "data:"))] == []
    finally:
        context.close()
