"""Manufacturers and kernels in real data: all strings of the Imaging Data Commons, and those that match no row."""

from __future__ import annotations

import pyarrow.parquet as parquet
import pytest

from osteo_core.dicom.kernels import kernel_group
from osteo_core.dicom.vendor import normalise_vendor, odd_unit, vendor_of_model
from osteo_core.terms import KernelGroup, Vendor
from tests.shared_data import shared_data

#: All 45 manufacturer strings of CT series in IDC v25, and the vendor for each.
IDC_MANUFACTURERS = {
    "GE MEDICAL SYSTEMS": Vendor.GE,
    "GE": Vendor.GE,
    "GE Medical Systems": Vendor.GE,
    "GE MEDICAL S]STEMS": Vendor.GE,
    "GE MEDICAL SYSTEMS / MIMvista": Vendor.GE,
    "GE MEDICAL SYSTEMS / MIM Software": Vendor.GE,
    "SIEMENS": Vendor.SIEMENS,
    "Siemens": Vendor.SIEMENS,
    "Siemens Healthineers": Vendor.SIEMENS,
    "Siemens Healthcare": Vendor.SIEMENS,
    "Siemens Molecular Imaging": Vendor.SIEMENS,
    "SIEMENS / MIM Software": Vendor.SIEMENS,
    "Philips": Vendor.PHILIPS,
    "Philips Medical Systems": Vendor.PHILIPS,
    "Philips / MIM Software": Vendor.PHILIPS,
    "Philips / MIMvista": Vendor.PHILIPS,
    "TOSHIBA": Vendor.CANON,
    "Canon Medical Systems": Vendor.CANON,
    "UIH": Vendor.UIH,
    "FUJIFILM Healthcare Corporation": Vendor.HITACHI,
    "Hitachi, Ltd.": Vendor.HITACHI,
    "Hitachi Medical Corporation": Vendor.HITACHI,
    "NMS": Vendor.NEUSOFT,
    "Neusoft Medical Systems": Vendor.NEUSOFT,
    "PNMS": Vendor.NEUSOFT,
    "Varian Imaging Laboratories, Switzerland": Vendor.OTHER,
    "Varian Medical Systems": Vendor.OTHER,
    "Varian Medical Systems / MIM Software": Vendor.OTHER,
    "ELEKTA / MIM Software": Vendor.OTHER,
    "ADAC": Vendor.OTHER,
    "CMS, Inc.": Vendor.OTHER,
    "Riverain Technologies": Vendor.OTHER,
    "RIVERAIN TECHNOLOGIES": Vendor.OTHER,
    "Stanford University": Vendor.OTHER,
    "Unknown manufacturer": Vendor.OTHER,
    "Imatron": Vendor.OTHER,
    "Vital Images, Inc": Vendor.OTHER,
    "Vital Images, Inc.": Vendor.OTHER,
    "HOLOGIC, Inc.": Vendor.OTHER,
    "Barco": Vendor.OTHER,
    "McKesson Medical Imaging Group": Vendor.OTHER,
    "CPS": Vendor.OTHER,
    "Bayer HealthCare LLC": Vendor.OTHER,
    "MGH 3D RAD CAD X Lab": Vendor.OTHER,
    "Plastimatch": Vendor.OTHER,
}


@pytest.mark.parametrize(("manufacturer", "vendor"), IDC_MANUFACTURERS.items())
def test_every_string_of_idc(manufacturer: str, vendor: Vendor) -> None:
    assert normalise_vendor(manufacturer) is vendor


def test_the_table_above_is_the_whole_of_idc() -> None:
    table = parquet.read_table(shared_data("tables", "idc_ct_series.parquet"), columns=["Manufacturer"])
    assert set(table["Manufacturer"].unique().to_pylist()) - {None} == set(IDC_MANUFACTURERS)


def test_every_model_of_idc_agrees_with_its_manufacturer_or_stays_other() -> None:
    """200 models: a model never names another vendor than the manufacturer does (except three re-labelled series)."""
    columns = ["Manufacturer", "ManufacturerModelName"]
    rows = parquet.read_table(shared_data("tables", "idc_ct_series.parquet"), columns=columns).group_by(columns)
    pairs = [tuple(row.values()) for row in rows.aggregate([]).to_pylist()]
    assert len({model for _, model in pairs if model}) == 200
    vendors = {(normalise_vendor(name), vendor_of_model(model), name, model) for name, model in pairs if name}
    contradicting = {
        (name, model)
        for own, by_model, name, model in vendors
        if Vendor.OTHER not in (own, by_model) and own != by_model
    }
    assert contradicting == {("SIEMENS", "LightSpeed16")}


@pytest.mark.parametrize("manufacturer", [None, "", "  ", "GENERAL IMAGING", "Siemensx", "SAMSUNG", "MinFound"])
def test_what_no_row_names_stays_other(manufacturer: str | None) -> None:
    assert normalise_vendor(manufacturer) is Vendor.OTHER


@pytest.mark.parametrize(
    ("manufacturer", "vendor"),
    [
        ("  siemens   healthineers ", Vendor.SIEMENS),
        ("TOSHIBA_MEC", Vendor.CANON),
        ("CANON_MEC", Vendor.CANON),
        ("HITACHI", Vendor.HITACHI),
        ("FUJIFILM Corporation", Vendor.HITACHI),
        ("United Imaging Healthcare", Vendor.UIH),
        ("GE HealthCare", Vendor.GE),
        ("Neusoft", Vendor.NEUSOFT),
    ],
)
def test_other_spellings(manufacturer: str, vendor: Vendor) -> None:
    assert normalise_vendor(manufacturer) is vendor


