"""Dice and numbering of the released segmenter on fresh simulated series.

``python -m benchmarks.segmentation_simulated [--series 50] [--json]``. The seeds lie in the simulator's TEST_SEEDS,
which no training uses.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import numpy as np

from benchmarks.segmentation_real import dice_by_level
from models.registry import load_segmenter
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.render import render
from osteo_core.terms import MEASURED_LEVELS, Level

FIRST_SEED = TEST_SEEDS.start + 1000
#: A level of the truth counts when at least this share of its usual volume is in view.
_WHOLE_SHARE = 0.6


@dataclass(frozen=True, kw_only=True)
class Score:
    """One simulated series: Dice of L1-L4 in view, and how many of them carry the right number."""

    seed: int
    dice: dict[str, float]
    rightly_numbered: int
    anchor: str
    confidence: float
    seconds: float

    @property
    def mean(self) -> float:
        """Mean Dice over the measured levels in view."""
        return float(np.mean(list(self.dice.values())))


def score(seed: int) -> Score:
    """Render one patient, segment, compare."""
    volume, truth = render(draw_patient(seed, situations=False))
    segmentation = load_segmenter().segment(volume)
    sizes = {n: int((truth == n).sum()) for n in MEASURED_LEVELS}
    in_view = [n for n in MEASURED_LEVELS if sizes[n] > _WHOLE_SHARE * max(sizes.values())]
    right = sum(1 for n in in_view if (segmentation.labels[truth == n] == n).mean() > 0.5)
    return Score(
        seed=seed,
        dice=dice_by_level(segmentation, truth, [Level(n) for n in in_view]),
        rightly_numbered=right,
        anchor=segmentation.anchor.value,
        confidence=min((f.confidence for f in segmentation.levels), default=0.0),
        seconds=segmentation.seconds,
    )


def summary(scores: list[Score]) -> dict[str, float]:
    """Means over series, and the share of levels rightly numbered."""
    levels = sum(len(s.dice) for s in scores)
    return {
        "series": len(scores),
        "mean_dice_l1_l4": float(np.mean([s.mean for s in scores])),
        "lowest_series": min(s.mean for s in scores),
        "rightly_numbered": sum(s.rightly_numbered for s in scores) / levels,
        "levels": levels,
        **{
            f"dice_{n.name}": float(np.mean([s.dice[n.name] for s in scores if n.name in s.dice]))
            for n in MEASURED_LEVELS
        },
        "seconds": float(np.mean([s.seconds for s in scores])),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=50)
    parser.add_argument("--skip", type=int, default=0, help="leave out the first seeds, to share the work")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    scores = []
    for seed in range(FIRST_SEED + arguments.skip, FIRST_SEED + arguments.series):
        s = score(seed)
        scores.append(s)
        if not arguments.json:
            levels = "  ".join(f"{level} {value:.3f}" for level, value in s.dice.items())
            print(f"{seed}  mean {s.mean:.3f}  {levels}  anchor: {s.anchor}, confidence {s.confidence:.2f}", flush=True)
    if arguments.json:
        print(json.dumps({"series": [vars(s) for s in scores], "summary": summary(scores)}, indent=1))
        return
    for name, value in summary(scores).items():
        print(f"{name:18s} {value:.3f}")


if __name__ == "__main__":
    main()
