"""One series per study: each criterion decides once here, and the reason says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from osteo_core.dicom.prefer import choose_preferred, next_of_study
from osteo_core.outcomes import ExclusionCode
from osteo_core.records import Found, Series
from osteo_core.terms import KernelGroup, Plane, Status

GOOD = Series(
    series_key="b",
    study_key="s",
    patient_key="p",
    series_instance_uid="1",
    files=(),
    kernel_group=KernelGroup.STANDARD,
    slice_thickness_mm=2.0,
    coverage_mm=400.0,
    n_slices=200,
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
)


@pytest.mark.parametrize(
    ("worse", "reason", "against"),
    [
        ({"plane": Plane.CORONAL}, "original axial slices", "only the other has original axial slices"),
        (
            {"image_type": ("DERIVED", "SECONDARY", "AXIAL")},
            "original axial slices",
            "only the other has original axial slices",
        ),
        (
            {"coverage_mm": 120.0},
            "the other covers too little of what was scanned",
            "this one covers too little of what was scanned",
        ),
        ({"contrast_bolus_agent": "Ultravist"}, "no contrast declared", "contrast is declared only for this one"),
        ({"kernel_group": KernelGroup.SHARP}, "the other's kernel is sharp", "the kernel of this one is sharp"),
        ({"kernel_group": KernelGroup.UNKNOWN}, "its kernel is known", "the kernel of this one is not known"),
        ({"slice_thickness_mm": 5.0}, "slices of at most 3 mm", "only the other has slices of at most 3 mm"),
        ({"coverage_mm": 300.0}, "longer coverage", "the other covers more"),
        ({"slice_thickness_mm": 2.5}, "thinner slices", "the other has thinner slices"),
        ({"n_slices": 150}, "more slices", "the other has more slices"),
    ],
)
def test_each_criterion_decides(worse: dict, reason: str, against: str) -> None:
    other = replace(GOOD, series_key="a", **worse)
    for order in ((GOOD, other), (other, GOOD)):
        (chosen,), ((left, exclusion),) = choose_preferred(order, {})
        assert chosen.series_key == "b"
        assert chosen.preference_reason == f"{reason}; one of 2 eligible series of its study"
        assert exclusion.code is ExclusionCode.NOT_PREFERRED
        assert exclusion.sentence == f"Another series of this study is preferred: {against}."
        assert left.preference_reason == exclusion.sentence
        assert not left.is_preferred


@pytest.mark.parametrize(
    ("elsewhere", "trunk"),
    [
        ("CHEST LUNG LOW DOSE", "ABDOMEN PELVIS"),
        ("TC TORACE 1.0", "TC ADDOME 5.0"),
        ("TÓRAX", "SERIE 3"),
        ("КТ ОРГАНОВ ГРУДНОЙ КЛЕТКИ", "КТ БРЮШНОЙ ПОЛОСТИ"),
        ("胸部 1MM", "胸腹部 5MM"),
    ],
)
def test_the_description_may_name_the_region(elsewhere: str, trunk: str) -> None:
    other = replace(GOOD, series_key="a", slice_thickness_mm=0.5)
    words = {"a": elsewhere, "b": trunk}
    assert choose_preferred((other, GOOD), words)[0][0].series_key == "b"


@pytest.mark.parametrize("agent", ["", "NONE", "no contrast"])
def test_an_agent_that_says_no_is_none(agent: str) -> None:
    other = replace(GOOD, series_key="a", contrast_bolus_agent="Omnipaque")
    chosen, _ = choose_preferred((other, replace(GOOD, contrast_bolus_agent=agent)), {})
    assert chosen[0].series_key == "b"


def test_ties_end_the_same_way_each_time() -> None:
    first = replace(GOOD, files=(Path("a"),), stack_label="_stack2")
    second = replace(GOOD, series_key="a", files=(Path("a"),), stack_label="_stack10")
    other = replace(GOOD, series_key="0", files=(Path("b"),), stack_label="_stack2")
    for one, two in ((first, second), (first, other)):
        for twins in ((one, two), (two, one)):
            ((chosen,), ((_, exclusion),)) = choose_preferred(twins, {})
            assert chosen.series_key == "b"  # whatever the keys are
            assert exclusion.found == "alike in all criteria, the other comes first in the order of the files"


def test_each_study_has_its_own() -> None:
    chosen, others = choose_preferred((GOOD, replace(GOOD, series_key="c", study_key="t")), {})
    assert [s.series_key for s in chosen] == ["b", "c"]
    assert {s.preference_reason for s in chosen} == {"the only eligible series of its study"}
    assert others == ()


def test_the_next_series_of_a_study_follows_the_ranks() -> None:
    """Three at most, one after the other, only of the study that failed, and none once one was measured."""
    others = [replace(GOOD, series_key=key, n_slices=n) for key, n in (("c", 190), ("d", 180), ("e", 170))]
    elsewhere = [replace(GOOD, series_key=key, study_key="t", n_slices=n) for key, n in (("f", 200), ("g", 190))]
    chosen, left = choose_preferred((GOOD, *others, *elsewhere), {})
    found = Found(series=chosen, excluded=left)
    assert {one.series_key: one.preference_rank for one in (*chosen, *(one for one, _ in left))} == {
        **{"b": 1, "c": 2, "d": 3, "e": 4},
        **{"f": 1, "g": 2},
    }
    statuses: dict[str, Status | None] = {"b": Status.EXCLUDED, "f": Status.MEASURED}
    for expected in ("c", "d"):
        found = next_of_study(found, statuses)
        assert [one.series_key for one in found.series][-1] == expected
        assert next_of_study(found, statuses) == found
        statuses[expected] = Status.FAILED
    assert next_of_study(found, statuses) == found
    assert {one.series_key for one, _ in found.excluded} == {"e", "g"}
    assert next_of_study(Found(series=chosen, excluded=left), {"b": None, "f": None}).series == chosen
