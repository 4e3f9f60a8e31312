"""Erased data stays erased, whatever is written again, killed or running meanwhile; a new reading counts again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db import erase as erasing
from db import erased, parts, rows
from db.check import rebuild_store
from db.compact import compact
from db.connect import open_store
from db.erase import erase, resume
from db.erased import INTENT
from db.parts import write_parts
from osteo_core.errors import StoreError, StoreOwnedError
from osteo_core.records import Event, Found
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import faults, write_results

RESULTS = build_cohort(5)
SERIES = RESULTS[1].series
KEY, PATIENT = SERIES.series_key, SERIES.patient_key
NOTE = Event(event_id="late", kind="note", series_key=KEY, author="A", at=datetime(2026, 11, 2, tzinfo=UTC))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store of five series in separate parts, each with a mask."""
    folder = tmp_path_factory.mktemp("built") / "store"
    write_results(folder, RESULTS)
    write_parts(folder, {"reference_values": rows.reference_table(build_references(RESULTS))})
    with open_store(folder) as store:
        store.take_in()
        store.publish_snapshot()
    for result in RESULTS:
        (folder / "media" / f"{result.series.series_key}_m_mask.nii.gz").write_bytes(b"mask")
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return shutil.copytree(built, tmp_path / "store")


def erase_him(folder: Path) -> None:
    erase(folder, PATIENT, author="A", reason="asked")


def n_rows(folder: Path) -> dict[str, int]:
    """Rows of the patient by table, according to the parts, after everything was taken in."""
    with open_store(folder) as store:
        store.take_in()
    found: dict[str, int] = {}
    for part in erased.all_parts(folder):
        for row in parts.read_part(part).to_pylist():
            if KEY in (row.get("series_key"), 0) or row.get("patient_key") == PATIENT:
                found[part.kind] = found.get(part.kind, 0) + 1
    return found


def n_series(folder: Path) -> int:
    with open_store(folder) as store:
        return int(store.query("cohort_summary").to_pylist()[0]["n_series"])


def test_what_is_left_again_after_an_erasure_is_dropped_and_others_rows_beside_it_stay(
    place: Path, tmp_path: Path
) -> None:
    together = tmp_path / "together"
    write_results(together, RESULTS)
    with open_store(together) as store:
        store.take_in()
    compact(together)  # one part holds everybody's rows
    erase_him(place)
    write_results(place, RESULTS)
    write_parts(
        place,
        {"reference_values": rows.reference_table(build_references(RESULTS), at=datetime(2020, 1, 1, tzinfo=UTC))},
    )
    write_parts(place, {"events": rows.event_table(NOTE)})
    for part in parts.kept_parts(together):
        shutil.copy2(part.path, place / "inbox" / part.path.name)
    (place / "media" / f"{KEY}_m_mask.nii.gz").write_bytes(b"of a worker that was late")
    (place / "media" / f"{KEY}_2_reader.nii.gz").write_bytes(b"mask")
    assert n_rows(place) == {}
    assert not list((place / "media").glob(f"{KEY}_*"))
    assert len(list((place / "media").iterdir())) == 4
    assert n_series(place) == 4
    assert faults(place) == {}
    assert parts.quarantined(place) == []
    rebuild_store(place)
    assert n_series(place) == 4


def test_a_part_of_before_that_is_put_back_by_hand_is_dropped_when_the_store_is_rebuilt(
    place: Path, tmp_path: Path
) -> None:
    shutil.copytree(place / "parts", tmp_path / "parts")
    erase_him(place)
    shutil.copytree(tmp_path / "parts", place / "parts", dirs_exist_ok=True)
    assert all(finding.ok for finding in rebuild_store(place))
    assert n_rows(place) == {}
    assert n_series(place) == 4


def test_a_header_that_is_read_after_the_erasure_counts_again_and_an_earlier_one_does_not(place: Path) -> None:
    before = datetime.now(UTC)
    erase_him(place)
    found = Found(series=(SERIES,))
    write_parts(place, rows.indexed_tables(found, at=before))
    assert n_rows(place) == {}
    after = datetime.now(UTC)
    write_parts(place, rows.indexed_tables(found, at=after))
    write_results(place, [replace(RESULTS[1], finished_at=after)])
    with open_store(place) as store:
        store.take_in()
        assert store.knows(PATIENT)
    assert n_series(place) == 5
    (place / "media" / f"{KEY}_m_mask.nii.gz").write_bytes(b"mask")
    write_results(place, [replace(RESULTS[1], finished_at=before - timedelta(hours=2))])  # an old one is left again
    with open_store(place) as store:
        store.take_in()
        times = [row["finished_at"] for row in store.table("results").to_pylist() if row["series_key"] == KEY]
    assert times == [after]
    assert list((place / "media").glob(f"{KEY}_*"))
    rebuild_store(place)
    assert n_series(place) == 5
    assert faults(place) == {}


