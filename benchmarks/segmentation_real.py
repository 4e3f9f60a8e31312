"""Dice, surface distance and numbering of the released segmenter on real CT.

``python -m benchmarks.segmentation_real [--workers 2] [--table FILE] [--json]``

Needs ../shared/data. The CT of verse005, verse007 and verse014 was never used in training; that of
lidc_0001 may have been (see models/vertebra_segmentation/CARD.md). Writes one row per level
(models/vertebra_segmentation/tables/real.csv). Dice is given for every level of the reference; only L1-L4 that are
whole in view count in the summary.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.real_series import WITH_REFERENCE, read_labelled
from benchmarks.resumable import TABLES, as_text, collect, write_table
from benchmarks.scoring import Row, by_level, counted, mean_of, score, totals
from models.registry import load_segmenter
from training.real import HELD_OUT


def score_name(key: str) -> list[Row]:
    """Segment one labelled series and compare."""
    volume, truth = read_labelled(key)
    i, j, k = volume.geometry.spacing_mm
    spacing = f"{i:.2f} x {j:.2f} x {k:.2f}"
    about = {"series": key, "kept_aside": key in HELD_OUT, "spacing_mm": spacing, "axes": volume.geometry.axis_codes}
    return score(load_segmenter(), volume, truth, complete=False).rows(**about)


def summary(rows: list[Row]) -> list[Row]:
    """A line for each series, and one for the mean over the held-out ones."""
    lines = [_line(name, [row for row in rows if row["series"] == name]) for name in WITH_REFERENCE]
    aside = [row for row in rows if row["kept_aside"]]
    means = [line["mean_dice"] for line in lines if line["series"] in HELD_OUT]
    return [*lines, {**_line("kept aside", aside), "mean_of_series": mean_of([m for m in means if m is not None])}]


def _line(name: str, rows: list[Row]) -> Row:
    dice = {f"dice_{level}": value for level, value in by_level([row for row in rows if row["level"]]).items()}
    anchors = ", ".join(dict.fromkeys(row["anchor"] for row in rows))
    return {"series": name, **totals(counted(rows)), **dice, "anchor": anchors}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", type=Path, default=TABLES / "real.csv")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rows = collect("segmentation_real", WITH_REFERENCE, score_name, workers=arguments.workers)
    write_table(arguments.table, rows)
    lines = summary(rows)
    print(json.dumps({"levels": rows, "summary": lines}, indent=1) if arguments.json else as_text(lines))


if __name__ == "__main__":
    main()
