"""Two cohorts and two versions side by side: the numbers of both sides, their differences, and the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from streamlit.testing.v1 import AppTest

from db.events import record
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.versions import Origin, Version
from osteo_core.records import Event, SeriesResult
from osteo_core.review.read_events import signed_event
from osteo_core.review.reads import Read, Role, Verdict
from osteo_core.review.summary import Summary
from osteo_core.statistics.differences import difference_of_independent, difference_of_paired_shares
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import Category, Vendor
from pages.ui import services
from pages.ui.agreement.figures import Pairs
from pages.ui.services import comparing, running_app
from pages.ui.shared import wording
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import build_store
from tests.pages.test_pages import texts

Open = Callable[..., AppTest]
OTHER_MODEL = "c" * 64
SHIFT_MG_CM3 = -9.0


def other_version(result: SeriesResult) -> SeriesResult:
    """The same series an hour earlier by another model, every value lower by 7 to 11."""
    mean = result.assessment and result.assessment.mean_vbmd_mg_cm3
    if result.assessment is None or mean is None:
        return replace(result, model_hash=OTHER_MODEL, finished_at=result.finished_at - timedelta(hours=1))
    value = mean.value + SHIFT_MG_CM3 + (hash_of(result) % 5 - 2)
    low = replace(mean, value=value, low=value - 8, high=value + 8)
    category = Category.OSTEOPOROSIS if value < 80 else Category.LOW_BONE_MASS if value <= 120 else Category.NORMAL
    return replace(
        result,
        model_hash=OTHER_MODEL,
        finished_at=result.finished_at - timedelta(hours=1),
        assessment=replace(result.assessment, mean_vbmd_mg_cm3=low, category=category),
    )


def hash_of(result: SeriesResult) -> int:
    return int(result.series.series_key, 16) // 7


def values(results: list[SeriesResult]) -> dict[str, float]:
    """Mean vBMD by patient, for patients who have one."""
    return {
        r.series.patient_key: r.assessment.mean_vbmd_mg_cm3.value
        for r in results
        if r.assessment and r.assessment.mean_vbmd_mg_cm3
    }


RESULTS = build_cohort(60)
OTHERS = [other_version(result) for result in RESULTS]


@pytest.fixture(scope="module")
def versions_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("versions")
    return build_store(folder, [*OTHERS, *RESULTS], references=build_references(RESULTS))


def lows(results: list[SeriesResult], keep: Callable[[SeriesResult], bool] = lambda r: True) -> tuple[int, int]:
    judged = [r for r in results if r.assessment and r.assessment.category in list(Category)[:3] and keep(r)]
    judged = [r for r in judged if r.assessment.category is not Category.NOT_REPORTABLE]
    return sum(r.assessment.category is Category.OSTEOPOROSIS for r in judged), len(judged)


def test_two_cohorts_have_newcombes_difference(versions_store: Path, open_page: Open) -> None:
    app = open_page(
        versions_store,
        "pages/prevalence.py",
        vendor="GE",
        compare="true",
        vs_vendor=[Vendor.SIEMENS.value],
        vs_sex=["F", "M"],
    )
    assert not app.exception
    first = lows(RESULTS, lambda r: r.series.vendor is Vendor.GE)
    second = lows(RESULTS, lambda r: r.series.vendor is Vendor.SIEMENS)
    table = app.dataframe[0].value.set_index("Figure")
    assert list(table.loc["Osteoporosis", ["First", "Second"]]) == [
        wording.percent(wilson(*first)),
        wording.percent(wilson(*second)),
    ]
    expected = difference_of_independent(wilson(*first), wilson(*second))
    assert table.loc["Osteoporosis", "Difference"] == wording.points(expected)
    assert list(table.loc["Patients with a category", ["First", "Second"]]) == [str(first[1]), str(second[1])]
    assert "patients are on both sides" not in texts(app)


def test_patients_on_both_sides_are_counted_and_said(versions_store: Path, open_page: Open) -> None:
    app = open_page(versions_store, "pages/prevalence.py", vendor="GE", compare="true")
    both = len({r.series.patient_key for r in RESULTS if r.series.vendor is Vendor.GE})
    assert f"{both} patients are on both sides" in texts(app)


def test_two_versions_of_one_cohort_are_compared_in_the_same_patients(versions_store: Path, open_page: Open) -> None:
    app = open_page(versions_store, "pages/prevalence.py", compare="true", vs_model=OTHER_MODEL)
    table = app.dataframe[0].value.set_index("Figure")
    assert table.loc["Osteoporosis", "First"] == wording.percent(wilson(*lows(RESULTS)))
    assert table.loc["Osteoporosis", "Second"] == wording.percent(wilson(*lows(OTHERS)))
    judged = [
        (a.assessment.category is Category.OSTEOPOROSIS, b.assessment.category is Category.OSTEOPOROSIS)
        for a, b in zip(RESULTS, OTHERS, strict=True)
        if a.assessment and b.assessment and a.assessment.category is not Category.NOT_REPORTABLE
    ]
    counts = [judged.count(one) for one in ((True, True), (True, False), (False, True), (False, False))]
    assert table.loc["Osteoporosis", "Difference"] == wording.points(difference_of_paired_shares(*counts))
    assert "The same patients under two versions" in texts(app)


def test_bias_of_two_versions_against_qct_and_against_each_other(
    versions_store: Path, in_store: Callable[[Path], None]
) -> None:
    in_store(versions_store)
    first, second = (
        services.Side(cohort=CohortFilter()),
        services.Side(cohort=CohortFilter(), version=Version(model=OTHER_MODEL)),
    )
    found = services.compare_agreement(first, second, by_level=False)
    here, there = values(RESULTS), values(OTHERS)
    qct = {value.patient_key: value.vbmd_mg_cm3 for value in build_references(RESULTS)}
    keys = sorted(set(here) & set(there) & set(qct))
    shifts = np.array([here[key] - there[key] for key in keys])
    line = next(one for one in found.lines if one.name == "Bias")
    assert line.first is not None
    assert line.second is not None
    assert line.first.value == pytest.approx(np.mean([here[k] - qct[k] for k in keys]))
    assert line.second.value == pytest.approx(np.mean([there[k] - qct[k] for k in keys]))
    interval = stats.ttest_1samp(shifts, 0.0).confidence_interval(0.95)
    assert line.difference is not None
    assert (line.difference.value, line.difference.low, line.difference.high) == pytest.approx(
        (shifts.mean(), interval.low, interval.high)
    )
    both = services.compare_versions(CohortFilter(), Version(), Version(model=OTHER_MODEL))
    assert both.compared.figures["Bias"].value == pytest.approx(
        np.mean([here[key] - there[key] for key in set(here) & set(there)])
    )
    assert len(both.pairs) == len(set(here) & set(there))
    assert both.other_mineral == 0


def test_cohorts_with_qct_have_a_difference_of_bias_but_not_by_level(
    versions_store: Path, in_store: Callable[[Path], None]
) -> None:
    in_store(versions_store)
    sides = [services.Side(cohort=CohortFilter(vendors=(one,))) for one in (Vendor.GE, Vendor.SIEMENS)]
    found = services.compare_agreement(*sides, by_level=False)
    line = next(one for one in found.lines if one.name == "Upper limit")
    assert line.first
    assert line.second
    assert line.difference == difference_of_independent(line.first, line.second)
    assert found.shared == 0
    assert services.compare_agreement(*sides, by_level=True).lines == ()


def test_nothing_in_mg_cm3_is_subtracted_across_minerals(
    versions_store: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_store(versions_store)
    sides = [services.Side(cohort=CohortFilter(vendors=(one,))) for one in (Vendor.GE, Vendor.SIEMENS)]
    given = comparing.agreement_pairs

    def in_two_minerals(cohort: CohortFilter, **asked: object) -> Pairs:
        pairs = given(cohort, **asked)
        mineral = "HA" if cohort.vendors == (Vendor.GE,) else "K2HPO4"
        return replace(pairs, mineral=np.full(len(pairs), mineral, dtype=object))

    monkeypatch.setattr(comparing, "agreement_pairs", in_two_minerals)
    lines = {one.name: one for one in services.compare_agreement(*sides, by_level=False).lines}
    assert {lines[name].why for name in ("Bias", "Upper limit", "RMSE")} == {"values are in different minerals"}
    assert lines["Bias"].difference is None
    assert lines["Pearson r"].difference is not None


def test_a_comparison_that_finds_nobody_says_so(versions_store: Path, open_page: Open) -> None:
    for script in ("pages/prevalence.py", "pages/agreement.py"):
        app = open_page(versions_store, script, compare="true", vs_origin="reader", vs_age_from="130")
        assert not app.exception
        assert "in the address is unknown" in " ".join(one.value for one in app.warning)
    app = open_page(versions_store, "pages/prevalence.py", compare="true", vs_age_from="130")
    assert "there is nothing to compare" in texts(app)


def test_a_comparison_is_begun_changed_and_removed_in_the_address(versions_store: Path, open_page: Open) -> None:
    app = open_page(versions_store, "pages/agreement.py", vendor="GE")
    app.button(key="compare-start").click().run()
    assert app.query_params["compare"] == "true"
    app.multiselect(key="vs_vendor").set_value([Vendor.PHILIPS.value]).run()
    app.selectbox(key="vs_model").set_value(OTHER_MODEL).run()
    assert app.query_params["vs_vendor"] == Vendor.PHILIPS.value
    assert app.query_params["vs_model"] == OTHER_MODEL
    app.button(key="chip-vs_model-").click().run()
    assert "vs_model" not in app.query_params
    app.switch_page("pages/prevalence.py").run()
    assert app.query_params["vendor"] == "GE"
    app.button(key="compare-end").click().run()
    assert dict(app.query_params) == {"vendor": "GE"}


def test_a_saved_view_becomes_the_second_filter(tmp_path: Path, open_page: Open) -> None:
    results = build_cohort(60)
    app = open_page(build_store(tmp_path / "store", results), "pages/prevalence.py", vendor="GE")
    app.text_input(key="view-new").set_value("GE only")  # and the button at once, before the page is redrawn
    app.button(key="view-save").click().run()
    assert "Saved: GE only" in app.toast[0].value
    app.multiselect(key="vendor").set_value([]).run()
    app.button(key="compare-start").click().run()
    app.button(key="vs_view-open").click().run()
    assert app.multiselect(key="vs_vendor").value == ["GE"]
    app.button(key="view-open").click().run()
    assert app.multiselect(key="vendor").value == ["GE"]
    app.button(key="view-remove").click().run()
    assert not [one for one in app.button if one.key == "view-open"]


def signature_of(result: SeriesResult) -> Event:
    """The signature of a reader on this result."""
    key = result.series.series_key
    read = Read(
        verdict=Verdict.CORRECT,
        role=Role.FIRST,
        version=result.model_hash,
        reader="AB",
        at=result.finished_at,
        model_hash=result.model_hash,
        settings_hash=result.settings_hash,
        summary=Summary(category=None),
    )
    return signed_event(read, event_id=f"{key}-signed", series_key=key)


def test_a_reader_against_the_program(tmp_path: Path, in_store: Callable[[Path], None]) -> None:
    results = build_cohort(12)
    read = [replace(other_version(r), is_read=True) for r in results[:6]]
    store = build_store(tmp_path / "store", [*results, *read])
    signatures = (signature_of(one) for one in read)
    record(store, *signatures)
    in_store(store)
    running_app.store_holder().take_in()
    both = services.compare_versions(CohortFilter(), Version(origin=Origin.READER), Version(origin=Origin.PROGRAM))
    here, there = values(read), values(results)
    assert len(both.pairs) == len(here)
    assert both.compared.figures["Bias"].value == pytest.approx(np.mean([here[k] - there[k] for k in here]))
