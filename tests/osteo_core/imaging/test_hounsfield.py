"""Rough faults of HU are seen by the histogram alone."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.imaging.hounsfield import as_int16_if_lossless, check_hu, describe_labels
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from tests.builders.series import CtSpec, trunk_hu, truth_geometry


def noisy_trunk(shift: float = 0.0) -> np.ndarray:
    clean = trunk_hu(truth_geometry(CtSpec()))
    return clean + np.random.default_rng(5).normal(shift, 15, clean.shape)


def test_a_sound_scan_passes() -> None:
    assert check_hu(noisy_trunk()) == ()


@pytest.mark.parametrize(("shift", "expected"), [(100, "air -9"), (-80, "soft tissue -2"), (80, "soft tissue 13")])
def test_shifted_hu_are_a_caution(shift: float, expected: str) -> None:
    (caution,) = check_hu(noisy_trunk(shift))
    assert caution.code is CautionCode.HU_SHIFT
    assert expected in caution.found


@pytest.mark.parametrize("shift", [1000, 1024, 400])
def test_a_lost_intercept_is_an_exclusion(shift: float) -> None:
    found = check_hu(noisy_trunk(shift))
    assert isinstance(found, Exclusion)
    assert found.code is ExclusionCode.NOT_HU


def test_only_air_is_an_exclusion() -> None:
    found = check_hu(np.full((8, 8, 8), -1024))
    assert isinstance(found, Exclusion)
    assert "nothing but air" in found.sentence


def test_a_crop_without_air_passes_by_its_fat_and_muscle() -> None:
    rng = np.random.default_rng(2)
    crop = np.where(rng.random((30, 30, 30)) < 0.3, -95, 50) + rng.normal(0, 12, (30, 30, 30))
    assert check_hu(crop) == ()


def test_label_maps() -> None:
    assert describe_labels(np.arange(27).reshape(3, 3, 3)) == "27 whole numbers from 0 to 26"
    assert describe_labels(np.array([[[0.0, 0.5, 1.0]]])) == ""
    assert describe_labels(np.array([[[-1, 0, 1]]])) == ""
    assert describe_labels(np.array([[[0, 300]]])) == ""


def test_int16_only_where_nothing_is_lost() -> None:
    assert as_int16_if_lossless(np.array([[[1.0, -1024.0]]])).dtype == np.int16
    assert as_int16_if_lossless(np.array([[[1.5]]])).dtype == np.float32
    assert as_int16_if_lossless(np.array([[[40000]]])).dtype == np.float32
