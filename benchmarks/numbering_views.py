"""Are levels numbered correctly even if little of the spine is in view?

``python -m benchmarks.numbering_views [--workers 2] [--table FILE] [--json]``

The real series of ../shared/data, whole and cut along the body axis into typical views: ribs and the first lumbar
levels without the sacrum, sacrum and the last lumbar levels without ribs, L1-L4 alone. A view is right if something
is outlined and every outlined body at the position of a reference body carries its number. A level that is not
outlined does not count here (for outlines see benchmarks.segmentation_real). Writes one row per outlined
body (models/vertebra_segmentation/tables/views.csv). Needs ../shared/data.

Numbers of the DICOM series were counted by eye, by one of the developers, from the sacrum (GE Discovery, Toshiba) or
from the last rib in axial slices (Siemens Sensation, GE Revolution); those of the others are the reference's. Of these
series, only the CTs of verse005, verse007 and verse014 were not used in training (models/spine_localiser/CARD.md).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.degradations import part
from benchmarks.real_series import DATA, WITH_REFERENCE, ct_path
from benchmarks.resumable import TABLES, as_text, collect, write_table
from benchmarks.scoring import RIGHT, WRONG, Row, analyze, is_flagged
from models.registry import load_segmenter
from osteo_core.records import Geometry, Volume
from osteo_core.terms import Level
from training.real import read_ct, read_labels

#: Height (LPS z, mm) of the bodies from the first to the last level counted by eye.
BY_EYE: dict[str, tuple[Level, tuple[int, ...]]] = {
    "ge_discovery_ls": (Level.T9, (-440, -466, -495, -526, -561, -595, -631, -668, -704)),
    "toshiba_aquilion": (Level.T11, (1414, 1384, 1355, 1323, 1290, 1255, 1223)),
    "siemens_sensation64": (Level.T9, (-131, -156, -177, -201, -233, -257)),
    "ge_revolution": (Level.T8, (-15, -40, -67, -92, -118, -146, -172)),
}
#: A view ends this far beyond the centre of its last body, so that this body is whole and the next is not.
_HALF_LEVEL_MM = 22.0
#: A found body matches a reference body if their centres are within this distance.
_SAME_MM = 12.0


@dataclass(frozen=True, kw_only=True)
class View:
    """A part of one series, and the height of each body in it."""

    name: str
    volume: Volume
    heights_mm: dict[Level, float]


def heights_of(name: str, geometry: Geometry) -> dict[Level, float]:
    """Height (LPS z, mm) of the middle of each body."""
    if name in BY_EYE:
        first, heights = BY_EYE[name]
        return {Level(first + n): float(z) for n, z in enumerate(heights)}
    labels = read_labels(DATA / "labels" / "bodies" / f"{name}.nii.gz", geometry)
    return {Level(n): float(geometry.to_world_mm(np.argwhere(labels == n).mean(0))[2]) for n in np.unique(labels) if n}


def views(name: str, path: Path) -> Iterator[View]:
    """The whole series and its views."""
    volume = read_ct(path)
    at = heights_of(name, volume.geometry)
    yield View(name=name, volume=volume, heights_mm=at)
    for words, low, high in _extents(at):
        cut, _ = part(volume, direction="z", low_mm=low, high_mm=high)
        yield View(name=f"{name}, {words}", volume=cut, heights_mm=at)


def _extents(at: dict[Level, float]) -> Iterator[tuple[str, float, float]]:
    """Name, lowest and highest position (mm) of each view that these bodies allow."""
    for level in (Level.L1, Level.L2, Level.L3):
        if level + 1 in at and Level.T12 in at and Level.L2 in at:
            yield f"ribs to {level.name}", at[level] - _HALF_LEVEL_MM, np.inf
        if level in at and Level.L5 in at:
            yield f"{level.name} to sacrum", -np.inf, at[level] + _HALF_LEVEL_MM
    if Level.L1 in at and Level.L4 in at:
        yield "L1 to L4 alone", at[Level.L4] - _HALF_LEVEL_MM, at[Level.L1] + _HALF_LEVEL_MM


def judge(view: View) -> list[Row]:
    """One row per outlined body at the position of a reference body; one empty row if there is none."""
    result, found = analyze(load_segmenter(), view.volume)
    about = {"view": view.name, "anchor": found.anchor.value, "flagged": is_flagged(result)}
    rows = []
    for body in found.levels:
        true = min(view.heights_mm, key=lambda level: abs(view.heights_mm[level] - body.centroid_mm[2]))
        if abs(view.heights_mm[true] - body.centroid_mm[2]) < _SAME_MM:
            outcome = RIGHT if true == body.level else WRONG
            described = {"found": body.level.name, "confidence": body.confidence, "cut": body.cut}
            rows.append({**about, "level": true.name, "outcome": outcome, **described})
    return rows or [{**about, "level": "", "outcome": ""}]


def score_name(key: str) -> list[Row]:
    """Rows of all views of one series."""
    path = DATA / "ct" / key if key in BY_EYE else ct_path(key)
    return [row for view in views(key, path) for row in judge(view)]


def table(rows: list[Row]) -> list[Row]:
    """One line per view."""
    lines = []
    for name in dict.fromkeys(row["view"] for row in rows):
        own = [row for row in rows if row["view"] == name]
        outcomes = {row["outcome"] for row in own}
        confidence = min((row["confidence"] for row in own if row["level"]), default=None)
        about = {"anchor": own[0]["anchor"], "flagged": own[0]["flagged"], "least_confidence": confidence}
        lines.append({"view": name, "right": outcomes == {RIGHT}, "empty": outcomes == {""}, **about})
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", type=Path, default=TABLES / "views.csv")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rows = collect("numbering_views", [*BY_EYE, *WITH_REFERENCE], score_name, workers=arguments.workers)
    write_table(arguments.table, rows)
    lines = table(rows)
    if arguments.json:
        print(json.dumps(lines, indent=1))
        return
    print(as_text(lines))
    others = [line for line in lines if not line["right"]]
    seen = sum(line["flagged"] or line["empty"] for line in others)
    print(
        f"{len(lines) - len(others)} of {len(lines)} views rightly numbered; of the others {seen} are flagged or empty"
    )


if __name__ == "__main__":
    main()
