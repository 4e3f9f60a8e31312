"""Stacks: what is regular within rounding passes, what is not has its name, and order never shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteo_core.dicom.arrange import arrange
from osteo_core.dicom.header import SliceHeader
from osteo_core.dicom.stack import Stack, build_stack
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.terms import Plane, Step

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def slices_at(*places: float, sideways: float = 0.0, orientation: tuple[float, ...] = AXIAL) -> list[SliceHeader]:
    return [
        SliceHeader(
            path=Path(f"{n}"),
            frame=0,
            sop_instance_uid=f"{n}",
            image_type=(),
            rows=10,
            columns=10,
            position_mm=(sideways * n, 0.0, place),
            orientation=orientation,
            pixel_spacing_mm=(0.8, 0.7),
            rescale_slope=1.0,
            rescale_intercept=0.0,
            rescale_type="HU",
            acquisition="1",
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
    assert "480 in 1 gap(s), the widest 481.00 mm where 1.00 mm is usual" in found.sentence


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
        "The series holds several stacks; this is one of them (1 of 2).",
        "The series holds several stacks; this is one of them (2 of 2).",
    ]


def test_without_acquisitions_a_gap_stays_a_gap() -> None:
    (part,) = arrange(slices_at(*range(12), *range(300, 315)), step=Step.FIND)
    assert code_of(part.stack) is ExclusionCode.MISSING_SLICES


@pytest.mark.parametrize("cosines", [(2.0, 0.0, 0.0, 0.0, 2.0, 0.0), (1.0, 0.0, 0.0, 0.6, 0.8, 0.0), (0.0,) * 6])
def test_cosines_that_are_none_are_not_believed(cosines: tuple[float, ...]) -> None:
    found = build_stack(slices_at(*range(12), orientation=cosines), step=Step.FIND)
    assert code_of(found) is ExclusionCode.GEOMETRY_MISSING
    assert "a sound ImageOrientationPatient" in found.sentence


def test_one_identifier_at_different_places_is_no_copy() -> None:
    slices = [replace(one, sop_instance_uid="same") for one in slices_at(*range(12))]
    (arranged,) = arrange([*slices, slices[3]], step=Step.FIND)
    assert isinstance(arranged.stack, Stack)
    assert len(arranged.stack.slices) == 12
    assert [c.code.value for c in arranged.cautions] == ["duplicate_slices"]
