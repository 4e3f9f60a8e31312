"""The command `erase`: no run may be in progress."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.cluster import runs
from db.connect import open_store
from osteo_core import __main__ as command_line
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results


def test_nobody_is_erased_while_a_run_is_at_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (result,) = build_cohort(1)
    write_results(tmp_path, [result])
    given = [
        "erase",
        "--store",
        str(tmp_path),
        "--patient",
        result.series.patient_key,
        "--author",
        "A",
        "--reason",
        "x",
    ]
    with runs.joined(tmp_path, "run"):
        assert command_line.main(given) == 2
        assert "is running in" in capsys.readouterr().err
        assert not (tmp_path / "erasing.json").exists()
    assert command_line.main(given) == 0
    with open_store(tmp_path) as store:
        assert not store.knows(result.series.patient_key)
