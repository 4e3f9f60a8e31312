"""Signing in with a real OpenID Connect provider, in a real browser: roles, refused pages, authors, signing out."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet as parquet
import pytest
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, BrowserContext, Page, expect

from pages.ui.access.roles import PAGES, Role
from tests.browser.cohort import BrowserCohort, build_browser_cohort
from tests.browser.conftest import MENU
from tests.browser.server import Server, start_server, stop_server
from tests.builders.oidc import Provider, run_provider, secrets_toml

pytestmark = pytest.mark.browser

TITLES = {
    "": "Home",
    "worklist": "Worklist",
    "patient": "Patient",
    "look_up": "Look up",
    "follow_up": "Follow-up",
    "prevalence": "Prevalence",
    "agreement": "Agreement",
    "drift": "Drift",
    "equity": "Equity",
    "exclusions": "Exclusions",
    "table": "Table",
    "export": "Export",
    "replication": "Replication",
    "about": "About and limits",
}
PEOPLE = {role.value: {"sub": f"subject-{role}", "name": f"Name of {role}", "roles": [role.value]} for role in Role}
_USER_COOKIE = "_streamlit_user"


@dataclass(kw_only=True)
class Site:
    """The app with its identity provider."""

    server: Server
    provider: Provider
    cohort: BrowserCohort
    settings: Path

    @property
    def address(self) -> str:
        return self.server.address

    def series(self) -> str:
        """A series with outlines that can be displayed."""
        return next(r.series.series_key for r in self.cohort.results if r.segmentation is not None)

    def events(self, kind: str) -> list[dict[str, str]]:
        """The recorded events, from the parts themselves."""
        files = [file for place in ("inbox", "parts") for file in (self.cohort.store / place).rglob("*.parquet")]
        rows: dict[str, dict[str, str]] = {}
        for file in files:
            if "events" in file.as_posix() and file.is_file():
                rows |= {row["event_id"]: row for row in parquet.read_table(file).to_pylist()}
        return [row for row in rows.values() if row["kind"] == kind]


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("sign-in")
    cohort = build_browser_cohort(folder, count=12)
    with run_provider() as provider:
        file = folder / "secrets.toml"
        file.write_text(secrets_toml(provider, "http://localhost:{port}/oauth2callback", secrets.token_hex(32)))
        settings = folder / "osteo.toml"
        server = start_server(cohort.store, options=["--secrets.files", str(file)], OSTEO_SETTINGS=str(settings))
        provider.redirect_uri = f"{server.address}/oauth2callback"
        provider.people = {
            **PEOPLE,
            "second": {**PEOPLE["reader"], "sub": "subject-second"},
            "nobody": {"sub": "subject-9", "name": "No Role", "roles": ["gardener"]},
        }
        yield Site(server=server, provider=provider, cohort=cohort, settings=settings)
        stop_server(server)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1440, "height": 1000})
    made.set_default_timeout(60_000)
    yield made
    made.close()


SignIn = Callable[[str], Page]


@pytest.fixture
def signing_in(site: Site, context: BrowserContext) -> SignIn:
    """Go through the whole flow as one of the provider's people; returns the page."""

    def go(who: str) -> Page:
        return sign_in_as(context.new_page(), site, who)

    return go


def sign_in_as(page: Page, site: Site, who: str) -> Page:
    page.goto(site.address)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=who]").fill(who)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{site.address}/**")
    return page


def is_asked_to_sign_in(page: Page) -> None:
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.locator(MENU)).to_have_count(0)


@pytest.mark.parametrize("role", Role)
def test_each_role_signs_in_and_sees_exactly_its_pages(
    role: Role, site: Site, context: BrowserContext, signing_in: SignIn
) -> None:
    page = signing_in(role.value)
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    expect(page.get_by_text(f"Name of {role}")).to_be_visible()
    expected = [TITLES[name] for name, roles in PAGES.items() if role in roles]
    links = page.locator(MENU).get_by_role("link")
    expect(links).to_have_count(len(expected))
    assert [name.split("\n")[-1] for name in links.all_inner_texts()] == expected
    for name, roles in PAGES.items():
        assert context.request.get(f"{site.address}/{name}").status == (200 if role in roles else 403), name
    closed = next((name for name, roles in PAGES.items() if role not in roles), None)
    if closed is None:
        return
    answer = page.goto(f"{site.address}/{closed}")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_text(f"403: the page {TITLES[closed]} is not for your role ({role})")).to_be_visible()
    expect(page.locator(MENU)).to_be_visible()


