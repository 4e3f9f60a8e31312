"""``pairs``: one line a scanner from the store's own pairs, written as a table that the program reads again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from commands.pairs import site_lines, write_lines
from db import rows
from db.connect import open_store
from osteo_core.__main__ import run
from osteo_core.density.calibration.site import read_site_lines
from osteo_core.errors import UsageError
from osteo_core.records import ReferenceValue
from osteo_core.settings import Settings
from osteo_core.terms import ContrastPhase, Status
from tests.builders.cohort import build_cohort
from tests.db.conftest import deliver, deliver_results


@pytest.fixture(scope="module")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 native patients of one scanner; QCT says 0.8 HU + 4 of the levels used, give or take 2 by turns."""
    folder = tmp_path_factory.mktemp("pairs") / "store"
    results = [
        replace(
            one,
            series=replace(
                one.series, vendor="GE", manufacturer_model_name="Revolution", kvp=120.0, kernel_group="standard"
            ),
            contrast_phase=ContrastPhase.NATIVE,
        )
        for one in build_cohort(60)
    ]
    measured = [
        one for one in results if one.status is Status.MEASURED and one.assessment and one.assessment.levels_used
    ]
    values = []
    for number, one in enumerate(measured):
        used = [m for m in one.measurements if m.level in one.assessment.levels_used and m.median_hu is not None]
        hu = sum(m.median_hu for m in used) / len(used)
        values.append(
            ReferenceValue(
                patient_key=one.series.patient_key,
                level=None,
                vbmd_mg_cm3=max(0.8 * hu + 4.0 + 2.0 * (-1) ** number, 0.0),
                source="QCT",
            )
        )
    deliver_results(folder, results)
    deliver(folder, {"reference_values": rows.reference_table(values)})
    with open_store(folder) as opened:
        opened.take_in()
        opened.publish_snapshot()
    return folder


def test_the_line_of_the_scanner_comes_back(store_dir: Path) -> None:
    (found,) = site_lines(Settings(store=store_dir))
    assert found.scanner["manufacturer_model_name"] == "Revolution"
    assert found.line is not None, found.reason
    assert found.line.slope_mg_cm3_per_hu.value == pytest.approx(0.8, abs=0.03)
    assert found.line.intercept_mg_cm3.value == pytest.approx(4.0, abs=4.0)
    assert found.line.left_out_sd_mg_cm3 == pytest.approx(2.0, abs=0.3)


def test_the_table_it_writes_is_a_calibration_table(store_dir: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "lines.csv", site_lines(Settings(store=store_dir)), today=date(2026, 11, 29))
    (line,) = read_site_lines(tmp_path / "lines.csv")
    assert line.calibration.slope_mg_cm3_per_hu == pytest.approx(0.8, abs=0.03)
    assert line.calibration.residual_sd_mg_cm3 == pytest.approx(2.0, abs=0.3)
    assert (line.calibration.valid_from, line.calibration.valid_to) == (date(2026, 11, 29), date(2027, 11, 29))
    assert [path.name for path in tmp_path.iterdir()] == ["lines.csv"]


def test_the_command_reports_and_overwrites_nothing(store_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.csv"
    answer = run(["pairs", "--store", str(store_dir), "--out", str(out)])
    assert " x HU " in answer.sentences[0]
    assert "Categories:" in answer.sentences[0]
    before = out.read_text()
    with pytest.raises(UsageError, match="name a new file"):
        run(["pairs", "--store", str(store_dir), "--out", str(out)])
    assert out.read_text() == before


def test_a_store_without_pairs_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no store"):
        site_lines(Settings(store=tmp_path / "none"))
    with open_store(tmp_path / "store") as opened:
        opened.publish_snapshot()
    assert "No native CT has a QCT value" in run(["pairs", "--store", str(tmp_path / "store")]).sentences[0]
