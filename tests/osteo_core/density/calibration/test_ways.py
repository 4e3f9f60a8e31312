"""Each way of calibrating on tissues of known HU: its values, its stated uncertainties, and when it refuses."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from osteo_core.density.calibration.beam import beam_line, expected_tissue_hu
from osteo_core.density.calibration.choose import calibration_cautions
from osteo_core.density.calibration.known_phantoms import known_phantoms
from osteo_core.density.calibration.phantom import COLUMNS
from osteo_core.density.calibration.scan import Scan
from osteo_core.density.calibration.setup import read_setup
from osteo_core.density.calibration.ways import (
    WAYS,
    carried,
    effective_energy,
    in_scan,
    phantom,
    precalibrated,
    tissues,
    two_tissue,
)
from osteo_core.density.rod_row import RodRow
from osteo_core.outcomes import CautionCode
from osteo_core.records import Calibration, CalibrationTissues, Series, TissueSample
from osteo_core.settings import CALIBRATION_WAYS, Settings
from osteo_core.terms import ContrastPhase, KernelGroup, Level, Mineral, Vendor

SERIES = Series(
    series_key="s",
    study_key="t",
    patient_key="p",
    series_instance_uid="1.2",
    files=(),
    kvp=120.0,
    vendor=Vendor.GE,
    manufacturer_model_name="LightSpeed VCT",
    kernel_group=KernelGroup.STANDARD,
    study_date=date(2024, 5, 1),
)
EXPECTED = expected_tissue_hu(120, 28.0)
HA = known_phantoms()["HA water equivalent"]


def _tissues(path_cm=28.0, phase=ContrastPhase.NATIVE, **hu):
    samples = tuple(TissueSample(name=n, mean_hu=v, sd_hu=9.0, area_mm2=900.0) for n, v in hu.items())
    return CalibrationTissues(samples=samples, contrast_phase=phase, water_path_cm=path_cm)


def _scan(found, settings=None, **changes):
    return Scan(series=replace(SERIES, **changes), tissues=found, setup=read_setup(settings or Settings()))


@pytest.fixture
def with_phantom(tmp_path):
    rows = [",".join([*COLUMNS, "water_path_cm"])]
    for density, hu in ((0, 0), (50, 65), (100, 130), (200, 260)):
        rows.append(f"2024-03-01,GE,LightSpeed VCT,120,,ESP,HA,{density},{hu},28")
    path = tmp_path / "phantom.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return Settings(phantom_table=str(path))


def test_the_ways_are_those_that_the_setting_may_name():
    assert tuple(WAYS) == CALIBRATION_WAYS


def test_tissues_at_their_expected_hu_leave_the_beam_s_own_line():
    found = tissues(_scan(_tissues(**EXPECTED)))
    line = beam_line(120, 28.0)
    assert found.slope_mg_cm3_per_hu == pytest.approx(line.slope_mg_cm3_per_hu)
    assert found.intercept_mg_cm3 == pytest.approx(line.intercept_mg_cm3)
    assert {u.name for u in found.uncertainties} == {
        "beam filter",
        "scanner shift",
        "body size",
        "no phantom of this scanner",
    }
    assert "shift +0.0 HU, gain 1.000 by fat, muscle, blood, air" in found.source


def test_a_scan_that_shows_all_tissues_too_high_reads_bone_lower():
    plain = tissues(_scan(_tissues(**EXPECTED)))
    shifted = tissues(_scan(_tissues(**{name: hu + 10.0 for name, hu in EXPECTED.items()})))
    assert shifted.vbmd_mg_cm3(100.0) < plain.vbmd_mg_cm3(100.0)


def test_a_body_that_is_cut_is_less_certain():
    seen, cut = (tissues(_scan(_tissues(path, **EXPECTED))) for path in (28.0, None))
    assert cut.residual_sd_mg_cm3 > seen.residual_sd_mg_cm3


def test_the_phantom_s_line_stands_as_measured_and_keeps_its_mineral(with_phantom):
    found = phantom(_scan(_tissues(**EXPECTED), with_phantom))
    assert (found.kind, found.mineral) == ("phantom", Mineral.HA)
    assert found.vbmd_mg_cm3(130.0) == pytest.approx(100.0)
    assert {u.name for u in found.uncertainties} == {"phantom fit", "scanner unit", "drift", "body size"}


def test_a_line_of_the_very_unit_comes_first_and_knows_no_scatter_of_units(with_phantom, tmp_path):
    text = (tmp_path / "phantom.csv").read_text(encoding="utf-8").splitlines()
    own = [line.replace(",130,28", ",140,28") + ",unit1" for line in text[1:]]
    table = [text[0] + ",device_key", *(line + "," for line in text[1:]), *own]
    (tmp_path / "phantom.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    of_unit = phantom(_scan(_tissues(**EXPECTED), with_phantom, device_key="unit1"))
    of_model = phantom(_scan(_tissues(**EXPECTED), with_phantom, device_key="unit2"))
    assert of_unit.vbmd_mg_cm3(130.0) < of_model.vbmd_mg_cm3(130.0) == pytest.approx(100.0)
    assert "scanner unit" in {u.name for u in of_model.uncertainties}
    assert "scanner unit" not in {u.name for u in of_unit.uncertainties}


def test_precalibration_follows_body_size_and_shift(with_phantom):
    same = precalibrated(_scan(_tissues(**EXPECTED), with_phantom))
    assert same.kind == "precalibrated"
    assert same.vbmd_mg_cm3(130.0) == pytest.approx(100.0)
    large = precalibrated(_scan(_tissues(36.0, **expected_tissue_hu(120, 36.0)), with_phantom))
    ratio = beam_line(120, 36.0, HA).slope_mg_cm3_per_hu / beam_line(120, 28.0, HA).slope_mg_cm3_per_hu
    assert large.vbmd_mg_cm3(130.0) == pytest.approx(100.0 * ratio)
    # All tissues 8 HU too high: part of that is taken as the scan's shift, and values of bone decrease.
    raised = precalibrated(_scan(_tissues(**{name: hu + 8.0 for name, hu in EXPECTED.items()}), with_phantom))
    assert 95.0 < raised.vbmd_mg_cm3(130.0) < 100.0
    assert same.residual_sd_mg_cm3 < phantom(_scan(_tissues(**EXPECTED), with_phantom)).residual_sd_mg_cm3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kvp": 100.0}, "no phantom scan of this scanner model at 100 kVp"),
        ({"manufacturer_model_name": "Revolution CT"}, "no phantom scan of this scanner model at 120 kVp"),
        ({"kernel_group": KernelGroup.SHARP}, "no phantom scan of this scanner model at 120 kVp with this kernel"),
        ({"study_date": date(2026, 1, 1)}, "no phantom scan within a year before this scan"),
        ({"study_date": date(2024, 2, 1)}, "no phantom scan within a year before this scan"),
        ({"study_date": None}, "no phantom scan within a year before this scan"),
    ],
)
def test_a_phantom_scan_of_something_else_gives_no_number_but_a_reason(with_phantom, change, reason):
    for way in (phantom, precalibrated):
        assert way(_scan(_tissues(**EXPECTED), with_phantom, **change)).startswith(reason)


def test_a_line_of_another_voltage_is_carried_by_its_mineral_part_alone(with_phantom):
    here, there = beam_line(100, 28.0, HA), beam_line(120, 28.0, HA)
    found = carried(_scan(_tissues(**expected_tissue_hu(100, 28.0)), with_phantom, kvp=100.0))
    assert (found.kind, found.mineral, found.kvp) == ("carried", Mineral.HA, 100.0)
    # Bone of 130 HU at 120 kVp, or 100 mg/cm3: the mineral's part of it is larger at 100 kVp.
    at_100 = (
        here.zero_mineral_hu + (130.0 - there.zero_mineral_hu) * there.slope_mg_cm3_per_hu / here.slope_mg_cm3_per_hu
    )
    assert found.vbmd_mg_cm3(at_100) == pytest.approx(100.0)
    assert found.vbmd_mg_cm3(here.zero_mineral_hu) == pytest.approx(there.zero_mineral_hu / 1.3)
    assert "tube voltage" in {u.name for u in found.uncertainties}
    near = precalibrated(_scan(_tissues(**EXPECTED), with_phantom))
    assert found.residual_sd_mg_cm3 > near.residual_sd_mg_cm3


def test_nothing_is_carried_from_the_same_voltage_or_from_another_scanner(with_phantom):
    same = carried(_scan(_tissues(**EXPECTED), with_phantom))
    other = carried(_scan(_tissues(**EXPECTED), with_phantom, kvp=100.0, manufacturer_model_name="Revolution CT"))
    assert same == other == "no phantom scan of this scanner model at another tabulated tube voltage"
    assert carried(_scan(_tissues(**EXPECTED), kvp=100.0)) == ""


def test_effective_energy_is_a_parabola_that_names_what_it_saw():
    found = effective_energy(_scan(_tissues(fat=-95.0, air=-1000.0, blood=40.0, cortical=1300.0, muscle=52.0)))
    assert found.name == "effective energy 97 keV"
    assert [found.vbmd_mg_cm3(hu) for hu in (0.0, 100.0, 200.0)] == pytest.approx([34.2, 83.0, 139.6], abs=0.06)
    assert "R2 0.9981" in found.source
    assert "cortical 1300" in found.source


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (
            _tissues(fat=-90.0, air=-998.0, blood=43.0, cortical=760.0, muscle=54.0),
            "effective energy 113.5 keV, R2 0.9933; needed are 60 to 110 keV",
        ),
        (_tissues(**EXPECTED), "effective energy needs cortical"),
        (_tissues(phase=ContrastPhase.ARTERIAL, **EXPECTED, cortical=1300.0), "effective energy needs blood, muscle"),
    ],
)
def test_effective_energy_out_of_range_or_without_its_tissues_is_refused(found, reason):
    assert effective_energy(_scan(found)).startswith(reason)


def test_two_tissues_at_their_expected_hu_leave_the_beam_s_own_line():
    found = two_tissue(_scan(_tissues(**EXPECTED)))
    line = beam_line(120, 28.0)
    assert found.slope_mg_cm3_per_hu == pytest.approx(line.slope_mg_cm3_per_hu)
    assert found.intercept_mg_cm3 == pytest.approx(line.intercept_mg_cm3)
    # The form of Pan 2023: slope (D_M - D_F) / (M - F), through muscle.
    wider = two_tissue(_scan(_tissues(**{**EXPECTED, "fat": EXPECTED["fat"] - 14.0})))
    gap = EXPECTED["muscle"] - EXPECTED["fat"]
    assert wider.slope_mg_cm3_per_hu == pytest.approx(line.slope_mg_cm3_per_hu * gap / (gap + 14.0))
    assert wider.vbmd_mg_cm3(EXPECTED["muscle"]) == pytest.approx(found.vbmd_mg_cm3(EXPECTED["muscle"]))
    assert two_tissue(_scan(_tissues(phase=ContrastPhase.ARTERIAL, **EXPECTED))).startswith("muscle and fat")


@pytest.mark.parametrize("way", ["tissues", "effective_energy", "two_tissue", "published"])
def test_a_sharp_kernel_has_no_general_line(way):
    assert WAYS[way](_scan(_tissues(**EXPECTED), kernel_group=KernelGroup.SHARP)).startswith("a sharp kernel")


def _on_rods(rods_hu, bone_hu):
    """A scan with a row of HA rods, 0 to 200 mg/cm3, beside L1 and L2; ``rods_hu``: their HU at each level."""
    along, places = np.arange(-80.0, 81.0), np.array([-45.0, -15.0, 15.0, 45.0])
    hu = {}
    for level, shown in rods_hu.items():
        hu[level] = np.full(len(along), 0.0)
        for place, rod in zip(places, shown, strict=True):
            hu[level][np.abs(along - place) < 8] = rod
    row = RodRow(seen_mm=places[1:], radius_mm=10.0, along_mm=along, hu=hu, box_mm=np.zeros((2, 3)))
    return replace(_scan(_tissues()), rod_row=row, bone_hu=bone_hu)


@pytest.mark.parametrize("vbmd", [40.0, 100.0, 260.0])
def test_the_interval_of_a_phantom_in_the_scan_covers_what_its_rods_leave_uncertain(vbmd):
    """A simulation: four rods with noise of 3 HU at about 1.2 HU per mg/cm3; the fit's part alone covers 95 %."""
    rng, densities, held, n = np.random.default_rng(11), np.array([0.0, 50.0, 100.0, 200.0]), 0, 600
    for _ in range(n):
        found = in_scan(_on_rods({Level.L1: 1.2 * densities + rng.normal(0, 3.0, 4)}, 1.2 * vbmd))
        assert isinstance(found, Calibration)
        (fit,) = (u for u in found.uncertainties if u.name == "phantom fit")
        error = found.of_level(Level.L1).vbmd_mg_cm3(1.2 * vbmd) - vbmd
        held += abs(error) <= 1.959964 * fit.sd_mg_cm3(vbmd)
    assert 0.92 <= held / n <= 0.975


