"""Backup while in use, restore and compare; the chain over events; erasure as the one recorded exception."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
import pytest

from db import parts, rows
from db.backup import back_up, restore
from db.check import check_store, rebuild_store
from db.compact import compact
from db.connect import Store, open_snapshot, open_store
from db.erase import INTENT, erase, resume
from db.events import record
from db.identities import Kept, keep
from db.key import pseudonyms_of
from db.parts import write_parts
from osteo_core import __main__ as command_line
from osteo_core.columns import TABLES
from osteo_core.errors import StoreError, UsageError
from osteo_core.records import Event, SeriesResult
from osteo_core.settings import Settings
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import faults, write_results

RESULTS = build_cohort(5)
KEYS = [result.series.series_key for result in RESULTS]


def note(n: int, key: str) -> Event:
    return Event(
        event_id=f"event{n}",
        kind="follow-up",
        series_key=key,
        author="A. Keller",
        at=datetime(2026, 11, n + 1, tzinfo=UTC),
        payload_json='{"state": "confirmed", "previous": "to review"}',
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a closed store of five series, four of them with a note, each with a mask and a stored identity."""
    folder = tmp_path_factory.mktemp("built") / "store"
    settings = Settings(store=folder)
    kept = [Kept(patient_key=r.series.patient_key, series_key=r.series.series_key, identifiers={}) for r in RESULTS]
    keep(settings.identities_dir, pseudonyms_of(settings), kept)
    write_results(folder, RESULTS)
    with open_store(folder) as store:
        store.take_in()
        for n, key in enumerate(KEYS[:4]):
            record(folder, note(n, key))
            store.take_in()
        store.publish_snapshot()
    for key in KEYS:
        (folder / "media" / f"{key}_m_mask.nii.gz").write_bytes(key.encode())
    return folder.parent


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    """A copy of that store, with its key and its table of identities beside it."""
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return tmp_path / "store"


def content(folder: Path) -> dict[str, list[str]]:
    with open_store(folder) as store:
        store.take_in()
        return everything(store)


def everything(store: Store) -> dict[str, list[str]]:
    names = [*TABLES, "cohort", "chain"]
    return {
        name: sorted(
            repr(row)
            for row in store._cursor()
            .execute(f"SELECT * FROM (SELECT COLUMNS(lambda c: NOT ends_with(c, '_number')) FROM {name})")
            .to_arrow_table()
            .to_pylist()
        )
        for name in names
    }


def test_a_backup_taken_in_use_restores_to_the_same_tables(place: Path, tmp_path: Path) -> None:
    with open_store(place) as store:
        write_results(place, build_cohort(7)[5:])  # waits in the inbox during the copy
        done = back_up(place, tmp_path / "backup")
        store.take_in()
        expected = everything(store)
    assert done.media == 5
    found = restore(tmp_path / "backup", tmp_path / "new")
    assert [finding for finding in found if not finding.ok] == []
    assert content(tmp_path / "new") == expected
    assert {p.name for p in (tmp_path / "new" / "media").iterdir()} == {p.name for p in (place / "media").iterdir()}
    assert (tmp_path / "new" / "key.json").read_text() == (place / "key.json").read_text()
    assert not list(tmp_path.glob(".*restoring"))


def test_what_a_killed_restore_left_goes_with_the_next_or_when_the_store_is_opened(place: Path, tmp_path: Path) -> None:
    back_up(place, tmp_path / "backup")
    new, long_ago = tmp_path / "new", time.time() - 7200
    old, young, other = (
        tmp_path / name for name in (".new.1a2b.restoring", ".new.3c4d.restoring", ".newer.1a2b.restoring")
    )
    for folder in (old, young, other):
        (folder / "parts").mkdir(parents=True)
        (folder / "parts" / "one").write_text("a")
        for path in (folder / "parts" / "one", folder / "parts", folder):
            os.utime(path, (long_ago, long_ago))
    os.utime(young / "parts")  # a file of the backup, itself old, was just written to it
    restore(tmp_path / "backup", new)
    assert sorted(tmp_path.glob(".*restoring")) == [young, other]
    os.utime(young / "parts", (long_ago, long_ago))
    open_store(new).close()
    assert sorted(tmp_path.glob(".*restoring")) == [other]


