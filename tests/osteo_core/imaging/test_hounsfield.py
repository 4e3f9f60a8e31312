"""Gross errors of HU are detected from the histogram alone."""

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


def noisy(seed: int = 3) -> np.ndarray:
    truth = trunk_hu(truth_geometry(CtSpec(pixel_spacing_mm=(3.0, 3.0), columns=110, rows=90))).astype(float)
    return np.round(truth + np.random.default_rng(seed).normal(0.0, 12.0, truth.shape)).astype(np.int16)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-160, 240, "nothing below -160 HU and nothing above 240 HU"),
        (-200, 150, "nothing below -200 HU and nothing above 150 HU"),
        (-1000, 240, "nothing above 240 HU"),
        (-200, 3000, "nothing below -200 HU"),
    ],
)
def test_a_clipped_range_is_a_caution_with_its_bounds(low: int, high: int, said: str) -> None:
    found = check_hu(noisy().clip(low, high))
    assert not isinstance(found, Exclusion), found
    assert said in next(c.sentence for c in found if c.code is CautionCode.WINDOW_CLIPPED)


def test_a_whole_range_is_not_clipped() -> None:
    assert check_hu(noisy()) == ()
    assert check_hu(noisy().clip(-1000, 2000)) == ()


def test_a_picture_of_8_bits_is_no_label_map_and_no_hu() -> None:
    window = np.round((noisy().clip(-160, 240) + 160) / 400 * 255).astype(np.uint8)
    assert describe_labels(window) == ""
    found = check_hu(window)
    assert isinstance(found, Exclusion)
    assert "values from 0 to 255, as in an 8-bit image" in found.sentence
    scaled = check_hu((noisy().clip(-1000, 1000) + 1000) / 2000)
    assert isinstance(scaled, Exclusion)
    assert ", scaled" in scaled.sentence