def test_nobody_sees_anything_without_signing_in(site: Site, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{site.address}/patient?series={site.series()}")
    is_asked_to_sign_in(page)
    text = page.locator("body").inner_text()
    assert "Patient" not in text.replace("Patients", "")
    for path in (
        "/media/a.csv",
        "/api/picture/a_b_ct.nii.gz",
        "/api/reader/1/screen.js",
        "/_stcore/metrics",
    ):
        assert context.request.get(site.address + path).status == 401, path
    assert context.request.post(f"{site.address}/api/review/0/sign", data="{}").status == 401
    assert context.request.put(f"{site.address}/_stcore/upload_file/a/b", data="x").status == 401
    assert context.request.get(f"{site.address}/_stcore/agent/openapi.json").status == 403


def test_the_author_of_a_note_is_the_subject_and_an_opening_is_an_event(site: Site, signing_in: SignIn) -> None:
    page = signing_in("lead")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.goto(f"{site.address}/patient?series={site.series()}")
    expect(page.get_by_label("Noted by")).to_have_value("Name of lead")
    expect(page.get_by_label("Noted by")).to_be_disabled()
    page.get_by_role("button", name="Other step").click()
    page.get_by_role("combobox", name="Note", exact=True).click()
    page.get_by_role("option", name="Confirmed", exact=True).click()
    page.get_by_role("button", name="Note for 1 series").click()
    expect(page.get_by_text("Noted for 1 series")).to_be_visible()
    notes = until(lambda: site.events("follow-up"))
    assert {note["author"] for note in notes} == {"subject-lead"}
    opened = until(lambda: site.events("opened"))
    assert ("subject-lead", site.series()) in {(one["author"], one["series_key"]) for one in opened}
    signed_in = [one for one in site.events("signed in") if one["author"] == "subject-lead"]
    assert {json.loads(one["payload_json"])["name"] for one in signed_in} == {"Name of lead"}


def until(look: Callable[[], list[dict[str, str]]]) -> list[dict[str, str]]:
    for _ in range(100):
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError("nothing was recorded")


def test_a_read_is_signed_by_the_subject_and_another_reader_cannot_sign_under_its_address(
    site: Site, browser: Browser, signing_in: SignIn
) -> None:
    page = signing_in("reader")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.goto(f"{site.address}/patient?series={site.series()}")
    page.wait_for_selector(".reader[data-drawn]", timeout=120_000)
    with page.expect_request(f"{site.address}/api/active"):  # viewing slices asks the server for nothing else
        page.keyboard.press("a")
    with page.expect_request("**/api/review/*/sign*") as asked:
        page.get_by_role("button", name="Sign as Name of reader").click()
    expect(page.locator(".reader .reading-status")).to_contain_text("accepted by Name of reader")
    assert [read["author"] for read in site.events("read signed")] == ["subject-reader"]

    context = browser.new_context()
    sign_in_as(context.new_page(), site, "second")
    body = asked.value.post_data
    answer = context.request.post(asked.value.url, data=body, headers={"Origin": site.address})
    assert answer.status == 403
    assert "another sign-in" in answer.json()["problem"]
    foreign = context.request.post(asked.value.url, data=body, headers={"Origin": "https://evil.example"})
    assert (foreign.status, "another site" in foreign.text()) == (403, True)
    context.close()
    assert len(site.events("read signed")) == 1
    unsaved_drawing_outlives_an_idle_sign_in(site, page)


def unsaved_drawing_outlives_an_idle_sign_in(site: Site, page: Page) -> None:
    """The page of a reader who draws, is signed out while idle, and signs in again."""
    page.locator(".card").first.click()
    page.keyboard.press("e")
    canvas = page.locator("canvas[data-plane=axial]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.2 * box["width"], y, steps=8)  # from the level outwards
    page.mouse.up()
    expect(page.locator(".reader .save")).to_be_enabled()
    page.wait_for_timeout(1500)  # the browser stores the drawing shortly after each stroke
    site.settings.write_text("idle_minutes = 0.02\n")
    try:
        expect(page.get_by_text("ended after 0.02 minutes without use")).to_be_visible(timeout=120_000)
        is_asked_to_sign_in(page)
        expect(page.locator(".reader")).to_have_count(0)
        assert page.context.request.get(f"{site.address}/api/picture/a_b_ct.nii.gz").status == 401
        page.get_by_role("button", name="Sign in").click()
        page.locator("input[name=who]").fill("reader")
    finally:
        site.settings.unlink()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_selector(".reader[data-drawn]", timeout=120_000)
    expect(page.get_by_text("are kept in this browser")).to_be_visible()
    page.get_by_role("button", name="Restore it").click()
    expect(page.locator(".reader .save")).to_be_enabled()


def test_the_page_that_was_asked_for_opens_after_the_sign_in(site: Site, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{site.address}/exclusions?sex=F")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.wait_for_timeout(3000)  # the browser stores the address before anyone could press the button
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=who]").fill("researcher")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Exclusions")).to_be_visible()
    assert page.url == f"{site.address}/exclusions?sex=F"