def test_a_later_backup_copies_what_is_new_and_forgets_what_is_gone(place: Path, tmp_path: Path) -> None:
    back_up(place, tmp_path / "backup")
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "backup" / "parts").iterdir()}
    erase(place, RESULTS[0].series.patient_key, author="A", reason="asked")
    back_up(place, tmp_path / "backup")
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "backup" / "parts").iterdir()}
    assert {name: at for name, at in before.items() if name in after}.items() <= after.items()
    assert set(after) == {part.path.name for part in parts.kept_parts(place)}
    assert not [p for p in (tmp_path / "backup" / "media").iterdir() if KEYS[0] in p.name]


def test_a_damaged_or_half_backup_is_refused(place: Path, tmp_path: Path) -> None:
    back_up(place, tmp_path / "backup")
    with pytest.raises(UsageError, match="is not empty"):
        restore(tmp_path / "backup", place)
    part = next((tmp_path / "backup" / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:-1] + b"\0")
    with pytest.raises(StoreError, match="is missing or damaged; use another backup"):
        restore(tmp_path / "backup", tmp_path / "new")
    (tmp_path / "backup" / "backup.json").unlink()
    with pytest.raises(UsageError, match="no complete backup"):
        restore(tmp_path / "backup", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="holds other files"):
        back_up(place, tmp_path)


def files_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and modification time of every file below the folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def refused(store: Path, backup: Path) -> str:
    """The sentence that refuses to back up the store; the backup must be unchanged."""
    before = files_of(backup)
    with pytest.raises(
        UsageError, match=r"^expected in .* or discard what the backup holds with --replace$"
    ) as refusal:
        back_up(store, backup)
    assert files_of(backup) == before
    return str(refusal.value)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def filled(folder: Path, results: list[SeriesResult]) -> Path:
    """A store with these results taken in."""
    write_results(folder, results)
    with open_store(folder) as store:
        store.take_in()
        store.publish_snapshot()
    return folder


def test_a_backup_of_another_store_is_not_touched(place: Path, tmp_path: Path) -> None:
    back_up(place, tmp_path / "backup")
    demo = filled(tmp_path / "demo", build_cohort(9)[5:])
    assert "data of 5 series or patients that this store does not hold and did not erase" in refused(
        demo, tmp_path / "backup"
    )
    own = json.loads((place / "key.json").read_text())["fingerprint"]
    (demo / "key.json").write_text((place / "key.json").read_text().replace(own, own[::-1]))  # same size
    assert "found one with another pseudonym key (key.json)" in refused(demo, tmp_path / "backup")
    # The same results under another key also belong to another store.
    (place / "key.json").write_text((demo / "key.json").read_text())
    assert "found one with another pseudonym key (key.json)" in refused(place, tmp_path / "backup")


def test_a_store_begun_anew_does_not_replace_the_backup_of_the_lost_one(place: Path, tmp_path: Path) -> None:
    back_up(place, tmp_path / "backup")
    key = (place / "key.json").read_bytes()
    shutil.rmtree(place)
    with open_store(place):  # as the app does
        with pytest.raises(UsageError, match="there is no store with data"):
            back_up(place, tmp_path / "backup")
    filled(place, RESULTS)  # analyzed again under the same key: the notes are lost
    (place / "key.json").write_bytes(key)
    assert "of 5 series or patients" in refused(place, tmp_path / "backup")
    for key in KEYS:  # the masks are made again as well
        (place / "media" / f"{key}_m_mask.nii.gz").write_bytes(key.encode())
    assert "of 4 series or patients" in refused(place, tmp_path / "backup")
    assert all(finding.ok for finding in restore(tmp_path / "backup", tmp_path / "new"))
    back_up(tmp_path / "new", tmp_path / "backup")


