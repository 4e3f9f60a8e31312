"""An interrupted run resumes, and tables are read back as they were written."""

from __future__ import annotations

import pytest

from benchmarks import resumable


@pytest.fixture(autouse=True)
def _workplace(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("OSTEO_BENCHMARKS", str(tmp_path))


def rows_of(key: str) -> list[dict]:
    return [{"key": key, "length": len(key)}]


def test_what_is_done_is_not_done_again() -> None:
    calls: list[str] = []

    def work(key: str) -> list[dict]:
        calls.append(key)
        if key == "bb" and len(calls) == 2:
            raise RuntimeError("interrupted")
        return rows_of(key)

    with pytest.raises(RuntimeError, match="interrupted"):
        resumable.collect("trial", ["a", "bb", "ccc"], work, workers=1)
    rows = resumable.collect("trial", ["a", "bb", "ccc"], work, workers=1)
    assert calls == ["a", "bb", "bb", "ccc"]
    assert [row["length"] for row in rows] == [1, 2, 3]


def test_several_processes_give_the_same_rows_in_the_order_of_the_keys() -> None:
    keys = ["dddd", "a", "bb"]
    assert resumable.collect("trial", keys, rows_of, workers=2) == [{"key": key, "length": len(key)} for key in keys]


def rows_or_error(key: str) -> list[dict]:
    if key == "bad":
        raise RuntimeError(f"no rows for {key}")
    return rows_of(key)


def test_an_error_in_another_process_ends_the_run_and_what_is_done_is_kept(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="no rows for bad"):
        resumable.collect("trial", ["a", "bb", "bad"], rows_or_error, workers=2)
    assert {path.stem for path in tmp_path.rglob("*.json")} <= {"a", "bb"}
    assert len(resumable.collect("trial", ["a", "bb"], rows_or_error, workers=1)) == 2


def test_a_table_holds_every_column_and_reads_back(tmp_path) -> None:
    path = tmp_path / "folder" / "table.csv"
    resumable.write_table(path, [{"a": 1, "b": 0.123456}, {"a": None, "c": "x"}])
    assert resumable.read_table(path) == [{"a": "1", "b": "0.1235", "c": ""}, {"a": "", "b": "", "c": "x"}]


def test_text_aligns_its_columns() -> None:
    assert resumable.as_text([{"a": 1.0, "b": "long"}, {"a": None}]).splitlines() == [
        "a      b",
        "1.000  long",
        "-      -",
    ]