@pytest.mark.parametrize("way", [phantom, precalibrated])
def test_a_phantom_s_line_is_less_certain_beyond_its_rods(way, tmp_path):
    """Rods of 0, 50, 100, means 50, squares 5000, n 3: the error at 200 is root(1/3 + 150^2/5000) of the residual."""
    rows = [",".join([*COLUMNS, "water_path_cm"])]
    rows += [f"2024-03-01,GE,LightSpeed VCT,120,,ESP,HA,{d},{hu},28" for d, hu in ((0, 1.3), (50, 62.4), (100, 131.3))]
    path = tmp_path / "phantom.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    scan = _scan(_tissues(**EXPECTED), Settings(phantom_table=str(path)))
    near, far = (
        next(u for u in way(replace(scan, bone_hu=hu)).uncertainties if u.name == "phantom fit").offset_sd_mg_cm3
        for hu in (65.0, 260.0)
    )
    assert far / near == pytest.approx(np.sqrt((1 / 3 + 150**2 / 5000) / (1 / 3)), rel=0.02)


@pytest.mark.parametrize("way", [tissues, phantom, precalibrated])
def test_a_body_beyond_the_table_is_less_certain_the_farther_it_lies(way, with_phantom):
    """Before, this was 2.7, 1.1 and 0 % at 28, 40 and 45 cm, so the most obese had the narrowest interval."""
    sizes = []
    for path in (36.0, 40.0, 42.0, 45.0, 50.0):
        found = way(_scan(_tissues(path, **EXPECTED), with_phantom))
        (size,) = (u.relative_sd for u in found.uncertainties if u.name == "body size")
        sizes.append(size)
    assert sizes[0] == pytest.approx(sizes[1], rel=0.2)
    assert sizes[1] < sizes[2] < sizes[3] < sizes[4]
    # 10 cm beyond, at about 0.5 % per cm (the table from 28 to 40 cm: 6 %).
    assert 0.03 < sizes[4] < 0.08


@pytest.mark.parametrize(("path_cm", "told"), [(28.0, False), (40.0, False), (44.0, True), (12.0, True), (None, False)])
def test_a_body_beyond_the_table_is_told(path_cm, told, with_phantom):
    found = phantom(_scan(_tissues(path_cm, **EXPECTED), with_phantom))
    cautions = calibration_cautions(found, path_cm)
    assert [c.code for c in cautions] == ([CautionCode.BODY_SIZE] if told else [])
    if told:
        assert f"{path_cm:.0f} cm of water thick; lines are known for 16 to 40 cm" in cautions[0].sentence


def test_a_line_that_knows_no_body_size_does_not_mind_it():
    assert not calibration_cautions(in_scan(_on_rods({Level.L1: np.array([0.0, 60.0, 120.0, 240.0])}, None)), 45.0)
