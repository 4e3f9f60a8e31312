"""Do the intervals of the released DenseNet-121 cover single levels? ``python -m benchmarks.regression_levels``.

``[--patients 400] [--workers 1] [--json]``: one level each of simulated patients on scanners unseen in training, true
masks; only the slices around that level are rendered. Errors in mg/cm3, and how often the 95 % interval covers the
reading of error-free QCT: native and enhanced separately, and by vendor. Patients without a sound level in view, or at
a tube voltage not used in training, are counted as without.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np

from benchmarks.density_facts import segmentation_of
from benchmarks.resumable import as_text, collect
from benchmarks.scoring import Row
from models.registry import load_regressor
from osteo_core.errors import UsageError
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.reading import true_vbmd
from osteo_core.terms import ContrastPhase
from training.crops import level_of, rendered

#: Seeds that no other benchmark uses.
FIRST_SEED = TEST_SEEDS.start + 97_000
_LEAST = 10


def read_level(key: str) -> list[Row]:
    """The row of one patient, by seed: the scanner's vendor, truth and reading of one level, mg/cm3."""
    patient = draw_patient(int(key), situations=False)
    phase = patient.contrast.phase
    row: Row = {
        "vendor": str(patient.acquisition.maker.vendor),
        "group": "native" if phase is ContrastPhase.NATIVE else "enhanced",
        "true": None,
    }
    level, regressor = level_of(patient), load_regressor()
    if regressor is None:
        raise UsageError("bmd_regression has no released weights to measure")
    image = rendered(patient, level) if level is not None else None
    if level is None or image is None:
        return [row]
    volume, labels = image
    found = regressor.regress(
        volume,
        segmentation_of(labels, volume.geometry),
        kvp=float(patient.acquisition.kvp),
        levels=[level],
        phase=phase,
    )
    if level in found:
        read = found[level]
        row |= {
            "true": true_vbmd(patient, patient.level(level)),
            "read": read.value,
            "low": read.low,
            "high": read.high,
        }
    return [row]


def table(rows: Sequence[Row]) -> list[Row]:
    """One row per contrast group, over all vendors and for each; figures only from ten levels."""
    vendors = ("all", *sorted({str(row["vendor"]) for row in rows}))
    groups = ("native", "enhanced", "both")
    return [_line(rows, vendor, group) for vendor in vendors for group in groups]


def _line(rows: Sequence[Row], vendor: str, group: str) -> Row:
    own = [row for row in rows if vendor in ("all", row["vendor"]) and group in ("both", row["group"])]
    read = [row for row in own if row["true"] is not None]
    line: Row = {"vendor": vendor, "group": group, "n": len(own), "without": len(own) - len(read)}
    if len(read) < _LEAST:
        return line
    true, value, low, high = (np.array([row[name] for row in read], float) for name in ("true", "read", "low", "high"))
    error = value - true
    return line | {
        "r": float(np.corrcoef(true, value)[0, 1]),
        "bias": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "coverage": float(((low <= true) & (true <= high)).mean()),
        "half_width": float((high - low).mean() / 2),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    keys = [str(seed) for seed in range(FIRST_SEED, FIRST_SEED + arguments.patients)]
    rows = table(collect("regression_levels", keys, read_level, workers=arguments.workers))
    print(json.dumps(rows, indent=1) if arguments.json else as_text(rows))


if __name__ == "__main__":
    main()
