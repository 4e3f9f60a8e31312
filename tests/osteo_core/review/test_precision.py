"""A site's own precision study: the arithmetic against a slow second computation, its coverage, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteo_core.errors import TableError
from osteo_core.review.precision import COLUMNS, Scanner, read_precision
from osteo_core.review.priors import compare, least_significant_change
from osteo_core.terms import Level, Vendor
from tests.osteo_core.review.test_priors import alike

FORCE = Scanner(vendor=Vendor.SIEMENS, model="SOMATOM Force")
GE = Scanner(vendor=Vendor.GE, model="Revolution CT")
HEAD = ",".join(COLUMNS)
OWN = "Siemens,SOMATOM FORCE,120,,,2.1,,30,2,protocol 7"
PAIR = "GE,Revolution CT,120,Siemens,SOMATOM Force,,4.0,15,3,protocol 8"


def table(folder: Path, *rows: str, head: str = HEAD) -> Path:
    path = folder / "precision.csv"
    path.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return path


def rms_sd_slowly(measured: list[list[float]]) -> float:
    """Gluer 1995, sum by sum: each patient's SD with n - 1, then the root mean square of these."""
    total = 0.0
    for values in measured:
        mean = sum(values) / len(values)
        total += sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return (total / len(measured)) ** 0.5


def test_of_unchanged_patients_one_in_twenty_differs_by_more_than_the_lsc_of_their_rms_sd(tmp_path: Path) -> None:
    """Patients of very different vBMD, measured twice with an error of 2.5 mg/cm3."""
    random = np.random.default_rng(19)
    measured = random.uniform(40, 200, size=(4000, 1)) + random.normal(0, 2.5, size=(4000, 2))
    rms = rms_sd_slowly(measured[:2000].tolist())
    assert rms == pytest.approx(2.5, rel=0.05)
    (own,) = read_precision(table(tmp_path, f"Siemens,SOMATOM Force,120,,,{rms:.6f},,2000,2,simulated"))
    lsc = least_significant_change(own.error_mg_cm3(90.0))
    beyond = np.mean(np.abs(np.diff(measured[2000:], axis=1)) > lsc)  # the other half
    assert beyond == pytest.approx(0.05, abs=0.015)


def test_a_worked_example_of_each_kind(tmp_path: Path) -> None:
    """SD 2.1: LSC 2.77 x 2.1 = 5.817 whatever the vBMD. CV 4 % of the mean 92: 2.77 x 3.68 = 10.194."""
    own = read_precision(table(tmp_path, OWN, PAIR))
    found = compare(alike(84.0, scanner=FORCE), alike(100.0, scanner=FORCE), own=own)
    assert found.mean.lsc == pytest.approx(5.817)
    assert (found.is_own, found.unlike) == (True, ())
    assert found.precision == ("site: RMS SD 2.1 mg/cm³, 30 patients x 2 (protocol 7)")
    assert found.levels[Level.L2].lsc == pytest.approx(2 * 5.817)
    both = compare(alike(84.0, scanner=FORCE), alike(100.0, scanner=GE, device="d2"), own=own)
    assert both.mean.lsc == pytest.approx(10.1936)  # not from the intervals: this pair was measured
    assert (both.is_own, both.unlike) == (True, ("another scanner",))


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ({}, {"device": "d2"}),  # two units of one model: not measured
        ({}, {"kvp": 100.0}),
        ({"kvp": 100.0}, {"kvp": 100.0}),
        ({}, {"kernel_group": "sharp"}),
        ({}, {"calibration": "published"}),
        ({"phase": "portal venous"}, {"phase": "portal venous"}),
        ({"scanner": GE}, {"scanner": GE}),
        ({"scanner": None}, {}),
        ({"device": ""}, {"device": ""}),
    ],
)
def test_where_the_study_does_not_cover_both_scans_the_published_precision_is_used(tmp_path: Path, now, then) -> None:
    studies = [alike(value, **{"scanner": FORCE, **given}) for value, given in ((84.0, now), (100.0, then))]
    own = read_precision(table(tmp_path, OWN, PAIR))
    found, published = compare(*studies, own=own), compare(*studies)
    assert found == published
    assert (found.is_own, found.precision.startswith("published: RMS CV")) == (False, True)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (OWN.replace("30,2", "29,2"), r"30 degrees of freedom .* found 29 x \(2 - 1\) = 29"),
        (OWN.replace("30,2", "15,2"), "found 15 x"),
        (OWN.replace("2.1,,", "2.1,3,"), "found both"),
        (OWN.replace("2.1,,", ",,"), "found neither"),
        (OWN.replace("30,2", "30.5,2"), "are counts, found 30.5"),
        (OWN.replace("2.1", "0.0021"), "rms_sd_mg_cm3: expected a number from 0.1 to 30"),
        (OWN.replace("120,,", "120,GE,"), "found one of them"),
        (OWN.replace("Siemens", "Simens"), "vendor: expected one of GE, Siemens"),
        (OWN.replace("120", "12"), "kvp: expected a number from 60"),
        (OWN.replace("protocol 7", ""), "source must be given"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_its_line_and_nothing_is_used(
    tmp_path: Path, row: str, why: str
) -> None:
    assert row != OWN
    with pytest.raises(TableError, match=why) as refused:
        read_precision(table(tmp_path, PAIR, row))
    assert str(refused.value).startswith("precision table precision.csv, row 3: ")
    assert "Nothing of it was taken in" in str(refused.value)


def test_the_second_scanner_may_be_left_out_of_the_table_as_a_whole(tmp_path: Path) -> None:
    head = ",".join(name for name in COLUMNS if not name.startswith("other_"))
    (own,) = read_precision(table(tmp_path, "Siemens,SOMATOM Force,120,,4.2,16,3,p", head=head))
    assert (own.other, own.rms_cv_percent, own.patients, own.measurements_each) == (None, 4.2, 16, 3)
    assert own.error_mg_cm3(10.0) == 2.1, "percent of a low vBMD: not below the published least"
