"""The page about a run: what was measured and refused, with pictures; escaped, and without external resources."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from commands.summary_page import PAGE, _picture, write_summary
from db.rows import process_tables
from osteo_core.imaging.nifti import write_nifti
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Series, SeriesResult, Volume
from osteo_core.terms import Level, Status, Step
from tests.builders.spines import grid

EVIL = "<img src=http://x/y onerror=alert(1)>"


def result(uid: str, status: Status, found: str) -> SeriesResult:
    series = Series(series_key=uid, study_key="s", patient_key="p", series_instance_uid=uid, files=(Path("a.dcm"),))
    return SeriesResult(
        series=series,
        status=status,
        model_hash="m",
        settings_hash="s",
        exclusions=(Exclusion(code=ExclusionCode.NOT_CT, step=Step.FIND, found=found),),
        cautions=(Caution(code=CautionCode.LOSSY, step=Step.FIND, found=found),),
    )


def test_the_page_names_what_was_measured_and_refused_and_runs_nothing(tmp_path: Path) -> None:
    results = [result("one", Status.MEASURED, "MR"), result(EVIL, Status.EXCLUDED, EVIL)]
    tables = process_tables(results)
    assert tables["cautions"].column("sentence").to_pylist()[0].startswith("The images were compressed with loss (MR)")
    page = write_summary(tmp_path, [one.series for one in results], tables).read_text(encoding="utf-8")
    assert "1 excluded, 1 measured" in page
    assert "This series is MR, not CT." in page
    assert "&lt;img src=http://x/y" in page
    assert EVIL not in page
    assert re.findall(r"(?:src|href)=['\"]?(?!data:)[^&'\" ]", page.replace("&lt;img src=http", "")) == []
    assert "default-src 'none'" in page
    assert [path.name for path in tmp_path.iterdir()] == [PAGE]


def test_a_level_is_named_once(tmp_path: Path) -> None:
    one = result("one", Status.MEASURED, "MR")
    reasons = (
        Exclusion(code=ExclusionCode.NOT_A_MEASURED_LEVEL, step=Step.ASSESS, found="T12", level=Level.T12),
        Exclusion(code=ExclusionCode.LEVEL_CUT, step=Step.MEASURE, found="inferior", level=Level.L3),
    )
    page = write_summary(tmp_path, [one.series], process_tables([replace(one, exclusions=reasons)])).read_text("utf-8")
    assert ">T12 is outlined and described, but only L1-L4 count." in page
    assert "L3: The field of view cuts this vertebra (inferior)." in page


def test_an_outline_is_drawn_over_the_ct(tmp_path: Path) -> None:
    geometry = grid(spacing_mm=(2.0, 2.0, 3.0), extent_mm=(60.0, 60.0, 90.0))
    labels = np.zeros(geometry.shape, np.uint8)
    labels[10:20, 10:20, 8:18] = 20
    volume = Volume(voxels_hu=np.full(geometry.shape, 40, np.int16), geometry=geometry)
    write_nifti(tmp_path / "m.nii.gz", labels, geometry)
    picture = _picture(volume, tmp_path / "m.nii.gz")
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    write_nifti(tmp_path / "m.nii.gz", labels[:-1], replace(geometry, shape=(29, 30, 30)))
    assert _picture(volume, tmp_path / "m.nii.gz") is None
