"""The benchmark on a small store: three engines give the same answers, and every figure is present."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import million_queries
from benchmarks.million import main, questions
from benchmarks.million_store import Headers, make_store
from db.connect import open_store


def headers() -> Headers:
    """A few scanners, as in a hospital."""
    rng = np.random.default_rng(1)
    at = rng.integers(0, 3, 500)
    return Headers(
        manufacturer=np.array(["GE MEDICAL SYSTEMS", "SIEMENS", "Philips"], dtype=object)[at],
        model=np.array(["LightSpeed VCT", "Sensation 64", None], dtype=object)[at],
        vendor=np.array(["GE", "Siemens", "Philips"], dtype=object)[at],
        sex=rng.choice(np.array(["F", "M"], dtype=object), 500),
        age=rng.integers(40, 91, 500).astype(float),
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("million") / "store"
    make_store(folder, series=2000, headers=headers())
    return folder


def test_a_store_of_n_series_has_four_levels_each(small: Path) -> None:
    with open_store(small) as store:
        assert store.table("series").num_rows == 2000
        assert store.table("measurements").num_rows == 8000
        (row,) = store.query("cohort_summary").to_pylist()
        assert row["n_simulated"] == 2000
        assert 0 < row["n_flagged"] < row["n_measured"] < 2000


def test_three_engines_answer_alike_and_every_figure_is_printed(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--store", str(small), "--repeats", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["series"] == 2000
    assert set(found["questions"]) == {question.name for question in questions()} | {"together"}
    for engines in found["questions"].values():
        assert set(engines) == {"duckdb", "pandas", "sqlite"}
        assert all(t["p95_ms"] >= t["p50_ms"] >= 0 for t in engines.values())


def test_every_query_of_the_pages_is_timed(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert million_queries.main(["--store", str(small), "--repeats", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"prevalence by scanner", "equity by site", "drift, days", "agreement by level", "indicators"} <= set(found)
    assert all(row["p95_ms"] >= row["p50_ms"] > 0 for row in found.values())
