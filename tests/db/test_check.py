"""A store against its parts, and made anew from them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from db.check import check_store, rebuild_store
from db.connect import Store, open_store
from db.parts import kept_parts
from osteo_core.errors import StoreOwnedError
from tests.builders.cohort import build_cohort
from tests.db.conftest import deliver_results


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    deliver_results(tmp_path, build_cohort(7)[4:])
    with open_store(tmp_path) as store:
        store.take_in()
    return tmp_path


def faults(store_dir: Path) -> dict[str, str]:
    return {finding.name: finding.message for finding in check_store(store_dir) if not finding.ok}


def content(store_dir: Path) -> list[list[dict]]:
    with open_store(store_dir) as store:
        return [
            sorted(store.table(name).to_pylist(), key=repr)
            for name in ("results", "measurements", "series", "cautions")
        ]


def test_a_sound_store_agrees_with_its_parts(closed: Path) -> None:
    assert faults(closed) == {}
    assert {finding.name for finding in check_store(closed)} == {"parts", "quarantine", "store", "events", "clock"}
    assert not list(closed.glob(".*"))


def test_a_store_in_use_is_said_so(filled: Store) -> None:
    (finding,) = [f for f in check_store(filled.store_dir) if f.name == "store"]
    assert finding.ok
    assert finding.message.startswith("in use, so not compared")
    with pytest.raises(StoreOwnedError, match="is owned by process"):
        rebuild_store(filled.store_dir)


def test_rows_that_no_part_gave_are_found_and_rebuilding_mends_it(closed: Path) -> None:
    before = content(closed)
    with duckdb.connect(str(closed / "osteo.duckdb")) as connection:
        connection.execute("UPDATE measurements SET mean_hu = mean_hu + 0.001 WHERE level = 20")
        connection.execute("DELETE FROM cohort WHERE status = 'excluded'")
    assert "differs from its parts in measurements, cohort;" in faults(closed)["store"]
    assert [finding for finding in rebuild_store(closed) if not finding.ok] == []
    assert content(closed) == before


@pytest.mark.parametrize("damage", ["missing", "noise"])
def test_a_lost_database_comes_back_from_parts_alone(closed: Path, damage: str) -> None:
    before = content(closed)
    path = closed / "osteo.duckdb"
    path.unlink()
    if damage == "noise":
        path.write_bytes(b"\x07" * 5000)
    assert list(faults(closed)) == ["store"]
    assert rebuild_store(closed)[0].message == f"rebuilt from {len(kept_parts(closed))} parts"
    assert content(closed) == before


def test_a_damaged_part_is_found_and_the_others_rebuild(closed: Path) -> None:
    part = next(part for part in kept_parts(closed) if part.kind == "tissues")
    part.path.write_bytes(part.path.read_bytes()[:-1] + b"\0")
    assert part.name in faults(closed)["parts"]
    findings = {finding.name: finding for finding in rebuild_store(closed)}
    assert findings["rebuild"].message.endswith("; 1 could not be read and were set aside")
    assert "1 parts were set aside" in findings["quarantine"].message
    assert findings["store"].ok
    with open_store(closed) as store:
        assert store.query("cohort_summary").to_pylist()[0]["n_series"] == 3


def test_rebuilding_takes_in_what_waits_in_the_inbox(tmp_path: Path) -> None:
    deliver_results(tmp_path, build_cohort(2))
    rebuild_store(tmp_path)
    with open_store(tmp_path) as store:
        assert store.query("cohort_summary").to_pylist()[0]["n_series"] == 2
