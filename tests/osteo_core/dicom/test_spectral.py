"""The image type stated in headers: spectral and derived series by any word, no false alarms on real descriptions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence as DicomSequence

from osteo_core.dicom.spectral import image_kind
from osteo_core.outcomes import CautionCode, ExclusionCode
from tests.osteo_core.dicom.finding import found_in, the_exclusion, the_series, volume_of
from tests.shared_data import shared_data


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("MonoE 40keV[HU]", "virtual monoenergetic at 40 keV"),
        ("DE_Chest_W_Volume_1_0_Q40f_3_Monoenergetic_Plus_45_0_Auto_", "virtual monoenergetic at 45 keV"),
        ("PV_ST_50keV", "virtual monoenergetic at 50 keV"),
        ("1.25 60 KEV", "virtual monoenergetic at 60 keV"),
        ("70keVS", "virtual monoenergetic at 70 keV"),
        ("ABD monoénergétique 55", "virtual monoenergetic at 55 keV"),
        ("VMI 40", "virtual monoenergetic at 40 keV"),
        ("Mono+ 190 keV", "virtual monoenergetic at 190 keV"),
        ("DE_Abd_Pel_2_0_Qr40_3_Liver_VNC_0_Auto_", "virtual non-contrast"),
        ("4Q4 VIRTUAL NONCONTRAST", "virtual non-contrast"),
        ("Virtual Unenhanced", "virtual non-contrast"),
        ("Virtuell nativ 3.0", "virtual non-contrast"),
        ("VUE", "virtual non-contrast"),
        ("Spine VNCa", "virtual non-calcium"),
        ("Calcium Suppression 25 Index[HU*]", "calcium-suppressed"),
        ("Iodine Density [mg/ml] , IODINE DENSITY, Spectral (3)", "an iodine image"),
        ("WATER_IODINE_", "an iodine image"),
        ("Water 1.0 mg/cc", "a material-density image"),
        ("HAP(Water) ABD", "a material-density image"),
        ("Uric Acid Removed[HU*]", "a material-density image"),
        ("Z Effective", "an effective atomic number"),
        ("Eff. Z", "an effective atomic number"),
        ("Electron Density [%EDW]", "an electron density"),
        ("Elektronendichte", "an electron density"),
        ("NEPHRO  4.0  B40f  M_0.4", "mixed from two tube voltages"),
        ("DE mixed 0.5", "mixed from two tube voltages"),
        ("DE Perfusion DATA  B_Sn140kV", "taken through a tin filter"),
        ("CTA Subtraction", "subtracted"),
        ("po iv GSI", "one of a GE spectral (GSI) scan"),
        ("MIP_Lung", "a projection"),
        ("Aligned_CBCT", "a cone-beam CT"),
        ("DynaCT Body", "a cone-beam CT"),
        ("MVCT daily", "a megavoltage CT"),
        ("synthetic CT", "a CT made from MR"),
        ("Pseudo-CT", "a CT made from MR"),
        ("Iodkarte", "an iodine image"),
        ("IOD MAP", "an iodine image"),
        ("VNB 1.0", "virtual non-contrast"),
        ("Fettfraktion", "a material-density image"),
        ("BoneMarrow", "a material-density image"),
        ("Knochenmarködem", "a material-density image"),
        ("Differenzbild", "subtracted"),
    ],
)
def test_words_that_name_a_derived_image(words: str, kind: str) -> None:
    assert image_kind(words) == kind


@pytest.mark.parametrize(
    "words",
    [
        *("Water Sol & 100ml Ultravist", "WATER & 100 Mls NIOPAM", "CORONAL_CAP_ISOVUE300_100CC", "ISOVUE_370_97_ML"),
        *(
            "PRONE VIRTUAL",
            "VIRTUAL COLON",
            "3 1.0 x 0.8 Virtual Bronch",
            "Calcium Score CT",
            "CORONARY CALCIUM SCORING",
        ),
        *("DUAL_LIVER_W_CAP_2_5mm", "TARDIA DE 15 MTOS", "CTAC Dual Time", "<MPR Range[1]>", "J.BRZUSZNA Z KONTR"),
        *(
            "Series De-Identified for Patient Confidentiality",
            "CT FUSION",
            "THINS FOR 3D",
            "THINS FOR MIP",
            "monophasic",
        ),
        *(
            "Conventional",
            "Photon counting T3D Br40 QIR 3",
            "100 kV ABD A_100kV",
            "2,OPA,GE,LSULT,BONE,360,1.2,120,30,34.3,0.9",
        ),
        *(
            "SCT ABDOMEN",
            "BONE MARROW BIOPSY",
            "Knochenmarkpunktion",
            "Knochenmarks-Biopsie",
            "Periodontal",
            "Iodixanol",
        ),
        *("120 KV", "Iodine contrast 100 ml", "ABD 3.0 I40f 3", "VUE AXIALE 2.5", "True Non Contrast", ""),
    ],
)
def test_words_of_plain_ct(words: str) -> None:
    assert image_kind(words) == ""


def test_real_descriptions_are_refused_only_for_what_they_are() -> None:
    """All 39,092 descriptions of 128,169 real series: how many are refused, by kind."""
    table = pd.read_parquet(shared_data("tables", "idc_ct_series.parquet"), columns=["SeriesDescription"])
    counts = Counter(kind.split(" at ")[0] for one in table.SeriesDescription.dropna() if (kind := image_kind(one)))
    assert counts.pop("a projection") == 1767
    assert counts == {
        "calcium-suppressed": 288,
        "virtual monoenergetic": 234,
        "mixed from two tube voltages": 34,
        "taken through a tin filter": 12,
        "an iodine image": 11,
        "fused with another image": 38,
        "virtual non-contrast": 5,
        "one of a GE spectral (GSI) scan": 2,
        "a material-density image": 2,
        "a cone-beam CT": 4,
    }


def _attribute(keyword: str, value: object):
    return lambda dataset, _: setattr(dataset, keyword, value)


def _item(**values: object) -> DicomSequence:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return DicomSequence([item])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_attribute("SeriesDescription", "MonoE 40keV[HU]"), "virtual monoenergetic at 40 keV, by its description"),
        (_attribute("ImageComments", "VNC"), "virtual non-contrast, by its comments"),
        (_attribute("ProtocolName", "Mono 55 keV"), "virtual monoenergetic at 55 keV, by its protocol"),
        (_attribute("DerivationDescription", "weighted sum of 80 and 140 kV"), "mixed from two tube voltages, by how"),
        (
            _attribute("DerivationCodeSequence", _item(CodeMeaning="Pixel by pixel subtraction")),
            "subtracted, by how it was derived",
        ),
        (_attribute("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL", "EFF_ATOMIC_NUM"]), "an effective atomic number"),
        (_attribute("ImageType", ["DERIVED", "PRIMARY", "AXIAL", "CT_SOM5 SPI", "DE_COMP"]), "mixed from two tube"),
        (
            _attribute("MultienergyCTCharacteristicsSequence", _item(MonoenergeticEnergyEquivalent=50.0)),
            "virtual monoenergetic at 50 keV, by its multi-energy attributes",
        ),
        (_attribute("FilterMaterial", "TIN"), "taken through a tin filter"),
    ],
)
def test_every_place_in_a_header_counts(tmp_path: Path, change, found: str) -> None:
    exclusion = the_exclusion(found_in(tmp_path / "ct", change=change))
    assert exclusion.code is ExclusionCode.DERIVED
    assert found in exclusion.sentence


def test_switching_voltages_are_refused_and_photon_counting_is_not(tmp_path: Path) -> None:
    def source(technique: str, detector: str):
        def change(dataset: Dataset, _: int) -> None:
            dataset.MultienergyCTAcquisition = "YES"
            one = Dataset()
            one.MultienergyCTXRaySourceSequence = _item(MultienergySourceTechnique=technique)
            one.MultienergyCTXRayDetectorSequence = _item(MultienergyDetectorType=detector)
            dataset.MultienergyCTAcquisitionSequence = DicomSequence([one])

        return change

    switching = found_in(tmp_path / "switching", change=source("SWITCHING_SOURCE", "INTEGRATING"))
    assert "switching tube voltages" in the_exclusion(switching).sentence
    for detector in ("PHOTON_COUNTING", "MULTILAYER"):
        found = found_in(tmp_path / detector, change=source("CONSTANT_SOURCE", detector))
        assert the_series(found).kvp == 120.0
        assert not volume_of(found).cautions


def test_a_multienergy_scan_that_does_not_name_its_image_is_read_with_a_caution(tmp_path: Path) -> None:
    def two_tubes(dataset: Dataset, _: int) -> None:
        dataset.MultienergyCTAcquisition = "YES"
        both = Dataset()
        both.MultienergyCTXRaySourceSequence = DicomSequence([*_item(MultienergySourceTechnique="CONSTANT_SOURCE")] * 2)
        dataset.MultienergyCTAcquisitionSequence = DicomSequence([both])

    for name, change in (("bare", _attribute("MultienergyCTAcquisition", "YES")), ("two", two_tubes)):
        found = found_in(tmp_path / name, change=change)
        assert the_series(found).kvp == 120.0
        (told,) = volume_of(found).cautions
        assert told.code is CautionCode.MULTIENERGY
        assert "Acquisition is YES in" in told.sentence
    plain = found_in(tmp_path / "plain", change=_attribute("MultienergyCTAcquisition", "NO"))
    assert not volume_of(plain).cautions


def test_a_protocol_of_the_whole_examination_says_nothing_of_one_series(tmp_path: Path) -> None:
    assert the_series(found_in(tmp_path / "ct", change=_attribute("ProtocolName", "CT CHEST W MIPS GSI")))
