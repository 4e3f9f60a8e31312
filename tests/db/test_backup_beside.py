"""A backup while others add, merge or erase parts; damage in it is detected, and repaired."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db import copies, parts
from db.backup import back_up, restore
from db.check import check_store
from db.compact import compact
from db.connect import open_store
from db.erase import erase
from db.events import record
from osteo_core.errors import StoreError, UsageError
from osteo_core.records import Event
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results

RESULTS = build_cohort(4)
KEYS = [result.series.series_key for result in RESULTS]


def note(n: int) -> Event:
    return Event(
        event_id=f"event{n}", kind="note", series_key=KEYS[n], author="A", at=datetime(2026, 11, 2, tzinfo=UTC)
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store of four series in separate parts, each with a note and a mask."""
    folder = tmp_path_factory.mktemp("built") / "store"
    for n, result in enumerate(RESULTS):
        write_results(folder, [result])
        record(folder, note(n))
    with open_store(folder) as store:
        store.take_in()
        store.publish_snapshot()
    for key in KEYS:
        (folder / "media" / f"{key}_m_mask.nii.gz").write_bytes(key.encode())
    (folder / "key.json").write_text('{"fingerprint": "x"}')
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return shutil.copytree(built, tmp_path / "store")


def counts(folder: Path) -> tuple[int, ...]:
    with open_store(folder) as store:
        store.take_in()
        return tuple(len(store.table(name)) for name in ("results", "measurements", "events"))


def bad(found: object) -> dict[str, str]:
    return {finding.name: finding.message for finding in found if not finding.ok}  # type: ignore[attr-defined]


