"""Finding patients by their own numbers, and showing their identity to those who may see it, with a recorded reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from streamlit.testing.v1 import AppTest

from db import rows
from db.identities import Kept, keep
from db.parts import write_parts
from osteo_core.errors import UsageError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Found
from pages.ui import services
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store
from tests.osteo_core.dicom.test_who import write_header
from tests.pages.test_pages import texts

Open = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three patients: MRN 7 with her header, A-2 by accession number, and one whose files are gone."""
    monkeypatch.setenv("OSTEO_KEY_FILE", str(tmp_path / "key"))
    pseudonyms = Pseudonyms.from_key_file(tmp_path / "key")
    first, second, third = build_cohort(3)
    (tmp_path / "x.dcm").write_bytes(b"")
    header = write_header(tmp_path / "one.dcm")
    results = [
        replace(first, series=replace(first.series, patient_key=pseudonyms.patient("MRN 7"), files=(header,))),
        replace(second, series=replace(second.series, accession_key=pseudonyms.accession("A-2"))),
        replace(third, series=replace(third.series, patient_key=pseudonyms.patient("9"), files=(tmp_path / "x.dcm",))),
    ]
    place = tmp_path / "store"
    place.mkdir()
    write_parts(place, rows.indexed_tables(Found(series=tuple(result.series for result in results))))
    return build_store(place, results)


def test_a_pasted_list_of_patient_and_accession_numbers_finds_the_patients(store: Path, open_page: Open) -> None:
    app = open_page(store, "pages/look_up.py")
    app.text_area(key="look-up-numbers").set_value("MRN 7\nA-2; 123").run()
    assert not app.exception
    assert "2 of 3 numbers" in texts(app)
    assert "`123`: no patient or examination in this store." in texts(app)
    assert "MRN 7" not in str(app.query_params)


def events_of(store: Path) -> list[dict[str, Any]]:
    """Every event in the store, as recorded."""
    paths = (path for path in store.rglob("*.parquet") if "events" in str(path))
    found = {row["event_id"]: row for path in paths for row in parquet.read_table(path).to_pylist()}
    return sorted(found.values(), key=lambda row: row["at"])


def looked_up(store: Path, in_store: Callable[[Path], None], numbers: str) -> dict[str, list[tuple[str, bool]]]:
    """The series found for each number, and whether each was found by accession number only."""
    in_store(store)
    found = services.find_patients(numbers).by_number
    return {number: [(one.series_key, one.is_by_accession) for one in series] for number, series in found}


