"""Stacks: what is regular within rounding passes, every irregularity is named, and file order does not matter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteo_core.dicom.arrange import arrange
from osteo_core.dicom.image_header import ImageHeader
from osteo_core.dicom.slices import SliceHeader
from osteo_core.dicom.stack import Stack, build_stack
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.terms import Plane, Step

CT = ImageHeader(modality="CT", sop_class_uid="1.2.840.10008.5.1.4.1.1.2")
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def slices_at(*places: float, sideways: float = 0.0, orientation: tuple[float, ...] = AXIAL) -> list[SliceHeader]:
    return [
        SliceHeader(
            path=Path(f"{n}"),
            frame=0,
            sop_instance_uid=f"{n}",
            rows=10,
            columns=10,
            position_mm=(sideways * n, 0.0, place),
            orientation=orientation,
            pixel_spacing_mm=(0.8, 0.7),
            rescale_slope=1.0,
            rescale_intercept=0.0,
            rescale_type="HU",
            acquisition="1",
            image=CT,
        )
        for n, place in enumerate(places)
    ]


def code_of(found: Stack | Exclusion) -> ExclusionCode:
    assert isinstance(found, Exclusion)
    return found.code


@given(st.permutations(list(range(12))))
def test_order_of_files_never_shows(order: list[int]) -> None:
    slices = slices_at(*np.arange(12) * 2.5)
    whole = build_stack([slices[n] for n in order], step=Step.FIND)
    assert isinstance(whole, Stack)
    assert [s.path.name for s in whole.slices] == [str(n) for n in range(12)]
    assert whole.step_mm == pytest.approx(2.5)
    np.testing.assert_allclose(np.diag(whole.affine_lps), [0.7, 0.8, 2.5, 1.0])


def test_positions_rounded_to_a_tenth_are_even() -> None:
    assert isinstance(build_stack(slices_at(*np.round(np.arange(40) * 0.625, 1)), step=Step.FIND), Stack)


def test_a_missing_thin_slice_is_still_seen() -> None:
    places = [place for n, place in enumerate(np.arange(40) * 0.625) if n != 20]
    assert code_of(build_stack(slices_at(*places), step=Step.FIND)) is ExclusionCode.MISSING_SLICES


def test_a_far_slice_is_a_gap() -> None:
    found = build_stack(slices_at(*range(20), 500.0), step=Step.FIND)
    assert code_of(found) is ExclusionCode.MISSING_SLICES
    assert "480 in 1 gap(s), the widest 481.00 mm between z 19.0 and 500.0 mm, where 1.00 mm" in found.sentence


def test_changing_steps_are_uneven() -> None:
    found = build_stack(slices_at(0, 2, 4, 6, 8, 10.5, 13, 15.5), step=Step.READ)
    assert code_of(found) is ExclusionCode.UNEVEN_SPACING
    assert found.step is Step.READ


def test_a_field_of_view_that_jumps_sideways_is_mixed() -> None:
    slices = slices_at(*range(10)) + slices_at(*range(10, 20), sideways=1.0)
    assert code_of(build_stack(slices, step=Step.FIND)) is ExclusionCode.MIXED_GEOMETRY


def test_head_first_and_feet_first_stacks_keep_their_world() -> None:
    up = build_stack(slices_at(0, 2, 4), step=Step.FIND)
    down = build_stack(slices_at(0, 2, 4, orientation=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0)), step=Step.FIND)
    assert isinstance(up, Stack)
    assert isinstance(down, Stack)
    assert up.affine_lps[2, 2] == 2.0
    assert down.affine_lps[2, 2] == -2.0
    assert down.affine_lps[2, 3] == 4.0
    assert down.plane is Plane.AXIAL


def test_slightly_different_cosines_are_one_orientation() -> None:
    nearly = (0.999995, 0.003, 0.0, -0.003, 0.999995, 0.0)
    slices = [*slices_at(0, 2, 4), *slices_at(6, 8, 10, orientation=nearly)]
    assert isinstance(build_stack(slices, step=Step.FIND), Stack)


def test_a_single_slice_is_a_stack_of_one() -> None:
    found = build_stack(slices_at(7.0), step=Step.FIND)
    assert isinstance(found, Stack)
    assert (len(found.slices), found.step_mm) == (1, 1.0)


def test_two_blocks_far_apart_are_two_stacks_by_acquisition() -> None:
    low = slices_at(*range(12))
    high = [replace(s, sop_instance_uid=f"h{n}", acquisition="2") for n, s in enumerate(slices_at(*range(300, 315)))]
    parts = arrange([*low, *high], step=Step.FIND)
    assert [(p.label, len(p.slices)) for p in parts] == [("_stack1", 12), ("_stack2", 15)]
    assert [p.cautions[-1].sentence for p in parts] == [
        "The series holds several stacks; this is one of them (1 of 2, told apart by acquisition).",
        "The series holds several stacks; this is one of them (2 of 2, told apart by acquisition).",
    ]


def test_without_acquisitions_a_gap_stays_a_gap() -> None:
    (part,) = arrange(slices_at(*range(12), *range(300, 315)), step=Step.FIND)
    assert code_of(part.stack) is ExclusionCode.MISSING_SLICES


@pytest.mark.parametrize("cosines", [(2.0, 0.0, 0.0, 0.0, 2.0, 0.0), (1.0, 0.0, 0.0, 0.6, 0.8, 0.0), (0.0,) * 6])
def test_cosines_that_are_none_are_not_believed(cosines: tuple[float, ...]) -> None:
    found = build_stack(slices_at(*range(12), orientation=cosines), step=Step.FIND)
    assert code_of(found) is ExclusionCode.GEOMETRY_MISSING
    assert "ImageOrientationPatient" in found.sentence


def test_one_identifier_at_different_places_is_no_copy() -> None:
    slices = [replace(one, sop_instance_uid="same") for one in slices_at(*range(12))]
    (arranged,) = arrange([*slices, slices[3]], step=Step.FIND)
    assert isinstance(arranged.stack, Stack)
    assert len(arranged.stack.slices) == 12
    assert [c.code.value for c in arranged.cautions] == ["duplicate_slices"]


def numbered(*places: float) -> list[SliceHeader]:
    return [replace(one, instance_number=float(n)) for n, one in enumerate(slices_at(*places))]


@pytest.mark.parametrize("step", [0.625, 1.25, 2.5, 3.75])
def test_places_rounded_to_whole_millimetres_are_even(step: float) -> None:
    stack = build_stack(numbered(*np.round(np.arange(120) * step)), step=Step.FIND)
    assert isinstance(stack, Stack)
    assert stack.is_rounded
    assert not stack.repeated
    assert stack.step_mm == pytest.approx(step, abs=0.01)
    assert [s.path.name for s in stack.slices] == [str(n) for n in range(120)]


@pytest.mark.filterwarnings("error")
def test_slices_of_one_place_are_no_stack_and_give_no_warning() -> None:
    """As a series of bolus tracking is."""
    stack = build_stack(numbered(*np.full(40, 7.0)), step=Step.FIND)
    assert isinstance(stack, Stack)
    assert (len(stack.slices), len(stack.repeated)) == (1, 39)


def test_a_missing_slice_among_even_whole_millimetres_is_seen() -> None:
    places = [s for n, s in enumerate(numbered(*np.arange(61.0))) if n != 30]
    assert code_of(build_stack(places, step=Step.FIND)) is ExclusionCode.MISSING_SLICES


@pytest.mark.parametrize("step", [1.25, 2.5])
def test_a_missing_slice_among_rounded_places_is_still_seen(step: float) -> None:
    places = np.delete(np.round(np.arange(120) * step), 60)
    found = build_stack(numbered(*places), step=Step.FIND)
    assert isinstance(found, Exclusion)


def test_runs_end_at_gaps_and_where_the_step_changes() -> None:
    fine, coarse = np.arange(30) * 1.5, 43.5 + 3.0 * np.arange(1, 21)
    parts = arrange(slices_at(*fine, *coarse), step=Step.FIND)
    assert [(len(p.stack.slices), p.stack.step_mm) for p in parts if isinstance(p.stack, Stack)] == [
        (30, 1.5),
        (20, 3.0),
    ]
    downwards = arrange(slices_at(*-fine, *-coarse), step=Step.FIND)
    assert {(len(p.slices), p.label) for p in downwards} == {(20, "_stack1"), (30, "_stack2")}
    (gapped,) = arrange(slices_at(*range(60), *range(61, 65)), step=Step.FIND)
    assert len(gapped.slices) == 60
    assert gapped.cautions[0].sentence == (
        "Images that are not slices of the volume were left out "
        "(4 slice(s) beyond a gap of 2.00 mm between z 59.0 and 61.0 mm)."
    )
    assert [path.name for path in gapped.left_out] == ["60", "61", "62", "63"]


@pytest.mark.parametrize(
    ("what", "differ"),
    [
        ("acquisition", lambda s, n: replace(s, acquisition=f"{n}")),
        ("cardiac phase or trigger time", lambda s, n: replace(s, phase=f"{40 + 35 * n}")),
        ("kernel", lambda s, n: replace(s, image=replace(CT, kernel=("FC13", "FC52")[n]))),
        ("tube voltage", lambda s, n: replace(s, kvp=(80.0, 140.0)[n])),
        ("number of the image", lambda s, n: replace(s, instance_number=500.0 * n + float(s.sop_instance_uid))),
        ("time of acquisition", lambda s, n: replace(s, times_s=(90.0 * n + float(s.sop_instance_uid), None))),
        ("time of the image", lambda s, n: replace(s, times_s=(None, 90.0 * n + float(s.sop_instance_uid)))),
    ],
)
def test_two_scans_of_one_place_are_told_apart_by_whatever_differs(what: str, differ) -> None:
    once = slices_at(*np.arange(40) * 1.0)
    twice = [replace(differ(s, n), sop_instance_uid=f"{n}.{s.sop_instance_uid}") for n in (0, 1) for s in once]
    parts = arrange(twice, step=Step.FIND)
    assert [(len(p.slices), isinstance(p.stack, Stack) and not p.stack.repeated) for p in parts] == [(40, True)] * 2
    assert what in parts[1].cautions[-1].sentence


@pytest.mark.parametrize(
    ("what", "differ"),
    [
        ("acquisition", lambda s, n: replace(s, acquisition=f"{n}")),
        ("contrast", lambda s, n: replace(s, image=replace(CT, contrast_agent=("", "ULTRAVIST")[n]))),
    ],
)
@pytest.mark.parametrize("off", [0.0, 0.1])
def test_two_phases_that_alternate_are_two_stacks(what: str, differ, off: float) -> None:
    slices = slices_at(*(2.5 * n + off * (n % 2) for n in range(32)))
    parts = arrange([differ(s, n % 2) for n, s in enumerate(slices)], step=Step.FIND)
    assert [(len(p.slices), p.stack.step_mm) for p in parts if isinstance(p.stack, Stack)] == [(16, 5.0), (16, 5.0)]
    assert what in parts[1].cautions[-1].sentence


def test_rotations_one_after_the_other_are_one_scan() -> None:
    slices = slices_at(*(2.5 * n for n in range(40)))
    for length in (4, 20):
        (whole,) = arrange([replace(s, acquisition=f"{n // length}") for n, s in enumerate(slices)], step=Step.FIND)
        assert len(whole.slices) == 40
