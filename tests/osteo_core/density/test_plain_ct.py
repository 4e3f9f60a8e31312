"""Tissues distinguish images at another energy from plain CT; the oracle is NIST attenuation at one energy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.calibration.attenuation import mass_attenuation
from osteo_core.density.calibration.beam import expected_tissue_hu
from osteo_core.density.calibration.choose import choose_calibration
from osteo_core.density.calibration.setup import read_setup
from osteo_core.density.plain_ct import no_plain_ct, plain_ct_cautions
from osteo_core.density.tissues import find_calibration_tissues
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Calibration, CalibrationTissues, Series, TissueSample
from osteo_core.settings import Settings
from osteo_core.terms import ContrastPhase, Vendor
from tests.builders.spines import SpineSpec, build_spine, grid

SERIES = Series(
    series_key="s", study_key="t", patient_key="p", series_instance_uid="1", files=(), kvp=120.0, vendor=Vendor.GE
)
BONE_HU = 1130.0
#: Density of compact bone and adipose tissue, g/cm3 (ICRU-44; adipose of ICRU and ICRP).
_BONE, _ADIPOSE = 1.92, 0.935


def tissues(phase: ContrastPhase = ContrastPhase.NATIVE, **hu: float) -> CalibrationTissues:
    found = {**expected_tissue_hu(120.0, 28.0), "cortical": BONE_HU} | hu
    samples = [TissueSample(name=n.replace("_", " "), mean_hu=h, sd_hu=10.0, area_mm2=900.0) for n, h in found.items()]
    return CalibrationTissues(
        samples=tuple(s for s in samples if np.isfinite(s.mean_hu)), contrast_phase=phase, water_path_cm=28.0
    )


def mono_hu(material: str, density: float, kev: float) -> float:
    return 1000.0 * (density * float(mass_attenuation(material, kev) / mass_attenuation("water", kev)) - 1.0)


def at(kev: float) -> CalibrationTissues:
    """Tissues at one energy, in a patient whose plain scan (a beam like 76 keV) shows BONE_HU."""
    share = BONE_HU / mono_hu("cortical", _BONE, 76.0)
    bone = share * mono_hu("cortical", _BONE, kev)
    return tissues(
        fat=mono_hu("adipose", _ADIPOSE, kev),
        muscle=mono_hu("muscle", 1.05, kev),
        cortical=bone if bone <= 2000.0 else np.nan,
        dense_bone=np.nan if bone <= 2000.0 else bone,
    )


@pytest.mark.parametrize("kev", [40.0, 45.0, 50.0, 55.0])
def test_low_energies_are_refused_and_named(kev: float) -> None:
    (caution,) = plain_ct_cautions(SERIES, at(kev))
    assert caution.code is CautionCode.NOT_PLAIN_CT
    named = float(caution.found.split("as at about ")[1].split(" keV")[0])
    assert named == pytest.approx(kev, abs=4.0)
    exclusion = choose_calibration(SERIES, read_setup(Settings()), at(kev))
    assert isinstance(exclusion, Exclusion)
    assert exclusion.code is ExclusionCode.NOT_PLAIN_CT


def test_sixty_kev_is_told_and_what_is_like_the_beam_is_not() -> None:
    assert plain_ct_cautions(SERIES, at(60.0))
    for kev in (70.0, 76.0, 80.0):
        assert plain_ct_cautions(SERIES, at(kev)) == ()


@pytest.mark.parametrize(
    "found",
    [
        tissues(cortical=600.0),
        tissues(cortical=560.0, fat=-95.0),
        tissues(fat=0.0, muscle=2.0),
        tissues(fat=-150.0),
    ],
    ids=["calcium removed", "virtual non-contrast", "a map of a material", "fat alone"],
)
def test_other_images_of_a_spectral_scan_are_told(found: CalibrationTissues) -> None:
    assert len(plain_ct_cautions(SERIES, found)) == 1


@pytest.mark.parametrize("kvp", [70.0, 80.0, 100.0, 110.0, 120.0, 130.0, 135.0, 140.0])
@pytest.mark.parametrize("bone", [0.85, 1.0, 1.15])
@pytest.mark.parametrize("fat", [-20.0, 0.0, 15.0])
def test_plain_ct_of_every_tube_voltage_is_left_alone(kvp: float, bone: float, fat: float) -> None:
    tabulated = {70.0: 80.0, 135.0: 130.0}.get(kvp, kvp)
    expected = expected_tissue_hu(tabulated, 28.0)
    usual = BONE_HU * {70.0: 1.3, 80.0: 1.33, 100.0: 1.12, 110.0: 1.05}.get(kvp, 1.0)
    found = tissues(fat=expected["fat"] + fat, cortical=bone * usual)
    assert plain_ct_cautions(replace(SERIES, kvp=kvp), found) == ()
    assert no_plain_ct(replace(SERIES, kvp=kvp), found) is None


def test_contrast_and_an_unknown_voltage_say_nothing() -> None:
    assert plain_ct_cautions(SERIES, tissues(ContrastPhase.PORTAL_VENOUS, muscle=2.0)) == ()
    assert plain_ct_cautions(replace(SERIES, kvp=None), at(40.0)) == ()


def test_the_thin_cortex_of_simulated_patients_is_no_sign() -> None:
    assert plain_ct_cautions(replace(SERIES, is_simulated=True), tissues(cortical=700.0)) == ()
    assert plain_ct_cautions(replace(SERIES, is_simulated=True), tissues(cortical=1900.0))


def test_rods_in_the_scan_hold_for_whatever_image_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Calibration(
        name="rods", kind="in_scan", slope_mg_cm3_per_hu=0.4, intercept_mg_cm3=0.0, residual_sd_mg_cm3=5.0,
        kvp=120.0, mineral="K2HPO4", source="rods",  # type: ignore[arg-type]
    )  # fmt: skip
    monkeypatch.setitem(
        __import__("osteo_core.density.calibration.ways", fromlist=["WAYS"]).WAYS, "in_scan", lambda _: line
    )
    assert choose_calibration(SERIES, read_setup(Settings()), at(40.0)) is line


def test_bone_above_every_tube_voltage_is_a_sample_by_which_nothing_is_calibrated() -> None:
    volume, segmentation = build_spine(SpineSpec(), grid(spacing_mm=(2, 2, 2), extent_mm=(90, 90, 150)))
    plain = find_calibration_tissues(volume, segmentation)
    raised = replace(volume, voxels_hu=np.where(volume.voxels_hu > 300, 2800, volume.voxels_hu).astype(np.int16))
    found = find_calibration_tissues(raised, segmentation)
    assert plain.sample("cortical") is not None
    assert plain.sample("dense bone") is None
    assert found.sample("cortical") is None
    assert found.sample("dense bone").mean_hu > 2000.0  # type: ignore[union-attr]
