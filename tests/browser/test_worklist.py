"""The worklist in a real browser: patients in every list, by keys only and by mouse; each gets the right note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.server import Server, start_server, stop_server
from tests.builders.follow_up import aged_cohort
from tests.builders.store import build_store

pytestmark = pytest.mark.browser

#: Every kind of list that a lead works through: all, one state, overdue, sorted, filtered, a later page.
LISTS = {
    "all": "",
    "to review": "?state=to+review",
    "overdue": "?overdue=true&sort=due+date",
    "sorted": "?sort=age&descending=true",
    "filtered": "?vendor=GE&sex=F",
    "second page": "?page=2",
}
#: Keys and mouse end in the same request; two lists are enough to show that the mouse works in any of them.
BY_MOUSE = ("filtered", "second page")
#: A long row of notes is shown in one list each; in the others, one note of each kind and what follows each.
BY_KEYS = {name: 10 if name == "all" else 3 for name in LISTS}
#: The keys of a review and the note each one makes; a lead uses them mixed.
REVIEWS = {"y": "confirmed", "n": "not confirmed", "a": "repeat scan"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough flags that each list has open ones on its page, whatever the other tests have noted."""
    results = [
        replace(result, assessment=replace(result.assessment, is_flagged=True, flag_reason="to be looked at"))
        for result in aged_cohort(1200)
        if result.assessment
    ]
    return build_store(tmp_path_factory.mktemp("worklist") / "store", results)


@pytest.fixture(scope="module")
def running(store: Path, browser: Browser) -> Iterator[Server]:
    server = start_server(store)
    yield server
    stop_server(server)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def open_list(page: Page, running: Server, query: str, author: str) -> None:
    page.goto(f"{running.address}/worklist{query}")
    page.locator(".patient-list tbody tr").first.wait_for()
    page.get_by_role("textbox", name="Noted by").fill(author)
    page.keyboard.press("Enter")
    page.wait_for_timeout(600)
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.evaluate("document.activeElement.blur()")