def test_a_researcher_sees_pseudonyms_and_no_image(site: Site, context: BrowserContext, signing_in: SignIn) -> None:
    page = signing_in("researcher")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.address}/patient?series={site.series()}")
    expect(page.get_by_text("Images are not shown to your role.")).to_be_visible()
    expect(page.get_by_role("button", name="Who is it?")).to_have_count(0)
    expect(page.get_by_role("button", name="Other step")).to_have_count(0)
    assert [url for url in asked if "/api/" in url] == []
    assert context.request.get(f"{site.address}/api/picture/a_b_ct.nii.gz").status == 403
    opened = until(lambda: [one for one in site.events("opened") if one["author"] == "subject-researcher"])
    assert opened[0]["series_key"] == site.series()


def test_a_file_is_for_who_downloads_it(
    site: Site, browser: Browser, context: BrowserContext, signing_in: SignIn
) -> None:
    page = signing_in("lead")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.goto(f"{site.address}/export")
    with page.expect_download() as got:
        page.get_by_role("button", name="Data dictionary").click()
    address = got.value.url
    assert got.value.path().read_text().startswith("column")
    assert context.request.get(address).status == 200
    other = browser.new_context()
    sign_in_as(other.new_page(), site, "researcher")
    assert other.request.get(address).status == 404
    other.close()


