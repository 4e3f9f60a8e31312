"""The study's tables, read back from the files written by the benchmark."""

from pathlib import Path

import pytest

from pages.ui.services import replication
from tests.builders.study import PROVENANCE, write_study_tables


def test_no_study_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replication, "FOLDER", tmp_path)
    assert replication.study() is None


def test_what_the_benchmark_writes_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_study_tables(tmp_path)
    monkeypatch.setattr(replication, "FOLDER", tmp_path)
    found = replication.study()
    assert found is not None
    assert [(line.number, line.calibration) for line in found.lines] == [
        (number, name) for number in (1, 2, 3) for name in ("phantomless", "precalibrated")
    ]
    line = found.of("precalibrated")[0]
    assert (line.n, line.failed, line.compared, line.targets["target_loa"]) == (41, 1, 40, 6.0)
    assert line.figures["bias"].low < line.figures["bias"].value < line.figures["bias"].high
    assert line.figures["bias"].value == pytest.approx(-1.0, abs=1.5)
    assert sum(map(sum, line.confusion)) == 40
    assert found.made_by == PROVENANCE
    assert {one.rms_cv for one in found.rescans} == {0.0123}


def test_a_figure_that_could_not_be_computed_is_missing_not_nought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study_tables(tmp_path, patients=2)
    monkeypatch.setattr(replication, "FOLDER", tmp_path)
    found = replication.study()
    assert found is not None
    assert "bias" not in found.lines[0].figures
    assert found.lines[0].n == 3