def shown_order(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("tr[data-key]", "rows => rows.map(row => row.dataset.key)")
    return found


def name_of(page: Page, key: str) -> str:
    """The patient's name in the list."""
    return page.locator(f'[data-key="{key}"] a').inner_text()


def selected(page: Page) -> str:
    """The selected patient's key; the bar above names the same patient."""
    key = page.locator("tr.selected").get_attribute("data-key")
    assert key
    expect(page.locator(".who strong")).to_have_text(page.locator("tr.selected a").inner_text())
    return key


def expect_noted(page: Page, key: str) -> None:
    """Wait until the row shows the note and the message names the patient."""
    expect(page.locator(f'[data-key="{key}"] .state')).to_contain_text("✓")
    expect(page.locator(".toast p")).to_contain_text(f"Patient {name_of(page, key)}:")


def is_open(page: Page, key: str, *states: str) -> bool:
    """Whether a review of this patient can be noted, or the patient is in one of ``states``."""
    found = page.locator(f'[data-key="{key}"] .state').inner_text()
    return found.startswith(("to review", "not followed up", *states))


def pass_over_noted(page: Page) -> None:
    """Go down to the next patient whom no other test has reviewed."""
    for _ in shown_order(page):
        if is_open(page, selected(page), "repeat scan"):
            return
        page.keyboard.press("ArrowDown")


def notes_by(store: Path, author: str) -> list[tuple[str, str]]:
    """This author's entries in the store, in order of time: series and note."""
    rows = [
        row
        for place in ("inbox", "parts")
        for path in (store / place).rglob("*.parquet")
        if path.name.startswith("events") or path.parent.name == "events"
        for row in parquet.read_table(path).to_pylist()
        if row["author"] == author
    ]
    return [(r["series_key"], r["payload_json"]) for r in sorted(rows, key=lambda r: r["at"])]


def assert_noted(store: Path, author: str, meant: list[tuple[str, str]]) -> None:
    found = notes_by(store, author)
    assert [key for key, _ in found] == [key for key, _ in meant]
    assert all(f'"state": "{state}"' in payload for (_, payload), (_, state) in zip(found, meant, strict=True))


@pytest.mark.parametrize(("name", "count"), BY_KEYS.items(), ids=BY_KEYS)
def test_patients_are_noted_by_keys_alone(page: Page, running: Server, store: Path, name: str, count: int) -> None:
    author = f"keys {name}"
    open_list(page, running, LISTS[name], author)
    order = shown_order(page)
    page.keyboard.press("ArrowDown")
    meant: list[tuple[str, str]] = []
    for number in range(count):
        pass_over_noted(page)
        key = selected(page)
        hotkeys = "yn" if "repeat scan" in page.locator("tr.selected .state").inner_text() else "yna"
        hotkey = hotkeys[number % len(hotkeys)]
        meant.append((key, REVIEWS[hotkey]))
        page.wait_for_timeout(400)
        page.keyboard.press(hotkey)
        expect_noted(page, key)
        expect(page.locator(f'tr.selected:not([data-key="{key}"])')).to_have_count(1)
        if number % 2:
            page.keyboard.press("ArrowDown")  # right after a note it stays on the next patient
    assert [key for key, _ in meant] == [key for key in order if key in dict(meant)], "in the order of the list"
    assert shown_order(page) == order
    assert_noted(store, author, meant)


@pytest.mark.parametrize(("name", "count"), [("filtered", 10), ("second page", 3)], ids=BY_MOUSE)
def test_patients_are_noted_by_mouse(page: Page, running: Server, store: Path, name: str, count: int) -> None:
    author = f"mouse {name}"
    open_list(page, running, LISTS[name], author)
    order = shown_order(page)
    chosen = [key for key in order if is_open(page, key)][-count:]
    assert len(chosen) == count
    for number, key in enumerate(reversed(chosen)):  # from the bottom up: the list does not move under the mouse
        page.locator(f'[data-key="{key}"] .reason').click()
        assert selected(page) == key
        page.wait_for_timeout(400)
        state = list(REVIEWS.values())[number % 3]
        page.get_by_role("button", name=state.capitalize(), exact=False).first.click()
        expect_noted(page, key)
    assert shown_order(page) == order
    assert_noted(store, author, [(key, list(REVIEWS.values())[n % 3]) for n, key in enumerate(reversed(chosen))])


def test_keys_that_come_too_fast_skip_nobody_and_note_nobody_unseen(page: Page, running: Server, store: Path) -> None:
    open_list(page, running, "?sort=study+date", "hasty")
    order = shown_order(page)
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(400)  # the first one was seen
    for _ in range(12):
        page.keyboard.press("y")
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(150)
    expect(page.locator(".bar .primary")).to_be_enabled()  # no request is pending any more
    page.wait_for_timeout(1000)
    noted = [key for key, _ in notes_by(store, "hasty")]
    assert noted
    assert len(noted) == len(set(noted))
    shown = [key for key in order if page.locator(f'[data-key="{key}"] .state').inner_text().startswith("✓")]
    assert sorted(noted) == sorted(shown), "the screen shows exactly what was noted"


def test_a_row_that_is_clicked_while_a_note_is_saved_stays_selected(page: Page, running: Server, store: Path) -> None:
    open_list(page, running, "?sort=mean+vBMD", "impatient")
    first, second, third = [key for key in shown_order(page) if is_open(page, key)][:3]
    page.locator(f'[data-key="{first}"] .reason').click()
    page.wait_for_timeout(400)
    page.keyboard.press("y")
    page.locator(f'[data-key="{third}"] .reason').click()
    expect_noted(page, first)
    assert selected(page) == third
    page.wait_for_timeout(400)
    page.keyboard.press("n")
    expect_noted(page, third)
    assert_noted(store, "impatient", [(first, "confirmed"), (third, "not confirmed")])
    assert is_open(page, second)


def test_undo_names_the_patient_and_takes_one_note_back(page: Page, running: Server, store: Path) -> None:
    open_list(page, running, "?sort=mean+vBMD&descending=true", "undoing")
    page.keyboard.press("ArrowDown")
    key, patient = selected(page), page.locator("tr.selected a").inner_text()
    page.wait_for_timeout(400)
    page.keyboard.press("y")
    toast = page.locator(".toast p")
    expect(toast).to_have_text(f"Patient {patient}: confirmed.")
    page.get_by_role("button", name="Undo").click()
    expect(toast).to_have_text(f"Undone for patient {patient}: confirmed.")
    assert selected(page) == key
    expect(page.locator("tr.selected .state")).to_contain_text("to review")
    assert [key for key, _ in notes_by(store, "undoing")] == [key, key], "nothing is erased"
    page.keyboard.press("o")
    page.wait_for_url(f"**/patient?series={key}")
    page.locator("h1", has_text="Patient").or_(page.locator(".reader")).first.wait_for()
    page.go_back()
    page.locator(".patient-list tbody tr").first.wait_for()
    assert selected(page) == key
    expect(page.get_by_role("textbox", name="Noted by")).to_have_value("undoing")


def test_the_dialog_of_other_steps_notes_nothing_until_one_is_chosen(page: Page, running: Server) -> None:
    page.goto(f"{running.address}/worklist?state=to+review")
    page.wait_for_selector("tr[data-key]")
    page.get_by_role("textbox", name="Noted by").fill("AB")
    page.keyboard.press("Enter")
    page.locator("tr[data-key]").nth(1).click()
    page.keyboard.press("m")
    save = page.get_by_role("button", name="Save note")
    expect(save).to_be_disabled()
    page.get_by_role("textbox", name="Why, in words").press("Enter")
    expect(save).to_be_visible()
    page.get_by_role("combobox", name="Note").select_option("no action")
    expect(save).to_be_enabled()
    save.click()
    expect(page.locator(".toast")).to_contain_text(": no action")
