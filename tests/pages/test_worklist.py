"""The worklist headless: its entries, their order, and the effect of a request from the list."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db.events import record
from osteo_core.errors import UsageError
from osteo_core.events import new_event
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.programme.follow_up import Note, State, event_of
from osteo_core.terms import Status, Step
from pages.ui.worklist import call_list, patient_list
from tests.builders.cohort import build_cohort, key_of
from tests.builders.follow_up import NOW, build_followed_store
from tests.builders.store import build_store
from tests.pages.test_pages import texts

Open = Callable[..., AppTest]


def listed(app: AppTest) -> dict[str, Any]:
    """The data drawn by the worklist's component; the page has other components too."""
    drawn = [json.loads(one.proto.json or "null") for one in app.get("bidi_component")]
    found: dict[str, Any] = next(one for one in drawn if isinstance(one, dict) and "rows" in one)
    return found


def ask(app: AppTest, **request: Any) -> dict[str, Any]:
    """The list after a request as sent by the component."""
    data = listed(app)
    order = app.session_state["worklist-order"]
    items_of_page = [row["key"] for row in data["rows"]]
    app.session_state["request-under-test"] = {"number": data["answered"] + 1, **request}
    assert order.keys_of(data["page"]) == tuple(items_of_page)
    app.run()
    return listed(app)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that a test puts into the session are answered before the list is drawn."""
    show = patient_list.show

    def answering(order: Any, page: int) -> None:
        request = patient_list.st.session_state.pop("request-under-test", None)
        if request:
            patient_list._answer(order, patient_list.services.work_items(order.keys_of(page), seen_by=None), request)
        show(order, page)

    monkeypatch.setattr(patient_list, "show", answering)


def test_flagged_come_first_with_the_reason_and_the_levels_used(filled_store: Path, open_page: Open) -> None:
    rows = listed(open_page(filled_store, "pages/worklist.py"))["rows"]
    flagged = [row["is_flagged"] for row in rows]
    assert flagged == sorted(flagged, reverse=True)
    assert sum(flagged) == sum(r.assessment.is_flagged for r in build_cohort(60) if r.assessment)
    assert "mg/cm3" in rows[0]["reason"]
    assert rows[0]["levels"] == "L1-L4"
    assert " 2026, " in rows[0]["due"]  # the day, and how far it is from today


def test_the_filter_of_the_address_narrows_the_list(filled_store: Path, open_page: Open) -> None:
    rows = listed(open_page(filled_store, "pages/worklist.py", vendor="Philips", sex="F"))["rows"]
    assert rows
    assert {row["vendor"] for row in rows} == {"Philips"}
    assert {row["person"].split()[-1] for row in rows} == {"F"}


def test_a_filter_that_matches_nobody_says_so(filled_store: Path, open_page: Open) -> None:
    assert "No patient matches this filter" in texts(open_page(filled_store, "pages/worklist.py", vendor="Neusoft"))


@pytest.mark.parametrize("is_descending", [False, True])
def test_the_whole_list_is_sorted_not_the_page(filled_store: Path, open_page: Open, is_descending: bool) -> None:
    ages = []
    for page in ("1", "2", "3"):
        asked = {"sort": "age", "page": page} | ({"descending": "true"} if is_descending else {})
        rows = listed(open_page(filled_store, "pages/worklist.py", **asked))["rows"]
        ages += [int(row["person"].split()[0]) for row in rows]
    assert len(ages) == 52
    assert ages == sorted(ages, reverse=is_descending)


def test_the_overdue_of_home_are_the_overdue_of_the_worklist(tmp_path: Path, open_page: Open) -> None:
    build_followed_store(tmp_path / "store", count=80)
    overdue = {m.label: m.value for m in open_page(tmp_path / "store").metric}["Overdue"]
    rows = listed(open_page(tmp_path / "store", "pages/worklist.py", overdue="true", sort="due date"))["rows"]
    assert int(overdue) > 3
    assert len(rows) == int(overdue)
    assert all(row["is_overdue"] and "overdue" in row["due"] for row in rows)


@pytest.mark.usefixtures("requests")
def test_a_note_keeps_the_order_and_can_be_undone_by_a_correcting_event(tmp_path: Path, open_page: Open) -> None:
    build_followed_store(tmp_path / "store", count=60)
    app = open_page(tmp_path / "store", "pages/worklist.py", state="to review")
    before = listed(app)
    first, second = (row["key"] for row in before["rows"][:2])
    note = {"kind": "note", "keys": [[first, "to review"]], "state": "confirmed"}
    refused = ask(app, **note)["message"]
    assert refused["is_refused"]
    assert "needs an author" in refused["text"]
    app.text_input(key="author-field").set_value("AB").run()
    assert listed(app)["message"] is None
    noted = ask(app, **note)
    assert [row["key"] for row in noted["rows"]] == [row["key"] for row in before["rows"]]
    assert (noted["rows"][0]["state"], noted["selected"]) == ("confirmed", second)
    assert noted["message"] == {"text": f"Patient {noted['rows'][0]['patient']}: confirmed.", "can_undo": True}
    undone = ask(app, kind="undo")
    assert (undone["rows"][0]["state"], undone["selected"], undone["can_undo"]) == ("to review", first, False)
    patient = open_page(tmp_path / "store", "pages/patient.py", series=first)
    history = next(table.value for table in patient.dataframe if "Noted" in table.value)
    assert list(history["Noted"])[:2] == ["undone: confirmed", "confirmed (undone later)"]


@pytest.mark.usefixtures("requests")
def test_a_patient_who_was_noted_in_another_tab_is_not_noted_again(tmp_path: Path, open_page: Open) -> None:
    build_followed_store(tmp_path / "store", count=60)
    tabs = [open_page(tmp_path / "store", "pages/worklist.py", state="to review") for _ in range(2)]
    key = listed(tabs[0])["rows"][0]["key"]
    for tab, author in zip(tabs, ("AB", "CD"), strict=True):
        tab.text_input(key="author-field").set_value(author).run()
    assert "can_undo" in ask(tabs[0], kind="note", keys=[[key, "to review"]], state="confirmed")["message"]
    answer = ask(tabs[1], kind="note", keys=[[key, "to review"]], state="not confirmed")
    assert answer["message"]["is_refused"]
    assert "was noted elsewhere in the meantime and is now 'confirmed'" in answer["message"]["text"]
    assert answer["rows"][0]["state"] == "confirmed"


@pytest.mark.usefixtures("requests")
def test_an_undo_is_refused_when_another_note_was_made_since(tmp_path: Path, open_page: Open) -> None:
    build_followed_store(tmp_path / "store", count=60)
    tabs = [open_page(tmp_path / "store", "pages/worklist.py", state="to review") for _ in range(2)]
    key = listed(tabs[0])["rows"][0]["key"]
    for tab in tabs:
        tab.text_input(key="author-field").set_value("AB").run()
    ask(tabs[0], kind="note", keys=[[key, "to review"]], state="confirmed")
    tabs[1].run()
    ask(tabs[1], kind="note", keys=[[key, "confirmed"]], state="referred")
    message = ask(tabs[0], kind="undo")["message"]
    assert message["is_refused"]
    assert "'confirmed' cannot be undone: another note was made after it" in message["text"]


@pytest.mark.usefixtures("requests")
def test_a_series_that_is_not_on_the_page_is_not_noted(tmp_path: Path, open_page: Open) -> None:
    build_followed_store(tmp_path / "store", count=60)
    app = open_page(tmp_path / "store", "pages/worklist.py", state="to review")
    app.text_input(key="author-field").set_value("AB").run()
    message = ask(app, kind="note", keys=[["f" * 16, ""]], state="confirmed")["message"]
    assert "the list changed after" in message["text"].lower()


@pytest.mark.usefixtures("requests")
def test_assignee_waiting_and_contact_are_noted_and_shown(tmp_path: Path, open_page: Open) -> None:
    build_followed_store(tmp_path / "store", count=60)
    app = open_page(tmp_path / "store", "pages/worklist.py", state="to review")
    app.text_input(key="author-field").set_value("AB").run()
    keys = [row["key"] for row in listed(app)["rows"][:2]]
    on_first = {"kind": "plan", "keys": [[keys[0], "to review"]]}
    ask(app, **on_first, plan="assignee", assignee="CD")
    shown = ask(app, **on_first, plan="contact", contact="by phone, not reached")["rows"][0]
    assert shown["plan"].startswith("assigned to CD; by phone, not reached on ")
    refused = ask(app, **on_first, plan="snooze_until", snooze_until="2020-01-01")["message"]
    assert "waiting must end after today" in refused["text"].lower()
    refused = ask(app, **on_first, plan="snooze_until", snooze_until="122026-01-01")["message"]
    assert refused == {"text": "Choose a day with a four-digit year, found 122026-01-01.", "is_refused": True}
    assert not app.exception
    later = ask(app, kind="plan", keys=[[keys[1], "to review"]], plan="snooze_until", snooze_until="2999-01-01")
    assert "waits until 1 Jan 2999" in later["rows"][1]["plan"]
    fresh = open_page(tmp_path / "store", "pages/worklist.py", state="to review")
    assert keys[1] not in [row["key"] for row in listed(fresh)["rows"]]
    assert "1 patient series waiting for a later day" in texts(fresh)
    waiting = open_page(tmp_path / "store", "pages/worklist.py", snoozed="waiting only")
    assert [row["key"] for row in listed(waiting)["rows"]] == [keys[1]]
    mine = open_page(tmp_path / "store", "pages/worklist.py", assignee="CD")
    assert [row["key"] for row in listed(mine)["rows"]] == [keys[0]]


def test_the_call_list_is_in_the_order_of_due_dates_and_holds_pseudonyms_only(tmp_path: Path, open_page: Open) -> None:
    results, _ = build_followed_store(tmp_path / "store", count=80)
    app = open_page(tmp_path / "store", "pages/worklist.py")
    order = app.session_state["worklist-order"]
    items = call_list.calls(order)
    assert len(items) > 5
    assert [item.due_at for item in items] == sorted(item.due_at for item in items)
    reasons = [patient_list.reason_words(item) for item in items]
    table = list(csv.DictReader(io.StringIO(call_list.as_csv(items, reasons).decode("utf-8-sig"))))
    assert [row["due_date"] for row in table] == sorted(row["due_date"] for row in table)
    assert all(row["what_to_say"] for row in table)
    assert {len(row["patient"]) for row in table} == {8}
    page = call_list.as_page(items, reasons).decode()
    assert page.count("☐") == len(items)
    made = call_list.letters(items[:2], reasons[:2], author="AB").decode()
    assert made.count("<pre>") == 2
    assert "research use only" in made
    assert {row["is_simulated"] for row in table} == {"true"}
    assert "All patients are simulated" in page
    assert page.count(", simulated</td>") == len(items)
    assert made.count("Simulated patient: anatomy, image and density are invented; this is no person.") == 2
    with pytest.raises(UsageError, match="a letter is signed by its sender: type your name"):
        call_list.letters(items[:2], reasons[:2], author=" ")
    real = [replace(items[0], is_simulated=False), *items[1:2]]
    assert "1 of 2 patients are simulated" in call_list.as_page(real, reasons[:2]).decode()
    assert "imulated" not in call_list.as_page(real[:1], reasons[:1]).decode()
    assert "imulated" not in call_list.letters(real[:1], reasons[:1], author="AB").decode()
    keys = {result.series.patient_key for result in results}
    assert not [key for key in keys if key in page or key in made]


@pytest.mark.usefixtures("requests")
def test_the_opening_is_noted_with_the_address_of_the_ct_and_once(
    filled_store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noted: list[dict[str, Any]] = []
    services = patient_list.services
    monkeypatch.setattr(services, "ct_of", lambda series_key: (tmp_path / "0_ct.nii.gz", "model-hash"))
    monkeypatch.setattr(services, "note_opened", lambda series_key, **what: noted.append({"key": series_key, **what}))
    app = open_page(filled_store, "pages/worklist.py")
    first, second = (row["key"] for row in listed(app)["rows"][:2])
    assert listed(app)["ct"] == ""
    assert noted == []
    for key in (first, first, second):
        data = ask(app, kind="open", key=key)
        assert data["go"] == f"patient?series={key}"
        assert "0_ct.nii.gz" in data["ct"]
    assert [one["key"] for one in noted] == [first, second]
    assert noted[0] | {"key": ""} == {"key": "", "reader": "", "shows_read": False, "version": "model-hash"}


@pytest.mark.usefixtures("requests")
def test_an_opening_that_a_full_disk_refuses_gives_no_ct_and_keeps_the_list(
    filled_store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise UsageError("the store cannot be written to")

    services = patient_list.services
    monkeypatch.setattr(services, "ct_of", lambda series_key: (tmp_path / "0_ct.nii.gz", "model-hash"))
    monkeypatch.setattr(services, "note_opened", refuse)
    app = open_page(filled_store, "pages/worklist.py")
    data = ask(app, kind="open", key=listed(app)["rows"][0]["key"])
    assert data["ct"] == ""
    assert "The store cannot be written to." in [one.value for one in app.toast]
    assert not app.exception


@pytest.mark.usefixtures("requests")
def test_a_request_that_the_list_cannot_have_made_is_refused(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/worklist.py")
    message = ask(app, kind="page", page="no number")["message"]
    assert message["is_refused"]
    assert not app.exception


def test_a_list_that_is_empty_only_because_all_wait_says_so(tmp_path: Path, open_page: Open) -> None:
    (tmp_path / "store").mkdir()
    waits = partial(new_event, "follow-up plan", author="AB", at=NOW, payload={"snooze_until": "2999-01-01"})
    record(tmp_path / "store", *(waits(series_key=key_of(n)) for n in range(60)))
    build_followed_store(tmp_path / "store", count=60)
    app = open_page(tmp_path / "store", "pages/worklist.py", overdue="true")
    overdue = int(next(one.value for one in open_page(tmp_path / "store").metric if one.label == "Overdue"))
    assert overdue > 1
    assert f"Nobody is listed now: {overdue} patient series waiting for a later day: see Filters." in texts(app)


def test_a_followed_patient_stays_listed_after_a_failed_analysis(tmp_path: Path, open_page: Open) -> None:
    """Home and Follow-up count the late step; without its row nobody would take it."""
    first = next(one for one in build_cohort(20) if one.assessment and one.assessment.is_flagged)
    first = replace(first, finished_at=NOW - timedelta(weeks=40))
    key, versions = first.series.series_key, (first.model_hash, first.settings_hash)
    note = Note(state=State.CONFIRMED, author="AB", at=NOW - timedelta(weeks=39))
    (tmp_path / "store").mkdir()
    record(tmp_path / "store", event_of(note, event_id="e1", series_key=key, before=State.TO_REVIEW, versions=versions))
    why = Exclusion(code=ExclusionCode.FAILED, step=Step.RUN, found="OSError")
    nothing: dict[str, Any] = {"assessment": None, "segmentation": None, "tissues": None, "measurements": ()}
    failed = replace(first, status=Status.FAILED, finished_at=NOW, exclusions=(why,), **nothing)
    build_store(tmp_path / "store", [first, failed])
    app = open_page(tmp_path / "store", "pages/worklist.py", overdue="true")
    row = next(iter(listed(app)["rows"]))
    assert (row["key"], row["state"], row["is_overdue"]) == (key, "confirmed", True)
    assert [item.series_key for item in call_list.calls(app.session_state["worklist-order"])] == [key]


def test_the_call_list_counts_people_and_writes_to_each_once(filled_store: Path, open_page: Open) -> None:
    one, two, three = call_list.calls(open_page(filled_store, "pages/worklist.py").session_state["worklist-order"])[:3]
    items, reasons = [one, two, replace(three, patient_key=one.patient_key)], ["first", "", "later"]
    page = call_list.as_page(items, reasons).decode()
    assert ": 2 patients with 3 flagged series</title>" in page
    made = call_list.letters(items, reasons, author="AB").decode()
    assert made.count("<pre>") == 2
    assert "first" in made
    assert "later" not in made