def test_signing_out_ends_the_sign_in_in_every_window_and_for_every_copy_of_its_cookie(
    site: Site, browser: Browser, context: BrowserContext, signing_in: SignIn
) -> None:
    page = signing_in("reader")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    copied = context.cookies()
    other = context.new_page()
    other.goto(f"{site.address}/worklist")
    expect(other.get_by_role("heading", name="Worklist")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    is_asked_to_sign_in(page)
    assert "logout" in site.provider.asked
    expect(other.get_by_role("button", name="Sign in")).to_be_visible(timeout=120_000)
    expect(other.get_by_text("Sign in again.")).to_be_visible()
    assert [one["author"] for one in site.events("signed out")] == ["subject-reader"]
    thief = browser.new_context()
    thief.add_cookies(copied)
    assert thief.request.get(f"{site.address}/api/picture/a_b_ct.nii.gz").status == 401
    stolen = thief.new_page()
    stolen.goto(f"{site.address}/worklist")
    is_asked_to_sign_in(stolen)
    thief.close()


def test_cookies_are_strict_and_end_with_the_sign_in(site: Site, context: BrowserContext, signing_in: SignIn) -> None:
    expect(signing_in("lead").get_by_role("heading", name="Home")).to_be_visible()
    found = {one["name"]: one for one in context.cookies()}
    cookie = found[_USER_COOKIE]
    assert cookie["sameSite"] == "Strict"
    assert cookie["httpOnly"]
    assert 11 * 3600 < cookie["expires"] - time.time() <= 12 * 3600


def test_a_tampered_cookie_ends_at_the_sign_in_with_a_sentence(
    site: Site, context: BrowserContext, signing_in: SignIn
) -> None:
    page = signing_in("researcher")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    cookie = next(one for one in context.cookies() if one["name"] == _USER_COOKIE)
    value = cookie["value"]
    context.add_cookies([{**cookie, "value": value[:20] + ("A" if value[20] != "A" else "B") + value[21:]}])
    page.goto(f"{site.address}/worklist")
    is_asked_to_sign_in(page)
    expect(page.get_by_text("cannot be verified")).to_be_visible()
    assert context.request.get(f"{site.address}/api/picture/a_b_ct.nii.gz").status == 401


def test_a_sign_in_that_is_too_old_ends_at_the_sign_in_with_a_sentence(site: Site, signing_in: SignIn) -> None:
    site.provider.spoil = lambda claims: {**claims, "iat": claims["iat"] - 13 * 3600}
    try:
        page = signing_in("lead")
        is_asked_to_sign_in(page)
        expect(page.get_by_text("Your sign-in has run out")).to_be_visible()
    finally:
        site.provider.spoil = lambda claims: claims


def test_an_account_without_a_role_is_told_so_and_can_sign_out(
    site: Site, context: BrowserContext, signing_in: SignIn
) -> None:
    page = signing_in("nobody")
    expect(page.get_by_text("This account has no role here.")).to_be_visible()
    expect(page.locator(MENU)).to_have_count(0)
    assert context.request.get(f"{site.address}/api/picture/a_b_ct.nii.gz").status == 403
    page.get_by_role("button", name="Sign out").click()
    is_asked_to_sign_in(page)


@pytest.mark.parametrize("what", ["nonce", "aud", "iss", "exp", "key", "none"])
def test_a_token_that_is_not_meant_for_this_sign_in_lets_nobody_in(what: str, site: Site, signing_in: SignIn) -> None:
    if what == "key":
        site.provider.signed_by = RSAKey.generate_key(2048)
    elif what == "none":
        site.provider.is_signed = False
    else:
        site.provider.spoil = lambda claims: {**claims, what: 1 if what == "exp" else "another"}
    try:
        is_asked_to_sign_in(signing_in("lead"))
    finally:
        site.provider.spoil, site.provider.signed_by, site.provider.is_signed = lambda claims: claims, None, True


def test_a_page_of_another_site_cannot_open_a_session(site: Site, context: BrowserContext, signing_in: SignIn) -> None:
    expect(signing_in("lead").get_by_role("heading", name="Home")).to_be_visible()
    foreign = context.new_page()
    foreign.goto(f"{site.provider.issuer}/jwks")
    stream = site.address.replace("http", "ws", 1) + "/_stcore/stream"
    opened = foreign.evaluate(
        """address => new Promise(done => {
            const socket = new WebSocket(address, ["streamlit"]);
            socket.onopen = () => done("open");
            socket.onerror = () => done("refused");
        })""",
        stream,
    )
    assert opened == "refused"


def handshake(server: Server, *, origin: str, host: str = "") -> int:
    """Status of a WebSocket's opening handshake: 101 if it opens."""
    where = urlsplit(server.address)
    connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=30)
    connection.putrequest("GET", "/_stcore/stream", skip_host=True)
    for name, value in {
        "Host": host or where.netloc,
        "Origin": origin,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "streamlit",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_without_a_sign_in_too_only_its_own_pages_open_a_session(server: Server) -> None:
    port = urlsplit(server.address).port
    assert handshake(server, origin=server.address) == 101
    assert handshake(server, origin=f"http://127.0.0.1:{port}", host=f"127.0.0.1:{port}") == 101
    for origin in ("http://localhost:9", "https://evil.example", "null", f"http://127.0.0.1:{port}"):
        assert handshake(server, origin=origin) == 403, origin
    assert handshake(server, origin="http://evil.example", host="evil.example") == 403


def test_an_address_is_kept_out_of_the_way_of_other_names(site: Site, context: BrowserContext) -> None:
    answer = context.request.get(f"{site.address}/", headers={"Host": "evil.example"})
    assert answer.status == 403