def test_the_model_speaks_only_by_its_line() -> None:
    assert vendor_of_model("LightSpeed16") is Vendor.GE
    assert vendor_of_model("Biograph20") is Vendor.SIEMENS
    assert vendor_of_model("syngo.via") is Vendor.OTHER
    assert vendor_of_model(None) is Vendor.OTHER


@pytest.mark.parametrize(
    ("manufacturer", "model", "kind"),
    [
        ("Varian Imaging Laboratories, Switzerland", "Trilogy Cone Beam CT", "cone-beam CT"),
        ("Varian Medical Systems", "OBI Cone-beam CT", "cone-beam CT"),
        ("Varian Medical System", "OBI", "cone-beam CT"),
        ("Varian Medical Systems", "On-Board Imager CBCT", "cone-beam CT"),
        ("Varian Medical Systems", "Halcyon", "cone-beam CT"),
        ("ELEKTA / MIM Software", "Elekta XVI", "cone-beam CT"),
        ("Siemens", "AXIOM-Artis", "cone-beam CT"),
        ("SIEMENS", "Cios Spin", "cone-beam CT"),
        ("GE MEDICAL SYSTEMS", "Innova 3131", "cone-beam CT"),
        ("Philips Medical Systems", "Allura Xper", "cone-beam CT"),
        ("Medtronic", "O-arm", "cone-beam CT"),
        ("Ziehm", "Vision RFD 3D", "cone-beam CT"),
        ("TomoTherapy Incorporated", "Hi-Art", "megavoltage CT"),
        ("Philips", "MRCAT", "a CT made from MR"),
        ("SIEMENS", "MAGNETOM Sola", "a CT made from MR"),
        ("SIEMENS", "SOMATOM Force", ""),
        ("SERVICIOS MEDICOS", "INNOVATION CT", ""),
        (None, None, ""),
    ],
)
def test_units_whose_values_are_no_hu(manufacturer: str | None, model: str | None, kind: str) -> None:
    assert odd_unit(manufacturer, model) == kind


@pytest.mark.parametrize(
    ("vendor", "kernel", "group"),
    [
        (Vendor.GE, "SOFT", KernelGroup.SMOOTH),
        (Vendor.GE, "STANDARD", KernelGroup.STANDARD),
        (Vendor.GE, "LUNG", KernelGroup.SHARP),
        (Vendor.GE, "BONEPLUS", KernelGroup.SHARP),
        (Vendor.GE, "EXPERIMENTAL7", KernelGroup.UNKNOWN),
        (Vendor.SIEMENS, "B20f", KernelGroup.SMOOTH),
        (Vendor.SIEMENS, "B30f", KernelGroup.STANDARD),
        (Vendor.SIEMENS, "B40f", KernelGroup.STANDARD),
        (Vendor.SIEMENS, "B50f", KernelGroup.SHARP),
        (Vendor.SIEMENS, "B80f", KernelGroup.SHARP),
        (Vendor.SIEMENS, "Br38f\\3", KernelGroup.STANDARD),
        (Vendor.SIEMENS, "Br64d\\3", KernelGroup.SHARP),
        (Vendor.SIEMENS, "I26f\\2", KernelGroup.SMOOTH),
        (Vendor.SIEMENS, "Qr40d", KernelGroup.STANDARD),
        (Vendor.SIEMENS, "T20s", KernelGroup.UNKNOWN),
        (Vendor.PHILIPS, "A", KernelGroup.SMOOTH),
        (Vendor.PHILIPS, "B", KernelGroup.STANDARD),
        (Vendor.PHILIPS, "C", KernelGroup.STANDARD),
        (Vendor.PHILIPS, "D", KernelGroup.SHARP),
        (Vendor.PHILIPS, "Q", KernelGroup.UNKNOWN),
        (Vendor.CANON, "FC10", KernelGroup.SMOOTH),
        (Vendor.CANON, "FC13", KernelGroup.STANDARD),
        (Vendor.CANON, "FC51", KernelGroup.SHARP),
        (Vendor.CANON, "FL01", KernelGroup.UNKNOWN),
        (Vendor.UIH, "B_SOFT_B", KernelGroup.STANDARD),
        (Vendor.UIH, "B_VSHARP_C", KernelGroup.SHARP),
        (Vendor.HITACHI, "12", KernelGroup.UNKNOWN),
        (Vendor.OTHER, "bone", KernelGroup.SHARP),
        (Vendor.GE, None, KernelGroup.UNKNOWN),
        (Vendor.SIEMENS, " ", KernelGroup.UNKNOWN),
    ],
)
def test_kernels(vendor: Vendor, kernel: str | None, group: KernelGroup) -> None:
    assert kernel_group(vendor, kernel) is group


def test_a_kernel_means_something_only_under_its_vendor() -> None:
    assert kernel_group(Vendor.GE, "B30f") is KernelGroup.UNKNOWN
    assert kernel_group(Vendor.SIEMENS, "STANDARD") is KernelGroup.UNKNOWN


def test_nlst_kernels_split_as_its_protocol_had_them() -> None:
    """Each NLST centre reconstructed one standard and one sharp series; the five commonest pairs (IDC v25)."""
    standard = [(Vendor.GE, "STANDARD"), (Vendor.SIEMENS, "B30f"), (Vendor.PHILIPS, "C"), (Vendor.CANON, "FC10")]
    sharp = [(Vendor.GE, "BONE"), (Vendor.SIEMENS, "B50f"), (Vendor.PHILIPS, "D"), (Vendor.CANON, "FC51")]
    assert KernelGroup.SHARP not in {kernel_group(*pair) for pair in standard}
    assert {kernel_group(*pair) for pair in sharp} == {KernelGroup.SHARP}