def between(monkeypatch: pytest.MonkeyPatch, n: int, act: Callable[[], object]) -> None:
    """Make something happen before the n-th part is copied."""
    copy_part, left = copies._copy_part, [n]

    def copying(*given: object) -> bool:
        left[0] -= 1
        if not left[0]:
            act()
        return copy_part(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(copies, "_copy_part", copying)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("what", ["compact", "erase"])
def test_a_backup_holds_all_though_parts_are_joined_or_rewritten_meanwhile(
    place: Path, tmp_path: Path, what: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act() -> None:
        if what == "compact":
            compact(place)
        else:
            erase(place, RESULTS[0].series.patient_key, author="A", reason="asked")

    between(monkeypatch, n, act)
    back_up(place, tmp_path / "backup")
    found = restore(tmp_path / "backup", tmp_path / "new")
    assert bad(found) == {}
    assert counts(tmp_path / "new") == counts(place)
    assert counts(place)[0] == (4 if what == "compact" else 3)


def test_a_store_whose_parts_go_again_and_again_is_not_said_to_be_backed_up(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(place, tmp_path / "backup")
    record(place, note(0))
    before = (tmp_path / "backup" / "backup.json").read_bytes()
    monkeypatch.setattr(copies, "_REST_S", 0.0)
    monkeypatch.setattr(copies, "_copy_part", lambda *_: False)
    with pytest.raises(StoreError, match=r"disappeared while they were copied: .* back it up again"):
        back_up(place, tmp_path / "backup")
    assert (tmp_path / "backup" / "backup.json").read_bytes() == before


def test_a_note_that_is_made_during_a_backup_is_no_missing_event_of_the_restored_store(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_media = copies.copy_media
    with open_store(place) as store:

        def late(*given: object) -> dict[str, str]:
            record(place, Event(event_id="late", kind="note", series_key=KEYS[0], author="A", at=datetime.now(UTC)))
            store.take_in()
            store.publish_snapshot()
            return copy_media(*given)  # type: ignore[arg-type]

        for name in ("copy_media", "_copy_part"):
            with monkeypatch.context() as patch:
                patch.setattr(copies, name, late) if name == "copy_media" else between(
                    patch, 1, lambda: late_note(store)
                )
                back_up(place, tmp_path / name)
    for name in ("copy_media", "_copy_part"):
        assert bad(restore(tmp_path / name, tmp_path / f"{name}-new")) == {}


def late_note(store: object) -> None:
    folder = store.store_dir  # type: ignore[attr-defined]
    record(folder, Event(event_id="later", kind="note", series_key=KEYS[0], author="A", at=datetime.now(UTC)))
    store.take_in()  # type: ignore[attr-defined]
    store.publish_snapshot()  # type: ignore[attr-defined]


def flipped(path: Path) -> bytes:
    """Change the last byte of the file, keeping its size and time; returns the content before."""
    stat, before = path.stat(), path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return before


def test_a_changed_byte_of_a_mask_in_a_backup_is_found_and_mended_from_the_store(place: Path, tmp_path: Path) -> None:
    outline = place / "media" / f"{KEYS[0]}_2_reader.nii.gz"
    outline.write_bytes(b"outlined by hand")
    back_up(place, tmp_path / "backup")
    copy = tmp_path / "backup" / "media" / outline.name
    before = flipped(copy)
    found = bad(restore(tmp_path / "backup", tmp_path / "new"))
    assert "so left out" in found["masks"]
    assert outline.name in found["masks"]
    assert len(list((tmp_path / "new" / "media").iterdir())) == 4
    assert not (tmp_path / "new" / "media" / outline.name).exists()
    back_up(place, tmp_path / "backup")
    assert copy.read_bytes() == before
    outline.write_bytes(b"outlined by HAND")  # same size
    os.utime(outline, (1, 1))
    back_up(place, tmp_path / "backup")
    assert copy.read_bytes() == b"outlined by HAND"


def test_a_damaged_part_of_a_backup_is_copied_again_and_one_of_the_store_never_replaces_a_sound_one(
    place: Path, tmp_path: Path
) -> None:
    back_up(place, tmp_path / "backup")
    part = next(part for part in parts.kept_parts(place) if part.kind == "results")
    copy = tmp_path / "backup" / "parts" / part.path.name
    before = flipped(copy)
    back_up(place, tmp_path / "backup")
    assert copy.read_bytes() == before
    part.path.write_bytes(before[:9])
    back_up(place, tmp_path / "backup")
    assert copy.read_bytes() == before
    flipped(copy)
    with pytest.raises(StoreError, match="is missing or damaged"):
        back_up(place, tmp_path / "backup")


def test_a_changed_chain_is_refused_and_a_backup_of_an_older_program_is_restored_with_a_word(
    place: Path, tmp_path: Path
) -> None:
    back_up(place, tmp_path / "backup")
    (chain,) = (tmp_path / "backup").glob("chain-*.parquet")
    before = flipped(chain)
    with pytest.raises(StoreError, match=r"chain-.* is damaged; use another backup"):
        restore(tmp_path / "backup", tmp_path / "new")
    chain.write_bytes(before)
    chain.rename(chain.with_name("chain.parquet"))
    manifest = tmp_path / "backup" / "backup.json"
    said = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({"at": said["at"], "parts": said["parts"]}))
    found = restore(tmp_path / "backup", tmp_path / "new")
    assert bad(found) == {}
    assert "an older program made this backup" in found[0].message
    assert counts(tmp_path / "new") == counts(place)
    flipped(tmp_path / "backup" / "media" / f"{KEYS[0]}_m_mask.nii.gz")
    back_up(place, tmp_path / "backup")  # without hashes, each mask is compared with the store's
    assert (tmp_path / "backup" / "media" / f"{KEYS[0]}_m_mask.nii.gz").read_bytes() == KEYS[0].encode()
    assert len(list((tmp_path / "backup").glob("chain*.parquet"))) == 1


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("where", ["", "media/backup", "."])
def test_a_store_is_not_backed_up_into_itself(
    place: Path, where: str, replace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="lies in the store itself"):
        back_up(place, Path(".") if where == "." else place / where, replace=replace)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_folder_is_an_earlier_backup_by_its_list_alone_and_one_that_was_killed_goes_on(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other" / "parts").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds other files"):
        back_up(place, tmp_path / "other")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("db.backup._check_parts", killed)
        with pytest.raises(KeyboardInterrupt):
            back_up(place, tmp_path / "backup")
    with pytest.raises(UsageError, match="there is no complete backup in"):
        restore(tmp_path / "backup", tmp_path / "new")
    back_up(place, tmp_path / "backup")
    assert bad(restore(tmp_path / "backup", tmp_path / "new")) == {}


def test_a_store_is_restored_where_a_link_leads_and_into_the_folder_that_one_is_in(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(place, tmp_path / "backup")
    (tmp_path / "volume").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "volume")
    assert bad(restore(tmp_path / "backup", tmp_path / "link")) == {}
    assert (tmp_path / "link").is_symlink()
    assert counts(tmp_path / "volume") == counts(place)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert bad(restore(tmp_path / "backup", Path("."))) == {}
    monkeypatch.chdir(tmp_path)
    assert bad(check_store(tmp_path / "here")) == {}
    shutil.rmtree(tmp_path / "here")
