"""A blinded second reader sees the first read on no page, whatever other roles they have."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from db.connect import open_store
from db.events import record
from osteo_core.errors import UsageError
from osteo_core.exchange.uids import SR
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.programme.cohort import Change
from osteo_core.programme.planning import Contact, Plan, plan_event
from osteo_core.programme.standard import EUROPE_2013
from osteo_core.programme.versions import Origin, Version
from osteo_core.review.read_events import sent_event
from osteo_core.review.reads import Sending
from osteo_core.terms import Category
from pages.ui import services
from pages.ui.access.users import AUTHOR
from pages.ui.export import report
from pages.ui.patient import reader
from pages.ui.services import comparing, corrections, identity
from pages.ui.shared import wording
from pages.ui.worklist import patient_list
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store
from tests.db.test_seen_by import START, STEPS, as_signed, event_of
from tests.pages.conftest import ROOT
from tests.pages.test_pages import texts

EVERYBODY = services.CohortFilter()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
#: Both series have osteoporosis according to the program; AB signed the first as normal.
WANTED = [r for r in build_cohort(28) if r.assessment and r.assessment.category is Category.OSTEOPOROSIS]
KEY = WANTED[0].series.series_key
#: The title of the PACS that holds the read of the first series.
PACS = "ZZPACS"
Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def read_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_store(tmp_path_factory.mktemp("read"), [*WANTED, as_signed(WANTED[0])])
    sending = Sending(read_id=f"{KEY}-0", what=SR, to=PACS, at=START + timedelta(minutes=9))
    given = {"event_id": "sent", "series_key": KEY, "author": "night", "sop_instance_uid": "2.25.1"}
    record(folder, event_of(KEY, 0, STEPS[0]), sent_event(sending, **given))
    store = open_store(folder)
    store.take_in()
    store.publish_snapshot()
    store.close()
    return folder


@pytest.fixture
def open_as(read_store: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a page as a person who is both lead and reader."""
    in_store(read_store)
    monkeypatch.setattr(services, "note_opened", lambda *_, **__: None)

    def open_(name: str, script: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.session_state[AUTHOR] = name
        app.run()
        for key, value in query.items():
            app.query_params[key] = value
        if script != "pages/home.py":
            app.switch_page(script).run()
        assert not app.exception
        return app

    return open_


@pytest.mark.parametrize(("name", "count"), [("AB", "1"), ("CD", "2")])
def test_home_and_follow_up_count_as_the_reader_may_see(open_as: Open, name: str, count: str) -> None:
    for script, label in (("pages/home.py", "Flagged"), ("pages/follow_up.py", "Series followed")):
        app = open_as(name, script)
        assert {one.label: one.value for one in app.metric}[label] == count, script


@pytest.mark.parametrize(("name", "words"), [("AB", "1 patient"), ("CD", "2 patients")])
def test_the_second_filter_counts_as_the_reader_may_see(open_as: Open, name: str, words: str) -> None:
    flagged = {"vs_changed": Change.FLAGGED.value, "vs_since": LONG_AGO.isoformat()}
    app = open_as(name, "pages/agreement.py", compare="true", **flagged)
    assert words in [one.value for one in app.caption]


@pytest.mark.parametrize(("name", "count"), [("AB", 1), ("CD", 2), (None, 1)])
def test_counts_of_services_are_those_that_the_reader_may_see(
    read_store: Path, in_store: Callable[[Path], None], name: str | None, count: int
) -> None:
    in_store(read_store)
    assert services.changes(LONG_AGO, seen_by=name).flagged == count
    assert sum(one.count for one in services.states(EVERYBODY, seen_by=name)) == count
    queue = services.flag_queue(EVERYBODY, seen_by=name)
    assert queue.to_review + queue.before_clinic == count
    bins = services.vbmd_bins(seen_by=name)
    assert {one.category for one in bins} == (
        {Category.OSTEOPOROSIS} if count == 2 else {Category.OSTEOPOROSIS, Category.NORMAL}
    )
    running = services.programme_indicators(EVERYBODY, expected_spine_fractures=0, seen_by=name)
    assert max(one.count.due + one.count.running for one in running) == count
    rows = list(csv.DictReader(io.StringIO(services.cohort_csv(EVERYBODY, seen_by=name).decode())))
    assert [row["category"] for row in rows].count("osteoporosis") == count
    (rate,) = services.prevalence(EVERYBODY, by="all", seen_by=name)
    assert rate.osteoporosis.value * rate.n == pytest.approx(count)
    assert f"<td>flagged</td><td>{count}</td>" in report.report_html(EVERYBODY, seen_by=name).decode()


@pytest.mark.parametrize(("name", "count"), [("AB", 1), ("CD", 2)])
def test_results_of_versions_are_compared_without_a_hidden_read(
    open_as: Open, monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    open_as(name, "pages/home.py")
    monkeypatch.setattr(comparing, "sight_of_figures", lambda: name)
    monkeypatch.setattr(comparing, "hidden_from_this_reader", lambda: services.hidden_series(name))
    any_origin, reader = Version(measuring=MEASURING_VERSION), Version(origin=Origin.READER)
    (rate,) = services.prevalence(EVERYBODY, by="all", version=any_origin, seen_by=name)
    assert rate.osteoporosis.value * rate.n == pytest.approx(count)
    assert len(services.compare_versions(EVERYBODY, reader, Version(origin=Origin.PROGRAM)).pairs) == 2 - count
    flagged = services.Side(cohort=services.CohortFilter(changed=Change.FLAGGED, since=LONG_AGO))
    shares = services.compare_shares(flagged, services.Side(cohort=EVERYBODY), EUROPE_2013)
    assert shares is not None
    assert shares.shared == count


@pytest.mark.parametrize(("name", "count"), [("AB", 1), ("CD", 2)])
def test_drift_counts_as_the_reader_may_see(open_as: Open, name: str, count: int) -> None:
    drift = open_as(name, "pages/drift.py", changed=Change.FLAGGED.value, since=LONG_AGO.isoformat())
    assert drift.dataframe[0].value["Series"].sum() == count


def test_files_of_export_are_made_for_who_asked(open_as: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made outside the script, where no user is known."""
    made: list[tuple[str, object]] = []

    def noting(name: str) -> Callable[..., bytes]:
        return lambda *_, **given: made.append((name, given.get("seen_by", given.get("hidden")))) or b""

    for name in ("cohort_csv", "cohort_parquet"):
        monkeypatch.setattr(services, name, noting(name))
    monkeypatch.setattr(report, "report_html", noting("report_html"))
    monkeypatch.setattr(services, "corrections_zip", noting("corrections_zip"))
    monkeypatch.setattr(services, "corrections_count", lambda *, hidden: made.append(("count", list(hidden))) or 1)
    monkeypatch.setattr("pages.ui.access.users.later", lambda _, function: function() or function)
    app = open_as("CD", "pages/export.py")
    assert "1 signed series of this store not yet read by you" in texts(app)
    assert made == [
        ("cohort_csv", "CD"),
        ("cohort_parquet", "CD"),
        ("report_html", "CD"),
        ("report_html", "CD"),
        ("count", [KEY]),
        ("corrections_zip", [KEY]),
    ]


def test_corrections_leave_hidden_series_out(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"series_key": ["a", "b"]})
    monkeypatch.setattr(corrections, "query", lambda name, **_: table)
    monkeypatch.setattr(corrections, "corrections_in", lambda asked: asked("corrections").to_pylist())
    assert (corrections.corrections_count(hidden=()), corrections.corrections_count(hidden=["a"])) == (2, 1)
    written = SimpleNamespace(keys=[])
    monkeypatch.setattr(corrections, "media_dir", lambda: Path("nowhere"))
    monkeypatch.setattr(
        corrections,
        "write_set",
        lambda _, asked, __: written.keys.extend(asked("corrections")["series_key"].to_pylist()),
    )
    corrections.corrections_zip(hidden=["a"])
    assert written.keys == ["b"]


def test_the_worklist_shows_no_state_of_a_series_that_is_read_blind(
    read_store: Path, in_store: Callable[[Path], None], open_as: Open
) -> None:
    in_store(read_store)
    order = SimpleNamespace(seen_by="CD", noted=set(), list_id="l", selected=None)
    items = services.work_items([KEY], seen_by="CD")
    row = patient_list._row(items[0], order, datetime.now(UTC))
    assert (row["state"], row["state_words"], row["due"]) == ("", "hidden while you read blind", "")
    assert (row["is_overdue"], row["next"]) == (False, [])
    for state in ("", "confirmed"):
        with pytest.raises(UsageError, match="hidden while you read blind"):
            patient_list._note(order, items, {"keys": [[KEY, state]], "fact": "DXA"})
    (own,) = services.work_items([KEY], seen_by="AB")
    assert patient_list._row(own, order, datetime.now(UTC))["state_words"] != "hidden while you read blind"


def test_no_list_or_file_tells_a_contact_about_a_series_that_is_read_blind(
    read_store: Path, in_store: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = shutil.copytree(read_store, tmp_path / "contacted")
    plan = Plan(author="AB", at=START + timedelta(days=1), contact=Contact.LETTER)
    record(folder, plan_event(plan, event_id="contact", series_key=KEY))
    with open_store(folder) as store:
        store.take_in()
        store.publish_snapshot()
    in_store(folder)
    for reader_name, expected in (("CD", ""), ("AB", "by letter"), (None, "by letter")):
        (item,) = services.work_items([KEY], seen_by=reader_name)
        assert (item.contact, item.contact_at is None) == (expected, not expected)


def test_the_patients_page_offers_no_step_that_tells_the_state(open_as: Open) -> None:
    app = open_as("CD", "pages/patient.py", series=KEY)
    assert "Follow-up: hidden while you read blind." in texts(app)
    assert not {one.key for one in app.button} & {"answer-y", "answer-n", "answer-a", "patient-note"}
    assert "answer-y" in {one.key for one in open_as("AB", "pages/patient.py", series=KEY).button}


def test_the_table_says_how_many_rows_the_reader_may_see_of_a_state(
    read_store: Path, in_store: Callable[[Path], None], open_as: Open
) -> None:
    for name, rows in (("CD", "2 rows"), ("AB", "1 row")):
        assert f"{rows}, one per series" in texts(open_as(name, "pages/table.py", state="to review"))


def test_look_up_says_that_the_state_is_hidden(
    read_store: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_store(read_store)
    given = SimpleNamespace(patient=lambda _: WANTED[0].series.patient_key, accession=lambda _: "none")
    monkeypatch.setattr(identity, "pseudonyms_of", lambda _: given)
    for name, is_hidden in (("CD", True), ("AB", False)):
        monkeypatch.setattr(identity, "seen_by", lambda name=name: name)
        ((_, (found,)),) = services.find_patients("1").by_number
        assert (found.follow_state == "hidden while you read blind") == is_hidden


@pytest.mark.parametrize(
    ("name", "words"), [("AB", f", sent to {PACS} on {wording.moment(START + timedelta(minutes=9))}"), ("CD", "")]
)
def test_only_who_may_see_a_read_learns_that_it_was_sent(
    open_as: Open, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    drawn: list[dict[str, object]] = []
    monkeypatch.setattr(services, "screen_files", lambda *_: {})
    monkeypatch.setattr(reader, "show_reader", lambda data, **_: drawn.append(data))
    app = open_as(name, "pages/patient.py", series=KEY)
    read = str(drawn[-1]["read"])
    assert words in read
    assert bool(read) == bool(words)
    assert PACS not in texts(app)
    assert (PACS in repr(drawn)) == bool(words)


def test_a_read_that_waits_for_the_pacs_says_so_where_one_is_named(
    open_as: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, object]] = []
    monkeypatch.setattr(services, "screen_files", lambda *_: {})
    monkeypatch.setattr(reader, "show_reader", lambda data, **_: drawn.append(data))
    monkeypatch.setattr(reader, "SR", "another")
    open_as("AB", "pages/patient.py", series=KEY)
    monkeypatch.setenv("OSTEO_PACS_HOST", "pacs.example")
    monkeypatch.setenv("OSTEO_PACS_AE_TITLE", PACS)
    open_as("AB", "pages/patient.py", series=KEY)
    assert ["not sent to the PACS yet" in str(data["read"]) for data in (drawn[0], drawn[-1])] == [False, True]
