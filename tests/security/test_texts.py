"""Texts of files and people on every page, in a real browser: shown literally, never executed, no request elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

import app
from pages.ui.shared.literal import WORD_JOINER
from tests.browser.cohort import BrowserCohort
from tests.browser.server import start_server, stop_server
from tests.security.hostile import ALL, BAIT, HOSTILE, build_hostile_store

pytestmark = pytest.mark.browser

#: Elements that exist only if a text was taken for markup.
_MADE = """() => [...document.querySelectorAll(
  '[src*="bait"], [href*="//bait"], a[href^="mailto"], [href^="javascript"], .katex, .stMarkdownColoredText'
)].map((one) => one.outerHTML.slice(0, 200))"""
_SHOWN = """([text, times, joiner]) =>
  document.body.innerText.replaceAll(joiner, '').split(text).length > times"""
_READY = '[data-testid="stMainBlockContainer"] h1, .reader[data-drawn]'


@dataclass(kw_only=True)
class Look:
    """One browser context on the app, with requests to foreign hosts and console messages recorded."""

    page: Page
    address: str
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a path, and wait until the page is drawn."""
        self.page.goto(f"{self.address}/{path}")
        self.page.wait_for_selector(_READY, timeout=120_000)
        self.page.wait_for_selector('[data-testid="stStatusWidget"]', state="detached", timeout=120_000)

    def shows(self, text: str, times: int = 1) -> None:
        """Wait until the page shows the text literally this many times."""
        self.page.wait_for_function(_SHOWN, arg=[text, times, WORD_JOINER], timeout=60_000)

    def check(self) -> None:
        """No text became markup, no other host was contacted, and the page's policy refused nothing."""
        assert self.page.evaluate(_MADE) == []
        assert self.foreign == []
        assert [words for words in self.console if "Content Security Policy" in words] == []
        assert self.page.title() != "1"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> BrowserCohort:
    return build_hostile_store(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def look(browser: Browser, hostile: BrowserCohort) -> Iterator[Look]:
    server = start_server(hostile.store)
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    seen = Look(page=page, address=server.address)
    own = (server.address, server.address.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else seen.foreign.append(request.url))
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.console.append(str(error)))
    yield seen
    context.close()
    stop_server(server)


def key_of(cohort: BrowserCohort, *, is_flagged: bool) -> str:
    found = (r for r in cohort.results if (r.assessment is not None and r.assessment.is_flagged) == is_flagged)
    return next(r.series.series_key for r in found if is_flagged or r.assessment is None)


ROUTES = [screen.script.removeprefix("pages/").removesuffix(".py") for screen in app.PAGES]


@pytest.mark.parametrize("route", ["" if one == "home" else one for one in ROUTES])
def test_no_page_makes_anything_of_a_text(look: Look, route: str) -> None:
    look.open(route)
    look.check()


def test_a_patients_page_shows_every_text_as_it_is(look: Look, hostile: BrowserCohort) -> None:
    look.open(f"patient?series={key_of(hostile, is_flagged=True)}")
    look.shows(ALL, times=4)  # review reason, caution, calibration, reason for choosing this series
    look.page.get_by_text("Show every stored value").click()
    look.check()
    look.open(f"patient?series={key_of(hostile, is_flagged=False)}")
    look.shows(ALL)
    look.check()


def test_the_readers_screen_keeps_to_the_policy(look: Look, hostile: BrowserCohort) -> None:
    look.open(f"patient?series={key_of(hostile, is_flagged=True)}")
    for name in ("Regions", "Heights", "3D", "Correct"):
        look.page.get_by_role("button", name=name, exact=True).click()
        look.page.wait_for_timeout(700)
    look.check()


def test_names_of_scanners_are_labels_as_they_are(look: Look) -> None:
    look.open("prevalence?by=Scanner")
    for text in HOSTILE:
        look.shows(text)
    expect(look.page.get_by_role("button", name="Download as CSV")).to_have_count(0)  # it would not defuse formulas
    look.check()


def test_the_worklist_shows_reasons_as_they_are(look: Look) -> None:
    look.open("worklist")
    expect(look.page.locator("tr[data-key]").first).to_contain_text(ALL)
    look.page.get_by_role("button", name="Filters").click()  # scanners, and saved views by name
    expect(look.page.get_by_text("Saved views")).to_be_visible()
    look.check()


@pytest.mark.parametrize("text", [f"![]({BAIT})", ":red[b]", f"[a](javascript:document.title=1) <img src={BAIT}>"])
def test_what_a_link_brings_along_is_said_as_it_is(look: Look, text: str) -> None:
    look.open(f"worklist?vendor={quote(text)}&assignee={quote(text)}&{quote(text, safe='')}=1")
    look.shows(text, times=3)
    look.check()
    look.open(f"exclusions?box={quote(text)}")
    look.shows(text)
    look.check()


def test_what_is_typed_is_said_as_it_is(look: Look) -> None:
    look.open("look_up")
    look.page.get_by_role("textbox").last.fill(HOSTILE[0])
    look.page.get_by_role("button", name="Look up", exact=True).click()
    expect(look.page.locator("code", has_text="bait.invalid")).to_be_visible()
    look.open("worklist")
    look.page.get_by_role("button", name="Filters").click()
    look.page.get_by_placeholder("Save this filter as ...").fill(HOSTILE[1])
    look.page.get_by_placeholder("Save this filter as ...").press("Enter")
    look.page.wait_for_timeout(2000)  # the page is redrawn with the name; an earlier click is lost
    look.page.get_by_role("button", name="Save view").click()
    expect(look.page.get_by_text("Saved: ")).to_contain_text("bait.invalid")
    look.check()


def test_the_policy_would_refuse_what_a_text_asks_for(look: Look) -> None:
    """The second line of defence: even with a tag in the page, the browser requests nothing and runs nothing."""
    look.open("about")
    look.page.evaluate(
        """(bait) => { const one = document.createElement('img'); one.src = bait; document.body.append(one);
        const two = document.createElement('div'); two.innerHTML = '<img src=x onerror="document.title=1">';
        document.body.append(two); }""",
        BAIT,
    )
    look.page.wait_for_timeout(500)
    assert sum("Content Security Policy" in words for words in look.console) >= 2
    assert look.page.title() != "1"