def test_nobody_takes_the_store_while_it_erases(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = []

    def meanwhile(function):
        def call(*given, **named):
            for other in (open_store, compact, rebuild_store):
                with pytest.raises(StoreOwnedError):
                    other(place)
                refused.append(other)
            return function(*given, **named)

        return call

    for name in ("write_text", "_leave_event", "_carry_out"):
        monkeypatch.setattr(erasing, name, meanwhile(getattr(erasing, name)))
    monkeypatch.setattr("db.erased.purge", meanwhile(erased.purge))
    erase_him(place)
    assert len(refused) >= 15
    open_store(place).close()


@pytest.mark.parametrize("step", ["_leave_event", "erased.purge", "check.rebuild_store", "erased.remove_images"])
def test_what_comes_while_an_erasure_is_cut_off_is_erased_with_the_rest(
    place: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"db.erase.{step}", cut)
        with pytest.raises(KeyboardInterrupt):
            erase_him(place)
    new = replace(SERIES, series_instance_uid="9.9", series_key="9" * 16)  # of the same patient, indexed before
    write_results(place, [RESULTS[1], replace(RESULTS[1], series=new)])
    write_parts(place, {"events": rows.event_table(NOTE, replace(NOTE, event_id="later", series_key=new.series_key))})
    for refused in (open_store, compact, rebuild_store):
        with pytest.raises(StoreError, match=r"is under way or was interrupted; wait until"):
            refused(place)
    assert "was interrupted" in faults(place)["erasure"]
    resume(place)
    assert n_rows(place) == {}
    left = [row for part in erased.all_parts(place) for row in parts.read_part(part).to_pylist()]
    assert not [row for row in left if row.get("series_key") == new.series_key]
    assert faults(place) == {}
    assert n_series(place) == 4
    assert not (place / INTENT).exists()


@pytest.mark.parametrize("where", ["parts", "quarantine"])
def test_an_erasure_is_refused_while_a_part_cannot_be_read(place: Path, where: str) -> None:
    part = next(part for part in parts.kept_parts(place) if part.kind == "results")
    part.path.write_bytes(part.path.read_bytes()[:-1] + b"\0")
    if where == "quarantine":
        rebuild_store(place)
    before = {path: path.read_bytes() for path in (place / where).rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match=r"^1 parts cannot be read, .* restore each from a backup or delete it"):
        erase_him(place)
    assert {path: path.read_bytes() for path in (place / where).rglob("*") if path.is_file()} == before
    assert not (place / INTENT).exists()


def test_a_part_that_was_set_aside_and_can_be_read_loses_the_patients_rows_alone(place: Path) -> None:
    table = rows.event_table(NOTE, replace(NOTE, event_id="other", series_key=RESULTS[0].series.series_key))
    path = parts.write_part(place, "events", table)
    parts.set_aside(place, parts.Part(path=path), "the store refuses its rows")
    erase_him(place)
    assert n_rows(place) == {}
    left = [
        row["event_id"]
        for part in erased.all_parts(place)
        for row in parts.read_part(part).to_pylist()
        if part.kind == "events"
    ]
    assert "other" in left


def test_half_written_files_and_what_the_database_put_aside_go_with_an_erasure(place: Path) -> None:
    left = [
        place / name for name in ("media/.a.writing.nii.gz", "pictures/.b.writing.nii.gz", "inbox/.c.writing.parquet")
    ]
    left += [place / "osteo.duckdb.tmp" / "duckdb_temp_storage.tmp", place / ".d.writing.json"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(KEY.encode())
    erase_him(place)
    assert [path for path in left if path.exists()] == []
    assert len(list((place / "media").iterdir())) == 4


def test_a_new_series_of_an_erased_patient_is_measured_and_keeps_its_mask(place: Path) -> None:
    erase_him(place)
    new = replace(SERIES, series_instance_uid="9.9", series_key="9" * 16)
    write_parts(place, rows.indexed_tables(Found(series=(new,)), at=datetime.now(UTC)))
    with open_store(place) as store:
        store.take_in()
    (place / "media" / f"{new.series_key}_m_mask.nii.gz").write_bytes(b"mask")
    write_results(place, [replace(RESULTS[1], series=new, finished_at=datetime.now(UTC))])
    for again in (lambda: None, lambda: rebuild_store(place)):
        again()
        with open_store(place) as store:
            store.take_in()
            assert new.series_key in store.table("results").column("series_key").to_pylist()
            assert store.query("cohort_summary").to_pylist()[0]["n_measured"] == 5
        assert list((place / "media").glob(f"{new.series_key}_*"))


def test_a_series_that_turns_out_to_be_an_erased_patients_keeps_its_notes_when_the_store_is_rebuilt(
    place: Path,
) -> None:
    other = RESULTS[0].series
    write_parts(place, {"events": rows.event_table(replace(NOTE, series_key=other.series_key))})
    erase_him(place)
    moved = replace(other, patient_key=PATIENT)
    write_parts(place, rows.indexed_tables(Found(series=(moved,)), at=datetime.now(UTC)))
    write_results(place, [replace(RESULTS[0], series=moved, finished_at=datetime.now(UTC))])
    for again in (lambda: None, lambda: rebuild_store(place)):
        again()
        with open_store(place) as store:
            store.take_in()
            kinds = store.table("events").column("kind").to_pylist()
            n_results = store.table("results").column("series_key").to_pylist().count(other.series_key)
        assert (sorted(kinds), n_results) == (["erasure", "note"], 2)
