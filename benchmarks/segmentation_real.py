"""Dice of the released segmenter on real CT: ``python -m benchmarks.segmentation_real [--json]``.

Needs ../shared/data. The CT of verse005, verse007 and verse014 never taught the networks; that of
lidc_0001 may have (models/vertebra_segmentation/CARD.md says so).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from models.registry import load_segmenter
from osteo_core.records import Geometry, Segmentation, Volume
from osteo_core.terms import MEASURED_LEVELS, Level

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
HELD_OUT = ("verse005", "verse007", "verse014")
_PADDING_BELOW_HU = -1024
#: L2 of lidc_0001 lies on the lowest slice and L3 is cut (../shared/data/README.md).
_UNFIT = {"lidc_0001": (Level.L3,)}


@dataclass(frozen=True, kw_only=True)
class Score:
    """One series: Dice of each level of the reference, and what was found."""

    name: str
    dice: dict[str, float]
    found: tuple[str, ...]
    anchor: str
    seconds: float

    @property
    def mean(self) -> float:
        """Mean Dice over those of L1-L4 that the reference holds."""
        return float(np.mean([self.dice[n.name] for n in MEASURED_LEVELS if n.name in self.dice]))


def read_nifti(path: Path) -> tuple[NDArray[np.generic], Geometry]:
    """Voxels and geometry (LPS) of a NIfTI file."""
    image = nibabel.load(path)
    voxels = np.asarray(image.dataobj)
    return voxels, Geometry(shape=voxels.shape, affine_lps=np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)


def ct_path(name: str) -> Path:
    """Where the CT of a labelled series lies."""
    return DATA / "labels" / "pairs" / f"{name}_ct.nii.gz" if name in HELD_OUT else DATA / "ct" / f"{name}.nii.gz"


def read_ct(path: Path) -> Volume:
    """A CT as the pipeline would hand it over: padding is air."""
    voxels, geometry = read_nifti(path)
    return Volume(voxels_hu=np.maximum(voxels, _PADDING_BELOW_HU).astype(np.int16), geometry=geometry)


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 where both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / total if total else 1.0


def dice_by_level(segmentation: Segmentation, reference: NDArray[np.generic], levels: list[Level]) -> dict[str, float]:
    """Dice of each level that the reference holds."""
    return {
        level.name: dice(segmentation.labels == level, reference == level)
        for level in levels
        if (reference == level).any()
    }


def score(name: str) -> Score:
    """Segment one labelled series and compare."""
    reference, _ = read_nifti(DATA / "labels" / "bodies" / f"{name}.nii.gz")
    segmentation = load_segmenter().segment(read_ct(ct_path(name)))
    levels = [n for n in (Level.T12, *MEASURED_LEVELS, Level.L5) if n not in _UNFIT.get(name, ())]
    return Score(
        name=name,
        dice=dice_by_level(segmentation, reference, levels),
        found=tuple(
            f"{f.level.name} {f.confidence:.2f}{' cut: ' + f.cut if f.cut else ''}" for f in segmentation.levels
        ),
        anchor=segmentation.anchor.value,
        seconds=segmentation.seconds,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = parser.parse_args().json
    scores = [score(name) for name in (*HELD_OUT, "lidc_0001")]
    mean = float(np.mean([s.mean for s in scores if s.name in HELD_OUT]))
    if as_json:
        rows = [{**vars(s), "mean_l1_l4": s.mean} for s in scores]
        print(json.dumps({"series": rows, "mean_held_out": mean}, indent=1))
        return
    for s in scores:
        levels = "  ".join(f"{level} {value:.3f}" for level, value in s.dice.items())
        print(f"{s.name:10s} mean L1-L4 {s.mean:.3f}  {levels}  anchor: {s.anchor}  {s.seconds:.1f} s")
    print(f"mean over {', '.join(HELD_OUT)}: {mean:.3f}")


if __name__ == "__main__":
    main()
