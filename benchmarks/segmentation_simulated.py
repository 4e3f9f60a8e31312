"""Dice, surface distance and numbering of the released segmenter on a fixed set of simulated series.

``python -m benchmarks.segmentation_simulated [--series 300] [--workers 2] [--table FILE] [--json]``

The set is the first ``--series`` seeds from `FIRST_SEED`, in the simulator's TEST_SEEDS, which no training uses.
Writes one row per level (models/vertebra_segmentation/tables/simulated.csv), prints one line per vendor. A stopped run
resumes where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.resumable import TABLES, as_text, collect, write_table
from benchmarks.scoring import FALSE, Row, by_level, counted, score, totals
from models.registry import load_segmenter
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.render import render

FIRST_SEED = TEST_SEEDS.start + 2000


def score_seed(key: str) -> list[Row]:
    """Render the patient of a seed, segment, compare."""
    patient = draw_patient(int(key), situations=False)
    volume, truth = render(patient)
    scan = patient.acquisition
    return score(load_segmenter(), volume, truth).rows(
        seed=patient.seed,
        vendor=scan.maker.vendor.value,
        kernel=scan.kernel.name,
        kvp=scan.kvp,
        thickness_mm=scan.thickness_mm,
        step_mm=scan.step_mm,
        pixel_mm=scan.pixel_mm,
        field_of_view=patient.field_of_view.value,
        phase=patient.contrast.phase.value,
    )


def summary(rows: list[Row]) -> list[Row]:
    """A line for each vendor and one for all: the worst level's mean Dice first, failures in every denominator."""
    vendors = sorted({row["vendor"] for row in rows})
    lines = []
    for name in (*vendors, "all"):
        own = [row for row in rows if name in (row["vendor"], "all")]
        levels = counted(own)
        dice = by_level(levels)
        worst = min(dice, key=lambda level: dice[level]) if dice else ""
        lines.append(
            {
                "vendor": name,
                "series": len({row["seed"] for row in own}),
                "worst_level": worst,
                "worst_level_dice": dice.get(worst),
                **totals(levels),
                "series_flagged": len({row["seed"] for row in own if row["flagged"]}),
                "false_outlines": sum(row["outcome"] == FALSE for row in own),
                "cut_not_marked": sum(_is_cut_unmarked(row) for row in own),
            }
        )
    return lines


def _is_cut_unmarked(row: Row) -> bool:
    """Whether the field of view cuts a level that the program measured nevertheless."""
    return bool(row["level"]) and not row["whole"] and row["measured"]


def main() -> None:
    """Print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", type=Path, default=TABLES / "simulated.csv")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    keys = [str(FIRST_SEED + n) for n in range(arguments.series)]
    rows = collect("segmentation_simulated", keys, score_seed, workers=arguments.workers)
    write_table(arguments.table, rows)
    lines = summary(rows)
    print(json.dumps({"summary": lines}, indent=1) if arguments.json else as_text(lines))


if __name__ == "__main__":
    main()
