"""Earlier studies of the displayed patient: found, compared, described in words, and their pictures started."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from osteo_core.terms import Level
from pages.ui import services
from pages.ui.patient.priors import change_words, screen_data
from pages.ui.services import review_case
from tests.builders.cohort import LINE
from tests.builders.reading import LEVELS, LOWERED, ReadingCase, build_followed_store, calibrated, fill_store

THEN = dict.fromkeys(LEVELS, 140.0)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ReadingCase]]:
    folder = tmp_path_factory.mktemp("followed")
    return folder / "store", build_followed_store(folder, LOWERED, THEN)


def test_the_earlier_study_is_compared_by_level_and_by_the_mean(built, in_store) -> None:
    in_store(built[0])
    now, then = (services.patient(case.key) for case in built[1])
    (found,) = services.priors(now, services.model_summary(now), seen_by=None)
    mean = found.comparison.mean
    assert found.series_key == then.series_key
    assert (found.comparison.day, found.comparison.unlike) == (date(2025, 4, 20), ())
    used = [level for level in now.levels_used if level in then.levels_used]
    after = sum(row.vbmd_mg_cm3.value for row in now.levels if row.level in used) / len(used)
    assert mean.after == pytest.approx(after)
    assert mean.is_beyond
    assert found.comparison.levels[Level.L1].is_beyond
    words = change_words(found)
    assert words.startswith("since 20 Apr 2025: mean vBMD lower by ")
    assert f"LSC {mean.lsc:.0f})" in words
    assert services.priors(then, services.model_summary(then), seen_by=None) == ()  # a later study is no earlier one


@pytest.mark.parametrize(
    ("then", "unlike"),
    [
        ({}, ()),
        ({"slope_mg_cm3_per_hu": 0.86}, ("another calibration",)),
        ({"name": "QCT pairs of 2025-01-02"}, ("another calibration",)),
        ({"source": "30 QCT pairs"}, ("another calibration",)),
        ({"kind": "phantom"}, ("another calibration",)),
    ],
)
def test_two_lines_of_one_kind_are_two_calibrations(then: dict, unlike: tuple, built, tmp_path: Path, in_store) -> None:
    now = replace(LINE, kind="site")
    cases = fill_store(tmp_path, [calibrated(*one) for one in zip(built[1], (now, replace(now, **then)), strict=True)])
    in_store(tmp_path / "store")
    view = services.patient(cases[0].key)
    (found,) = services.priors(view, services.model_summary(view), seen_by=None)
    assert found.comparison.unlike == unlike


def test_a_line_that_each_scan_makes_for_itself_is_one_calibration(built, tmp_path: Path, in_store) -> None:
    now = replace(LINE, kind="tissues")
    lines = (now, replace(now, slope_mg_cm3_per_hu=0.75))
    cases = fill_store(tmp_path, [calibrated(*one) for one in zip(built[1], lines, strict=True)])
    in_store(tmp_path / "store")
    view = services.patient(cases[0].key)
    (found,) = services.priors(view, services.model_summary(view), seen_by=None)
    assert found.comparison.unlike == ()


def test_within_the_limit_no_change_is_stated(built, in_store) -> None:
    in_store(built[0])
    then = services.patient(built[1][1].key)
    now = services.patient(built[1][0].key)
    (found,) = services.priors(now, services.model_summary(then), seen_by=None)  # as if nothing had changed
    assert not found.comparison.mean.is_beyond
    words = change_words(found)
    assert "no detectable change" in words
    assert "lower" not in words
    assert "higher" not in words


def test_the_sites_own_precision_is_used_and_said_and_a_wrong_table_is_a_sentence(
    built, in_store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_store(built[0])
    now = services.patient(built[1][0].key)
    table = tmp_path / "precision.csv"
    monkeypatch.setenv("OSTEO_PRECISION_TABLE", str(table))
    head = "vendor,manufacturer_model_name,kvp,rms_sd_mg_cm3,rms_cv_percent,patients,measurements_each,source\n"
    table.write_text(f"{head}Other,Phantom CT,120,2.0,,30,2,protocol 7\n")
    (found,) = services.priors(now, services.model_summary(now), seen_by=None)
    assert services.precision_fault() == ""
    assert found.comparison.mean.lsc == pytest.approx(2.77 * 2.0)
    assert "site LSC 6)" in change_words(found)
    table.write_text(f"{head}Other,Phantom CT,120,2.0,,12,2,protocol 7\n")
    (found,) = services.priors(now, services.model_summary(now), seen_by=None)
    assert "row 2: a precision study needs 30 degrees of freedom" in services.precision_fault()
    assert "(LSC" not in change_words(found)
    assert "site LSC" not in change_words(found)


def test_its_pictures_are_begun_and_a_source_that_is_gone_is_a_sentence(built, in_store) -> None:
    in_store(built[0])
    now = services.patient(built[1][0].key)
    found = services.priors(now, services.model_summary(now), seen_by=None)
    (data,) = screen_data(found)
    assert set(data["urls"]) == {"ct", "mask"}
    assert data["levels"]["20"]["change"]["is_beyond"]
    review_case.case_of(services.patient(built[1][1].key))  # waits until it is complete
    ct = built[1][1].result.series.files[0]
    ct.rename(ct.with_suffix(".away"))
    for made in (built[0] / "pictures").glob(f"{built[1][1].key}_*"):
        made.unlink(missing_ok=True)
    (data,) = screen_data(found)
    assert data["urls"] == {}
    assert "not where they were" in data["why_not"]
    assert str(ct) not in data["why_not"]
    ct.with_suffix(".away").rename(ct)
