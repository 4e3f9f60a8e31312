"""Series on one sheet, before and after: ``python -m benchmarks.overlay_sheet --out FILE.png [--worst N] [--json]``.

One row per real series of ../shared/data/ct and ../shared/data/labels/pairs, or with ``--worst`` one for each of the N
simulated series of tables/simulated.csv with the lowest Dice of L1-L4: a sagittal and a coronal section that follow
the outlined bodies (through the middle of the volume if there are none), first as scanned, then with the outlines
and their numbers. The sheet is for visual review; it does not state what is correct.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_series import DATA
from benchmarks.resumable import TABLES, read_table
from benchmarks.scoring import counted
from models.registry import load_segmenter
from osteo_core.imaging.resample import canonical
from osteo_core.records import Segmentation, Volume
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.render import render
from osteo_core.terms import MASK_LEVELS, Level
from training.real import read_ct

_LOW_HU, _HIGH_HU = -200.0, 500.0
#: One colour per level from T12 to L5; neighbours also differ in lightness.
_COLOURS = ("#e8a33d", "#3c8dbc", "#7cc36b", "#c0504d", "#8f6bb8", "#4fc1c0")
_CUTS = ("sagittal", "coronal")
#: Width of a section beside the spine, mm.
_REACH_MM = 75.0
_COLUMN_IN, _MOST_ROW_IN, _TITLE_IN = 2.6, 4.6, 0.35


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """One plane of a series, head up: HU and labels (rows, columns), and the height of a pixel over its width."""

    hu: NDArray[np.generic]
    labels: NDArray[np.uint8]
    aspect: float


def real_series() -> dict[str, Callable[[], Volume]]:
    """Every real series by name: DICOM folders, NIfTI files, and CTs that come with a reference."""
    found = {path.name.removesuffix(".nii.gz"): path for path in sorted((DATA / "ct").iterdir()) if not _hidden(path)}
    pairs = sorted((DATA / "labels" / "pairs").glob("*_ct.nii.gz"))
    found |= {path.name.removesuffix("_ct.nii.gz"): path for path in pairs}
    return {name: partial(read_ct, path) for name, path in found.items()}


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or not (path.is_dir() or path.name.endswith(".nii.gz"))


def cuts(volume: Volume, segmentation: Segmentation) -> tuple[Cut, Cut]:
    """A sagittal and a coronal section through the centres of the outlines at each height, with their surroundings."""
    hu, geometry = canonical(np.asarray(volume.voxels_hu), volume.geometry)
    labels, _ = canonical(segmentation.labels, volume.geometry)
    steps = geometry.spacing_mm
    found = []
    for across, along in ((0, 1), (1, 0)):
        line = _line(labels, across)
        planes = (_upright(_along(array, line, across)) for array in (hu, labels))
        columns = _about(_line(labels, along), labels.shape[along], steps[along], whole=not labels.any())
        hu_plane, label_plane = (plane[:, columns] for plane in planes)
        found.append(Cut(hu=hu_plane, labels=label_plane, aspect=steps[2] / steps[along]))
    return found[0], found[1]


def _line(labels: NDArray[np.uint8], axis: int) -> NDArray[np.intp]:
    """Index along ``axis`` of the centre of the outlines at each height (K); constant beyond their ends."""
    where = np.argwhere(labels)
    heights = np.arange(labels.shape[2])
    if not len(where):
        return np.full(len(heights), labels.shape[axis] // 2)
    present = np.unique(where[:, 2])
    middles = [where[where[:, 2] == k, axis].mean() for k in present]
    return np.rint(np.interp(heights, present, middles)).astype(np.intp)


def _along(array: NDArray, line: NDArray[np.intp], axis: int) -> NDArray:
    """(n, K): the array at ``line`` along one axis, with a separate index for each height."""
    index = line[None, None, :]
    return np.take_along_axis(array, index, axis=axis).squeeze(axis)


def _about(line: NDArray[np.intp], size: int, step_mm: float, *, whole: bool) -> slice:
    """Columns within _REACH_MM of the spine; all columns without a spine."""
    if whole:
        return slice(None)
    reach = round(_REACH_MM / step_mm)
    return slice(max(int(line.min()) - reach, 0), min(int(line.max()) + reach + 1, size))


def _upright(plane: NDArray) -> NDArray:
    """(n, z) as an image, with rows from head to foot."""
    return plane.T[::-1]


def _show(axes, cut: Cut, *, masks: bool) -> None:  # an Axes of matplotlib, which is imported lazily
    axes.imshow(cut.hu, cmap="gray", vmin=_LOW_HU, vmax=_HIGH_HU, aspect=cut.aspect, interpolation="bilinear")
    axes.set_axis_off()
    if not masks:
        return
    from matplotlib.colors import ListedColormap

    first = int(MASK_LEVELS[0])
    shown = np.ma.masked_equal(cut.labels, 0)
    ends = {"vmin": first - 0.5, "vmax": first + len(_COLOURS) - 0.5}
    axes.imshow(shown, cmap=ListedColormap(_COLOURS), alpha=0.45, aspect=cut.aspect, interpolation="nearest", **ends)
    for level in np.unique(cut.labels[cut.labels > 0]):
        row, column = np.argwhere(cut.labels == level).mean(0)
        axes.text(column, row, Level(int(level)).name, color="white", fontsize=7, ha="center", va="center")


def _title(name: str, found: Segmentation) -> str:
    levels = ", ".join(f"{f.level.name} {f.confidence:.2f}{' cut' if f.cut else ''}" for f in found.levels)
    return f"{name}: {levels or 'nothing outlined'}; counted from: {found.anchor.value}"


def worst_series(count: int, table: Path = TABLES / "simulated.csv") -> dict[str, Callable[[], Volume]]:
    """The simulated series with the lowest Dice of a whole level L1-L4, lowest first."""
    rows = counted({**row, "whole": row["whole"] == "True"} for row in read_table(table))
    rows = sorted(rows, key=lambda row: float(row["dice"]))
    seeds = list(dict.fromkeys(int(row["seed"]) for row in rows))[:count]
    return {f"simulated {seed}": partial(_rendered, seed) for seed in seeds}


def _rendered(seed: int) -> Volume:
    return render(draw_patient(seed, situations=False))[0]


def sheet(series: Mapping[str, Callable[[], Volume]], out: Path) -> list[str]:
    """Draw all series, each read when its row is drawn, and save the sheet; returns the title of each row."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = []
    for name, read in series.items():
        volume = read()
        found = load_segmenter().segment(volume)
        shown.append((_title(name, found), cuts(volume, found)))
    heights = [_TITLE_IN + min(_MOST_ROW_IN, max(_height_in(cut) for cut in own)) for _, own in shown]
    size = (_COLUMN_IN * 2 * len(_CUTS), sum(heights))
    figure, grid = plt.subplots(
        len(shown), 2 * len(_CUTS), figsize=size, squeeze=False, facecolor="black", height_ratios=heights
    )
    for row, (title, own) in zip(grid, shown, strict=True):
        for n, cut in enumerate(own):
            _show(row[2 * n], cut, masks=False)
            _show(row[2 * n + 1], cut, masks=True)
        row[0].set_title(title, color="white", fontsize=8, loc="left").set_in_layout(False)
    figure.tight_layout(pad=0.4, h_pad=2.2, w_pad=0.4)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110, facecolor="black")
    plt.close(figure)
    return [title for title, _ in shown]


def _height_in(cut: Cut) -> float:
    """Height of a section that is one column wide, inches."""
    rows, columns = cut.hu.shape
    return _COLUMN_IN * rows * cut.aspect / columns


def main() -> None:
    """Save the sheet and print its contents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the picture to write (.png, .pdf or .svg)")
    parser.add_argument("--worst", type=int, default=0, help="so many of the worst simulated series in their place")
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")
    arguments = parser.parse_args()
    if not arguments.worst and not DATA.exists():
        parser.error(f"the real series are expected in {DATA}, which is not there")
    titles = sheet(worst_series(arguments.worst) if arguments.worst else real_series(), arguments.out)
    print(json.dumps({"out": str(arguments.out), "series": titles}, indent=1) if arguments.json else "\n".join(titles))


if __name__ == "__main__":
    main()
