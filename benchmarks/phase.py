"""Contrast phase detected in newly simulated series against the true one.

``python -m benchmarks.phase [--series 120] [--masks true|model] [--json]``: the confusion matrix, accuracy, and
how often the header's statement or silence about contrast disagrees with the image.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass

from benchmarks.true_masks import REPORT_OFFSET, true_segmentation
from models.registry import load_segmenter
from osteo_core.density.tissues import find_calibration_tissues
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.render import render
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import ContrastPhase

_TRUE = (ContrastPhase.NATIVE, ContrastPhase.ARTERIAL, ContrastPhase.PORTAL_VENOUS, ContrastPhase.DELAYED)
_FOUND = (*_TRUE, ContrastPhase.ENHANCED, ContrastPhase.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One series: true and detected phase, and the HU that decided it."""

    seed: int
    true: ContrastPhase
    seen: ContrastPhase
    kvp: int
    hu: dict[str, float]


def see(seed: int, *, masks: str) -> Seen:
    """Render one patient, outline, examine its vessels."""
    patient = draw_patient(seed, situations=False)
    volume, labels = render(patient)
    segmentation = true_segmentation(labels, volume.geometry) if masks == "true" else load_segmenter().segment(volume)
    tissues = find_calibration_tissues(volume, segmentation)
    return Seen(
        seed=seed,
        true=patient.contrast.phase,
        seen=tissues.contrast_phase,
        kvp=patient.acquisition.kvp,
        hu={s.name: round(s.mean_hu, 1) for s in tissues.samples if s.name in ("blood", "cava", "kidney", "urine")},
    )


def summary(rows: list[Seen]) -> dict[str, object]:
    """Confusion matrix (rows true, columns detected), accuracy with its Wilson interval, and the wrong ones."""
    right = sum(row.seen is row.true for row in rows)
    accuracy = wilson(right, len(rows))
    return {
        "series": len(rows),
        "accuracy": {"value": accuracy.value, "low": accuracy.low, "high": accuracy.high},
        "native_or_enhanced_right": sum(_is_enhanced(row.seen) == _is_enhanced(row.true) for row in rows) / len(rows),
        "seen": [phase.value for phase in _FOUND],
        "confusion": {
            true.value: [sum(row.true is true and row.seen is seen for row in rows) for seen in _FOUND]
            for true in _TRUE
        },
        "wrong": [f"{r.seed} {r.true.value} seen as {r.seen.value}, {r.hu}" for r in rows if r.seen is not r.true],
    }


def _is_enhanced(phase: ContrastPhase) -> bool | None:
    return None if phase is ContrastPhase.UNKNOWN else phase is not ContrastPhase.NATIVE


def main() -> None:
    """Print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=120)
    parser.add_argument("--masks", choices=("true", "model"), default="true")
    parser.add_argument("--first-seed", type=int, default=TEST_SEEDS.start + REPORT_OFFSET)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rows = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.series):
        rows.append(see(seed, masks=arguments.masks))
        print(f"\r{len(rows)} series", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = summary(rows)
    if arguments.json:
        print(json.dumps({"rows": [vars(row) for row in rows], "summary": found}, indent=1))
        return
    for name, value in found.items():
        print(f"{name:26s} {value}")


if __name__ == "__main__":
    main()
