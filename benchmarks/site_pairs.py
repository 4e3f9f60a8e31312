"""A site's own line from 40 QCT pairs, judged on its next 200 patients: ``python -m benchmarks.site_pairs [--json]``.

One scanner of each vendor, unseen in training, at 120 kVp; native patients in succession, the first 40 with
QCT. HU are computed from physics and the scanner's flaws, without an image (`density_bands.physical_facts`), and QCT
is simulated for that scanner. The line is made by `osteo_core.programme.site_line`, written as the site's table,
and chosen for each of the next patients as in an analysis. Printed: 95 % limits of agreement of a patient's
mean with QCT, and those of QCT with an error-free reading: the scatter that no line can remove.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.density_bands import physical_facts
from benchmarks.density_facts import Facts, draw_patients
from db.site_lines import csv_text
from osteo_core.density.calibration.apply import vbmd_of_level
from osteo_core.density.calibration.choose import choose_calibration
from osteo_core.density.calibration.setup import CalibrationSetup, read_setup
from osteo_core.outcomes import Exclusion
from osteo_core.programme.site_line import PairsLine, QctPair, Scanner, line_of_pairs, table_row
from osteo_core.settings import Settings
from osteo_core.simulate.patient import TEST_SEEDS
from osteo_core.simulate.scanners import Acquisition
from osteo_core.simulate.truth import Contrast
from osteo_core.terms import ContrastPhase, Mineral

FIRST_SEED = TEST_SEEDS.start + 85_000
KVP = 120
PAIRS, NEXT = 40, 200
_LIMIT = 1.959964  # of a normal distribution, 95 %, two-sided


@dataclass(frozen=True, kw_only=True)
class Limits:
    """95 % limits of agreement, mg/cm3."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SiteResult:
    """One scanner: its line, and the difference of the next patients from QCT with it and with the general line."""

    vendor: str
    scanner: str
    n_pairs: int
    n_next: int
    site: Limits
    general: Limits
    qct_own: Limits

    @property
    def beyond_qct_mg_cm3(self) -> float:
        """How far the site's limits exceed QCT's own scatter, on the worse side."""
        return max(self.qct_own.low - self.site.low, self.site.high - self.qct_own.high)


def scans_of_sites(patients_a_vendor: int) -> Iterator[list[Facts]]:
    """This many native patients on one scanner of each vendor."""
    by_vendor: dict[str, list[Facts]] = {}
    scanners: dict[str, Acquisition] = {}
    for patient in draw_patients(patients_a_vendor, first_seed=FIRST_SEED):
        own = patient.acquisition
        scanner = scanners.setdefault(own.maker.vendor, own)
        moved = replace(
            own,
            model=scanner.model,
            unit=scanner.unit,
            offset_hu=scanner.offset_hu,
            gain=scanner.gain,
            kernel=scanner.kernel,
            kvp=KVP,
        )
        native = replace(patient, acquisition=moved, contrast=Contrast(phase=ContrastPhase.NATIVE))
        facts = physical_facts(native)
        facts = replace(facts, series=replace(facts.series, manufacturer_model_name=scanner.model))
        if len(facts.qct_mg_cm3) >= 2:
            by_vendor.setdefault(own.maker.vendor, []).append(facts)
    yield from by_vendor.values()


def site_result(scans: Sequence[Facts], *, pairs: int = PAIRS) -> SiteResult:
    """The line of the first ``pairs`` patients on the others. Raises ValueError if they give no line."""
    first, later = scans[:pairs], scans[pairs:]
    line = line_of_pairs([_pair(facts) for facts in first])
    if isinstance(line, str):
        raise ValueError(line)
    series = first[0].series
    scanner = Scanner(
        vendor=str(series.vendor),
        manufacturer_model_name=series.manufacturer_model_name,
        kvp=float(KVP),
        kernel_group=series.kernel_group.value,
        mineral=Mineral.K2HPO4.value,
    )
    own = _setup_of(scanner, line)
    general = read_setup(Settings(calibration_order="tissues"))
    qct = np.array([_mean(facts.qct_mg_cm3) for facts in later])
    true = np.array([_mean({name: facts.true_mg_cm3[name] for name in facts.qct_mg_cm3}) for facts in later])
    return SiteResult(
        vendor=str(series.vendor),
        scanner=scanner.words,
        n_pairs=len(first),
        n_next=len(later),
        site=_limits([_value(facts, own) for facts in later] - qct),
        general=_limits([_value(facts, general) for facts in later] - qct),
        qct_own=_limits(qct - true),
    )


def _pair(facts: Facts) -> QctPair:
    """As in `db/queries/qct_hu_pairs.sql`: mean HU and mean QCT of the levels that both have."""
    shared = [m for m in facts.measurements if m.level in facts.qct_mg_cm3]
    return QctPair(
        patient_key=str(facts.seed),
        hu=float(np.mean([m.median_hu for m in shared])),
        qct_mg_cm3=_mean(facts.qct_mg_cm3),
        study_date=facts.series.study_date,
    )


def _setup_of(scanner: Scanner, line: PairsLine) -> CalibrationSetup:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "lines.csv"
        table.write_text(csv_text([table_row(scanner, line, today=date(2027, 1, 1))]), encoding="utf-8")
        return read_setup(Settings(calibration_table=str(table), calibration_order="site"))


def _value(facts: Facts, setup: CalibrationSetup) -> float:
    """The patient's mean over the levels that QCT has too."""
    line = choose_calibration(facts.series, setup, facts.tissues)
    if isinstance(line, Exclusion):
        raise ValueError(line.sentence)
    values = [vbmd_of_level(m, line, None) for m in facts.measurements if m.level in facts.qct_mg_cm3]
    return float(np.mean([value.value for value in values if value is not None]))


def _mean(of_levels: dict[object, float]) -> float:
    return float(np.mean(list(of_levels.values())))


def _limits(differences: np.ndarray) -> Limits:
    mean, sd = float(differences.mean()), float(differences.std(ddof=1))
    return Limits(low=mean - _LIMIT * sd, high=mean + _LIMIT * sd)


def main() -> None:
    """Print one row per scanner."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    for scans in scans_of_sites(PAIRS + NEXT + 40):
        found = site_result(scans[: PAIRS + NEXT])
        if as_json:
            print(json.dumps({"scanner": found.scanner, "n": found.n_next, "beyond_qct": found.beyond_qct_mg_cm3}))
            continue
        one, general, own = found.site, found.general, found.qct_own
        print(
            f"{found.scanner}: {found.n_pairs} pairs, next {found.n_next}: site {one.low:+.1f} to {one.high:+.1f}, "
            f"general line {general.low:+.1f} to {general.high:+.1f}, QCT's own {own.low:+.1f} to {own.high:+.1f}, "
            f"beyond it {found.beyond_qct_mg_cm3:+.1f} mg/cm3"
        )


if __name__ == "__main__":
    main()
