"""How well does the released DenseNet-121 read vBMD? ``python -m benchmarks.regression --facts DIR [--patients 24]``.

The patients, images and readings of benchmarks.ensemble (same DIR: nothing is rendered or read twice): simulated
patients of every vendor on scanners unseen in training, true masks. The mean reading over a patient's sound levels
against their true mean, and how often the 95 % intervals cover the truth; native and enhanced separately.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.density import Answer, summary
from benchmarks.density_facts import Facts, draw_patients
from benchmarks.ensemble import FIRST_SEED, drawn_once, read_once
from benchmarks.resumable import as_text
from benchmarks.scoring import Row
from models.registry import load_regressor
from osteo_core.assessment.second_reading import mean_reading
from osteo_core.errors import UsageError

_LEAST_PATIENTS = 4
_FIGURES = ("r", "bias", "loa_low", "loa_high", "rmse", "coverage", "coverage_levels", "half_width")


def reading(facts: Facts) -> Answer | None:
    """The network's mean over the levels that it read, in the form of an Answer; None without two levels."""
    read = {m.level: m.regressed_mg_cm3 for m in facts.measurements if m.regressed_mg_cm3 is not None}
    mean = mean_reading(facts.measurements)
    if mean is None or len(read) < 2:
        return None
    true = {level: facts.true_mg_cm3[level] for level in read}
    return Answer(
        mean=mean,
        true_mg_cm3=float(np.mean(list(true.values()))),
        qct_mg_cm3=None,
        levels_held=tuple(one.low <= true[level] <= one.high for level, one in read.items()),
        parts_mg_cm3={},
    )


def table(facts: Sequence[Facts]) -> list[Row]:
    """One row per vendor and contrast group; patients without a reading are counted."""
    vendors = ("all", *dict.fromkeys(str(one.series.vendor) for one in facts))
    rows = []
    for vendor in vendors:
        for group in ("native", "enhanced", "both"):
            own = [
                reading(one)
                for one in facts
                if vendor in ("all", str(one.series.vendor)) and group in ("both", _group(one))
            ]
            given = [one for one in own if one is not None]
            row: Row = {"vendor": vendor, "group": group, "n": len(own), "without": len(own) - len(given)}
            found = summary(given) if len(given) >= _LEAST_PATIENTS else {}
            rows.append(row | {name: found.get(name) for name in _FIGURES})
    return rows


def _group(facts: Facts) -> str:
    return "native" if facts.is_native else "enhanced"


def _read(patients_a_vendor: int, folder: Path) -> Iterator[Facts]:
    regressor = load_regressor()
    if regressor is None:
        raise UsageError("bmd_regression has no released weights to measure")
    for patient in draw_patients(patients_a_vendor, first_seed=FIRST_SEED):
        yield read_once(drawn_once(patient, folder), regressor, folder)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=24, help="patients a vendor")
    parser.add_argument("--facts", type=Path, required=True, help="where each patient is kept between runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    arguments.facts.mkdir(parents=True, exist_ok=True)
    rows = table(list(_read(arguments.patients, arguments.facts)))
    print(json.dumps(rows, indent=1) if arguments.json else as_text(rows))


if __name__ == "__main__":
    main()
