"""Is a series with one lumbar body too many or too few sent to a reader?

``python -m benchmarks.spliced_levels [--simulated 4] [--first-seed 504000] [--workers 2] [--table FILE] [--json]``

A stand-in for patients with four or six lumbar vertebrae: in a series that shows the sacrum, one lumbar body is
removed or doubled, along planes midway through the discs; the part below moves sideways so that the spine continues
without a step. This is done for each of L1-L5; on the unchanged series a flag is a false one. Bodies are counted from
the last rib: L1-L4 with one removed, L1-L6 with one doubled. A view is right as in numbering_views.

The real series are those of numbering_views that show the sacrum. Only ge_discovery_ls and toshiba_aquilion show the
last rib too; both were used in training (models/vertebra_segmentation/CARD.md). In verse005 and verse014 no rib is in
view, so nobody can tell where L1 is: they are reported separately. Simulated patients are the first from
``--first-seed`` whose field of view is abdomen and pelvis.

Split: the criteria that contradict a count were found on the two real series with ribs; the limits (numbering.py) were
chosen on simulated patients from 599500 on, which are not reported. Writes one row per outlined body
(models/vertebra_segmentation/tables/spliced.csv). Needs ../shared/data.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.anatomy import FIRST_SEED
from benchmarks.numbering_views import BY_EYE, View, heights_of, judge, table
from benchmarks.real_series import DATA, ct_path
from benchmarks.resumable import TABLES, as_text, collect, write_table
from benchmarks.scoring import Row
from models.registry import load_segmenter
from osteo_core.imaging.resample import canonical, cropped_grid
from osteo_core.records import Volume
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.render import render
from osteo_core.simulate.truth import FieldOfView
from osteo_core.terms import Level
from training.real import read_ct

#: Real series with the sacrum in view: with the last ribs, and without.
WITH_RIBS, WITHOUT_RIBS = ("ge_discovery_ls", "toshiba_aquilion"), ("verse005", "verse014")
LUMBAR = (Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
UNCHANGED, TAKEN, DOUBLED = "unchanged", "taken", "doubled"
_AIR_HU = -1024


def spliced(view: View, level: Level, middles_mm: NDArray[np.float64], change: str) -> View:
    """The view without one lumbar body, or with it twice.

    ``middles_mm``: centres of bodies (N, 3) in LPS mm from the top down, with the spine straight between them.
    The volume must lie along the patient's axes.
    """
    voxels, geometry = canonical(view.volume.voxels_hu, view.volume.geometry)
    ends_mm = _ends_mm(level, view.heights_mm)
    index = [round(float(geometry.to_index(np.array([0.0, 0.0, z]))[2])) for z in ends_mm]
    start, stop = index if change == DOUBLED else index[::-1]
    course = [np.interp(ends_mm, middles_mm[::-1, 2], middles_mm[::-1, axis]) for axis in (0, 1)]
    steps = [round(float(on[0] - on[1]) / step) for on, step in zip(course, geometry.spacing_mm, strict=False)]
    side = 1 if change == DOUBLED else -1
    below = _moved(voxels[:, :, :stop], side * steps[0], side * steps[1])
    joined = np.ascontiguousarray(np.concatenate([below, voxels[:, :, start:]], axis=2))
    volume = Volume(voxels_hu=joined, geometry=cropped_grid(geometry, (0, 0, 0), joined.shape))
    rise_mm = (stop - start) * geometry.spacing_mm[2]
    kept = {n: z + rise_mm * (n < level) for n, z in view.heights_mm.items() if n < level or n > level}
    heights = {Level(n + (n > level) * side): z for n, z in kept.items()}
    if change == DOUBLED:
        heights |= {level: view.heights_mm[level] + rise_mm, Level(level + 1): view.heights_mm[level]}
    return View(name=f"{view.name}, {level.name} {change}", volume=volume, heights_mm=dict(sorted(heights.items())))


def _ends_mm(level: Level, heights_mm: Mapping[Level, float]) -> tuple[float, float]:
    """Height of the disc centres below and above a body; with an unknown neighbour, half the distance to the other."""
    own = heights_mm[level]
    above, below = (heights_mm.get(Level(level + n)) for n in (-1, 1))
    above = 2 * own - below if above is None and below is not None else above
    below = 2 * own - above if below is None and above is not None else below
    if above is None or below is None:
        raise ValueError(f"no neighbour of {level.name} is known, only {[n.name for n in heights_mm]}")
    return (own + below) / 2, (own + above) / 2


def _moved(voxels: NDArray[np.generic], i: int, j: int) -> NDArray[np.generic]:
    """Voxels (I, J, K) shifted by whole steps along the first two axes; vacated voxels become air."""
    moved = np.roll(voxels, (i, j), axis=(0, 1))
    moved[slice(0, i) if i >= 0 else slice(i, None)] = _AIR_HU
    moved[:, slice(0, j) if j >= 0 else slice(j, None)] = _AIR_HU
    return moved


def whole(key: str) -> View:
    """A real series by its name, or the simulated patient of a seed; the heights of its bodies from T12 on."""
    if not key.isdigit():
        volume = read_ct(DATA / "ct" / key if key in BY_EYE else ct_path(key))
        return View(name=key, volume=volume, heights_mm=heights_of(key, volume.geometry))
    volume, truth = render(draw_patient(int(key), situations=False))
    levels = [Level(int(n)) for n in np.unique(truth) if Level.T12 <= n <= Level.L5]
    middles = {n: volume.geometry.to_world_mm(np.argwhere(truth == n).mean(0)) for n in levels}
    return View(name=key, volume=volume, heights_mm={n: float(at[2]) for n, at in middles.items()})


def score_key(key: str) -> list[Row]:
    """Rows of a series unchanged, and with each lumbar body removed and doubled."""
    view = whole(key)
    found = load_segmenter().segment(view.volume).levels
    middles_mm = np.array([body.centroid_mm for body in found])
    rows = _rows(view, key, UNCHANGED)
    for level, change in itertools.product(LUMBAR, (TAKEN, DOUBLED)):
        rows += _rows(spliced(view, level, middles_mm, change), key, change)
    return rows


def _rows(view: View, key: str, change: str) -> list[Row]:
    group = "simulated" if key.isdigit() else "real, ribs in view" if key in WITH_RIBS else "real, no rib in view"
    return [{"group": group, "change": change, **row} for row in judge(view)]


def summary(rows: list[Row]) -> list[Row]:
    """For each group and change: number of series, correctly numbered, flagged, and wrong without a flag."""
    lines = []
    for group, change in dict.fromkeys((row["group"], row["change"]) for row in rows):
        views = table([row for row in rows if (row["group"], row["change"]) == (group, change)])
        unseen = [v for v in views if not (v["right"] or v["flagged"] or v["empty"])]
        counts = {"volumes": len(views), "right": sum(v["right"] for v in views)}
        flagged = sum(v["flagged"] or v["empty"] for v in views)
        lines.append({"group": group, "change": change, **counts, "flagged": flagged, "wrong, no flag": len(unseen)})
    return lines


def simulated_keys(count: int, first_seed: int) -> list[str]:
    """The first seeds whose patients show ribs and sacrum."""
    seeds = (seed for seed in itertools.count(first_seed) if _is_wide(seed))
    return [str(seed) for seed in itertools.islice(seeds, count)]


def _is_wide(seed: int) -> bool:
    return draw_patient(seed, situations=False).field_of_view is FieldOfView.ABDOMEN_PELVIS


def main() -> None:
    """Print one line per volume, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated", type=int, default=4, help="so many simulated patients beside the real ones")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", type=Path, default=TABLES / "spliced.csv")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    keys = [*WITH_RIBS, *WITHOUT_RIBS, *simulated_keys(arguments.simulated, arguments.first_seed)]
    rows = collect("spliced_levels", keys, score_key, workers=arguments.workers)
    write_table(arguments.table, rows)
    lines, counts = table(rows), summary(rows)
    print(json.dumps({"volumes": lines, "summary": counts}, indent=1) if arguments.json else as_text(lines))
    if not arguments.json:
        print(as_text(counts))


if __name__ == "__main__":
    main()
