"""Cut vertebral bodies out of whole vertebrae, as was done for the references and as the engine for masks does.

``python -m training.bodies --whole MASK.nii.gz --out BODIES.nii.gz [--tool verse] [--against REFERENCE.nii.gz]``

The mask names its levels itself, or ``--tool`` names the numbering it uses; the bodies are written with VerSe numbers
on the mask's own grid. ``--against`` prints the Dice overlap with existing bodies, per level.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from osteo_core.imaging.nifti import read_nifti_labels, write_nifti
from osteo_core.outcomes import Exclusion
from osteo_core.records import LabelArray
from osteo_core.segmentation.bodies import bodies_of_whole
from osteo_core.segmentation.find_masks import MaskFiles
from osteo_core.segmentation.masks import read_mask
from osteo_core.segmentation.naming import MaskTool
from osteo_core.terms import Level

#: Every vertebra that has a body.
FREE_LEVELS = tuple(level for level in Level if level not in (Level.C1, Level.SACRUM, Level.COCCYX))


def dice(first: LabelArray, second: LabelArray, level: Level) -> float:
    """Dice overlap of one level in two label maps on one grid."""
    a, b = first == level, second == level
    return 2 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum()))


def main(arguments: list[str] | None = None) -> None:
    """Cut one mask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", type=Path, nargs="+", required=True, help="label map, SEG, or one file a vertebra")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tool", type=MaskTool, choices=list(MaskTool), default=MaskTool.NAMES)
    parser.add_argument("--against", type=Path)
    given = parser.parse_args(arguments)
    whole = read_mask(MaskFiles(files=tuple(given.whole), tool=given.tool))
    if isinstance(whole, Exclusion):
        raise SystemExit(whole.sentence)
    bodies = bodies_of_whole(whole.labels, whole.geometry, FREE_LEVELS)
    write_nifti(given.out, bodies, whole.geometry)
    if given.against:
        reference, geometry = read_nifti_labels(given.against)
        if not geometry.is_close(whole.geometry):
            raise SystemExit("the reference lies on another grid than the mask")
        for level in (level for level in FREE_LEVELS if (reference == level).any()):
            print(f"{level.name:4s} Dice {dice(bodies, reference, level):.3f}")


if __name__ == "__main__":
    main()
