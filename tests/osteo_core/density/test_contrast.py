"""Phase from vessels, header against image, and the stated correction."""

from pathlib import Path

import pytest

from osteo_core.density.contrast import contrast_correction, decide_phase, is_declared, phase_of_vessels
from osteo_core.outcomes import CautionCode
from osteo_core.records import CalibrationTissues, Series, TissueSample
from osteo_core.terms import ContrastPhase


def _series(agent: str | None) -> Series:
    return Series(
        series_key="s",
        study_key="t",
        patient_key="p",
        series_instance_uid="1.2",
        files=(Path("a"),),
        contrast_bolus_agent=agent,
    )


def _tissues(phase: ContrastPhase, blood_hu: float) -> CalibrationTissues:
    blood = TissueSample(name="blood", mean_hu=blood_hu, sd_hu=9.0, area_mm2=300.0)
    return CalibrationTissues(samples=(blood,), contrast_phase=phase)


@pytest.mark.parametrize(
    ("aorta", "cava", "kidney", "phase"),
    [
        (42.0, 45.0, 30.0, ContrastPhase.NATIVE),
        (60.0, None, None, ContrastPhase.NATIVE),
        (42.0, 44.0, 53.0, ContrastPhase.NATIVE),  # ct/ge_discovery_ls
        (45.0, 44.0, 62.0, ContrastPhase.NATIVE),  # verse007
        (28.0, 80.0, 39.0, ContrastPhase.UNKNOWN),  # ct/toshiba_aquilion, portal venous, cropped below L2
        (28.0, None, 39.0, ContrastPhase.UNKNOWN),
        (45.0, 80.0, 39.0, ContrastPhase.UNKNOWN),
        (80.0, 60.0, 39.0, ContrastPhase.UNKNOWN),
        (32.0, 70.0, None, ContrastPhase.NATIVE),
        (350.0, 70.0, 160.0, ContrastPhase.ARTERIAL),
        (140.0, 125.0, 150.0, ContrastPhase.PORTAL_VENOUS),
        (140.0, None, 150.0, ContrastPhase.ENHANCED),
        (300.0, None, 150.0, ContrastPhase.ARTERIAL),
        (279.0, 254.0, 308.0, ContrastPhase.PORTAL_VENOUS),  # 80 kVp, simulated
        (423.0, 74.0, 181.0, ContrastPhase.ARTERIAL),  # ct/lidc_0001
        (148.0, 139.0, 147.0, ContrastPhase.PORTAL_VENOUS),  # ct/ge_revolution
        (150.0, 98.0, 120.0, ContrastPhase.ENHANCED),
        (105.0, 82.0, 92.0, ContrastPhase.ENHANCED),
        (97.0, 96.0, 146.0, ContrastPhase.DELAYED),  # simulated, decided by the kidneys
        (103.0, 83.0, 96.0, ContrastPhase.PORTAL_VENOUS),  # ct/toshiba_aquilion
        (125.0, 120.0, 98.0, ContrastPhase.PORTAL_VENOUS),  # ct/siemens_sensation64
        (65.0, 60.0, 110.0, ContrastPhase.ENHANCED),
        (None, None, 150.0, ContrastPhase.ENHANCED),
        (None, 40.0, None, ContrastPhase.UNKNOWN),
        (None, None, None, ContrastPhase.UNKNOWN),
    ],
)
def test_phase_is_named_only_when_the_vessels_say_so(aorta, cava, kidney, phase):
    assert phase_of_vessels(aorta, cava, kidney) is phase


def test_excreted_contrast_proves_the_delayed_phase():
    assert phase_of_vessels(140.0, 125.0, 150.0, 900.0) is ContrastPhase.DELAYED


def test_a_presumed_aorta_darker_than_muscle_stays_unknown_beside_excreted_contrast():
    hu = {"blood": 32.0, "cava": 30.0, "kidney": 35.0, "urine": 300.0, "muscle": 60.0}
    phase = phase_of_vessels(*hu.values())
    assert phase is ContrastPhase.UNKNOWN
    samples = tuple(TissueSample(name=name, mean_hu=mean, sd_hu=9.0, area_mm2=300.0) for name, mean in hu.items())
    tissues = CalibrationTissues(samples=samples, contrast_phase=phase)
    found, cautions = decide_phase(_series(""), tissues)
    assert found is ContrastPhase.UNKNOWN
    assert [caution.code for caution in cautions] == [CautionCode.CONTRAST_UNKNOWN]


def test_an_arterial_scan_does_not_become_delayed_by_bright_kidneys():
    assert phase_of_vessels(300.0, 70.0, 600.0) is ContrastPhase.ARTERIAL


def test_declared_and_seen_is_one_caution():
    phase, cautions = decide_phase(_series("Omnipaque 350"), _tissues(ContrastPhase.PORTAL_VENOUS, 140.0))
    assert phase is ContrastPhase.PORTAL_VENOUS
    assert [c.code for c in cautions] == [CautionCode.CONTRAST]
    assert "portal venous, blood 140 HU" in cautions[0].sentence


def test_seen_though_not_declared_is_told():
    phase, cautions = decide_phase(_series(None), _tissues(ContrastPhase.ENHANCED, 120.0))
    assert phase is ContrastPhase.ENHANCED
    assert [c.code for c in cautions] == [CautionCode.CONTRAST, CautionCode.CONTRAST_UNDECLARED]


def test_declared_but_not_seen_is_told_and_the_image_decides():
    phase, cautions = decide_phase(_series("CE"), _tissues(ContrastPhase.NATIVE, 41.0))
    assert phase is ContrastPhase.NATIVE
    assert [c.code for c in cautions] == [CautionCode.CONTRAST_UNSEEN]