@pytest.fixture
def ambiguous(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """12345 is A's PatientID and B's accession number; A's examination is ACC1; C and D share X but are told apart."""
    monkeypatch.setenv("OSTEO_KEY_FILE", str(tmp_path / "key"))
    pseudonyms = Pseudonyms.from_key_file(tmp_path / "key")
    own, apart = pseudonyms.patient("12345"), pseudonyms.patient("X")
    facts = (
        {"patient_key": own, "patient_id_key": own, "accession_key": pseudonyms.accession("ACC1")},
        {"accession_key": pseudonyms.accession("12345")},
        {"patient_key": pseudonyms.patient("X\01950"), "patient_id_key": apart},
        {"patient_key": pseudonyms.patient("X\01961"), "patient_id_key": apart},
    )
    given = zip(build_cohort(len(facts)), facts, strict=True)
    results = [replace(one, series=replace(one.series, **fact)) for one, fact in given]
    (place := tmp_path / "store").mkdir()
    write_parts(place, rows.indexed_tables(Found(series=tuple(result.series for result in results))))
    return build_store(place, results)


def test_a_number_finds_every_series_it_matches_and_each_under_its_own_patient(
    ambiguous: Path, in_store: Callable[[Path], None], open_page: Open
) -> None:
    one, other, *_ = build_cohort(4)
    assert {number: set(found) for number, found in looked_up(ambiguous, in_store, "12345").items()} == {
        "12345": {(one.series.series_key, False), (other.series.series_key, True)}
    }
    app = open_page(ambiguous, "pages/look_up.py")
    app.text_area(key="look-up-numbers").set_value("12345").run()
    assert not app.exception
    assert "`12345` leads to 2 patients" in app.warning[0].value
    own = Pseudonyms.from_key_file(ambiguous.parent / "key").patient("12345")
    headings = [f"`12345`: patient **{own[:8]}**", f"`12345`: patient **{other.series.patient_key[:8]}**"]
    shown = [text.value for text in app.markdown if text.value.startswith("`12345`:")]
    assert shown == [headings[0], f"{headings[1]}, by accession number"]


def test_an_examination_is_found_by_its_own_number_beside_that_of_its_patient(
    ambiguous: Path, in_store: Callable[[Path], None], open_page: Open
) -> None:
    key = build_cohort(1)[0].series.series_key
    found = looked_up(ambiguous, in_store, "12345, ACC1")
    assert (key, False) in found["12345"]
    assert found["ACC1"] == [(key, True)]
    app = open_page(ambiguous, "pages/look_up.py")
    app.text_area(key="look-up-numbers").set_value("12345, ACC1").run()
    assert not app.exception, "one series under two numbers"
    assert "2 of 2 numbers" in texts(app)


def test_people_who_were_told_apart_are_found_by_the_patient_number_they_share(
    ambiguous: Path, in_store: Callable[[Path], None], open_page: Open
) -> None:
    _, _, third, fourth = build_cohort(4)
    assert {key for key, _ in looked_up(ambiguous, in_store, "X")["X"]} == {
        third.series.series_key,
        fourth.series.series_key,
    }
    app = open_page(ambiguous, "pages/look_up.py")
    app.text_area(key="look-up-numbers").set_value("X").run()
    assert "`X` leads to 2 patients" in app.warning[0].value


def test_a_number_that_was_corrected_since_finds_nobody(ambiguous: Path, in_store: Callable[[Path], None]) -> None:
    pseudonyms = Pseudonyms.from_key_file(ambiguous.parent / "key")
    known = replace(build_cohort(1)[0].series, patient_key=pseudonyms.patient("12346"))
    corrected = replace(
        known, patient_id_key=pseudonyms.patient("12346"), accession_key=pseudonyms.accession("ACC2"), files=()
    )
    later = datetime.now(UTC) + timedelta(seconds=1)
    write_parts(ambiguous, rows.indexed_tables(Found(series=(corrected,)), at=later))
    build_store(ambiguous, ())
    for numbers, counts in (("12345, ACC1", {"12345": 1, "ACC1": 0}), ("12346, ACC2", {"12346": 1, "ACC2": 1})):
        found = looked_up(ambiguous, in_store, numbers)
        assert {number: len(series) for number, series in found.items()} == counts, "the other patient's alone"


def test_who_it_is_needs_a_right_and_a_reason_and_is_recorded_without_a_name(
    store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = build_cohort(1)[0].series.series_key
    app = open_page(store, "pages/patient.py", series=key)
    assert app.button(key=f"who-show-{key}").disabled
    monkeypatch.setenv("OSTEO_IDENTITY_READERS", "AB, CD")
    app.text_input(key="author-field").set_value("ab").run()
    app.button(key=f"who-show-{key}").click().run()
    assert "Say why you need to know who the patient is" in texts(app)
    app.text_input(key=f"who-reason-{key}").set_value("to call her").run()
    app.button(key=f"who-show-{key}").click().run()
    shown = app.table[0].value.to_string()
    assert "Doe Jane" in shown
    assert "1957-03-04" in shown
    app.run()
    assert len(app.table) == 0, "hidden again with the next step"
    events = events_of(store)
    shown = [row for row in events if row["kind"] == "identity shown"]
    assert [(row["author"], row["reason"]) for row in shown] == [("ab", "to call her")]
    kept = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert b"Doe" not in kept


def test_where_the_source_files_are_gone_the_page_says_so(
    store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTEO_IDENTITY_READERS", "AB")
    key = build_cohort(3)[2].series.series_key
    (store.parent / "x.dcm").unlink()
    app = open_page(store, "pages/patient.py", series=key)
    app.text_input(key="author-field").set_value("AB").run()
    app.text_input(key=f"who-reason-{key}").set_value("to call").run()
    app.button(key=f"who-show-{key}").click().run()
    assert "None of the 1 source files can be found" in texts(app)
    assert "no line of this series" not in texts(app), "no table is asked where none is kept"
    monkeypatch.setenv("OSTEO_KEEP_IDENTITIES", "true")
    app.button(key=f"who-show-{key}").click().run()
    assert "this site's table of identifiers has no line of this series" in texts(app)
    patient = {"name": "Doe Jane", "patient_id": "9"} | dict.fromkeys(("birth_date", "accession"), "")
    patient |= dict.fromkeys(("referring_physician", "study_instance_uid"), "")
    pseudonyms = Pseudonyms.from_key_file(store.parent / "key")
    row = Kept(patient_key=pseudonyms.patient("9"), series_key=key, identifiers=patient)
    keep(store.parent / "key.identities", pseudonyms, [row])
    app.button(key=f"who-show-{key}").click().run()
    assert "Doe Jane" in app.table[0].value.to_string()
    assert "from this site's encrypted table" in texts(app)


def test_a_look_up_is_recorded_once_with_what_was_found_and_without_a_number(store: Path, open_page: Open) -> None:
    first, second, _ = build_cohort(3)
    app = open_page(store, "pages/look_up.py")
    app.text_input(key="author-field").set_value("AB").run()
    app.text_area(key="look-up-numbers").set_value("MRN 7\nA-2; 123").run()
    app.run()
    app.text_area(key="look-up-numbers").set_value("nobody's").run()
    events = [row for row in events_of(store) if row["kind"] == "looked up"]
    assert {row["author"] for row in events} == {"AB"}
    keys = {first.series.series_key, second.series.series_key}
    assert {row["series_key"] for row in events} == {*keys, ""}
    assert len(events) == 3, "a page that is drawn anew looks nothing up again"
    counts = {row["series_key"]: json.loads(row["payload_json"]) for row in events}
    assert {(one["asked"], one["found"]) for key, one in counts.items() if key} == {(3, 2)}
    assert (counts[""]["asked"], counts[""]["found"]) == (1, 0)
    assert not any(number in str(events) for number in ("MRN 7", "A-2", "nobody"))


def test_a_refused_and_a_failed_question_who_it_is_are_recorded(
    store: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_store(store)
    monkeypatch.setenv("OSTEO_IDENTITY_READERS", "AB")
    key = build_cohort(3)[2].series.series_key
    (store.parent / "x.dcm").unlink()
    for author, words in (("XY", "you may not see"), ("AB", "source files")):
        with pytest.raises(UsageError, match=words):
            services.reveal(key, author=author, reason="to call")
    events = [row for row in events_of(store) if row["kind"].startswith("identity")]
    assert [(row["kind"], row["author"], json.loads(row["payload_json"])) for row in events] == [
        ("identity asked", "XY", {"is_allowed": False}),
        ("identity asked", "AB", {"is_allowed": True}),
    ]
