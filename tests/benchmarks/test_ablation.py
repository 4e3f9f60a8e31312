"""The ablation: each change removes only its own flaw, and the table counts the same patients everywhere."""

from dataclasses import replace

import pytest

from benchmarks.ablation import ALL, NONE, OF_THE_BODY, OF_THE_IMAGE, QCT, draw_seeds, patient_rows, table, without_all
from osteo_core.simulate.flaws import PERFECT
from osteo_core.simulate.palette import beam_of, trunk_mm
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.scanners import MAKERS
from osteo_core.terms import ContrastPhase

FLAWS = {"cupping": "cupping_hu", "scatter": "scatter", "off-centre": "slope_hu_per_cm", "drift": "drift_hu"}


@pytest.fixture(scope="module")
def seeds() -> list[int]:
    return draw_seeds(1)


def test_every_vendor_has_its_native_patients(seeds: list[int]) -> None:
    patients = [draw_patient(seed, situations=False) for seed in seeds]
    assert {p.acquisition.maker.vendor for p in patients} == {maker.vendor for maker in MAKERS}
    assert {p.contrast.phase for p in patients} == {ContrastPhase.NATIVE}


@pytest.mark.parametrize(("name", "flaw"), FLAWS.items())
def test_a_flaw_of_the_scanner_goes_alone(seeds: list[int], name: str, flaw: str) -> None:
    patient = draw_patient(seeds[0], situations=False)
    changed = OF_THE_IMAGE[name](patient)
    own = patient.acquisition
    assert getattr(own.flaws, flaw) != 0
    assert changed == replace(patient, acquisition=replace(own, flaws=replace(own.flaws, **{flaw: 0.0})))


def test_what_the_body_brings_goes_alone(seeds: list[int]) -> None:
    patient = draw_patient(seeds[1], situations=False)
    assert beam_of(OF_THE_BODY["spectrum"](patient)).filtration == "reference"
    assert beam_of(OF_THE_BODY["spectrum"](patient)).kvp == patient.acquisition.kvp
    assert OF_THE_BODY["marrow fat"](patient).habitus.marrow_fat == 0.5
    assert trunk_mm(OF_THE_BODY["patient size"](patient)) == pytest.approx(250.0)
    assert OF_THE_BODY["patient size"](patient).levels == patient.levels


def test_none_of_them_leaves_a_perfect_scanner(seeds: list[int]) -> None:
    scan = without_all(draw_patient(seeds[2], situations=False)).acquisition
    assert (scan.flaws, scan.offset_hu, scan.gain, scan.kernel.edge) == (PERFECT, 0.0, 1.0, 0.0)


def test_the_table_counts_only_who_has_a_value_in_every_variant() -> None:
    rows = [
        {"seed": n, "variant": name, "calibration": way, "value": 100.0 + n + shift, "qct": 100.0 + n, "true": 99.0 + n}
        for way in ("phantomless", "precalibrated")
        for n in range(6)
        for name, shift in ((ALL, 4.0 + n % 2), ("drift", 1.0 + n % 2), (NONE, -1.0))
    ]
    refused = {key: value for key, value in rows[0].items() if key not in ("value", "qct", "true")}
    rows[0] = refused | {"refused": "no phantom"}
    lines = {(line["calibration"], line["without"]): line for line in table(rows)}
    assert lines["phantomless", ALL]["n"] == lines["phantomless", "drift"]["n"] == 5
    assert lines["precalibrated", ALL]["n"] == 6
    assert lines["precalibrated", ALL]["bias"] == pytest.approx(4.5)
    assert lines["precalibrated", "drift"]["bias"] == pytest.approx(1.5)
    assert lines["precalibrated", QCT]["bias"] == pytest.approx(5.5)
    assert lines["precalibrated", NONE]["sd"] == pytest.approx(0.0)


def test_one_patient_has_a_value_in_every_variant(seeds: list[int]) -> None:
    rows = patient_rows(str(seeds[1]))  # of the lumbar spine only: the shortest CT of them
    assert len(rows) == 2 * (len(OF_THE_IMAGE) + len(OF_THE_BODY) + 2)
    values = {row["variant"]: row["value"] for row in rows if row["calibration"] == "precalibrated"}
    against_qct = {row["variant"]: row["value"] - row["qct"] for row in rows if row["calibration"] == "precalibrated"}
    assert max(against_qct.values()) - min(against_qct.values()) < 6, "QCT reads the body that was scanned"
    always = set(values) - {"scatter", "kernel edge"}  # slim patients and smooth kernels have neither
    assert len({round(values[name], 6) for name in always}) == len(always)