def test_without_vessels_the_header_decides_and_silence_is_told():
    nothing = CalibrationTissues()
    assert decide_phase(_series("CE"), nothing)[0] is ContrastPhase.ENHANCED
    phase, cautions = decide_phase(_series(None), nothing)
    assert phase is ContrastPhase.UNKNOWN
    assert [c.code for c in cautions] == [CautionCode.CONTRAST_UNKNOWN]
    assert "no vessel is in view" in cautions[0].sentence


def test_vessels_that_are_neither_native_nor_enhanced_blood_are_told_with_their_hu():
    samples = tuple(
        TissueSample(name=name, mean_hu=hu, sd_hu=9.0, area_mm2=300.0) for name, hu in (("blood", 28.0), ("cava", 80.0))
    )
    phase, (caution,) = decide_phase(_series(None), CalibrationTissues(samples=samples))
    assert (phase, caution.code) == (ContrastPhase.UNKNOWN, CautionCode.CONTRAST_UNKNOWN)
    assert "aorta 28 HU, cava 80 HU" in caution.sentence


@pytest.mark.parametrize(
    ("blood", "muscle", "phase"),
    [
        (38.0, 49.0, ContrastPhase.NATIVE),  # simulated
        (42.0, 50.0, ContrastPhase.NATIVE),  # ct/ge_discovery_ls
        (35.0, 54.0, ContrastPhase.NATIVE),
        (35.0, 56.0, ContrastPhase.UNKNOWN),
        (33.0, None, ContrastPhase.NATIVE),
    ],
)
def test_what_lies_far_below_muscle_is_no_blood(blood, muscle, phase):
    assert phase_of_vessels(blood, None, None, None, muscle) is phase


_WORDS = (
    *((word, False) for word in ("ohne KM", "kein Kontrastmittel", "non-contrast", "NON CONTRAST CT", "w/o", "nil")),
    *((word, False) for word in ("sans", "sin contraste", "native", "nativ", "plain", "-", "--", "0 ml", "0.0", "n/a")),
    *((word, False) for word in ("No IV contrast", "NONE GIVEN", "without", "unenhanced", "sans produit de contraste")),
    *(
        (word, False)
        for word in ("нет", "без контраста", "не вводился", "sem contraste", "senza mdc", "造影なし", "単純")
    ),
    *(
        (word, False)
        for word in ("zonder contrast", "bez kontrastu", "조영제 없음", "無", "NONE\\NONE", "N.A.", "NCCT")
    ),
    *((word, False) for word in ("0 ML OMNIPAQUE", "unknown", "未知", "null", "CONTRAST: NONE", "KM: nein")),
    *(
        (word, True)
        for word in ("не ионный Ультравист", "10 ML OMNIPAQUE", "碘海醇", "NONE\\ISOVUE", "IV contrast, no oral")
    ),
    *((word, True) for word in ("ULTRAVIST 370", "NON IONIC", "no oral, Isovue iv", "1", "with and w/o", "100 ml")),
    *((word, True) for word in ("nonionic contrast", "NOVAQUE", "native + Imeron", "oral")),
)


@pytest.mark.parametrize(
    ("agent", "declared"), [("CE", True), ("none", False), (" NO ", False), (None, False), *_WORDS]
)
def test_words_for_no_contrast_are_no_declaration(agent, declared):
    assert is_declared(_series(agent)) is declared


def test_the_portal_venous_rise_is_subtracted_in_the_hu_of_its_tube_voltage():
    portal = contrast_correction(ContrastPhase.PORTAL_VENOUS, 120.0)
    assert (portal.shift_hu, portal.scatter_sd_hu, portal.possible_bias_hu) == (-18.2, 19.2, 0.0)
    assert portal.name == "portal venous -18.2 HU, v1"
    assert contrast_correction(ContrastPhase.PORTAL_VENOUS, 100.0).shift_hu == pytest.approx(-18.2 * 1.24)
    assert contrast_correction(ContrastPhase.PORTAL_VENOUS, 140.0).shift_hu == pytest.approx(-18.2 * 0.83)


def test_the_arterial_rise_is_smaller_and_less_sure():
    # Pompe 2015: +13.5 HU; hypot(19.2, 18.2 - 13.5) = 19.77.
    arterial = contrast_correction(ContrastPhase.ARTERIAL, 120.0)
    assert arterial.name == "arterial -13.5 HU, v1"
    assert arterial.shift_hu == pytest.approx(-13.5)
    assert arterial.scatter_sd_hu == pytest.approx(19.77, abs=0.01)


def test_a_native_scan_has_no_correction():
    assert contrast_correction(ContrastPhase.NATIVE, 120.0) is None


@pytest.mark.parametrize(
    ("phase", "kvp", "bias_hu"),
    [
        (ContrastPhase.DELAYED, 120.0, 18.2),
        (ContrastPhase.ENHANCED, 80.0, 18.2 * 1.62),
        (ContrastPhase.UNKNOWN, 120.0, 18.2),
        (ContrastPhase.PORTAL_VENOUS, 130.0, 18.2 * 1.62),
        (ContrastPhase.PORTAL_VENOUS, None, 18.2 * 1.62),
    ],
)
def test_what_is_not_known_is_not_subtracted_but_widens(phase, kvp, bias_hu):
    other = contrast_correction(phase, kvp)
    assert other.shift_hu == 0.0
    assert other.possible_bias_hu == pytest.approx(bias_hu)