def test_what_a_damaged_part_or_lost_outlines_held_stays_in_the_backup(place: Path, tmp_path: Path) -> None:
    back_up(place, tmp_path / "backup")
    outline = place / "media" / f"{KEYS[3]}_2_reader.nii.gz"
    outline.write_bytes(b"outlined by hand")
    (place / "media" / ".half.writing.nii.gz").write_bytes(b"half a mask")
    back_up(place, tmp_path / "backup")
    (place / "media" / ".half.writing.nii.gz").unlink()
    back_up(place, tmp_path / "backup")
    outline.unlink()
    assert "data of 1 series or patients" in refused(place, tmp_path / "backup")
    shutil.copy2(tmp_path / "backup" / "media" / outline.name, outline)
    part = next(part for part in parts.kept_parts(place) if part.kind == "measurements")
    part.path.write_bytes(part.path.read_bytes()[:-1] + b"\0")
    rebuild_store(place)
    assert not part.path.exists()
    assert "of 1 series or patients" in refused(place, tmp_path / "backup")


def test_a_part_that_the_store_set_aside_for_its_content_leaves_the_backup(place: Path, tmp_path: Path) -> None:
    table = rows.event_table(note(8, KEYS[0]))
    path = parts.write_part(place, "events", table.set_column(0, "event_id", [[None]]))
    back_up(place, tmp_path / "backup")
    with open_store(place) as store:
        store.take_in()
    assert parts.quarantined(place)
    back_up(place, tmp_path / "backup")
    assert not (tmp_path / "backup" / "parts" / path.name).exists()


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_backup_after_compacting_is_not_refused(
    place: Path, tmp_path: Path, cut_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parts(place, {"reference_values": rows.reference_table(build_references(RESULTS))})
    write_parts(place, {"events": rows.event_table(note(1, KEYS[1]), note(7, KEYS[1]))})  # event1 is in two parts
    with open_store(place) as store:
        store.take_in()
    back_up(place, tmp_path / "backup")
    done = compact(place)
    if cut_off:  # killed after everything was copied
        with monkeypatch.context() as patch:
            patch.setattr("db.backup._check_parts", interrupted)
            with pytest.raises(KeyboardInterrupt):
                back_up(place, tmp_path / "backup")
        assert all(finding.ok for finding in restore(tmp_path / "backup", tmp_path / "between"))
    assert back_up(place, tmp_path / "backup").parts == done.after < done.before
    assert {path.name for path in (tmp_path / "backup" / "parts").iterdir()} == {
        part.path.name for part in parts.kept_parts(place)
    }
    assert all(finding.ok for finding in restore(tmp_path / "backup", tmp_path / "new"))
    assert content(tmp_path / "new") == content(place)


@pytest.mark.parametrize("compacts", ["before", "after", "never"])
def test_a_backup_after_an_erasure_is_not_refused_and_one_short_of_more_is(
    place: Path, tmp_path: Path, compacts: str
) -> None:
    write_parts(place, {"reference_values": rows.reference_table(build_references(RESULTS))})
    with open_store(place) as store:
        store.take_in()
    if compacts == "before":
        compact(place)
    back_up(place, tmp_path / "backup")
    gone = RESULTS[1].series
    erase(place, gone.patient_key, author="A", reason="asked", identities_dir=identities_of(place))
    if compacts == "after":
        compact(place)
    filled(place, build_cohort(6)[5:])  # and new results
    back_up(place, tmp_path / "backup")
    assert traces(tmp_path / "backup", [KEYS[1], gone.patient_key]) == []
    for part in parts.kept_parts(place):
        if part.kind == "results":
            part.path.unlink()
    assert "of 5 series or patients" in refused(place, tmp_path / "backup")


def test_while_an_erasure_is_cut_off_the_backup_says_so_and_stays(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(place, tmp_path / "backup")
    before = files_of(tmp_path / "backup")
    with monkeypatch.context() as patch:
        patch.setattr("db.erase._leave_event", interrupted)  # the parts have been rewritten by then
        with pytest.raises(KeyboardInterrupt):
            erase(place, RESULTS[2].series.patient_key, author="A", reason="asked")
    with pytest.raises(StoreError, match="is under way or was interrupted"):
        back_up(place, tmp_path / "backup")
    assert files_of(tmp_path / "backup") == before
    resume(place)
    back_up(place, tmp_path / "backup")
    assert traces(tmp_path / "backup", [KEYS[2]]) == []


def test_replace_discards_the_backup_of_another_store(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(place, tmp_path / "backup")
    demo = filled(tmp_path / "demo", build_cohort(9)[5:])
    own = json.loads((place / "key.json").read_text())["fingerprint"]
    (demo / "key.json").write_text((place / "key.json").read_text().replace(own, own[::-1]))
    given = ["backup", "--store", str(demo), "--to", str(tmp_path / "backup")]
    assert command_line.main(given) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "found one with another pseudonym key" in said
    assert command_line.main([*given, "--replace"]) == 0
    assert traces(tmp_path / "backup", KEYS) == []
    assert (tmp_path / "backup" / "key.json").read_text() == (demo / "key.json").read_text()
    assert all(finding.ok for finding in restore(tmp_path / "backup", tmp_path / "new"))
    assert content(tmp_path / "new") == content(demo)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE events SET author = 'somebody else' WHERE event_id = 'event1'", "event event1 was changed"),
        ("DELETE FROM events WHERE event_id = 'event2'", "event event2 was removed"),
        (
            "INSERT INTO events BY NAME SELECT * REPLACE ('event9' AS event_id) FROM events WHERE event_id = 'event0'",
            "event event9 is not in the chain",
        ),
        ("UPDATE chain SET content = repeat('0', 64) WHERE position = 2", "link 2 does not follow"),
        ("DELETE FROM chain WHERE position = 2", "link 3 does not follow"),
    ],
)
def test_an_event_that_was_edited_by_hand_is_found(place: Path, change: str, words: str) -> None:
    assert faults(place) == {}
    with duckdb.connect(str(place / "osteo.duckdb")) as connection:
        connection.execute(change)
    assert words in faults(place)["events"]


def test_rebuilding_keeps_the_chain_and_brings_the_events_back(place: Path) -> None:
    before = content(place)
    with duckdb.connect(str(place / "osteo.duckdb")) as connection:
        connection.execute("UPDATE events SET author = 'somebody else'")
    rebuild_store(place)
    assert faults(place) == {}
    assert content(place) == before
    (place / "osteo.duckdb").write_bytes(b"noise" * 999)
    rebuild_store(place)  # the chain comes from the snapshot
    assert content(place) == before


def test_a_removal_under_a_forged_erasure_is_counted(place: Path) -> None:
    """Whoever may write to the store can write an erasure, too; `check` shows that events are gone."""

    def said() -> str:
        return next(finding.message for finding in check_store(place) if finding.name == "events")

    assert "erased" not in said()
    forged = {"events": ["event2"], "series": 0}
    for number, payload in enumerate(({}, forged)):
        record(place, replace(note(20 + number, KEYS[0]), kind="erasure", payload_json=json.dumps(payload)))
        with open_store(place) as store:
            store.take_in()
    with duckdb.connect(str(place / "osteo.duckdb")) as connection:
        connection.execute("DELETE FROM events WHERE event_id = 'event2'")
    assert "each in the chain, 1 of them erased with their patients; last link" in said()


def traces(folder: Path, words: list[str]) -> list[str]:
    """Files below the folder that contain one of these words, Parquet values included."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.name.encode() + path.read_bytes()
            if path.suffix == ".parquet":
                text += repr(parquet.read_table(path).to_pylist()).encode()
            found += [path.name for word in words if word.encode() in text]
    return found


def identities_of(place: Path) -> Path:
    return Settings(store=place).identities_dir


def test_an_erased_patient_leaves_no_trace_and_others_stay(place: Path) -> None:
    gone, key = RESULTS[1].series, KEYS[1]
    words = [key, gone.patient_key, gone.study_key]
    (place / "pictures").mkdir()
    for one in KEYS[1:3]:
        (place / "pictures" / f"{one}_m_ct.nii.gz").write_bytes(one.encode())
    assert traces(place, words)
    before = content(place)
    assert traces(identities_of(place), words)
    done = erase(place, gone.patient_key, author="A. Keller", reason="letter 114", identities_dir=identities_of(place))
    assert traces(identities_of(place), words) == []
    assert traces(identities_of(place), [KEYS[2]])
    assert (done.series, done.events, done.media) == (1, 1, 2)
    assert [path.name for path in (place / "pictures").iterdir()] == [f"{KEYS[2]}_m_ct.nii.gz"]
    assert traces(place, words) == []
    assert faults(place) == {}
    after = content(place)
    assert after["results"] == [row for row in before["results"] if key not in row]
    assert after["measurements"] == [row for row in before["measurements"] if key not in row]
    (erasure,) = [row for row in after["events"] if row not in before["events"]]
    assert "'erasure'" in erasure
    assert "letter 114" in erasure
    with open_snapshot(place) as published:
        assert published.query("cohort_summary").to_pylist()[0]["n_series"] == 4


def test_a_patient_with_qct_values_alone_is_erased(place: Path) -> None:
    value = build_references(build_cohort(1))[0]
    with open_store(place) as store:
        write_parts(place, {"reference_values": rows.reference_table([replace(value, patient_key="3" * 16)])})
        store.take_in()
    assert traces(place, ["3" * 16])
    erase(place, "3" * 16, author="A. Keller", reason="letter 115")
    assert traces(place, ["3" * 16]) == []
    assert faults(place) == {}


def test_an_unknown_patient_or_an_erasure_without_a_reason_changes_nothing(place: Path) -> None:
    before = content(place)
    with pytest.raises(UsageError, match="knows no such patient; the pseudonym is on the patient's page, in full"):
        erase(place, "f" * 16, author="A", reason="asked")
    with pytest.raises(UsageError, match="an author and a reason"):
        erase(place, RESULTS[0].series.patient_key, author="A", reason=" ")
    assert content(place) == before


def erase_killed_at(n: int, folder: Path, patient: str) -> bool:
    """Erase in a child process killed at its n-th unlink, rename or replace; False if it finished first."""
    child = os.fork()
    if child == 0:
        left = [n]

        def counting(function):
            def call(*given, **named):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*given, **named)

            return call

        for name in ("unlink", "replace", "rename"):
            setattr(os, name, counting(getattr(os, name)))
            setattr(Path, name, counting(getattr(Path, name)))
        if (folder / INTENT).exists():
            resume(folder)
        else:
            erase(folder, patient, author="A", reason="asked", identities_dir=identities_of(folder))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_an_erasure_that_is_killed_anywhere_is_carried_on(place: Path) -> None:
    patient, key = RESULTS[2].series.patient_key, KEYS[2]
    killed = [erase_killed_at(n, place, patient) for n in (9, 14)]
    assert all(killed)
    with pytest.raises(StoreError, match=r"was interrupted; wait until .* erase --resume"):
        open_store(place)
    resume(place)
    assert traces(place.parent, [key, patient]) == []
    assert faults(place) == {}
    assert not (place / INTENT).exists()
    with open_store(place) as store:
        assert store.query("cohort_summary").to_pylist()[0]["n_series"] == 4
        assert json.loads(next(r for r in store.table("events").to_pylist() if r["kind"] == "erasure")["payload_json"])
