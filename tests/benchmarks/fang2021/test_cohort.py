"""The three sets: sizes and vendors, and that a second scan changes only what a second scan can."""

from dataclasses import replace

import pytest

from benchmarks.fang2021.cohort import (
    FIRST_SEED,
    KERNEL,
    LAST_SEED,
    REPOSITIONED,
    SETS,
    UNFIT,
    draw_rescans,
    draw_sets,
    scanned,
)
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.scene import make_scene
from osteo_core.terms import ContrastPhase

LIMIT = 25


@pytest.fixture(scope="module")
def sets() -> dict[int, list[int]]:
    return draw_sets(LIMIT)


def test_each_set_has_native_patients_of_its_vendor_and_nobody_twice(sets: dict[int, list[int]]) -> None:
    assert [one.patients for one in SETS] == [463, 200, 200]
    for one in SETS:
        patients = [draw_patient(seed) for seed in sets[one.number]]
        assert len(patients) == LIMIT
        assert {p.acquisition.maker.vendor for p in patients} == {one.vendor}
        assert {p.contrast.phase for p in patients} == {ContrastPhase.NATIVE}
        assert min(p.acquisition.unit for p in patients) > 2  # scanners that do not occur in training
    seeds = [seed for own in sets.values() for seed in own]
    assert len(set(seeds)) == len(seeds)


def test_seeds_lie_in_the_range_of_the_study_within_the_test_seeds(sets: dict[int, list[int]]) -> None:
    assert {FIRST_SEED, LAST_SEED} <= set(TEST_SEEDS)
    assert all(FIRST_SEED <= seed <= LAST_SEED for own in sets.values() for seed in own)


def test_a_larger_study_begins_with_the_same_patients(sets: dict[int, list[int]]) -> None:
    assert {number: seeds[:5] for number, seeds in sets.items()} == draw_sets(5)


def test_only_studies_fit_to_measure_are_scanned_again(sets: dict[int, list[int]]) -> None:
    again = draw_rescans(sets[1], 10)
    assert len(again) == 10
    assert not {draw_patient(seed).situation for seed in again} & set(UNFIT)


def test_lying_down_anew_moves_the_patient_and_changes_no_bone(sets: dict[int, list[int]]) -> None:
    seed = sets[1][0]
    first, second = scanned(seed, ""), scanned(seed, REPOSITIONED)
    assert first == draw_patient(seed)
    assert second.levels == first.levels
    assert replace(second.acquisition, flaws=first.acquisition.flaws) == replace(
        first.acquisition, table_height_mm=second.acquisition.table_height_mm
    )
    assert second.acquisition.flaws.kvp_shift == first.acquisition.flaws.kvp_shift
    assert make_scene(second).offset_mm != make_scene(first).offset_mm
    assert scanned(seed, REPOSITIONED) == second


def test_another_kernel_changes_nothing_else(sets: dict[int, list[int]]) -> None:
    first, second = draw_patient(sets[2][0]), scanned(sets[2][0], KERNEL)
    assert second.acquisition.kernel != first.acquisition.kernel
    assert second.acquisition.kernel in first.acquisition.maker.soft
    assert replace(second, acquisition=first.acquisition) == first
