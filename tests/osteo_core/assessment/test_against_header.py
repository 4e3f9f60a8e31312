"""Image against header: no caution on a sound scan, and each false value is named from its limit on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from osteo_core.assessment.against_header import header_doubts, scale_of, shape_of, size_of
from osteo_core.assessment.assess import Evidence, assess
from osteo_core.density.calibration.beam import expected_tissue_hu
from osteo_core.limits.header import SCALE_GAIN, SCALE_OFFSET_HU
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import CalibrationTissues, Measurement, Series, TissueSample
from osteo_core.settings import Settings
from osteo_core.terms import ContrastPhase, Level, Step
from tests.osteo_core.assessment.test_assess import LINE, SERIES

EXPECTED = expected_tissue_hu(120.0, 28.0)
LEVELS = (Level.L1, Level.L2, Level.L3, Level.L4)


def tissues_of(hu: dict[str, float], *, phase: ContrastPhase = ContrastPhase.NATIVE) -> CalibrationTissues:
    samples = tuple(TissueSample(name=name, mean_hu=value, sd_hu=10.0, area_mm2=900.0) for name, value in hu.items())
    return CalibrationTissues(samples=samples, contrast_phase=phase, water_path_cm=28.0)


def bodies(*, height_mm: float = 26.0, volume_ml: float = 32.0, **changes) -> list[Measurement]:
    return [
        Measurement(level=level, voxels=1, volume_ml=volume_ml, posterior_height_mm=height_mm, **changes)
        for level in LEVELS
    ]


def doubts(series: Series = SERIES, levels=None, hu: dict[str, float] | None = None, **given) -> list[str]:
    found = header_doubts(
        series, bodies() if levels is None else levels, tissues_of(EXPECTED if hu is None else hu, **given)
    )
    assert {one.code for one in found} <= {CautionCode.HEADER_DOUBTED}
    return [one.found for one in found]


def test_a_scan_in_order_is_not_doubted() -> None:
    assert doubts() == []
    assert doubts(replace(SERIES, kvp=None)) == []
    assert doubts(hu={}) == []
    assert doubts(levels=[]) == []


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_offset_is_the_weighted_mean_of_all_tissues(sign: int) -> None:
    beyond, within = (sign * (SCALE_OFFSET_HU.value + more) for more in (1.0, -1.0))
    assert scale_of(120.0, tissues_of({n: hu + 10.0 for n, hu in EXPECTED.items()}))[0] == pytest.approx(10.0)
    (told,) = doubts(hu={name: hu + beyond for name, hu in EXPECTED.items()})
    assert f"{beyond:+.0f} HU" in told
    assert doubts(hu={name: hu + within for name, hu in EXPECTED.items()}) == []


def test_contrast_in_muscle_and_blood_is_no_offset() -> None:
    hu = EXPECTED | {"blood": 250.0, "muscle": 110.0}
    assert doubts(hu=hu, phase=ContrastPhase.PORTAL_VENOUS) == []
    assert doubts(hu=hu) != []


def test_a_slope_is_seen_between_air_and_fat() -> None:
    def stretched(by: float) -> dict[str, float]:
        return {name: by * (hu + 1000.0) - 1000.0 for name, hu in EXPECTED.items()}

    assert scale_of(120.0, tissues_of(stretched(1.05)))[1] == pytest.approx(0.05, abs=1e-3)
    for gain, side in ((SCALE_GAIN.value + 0.01, "farther from"), (-SCALE_GAIN.value - 0.01, "closer to")):
        (told,) = doubts(hu=stretched(1.0 + gain))
        assert f"fat lies {100 * abs(gain):.0f} % {side} air than it should, as with a wrong rescale slope" in told
    assert doubts(hu=stretched(1.02)) == []


def test_a_trunk_without_fat_is_doubted() -> None:
    (told,) = doubts(hu={"air": -999.0, "muscle": 45.0})
    assert "no fat" in told
    assert doubts(hu={"air": -999.0, "deep fat": -90.0}) == []
    assert doubts(hu={"muscle": 45.0}) == [], "a field of view within the trunk"


def test_compact_bone_tells_a_voltage_that_is_too_high() -> None:
    hu = EXPECTED | {"cortical": 1610.0}
    (told,) = doubts(hu=hu)
    assert "1610 HU" in told
    assert "120 kVp" in told
    assert doubts(replace(SERIES, kvp=80.0), hu=expected_tissue_hu(80.0, 28.0) | {"cortical": 1610.0}) == []
    assert doubts(replace(SERIES, kvp=None), hu=hu) == []


def test_pixels_must_fill_the_reconstruction_diameter() -> None:
    sound = replace(SERIES, rows=512, columns=512, pixel_spacing_mm=(0.9, 0.9), reconstruction_diameter_mm=460.8)
    assert doubts(sound) == []
    (told,) = doubts(replace(sound, pixel_spacing_mm=(0.8, 0.8)))
    assert "410 mm wide" in told
    assert "461 mm" in told
    assert doubts(replace(sound, rows=400, pixel_spacing_mm=(0.8, 0.8))) == [], "a cropped image"
    for side in (144, 632):
        cut = replace(sound, rows=side, columns=side)
        assert doubts(cut) == [], "cropped or padded to a square, at its own spacing"
        assert len(doubts(replace(cut, pixel_spacing_mm=(0.8, 0.8)))) == 1


@pytest.mark.parametrize(("pixel", "slices"), [(2.0, 1.0), (0.5, 1.0), (1.0, 2.0), (1.0, 0.5), (2.0, 2.0)])
def test_bodies_of_another_size_tell_a_wrong_spacing(pixel: float, slices: float) -> None:
    (told,) = doubts(levels=bodies(height_mm=26.0 * slices, volume_ml=32.0 * slices * pixel**2))
    assert "spacing" in told


def test_size_and_shape_are_those_of_a_cylinder() -> None:
    size = size_of(bodies(height_mm=25.0, volume_ml=25.0))  # 10 cm2
    assert size == pytest.approx((25.0, 10.0))
    assert shape_of(size) == pytest.approx(25.0 / 35.68, abs=1e-3)


def test_broken_and_cut_bodies_say_nothing_of_size() -> None:
    cut = Exclusion(code=ExclusionCode.LEVEL_CUT, step=Step.MEASURE, found="above")
    assert doubts(levels=bodies(height_mm=12.0, fracture_grade=3)) == []
    assert doubts(levels=bodies(height_mm=12.0, exclusions=(cut,))) == []
    assert doubts(levels=bodies(height_mm=12.0)[:1]) == []
    assert doubts(levels=bodies(height_mm=12.0)) != []


def test_a_doubt_is_a_reason_to_review() -> None:
    cautions = header_doubts(SERIES, bodies(height_mm=60.0), tissues_of(EXPECTED))
    evidence = Evidence(measurements=(), calibration=LINE, cautions=cautions)
    assert "the image does not fit its header" in assess(SERIES, evidence, settings=Settings()).review_reasons
